//! The two keys by which names are compared. Rights are granted only if the strict keys are equal, and removed only if
//! the loose keys differ.

use std::{borrow::Cow, hash::BuildHasher as _, iter, sync::LazyLock};

use foldhash::quality::FixedState;
use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use unicode_security::skeleton;

use super::{SharedText, printable};

const CASES: CaseMapperBorrowed<'static> = CaseMapper::new();

/// What the skeleton of a text has in place of each ASCII character, whatever stands beside it.
static ASCII_SKELETONS: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..=127_u8).map(|byte| skeleton(&char::from(byte).to_string()).collect()).collect());

/// The strict key of a name: two names with equal keys are the same name, and rights may be granted because of it.
///
/// Whitespace around the name is removed; the rest is in NFC with simple case folding, and the domain of an address is
/// in its ASCII form. A name with a canonical singleton, such as the Kelvin sign, equals only itself: NFC would replace
/// the singleton with a letter that may be in another user's name. Adobe ignores case when it compares names
/// (user-sync.py `normalize_string`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FoldedName(SharedText);

/// The loose key of a name: two names with different keys are different names, and rights may be removed because of it.
///
/// Names with equal loose keys look alike and may be one name in two spellings. The key is the confusable skeleton of
/// UTS #39, which drops invisible characters, after compatibility forms and full case folding; the domain of an address
/// is in its Unicode form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LooseName(String);

impl FoldedName {
    /// The key of this name. Folding a key gives the same key.
    pub fn new(name: &str) -> Self {
        Self(fold(name).as_ref().into())
    }

    /// The key of this name; shares the text of a name that is its own key.
    pub(super) fn of(name: &SharedText) -> Self {
        match fold(name) {
            Cow::Borrowed(key) if key.len() == name.len() => Self(name.clone()),
            key => Self(key.as_ref().into()),
        }
    }

    /// A key that [`Self::new`] returned and that was stored as text.
    pub fn stored(key: impl Into<SharedText>) -> Self {
        Self(key.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The key as text that shares its memory.
    pub fn to_shared(&self) -> SharedText {
        self.0.clone()
    }

    /// The key as text.
    pub fn into_string(self) -> String {
        self.0.as_str().to_owned()
    }

    /// Whether the name is empty or whitespace only.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key with the domain of an address in its Unicode form.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match address(&self.0) {
            Some((local, domain)) => Cow::Owned(format!("{local}@{}", unicode_domain(domain))),
            None => Cow::Borrowed(self.as_str()),
        }
    }

    /// The loose key. Equal strict keys have equal loose keys.
    pub fn loose(&self) -> LooseName {
        let shown = self.shown();
        // An ASCII key is folded and in compatibility form already. This shortcut matters: it runs for a million names.
        if shown.is_ascii() {
            // The letter m has two letters in its place; few names have many.
            let mut key = String::with_capacity(shown.len() + 8);
            key.extend(shown.bytes().filter_map(|byte| ASCII_SKELETONS.get(usize::from(byte))).map(String::as_str));
            return LooseName(key);
        }
        let compatible: String = shown.nfkc().collect();
        LooseName(skeleton(&CASES.fold_string(&compatible)).collect())
    }
}

impl From<&str> for FoldedName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// The strict key of a name, without a copy of a name that is its own key.
pub(super) fn fold(name: &str) -> Cow<'_, str> {
    let name = match name.as_bytes() {
        // Nearly every name. Decoding its first and last character takes as long as everything else.
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => name,
        _ => name.trim(),
    };
    // One pass without an early end, which the compiler makes one of sixteen bytes at a time.
    let (all_bits, has_capitals) =
        name.bytes().fold((0, false), |(bits, capital), byte| (bits | byte, capital | byte.is_ascii_uppercase()));
    if !all_bits.is_ascii() {
        Cow::Owned(folded(name))
    } else if has_capitals {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The hash of a strict key; the same in every process.
pub(super) fn hash_of_folded(folded: &str) -> u64 {
    FixedState::default().hash_one(folded)
}

/// The name in NFC; unchanged if NFC would replace one of its characters with another one.
pub(super) fn composed(name: &str) -> Cow<'_, str> {
    let is_composed = is_nfc_quick(name.chars()) == IsNormalized::Yes;
    if is_composed || holds_singleton(name) { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// The character with simple case folding.
pub(super) fn without_case_of(character: char) -> char {
    CASES.simple_fold(character)
}

/// The name in quotation marks with invisible characters escaped, followed by the name with all characters outside
/// ASCII escaped: it shows how two names that look alike differ.
pub(super) fn spelled_out(name: &str) -> String {
    if name.is_ascii() {
        return format!("\"{}\"", printable(name));
    }
    let mut escaped = String::new();
    for character in name.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_unicode());
        }
    }
    format!("\"{}\" ({})", printable(name), printable(&escaped))
}

/// Whether the text contains a canonical singleton: one character that NFC replaces with one other.
pub(super) fn holds_singleton(text: &str) -> bool {
    text.chars().any(is_singleton)
}

fn folded(name: &str) -> String {
    if holds_singleton(name) {
        return name.to_owned();
    }
    match address(name) {
        Some((local, domain)) => format!("{}@{}", without_case(local), ascii_domain(domain)),
        None => without_case(name),
    }
}

/// Folds until nothing changes: folding can produce text that is not in NFC, and NFC can produce letters that fold.
fn without_case(text: &str) -> String {
    let mut text: String = text.nfc().collect();
    loop {
        let folded: String = text.chars().map(without_case_of).nfc().collect();
        if folded == text {
            return folded;
        }
        text = folded;
    }
}

/// The two parts of a text with exactly one `@`.
fn address(text: &str) -> Option<(&str, &str)> {
    text.split_once('@').filter(|(_, domain)| !domain.contains('@'))
}

/// The domain in ASCII form. A domain that becomes valid only because UTS #46 removes or replaces characters is
/// compared as ordinary text, so that it stays a different spelling.
fn ascii_domain(domain: &str) -> String {
    let text = without_case(domain);
    let Ok(ascii) = idna::domain_to_ascii(&text) else { return text };
    let is_itself = text.is_ascii() || without_case(&unicode_domain(&ascii)) == text;
    if is_itself { ascii } else { text }
}

/// The domain in Unicode form, without a trailing root dot, which has no meaning.
fn unicode_domain(domain: &str) -> Cow<'_, str> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    // Without a label in ASCII form there is nothing to convert.
    if domain.is_ascii() && !domain.contains("xn--") {
        return Cow::Borrowed(domain);
    }
    match idna::domain_to_unicode(domain) {
        (shown, Ok(())) => Cow::Owned(shown),
        (_, Err(_)) => Cow::Borrowed(domain),
    }
}

pub(super) fn is_singleton(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    let mut composed = iter::once(character).nfc();
    composed.next() != Some(character) && composed.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks whether two names have equal strict keys and equal loose keys.
    #[track_caller]
    fn check(left: &str, right: &str, same_strict: bool, same_loose: bool) {
        let (left_key, right_key) = (FoldedName::new(left), FoldedName::new(right));
        let verdicts = (left_key == right_key, left_key.loose() == right_key.loose());
        assert_eq!(verdicts, (same_strict, same_loose), "{left:?} and {right:?}: {left_key:?} and {right_key:?}");
        for key in [left_key, right_key] {
            assert_eq!(FoldedName::new(key.as_str()), key, "folded twice");
        }
    }

    #[test]
    fn the_skeleton_of_an_ascii_name_is_that_of_its_characters() {
        let characters = || (0..=127_u8).map(char::from);
        for (first, second) in characters().flat_map(|first| characters().map(move |second| (first, second))) {
            let name = format!("{first}{second}{first}");
            let key = FoldedName::stored(name);
            let whole: String = skeleton(&key.shown()).collect();
            assert_eq!(key.loose().0, whole, "{key:?}");
        }
    }

    #[test]
    fn names_are_one_name_or_look_alike_or_differ() {
        let yes = true;
        let no = false;
        for (left, right, same_strict, same_loose) in [
            // ASCII: letter case and surrounding whitespace.
            ("ann@acme.com", " ANN@Acme.COM\t", yes, yes),
            ("ann@acme.com", "\u{a0}ann@acme.com\u{2003}", yes, yes),
            ("ann lee", "ann  lee", no, no),
            ("ann@acme.com", "ann@acme.org", no, no),
            ("ann+news@acme.com", "ann@acme.com", no, no),
            ("a.nn@acme.com", "ann@acme.com", no, no),
            // Composed and decomposed forms: Latin, Cyrillic, Hangul, Vietnamese, Devanagari.
            ("jos\u{e9}@acme.com", "jose\u{301}@acme.com", yes, yes),
            ("\u{439}@acme.com", "\u{418}\u{306}@acme.com", yes, yes),
            ("\u{d55c}", "\u{1112}\u{1161}\u{11ab}", yes, yes),
            ("nguy\u{1ec5}n", "NGUYE\u{302}\u{303}N", yes, yes),
            ("\u{958}", "\u{915}\u{93c}", yes, yes),
            ("jose@acme.com", "jos\u{e9}@acme.com", no, no),
            // Canonical singletons equal only themselves.
            ("karl", "\u{212a}arl", no, yes),
            ("\u{212a}arl", " \u{212a}arl", yes, yes),
            ("\u{212a}arl", "\u{212a}ARL", no, yes),
            ("\u{c5}sa", "\u{212b}sa", no, yes),
            ("A\u{30a}sa", "\u{c5}sa", yes, yes),
            ("\u{3a9}mega", "\u{2126}mega", no, yes),
            ("\u{3ac}", "\u{1f71}", no, yes),
            ("a;b", "a\u{37e}b", no, yes),
            ("\u{8c48}", "\u{f900}", no, yes),
            // Letters with several cases.
            ("stra\u{df}e", "strasse", no, yes),
            ("stra\u{df}e", "STRASSE", no, yes),
            ("stra\u{df}e", "STRA\u{1e9e}E", yes, yes),
            ("\u{3c3}\u{3bf}\u{3c6}\u{3cc}\u{3c2}", "\u{3a3}\u{39f}\u{3a6}\u{38c}\u{3a3}", yes, yes),
            ("\u{3c2}", "\u{3c3}", yes, yes),
            ("\u{130}zmir", "izmir", no, no),
            ("\u{130}zmir", "i\u{307}zmir", no, yes),
            ("\u{131}lker", "ilker", no, yes),
            ("ILKER", "ilker", yes, yes),
            ("\u{1c5}ak", "\u{1c6}ak", yes, yes),
            ("\u{1c4}AK", "\u{1c5}ak", yes, yes),
            ("d\u{17e}ak", "\u{1c6}ak", no, yes),
            ("\u{fb01}nn", "finn", no, yes),
            // Full width.
            ("\u{ff42}\u{ff4f}\u{ff42}", "bob", no, yes),
            ("\u{ff22}ob", "\u{ff42}ob", yes, yes),
            // Invisible characters at the ends and inside, in the name and in the domain.
            ("ann@acme.com", "ann@acme.com\u{200b}", no, yes),
            ("ann@acme.com", "\u{200b}ann@acme.com", no, yes),
            ("ann@acme.com", "ann@acme.com\u{200e}", no, yes),
            ("ann@acme.com", "\u{200f}ann@acme.com", no, yes),
            ("ann@acme.com", "\u{feff}ann@acme.com", no, yes),
            ("ann@acme.com", "ann@acme.com\u{feff}", no, yes),
            ("ann@acme.com", "an\u{ad}n@acme.com", no, yes),
            ("ann@acme.com", "ann@ac\u{ad}me.com", no, yes),
            ("ann@acme.com", "ann\u{200d}@acme.com", no, yes),
            ("ann@acme.com", "\u{202e}ann@acme.com", no, yes),
            ("delivery", "delivery\u{2060}", no, yes),
            // Domains: ASCII form and Unicode form.
            ("ann@b\u{fc}cher.de", "ann@xn--bcher-kva.de", yes, yes),
            ("ann@bu\u{308}cher.de", "ANN@XN--BCHER-KVA.DE", yes, yes),
            ("ann@stra\u{df}e.de", "ann@strasse.de", no, yes),
            ("ann@stra\u{df}e.de", "ann@xn--strae-oqa.de", yes, yes),
            ("ann@acme.com", "ann@\u{ff41}cme.com", no, yes),
            ("ann@acme.com", "ann@acme\u{3002}com", no, yes),
            ("ann@acme.com", "ann@acme.com.", no, yes),
            ("b\u{fc}cher.de", "xn--bcher-kva.de", no, no),
            ("ann@b\u{fc}cher.de@x", "ann@xn--bcher-kva.de@x", no, no),
            // Look-alikes.
            ("ann@acme.com", "ann@\u{430}cme.com", no, yes),
            ("ann@acme.com", "\u{430}nn@acme.com", no, yes),
            ("max@acme.com", "rnax@acme.com", no, yes),
            ("user1", "userl", no, yes),
            ("user0", "usero", no, no),
            ("user0", "userO", no, no),
        ] {
            check(left, right, same_strict, same_loose);
        }
    }
}
