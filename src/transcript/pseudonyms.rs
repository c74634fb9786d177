//! Pseudonyms: names, addresses and ids that say nothing, and are equal, ordered and formed as the originals.
//!
//! A word becomes letters that a keyed hash chooses. The key is random, exists in memory only, and is dropped with this
//! value. A word keeps its length and its pattern of letter case, digits and look-alike letters; two words that are
//! equal without regard to case stay so. Everything between words stays. An id keeps its sign and its place in the
//! order of all ids, which is why everything is read once before anything is replaced.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use super::vocabulary::{CONTROL_PANEL_WORD, NAME_WORDS};
use crate::domain::{AssociationMask, MaskMatch};

const CASES: CaseMapperBorrowed<'static> = CaseMapper::new();

/// The letters of pseudonyms: each has a Cyrillic letter that looks like it, so that a name with a letter of another
/// script keeps this property. They form no word of the vocabulary.
const LETTERS: &[u8; 14] = b"abcehijkopstxy";

/// The Cyrillic letters that look like [`LETTERS`], small and capital.
const LIKE_LETTERS: [(char, char, char); 14] = [
    ('a', 'а', 'А'),
    ('b', 'в', 'В'),
    ('c', 'с', 'С'),
    ('e', 'е', 'Е'),
    ('h', 'һ', 'Н'),
    ('i', 'і', 'І'),
    ('j', 'ј', 'Ј'),
    ('k', 'к', 'К'),
    ('o', 'о', 'О'),
    ('p', 'р', 'Р'),
    ('s', 'ѕ', 'Ѕ'),
    ('t', 'т', 'Т'),
    ('x', 'х', 'Х'),
    ('y', 'у', 'У'),
];

/// Letters of other scripts that look like a Latin letter, each with that letter (UTS #39, as far as Cyrillic and Greek
/// keyboards produce them).
const LOOK_ALIKES: [(&str, &str); 4] = [
    ("АВЕЅІЈКМНОРСТУХЗ", "abesijkmhopctyx3"),
    ("авеѕіјкмнорстухһԁԛԝ", "abesijkmhopctyxhdqw"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx"),
    ("αικνορτυχϲ", "aikvoptuxc"),
];

/// How often another pseudonym is chosen because the first ones are taken or equal a word of the originals. Short words
/// have few pseudonyms: afterwards a pseudonym may equal a word of the originals, and then it becomes longer.
const ATTEMPTS: u32 = 64;

/// Replaces names and ids, the same ones always by the same pseudonyms.
pub(super) struct Pseudonyms {
    key: hmac::Key,
    phase: Phase,
    /// The pseudonym of each word, by its form without case and look-alikes.
    words: HashMap<String, String>,
    used: HashSet<String>,
    /// All words that are replaced, without case and look-alikes.
    originals: HashSet<String>,
    ids: BTreeMap<i64, i64>,
    /// Words that are replaced although the vocabulary has them, because the customer is called so.
    own_words: HashSet<String>,
    masks: Vec<AssociationMask>,
}

/// Whether everything is read to learn what there is, or replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Collecting,
    Replacing,
}

/// Whether words of the vocabulary stay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownWords {
    Stay,
    AreReplaced,
}

/// There is no source of random numbers on this host.
#[derive(Debug, thiserror::Error)]
#[error("this host provides no random numbers, so that no pseudonyms can be made")]
pub struct NoRandomness;

impl Pseudonyms {
    /// Begins to collect. The masks divide the names of product profiles where the group begins.
    pub(super) fn new(masks: Vec<AssociationMask>) -> Result<Self, NoRandomness> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| NoRandomness)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            phase: Phase::Collecting,
            words: HashMap::new(),
            used: HashSet::new(),
            originals: HashSet::new(),
            ids: BTreeMap::new(),
            own_words: HashSet::new(),
            masks,
        })
    }

    /// Replaces the words of this text even where the vocabulary has them: for the customer's own names, such as the
    /// tenant.
    pub(super) fn claim(&mut self, text: &str) {
        let composed: Vec<char> = text.nfc().collect();
        let words: Vec<String> = runs(&composed).filter(|(is_word, _)| *is_word).map(|(_, run)| folded(run)).collect();
        self.own_words.extend(words);
    }

    /// Ends the collection: from now on everything is replaced.
    pub(super) fn replace(&mut self) {
        self.phase = Phase::Replacing;
        let (negative, positive): (BTreeSet<i64>, BTreeSet<i64>) =
            self.ids.keys().copied().filter(|id| *id != 0).partition(|id| *id < 0);
        let mut ids = BTreeMap::from([(0, 0)]);
        let mut next = 1000;
        for id in positive {
            next += 1 + i64::from(self.byte("id", id) % 7);
            next += i64::from(next == id);
            ids.insert(id, next);
        }
        let mut next = -1000;
        for id in negative.into_iter().rev() {
            next -= 1 + i64::from(self.byte("id", id) % 7);
            next -= i64::from(next == id);
            ids.insert(id, next);
        }
        self.ids = ids;
    }

    /// The pseudonym of an id. It has the same sign and the same place among all ids.
    pub(super) fn id(&mut self, id: i64) -> i64 {
        if self.phase == Phase::Collecting {
            self.ids.insert(id, id);
        }
        self.ids.get(&id).copied().unwrap_or_default()
    }

    /// Text: every word is replaced, or every word that is not known.
    pub(super) fn words(&mut self, text: &str, known: KnownWords) -> String {
        let composed: Vec<char> = text.nfc().collect();
        let mut out = String::with_capacity(text.len());
        for (is_word, run) in runs(&composed) {
            match (is_word, known) {
                (false, _) => out.extend(run),
                (true, KnownWords::Stay) => self.known_or_replaced(run, &mut out),
                (true, KnownWords::AreReplaced) => self.word(run, &mut out),
            }
        }
        out
    }

    /// The name of a product profile: the part that names the group is replaced by itself, so that the mask still
    /// captures it.
    pub(super) fn divided(&mut self, text: &str) -> Option<(String, String, String)> {
        let composed: String = text.nfc().collect();
        let group = self.masks.iter().find_map(|mask| match mask.matches(&composed) {
            MaskMatch::Group(group) => Some(group.as_str().to_owned()),
            MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
        })?;
        let (before, after) = composed.rsplit_once(group.as_str())?;
        Some((before.to_owned(), group, after.to_owned()))
    }

    /// A text in which each hexadecimal digit is replaced by one, and the length stays.
    pub(super) fn hexadecimal(&mut self, text: &str) -> String {
        let folded = text.to_ascii_lowercase();
        if self.phase == Phase::Collecting {
            self.originals.insert(folded);
            return text.to_owned();
        }
        let is_small = text.bytes().any(|byte| byte.is_ascii_lowercase());
        let mut attempt = 0;
        loop {
            let stream = self.stream("hexadecimal", attempt, &folded, text.len());
            let out: String = text
                .chars()
                .zip(stream)
                .map(|(character, byte)| {
                    let digit = char::from_digit(u32::from(byte % 16), 16).unwrap_or('0');
                    match character {
                        _ if !character.is_ascii_alphanumeric() => character,
                        _ if is_small => digit,
                        _ => digit.to_ascii_uppercase(),
                    }
                })
                .collect();
            attempt += 1;
            if attempt > ATTEMPTS || !out.eq_ignore_ascii_case(text) {
                return out;
            }
        }
    }

    /// A word in which the word that opens the Control Panel stays, and which stays as a whole if it is known.
    fn known_or_replaced(&mut self, run: &[char], out: &mut String) {
        let whole = folded(run);
        if self.own_words.contains(&whole) {
            return self.word(run, out);
        }
        if NAME_WORDS.contains(&whole.as_str()) {
            return out.extend(run);
        }
        let visible: Vec<usize> = (0..run.len()).filter(|at| run.get(*at).is_some_and(|c| !is_ignorable(*c))).collect();
        let letters: Vec<char> = whole.chars().collect();
        let wanted: Vec<char> = CONTROL_PANEL_WORD.chars().collect();
        let found = letters.windows(wanted.len()).position(|window| window == wanted);
        let places = found.and_then(|at| Some((*visible.get(at)?, *visible.get(at + wanted.len() - 1)?)));
        let Some((first, last)) = places else { return self.word(run, out) };
        let (before, after) = (run.get(..first).unwrap_or_default(), run.get(last + 1..).unwrap_or_default());
        self.word(before, out);
        out.extend(run.get(first..=last).unwrap_or_default());
        self.known_or_replaced(after, out);
    }

    /// One word, without spaces and punctuation.
    fn word(&mut self, run: &[char], out: &mut String) {
        let key = folded(run);
        if key.is_empty() {
            return out.extend(run);
        }
        if self.phase == Phase::Collecting {
            self.originals.insert(key);
            return out.extend(run);
        }
        let base = self.base(&key);
        let mut letters = base.chars();
        for character in run {
            if is_ignorable(*character) {
                out.push(*character);
            } else if let Some(letter) = letters.next() {
                out.push(in_the_form_of(*character, letter));
            }
        }
        out.extend(letters);
    }

    /// The pseudonym of a word in small letters.
    fn base(&mut self, key: &str) -> String {
        if let Some(known) = self.words.get(key) {
            return known.clone();
        }
        let mut attempt = 0;
        let chosen = loop {
            let candidate = self.candidate(key, attempt);
            let is_taken = candidate == key || self.used.contains(&candidate);
            let is_original = attempt < ATTEMPTS && self.originals.contains(&candidate);
            if !is_taken && !is_original && !NAME_WORDS.contains(&candidate.as_str()) {
                break candidate;
            }
            attempt += 1;
        };
        self.used.insert(chosen.clone());
        self.words.insert(key.to_owned(), chosen.clone());
        chosen
    }

    fn candidate(&self, key: &str, attempt: u32) -> String {
        let extra = usize::try_from(attempt / (4 * ATTEMPTS)).unwrap_or_default();
        let stream = self.stream("word", attempt, key, key.chars().count() + extra);
        let forms = key.chars().chain(std::iter::repeat('a'));
        forms
            .zip(stream)
            .map(|(form, byte)| if form.is_numeric() { char::from(b'0' + byte % 10) } else { letter(byte, attempt) })
            .collect()
    }

    fn stream(&self, use_: &str, attempt: u32, text: &str, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 32);
        let mut block = 0_u32;
        while bytes.len() < length {
            let mut context = hmac::Context::with_key(&self.key);
            for part in [use_.as_bytes(), b"\0", &attempt.to_be_bytes(), &block.to_be_bytes(), text.as_bytes()] {
                context.update(part);
            }
            bytes.extend(context.sign().as_ref());
            block += 1;
        }
        bytes.truncate(length);
        bytes
    }

    fn byte(&self, use_: &str, id: i64) -> u8 {
        self.stream(use_, 0, &id.to_string(), 1).first().copied().unwrap_or_default()
    }
}

fn letter(byte: u8, attempt: u32) -> char {
    // Where most short words of the first letters are taken, all letters serve but those of the word that stays.
    if attempt < 2 * ATTEMPTS {
        return LETTERS.get(usize::from(byte) % LETTERS.len()).map_or('a', |letter| char::from(*letter));
    }
    let letter = char::from(b'a' + byte % 26);
    if matches!(letter, 'm' | 'n') { 'o' } else { letter }
}

/// The letter in the case and the script of the original.
fn in_the_form_of(original: char, letter: char) -> char {
    let is_capital = original.is_uppercase();
    if prototype(original).is_some()
        && let Some((_, small, capital)) = LIKE_LETTERS.iter().find(|(latin, ..)| *latin == letter)
    {
        return if is_capital { *capital } else { *small };
    }
    if is_capital { letter.to_ascii_uppercase() } else { letter }
}

/// The Latin letter that a letter of another script looks like.
fn prototype(character: char) -> Option<char> {
    let in_table = |(like, latin): &(&str, &str)| {
        let at = like.chars().position(|like| like == character)?;
        latin.chars().nth(at)
    };
    if character.is_ascii() { None } else { LOOK_ALIKES.iter().find_map(in_table) }
}

/// A word without letter case, look-alikes and invisible characters; one character for each visible one.
fn folded(run: &[char]) -> String {
    let visible = run.iter().copied().filter(|character| !is_ignorable(*character));
    visible.map(|character| prototype(character).unwrap_or_else(|| CASES.simple_fold(character))).collect()
}

/// The words of a text, and what is between them.
fn runs(text: &[char]) -> impl Iterator<Item = (bool, &[char])> {
    text.chunk_by(|one, other| is_separator(*one) == is_separator(*other))
        .map(|run| (run.first().is_some_and(|first| !is_separator(*first)), run))
}

/// Characters between words: spaces and punctuation. Signs and pictures are parts of words, because a name may consist of
/// them.
pub(super) fn is_separator(character: char) -> bool {
    use GeneralCategory as Category;
    character.is_whitespace()
        || character.is_ascii_punctuation()
        || (!character.is_ascii()
            && matches!(
                character.general_category(),
                Category::DashPunctuation
                    | Category::ConnectorPunctuation
                    | Category::OpenPunctuation
                    | Category::ClosePunctuation
                    | Category::InitialPunctuation
                    | Category::FinalPunctuation
                    | Category::SpaceSeparator
            ))
}

fn is_ignorable(character: char) -> bool {
    !character.is_ascii() && character.general_category() == GeneralCategory::Format
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces each text after all of them were collected.
    fn replaced<const N: usize>(texts: [&str; N], known: KnownWords) -> [String; N] {
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        for text in texts {
            assert_eq!(pseudonyms.words(text, known), text.nfc().collect::<String>(), "nothing is replaced yet");
        }
        pseudonyms.replace();
        texts.map(|text| pseudonyms.words(text, known))
    }

    #[test]
    fn a_word_keeps_length_case_digits_and_separators() {
        for text in ["Ann Ahlberg", "night.batch-2 (x)", "O'NEIL_7", "ÅSA-lena", "a\u{a0}b – c"] {
            let [shown] = replaced([text], KnownWords::AreReplaced);
            assert_ne!(shown, text);
            let form = |text: &str| -> String {
                let sign = |c: char| match c {
                    _ if is_separator(c) => c,
                    _ if c.is_numeric() => '0',
                    _ if c.is_uppercase() => 'A',
                    _ => 'a',
                };
                text.chars().map(sign).collect()
            };
            assert_eq!(form(&shown), form(text), "{shown}");
        }
    }

    #[test]
    fn equal_words_stay_equal_without_regard_to_case_and_others_stay_different() {
        let texts = ["acme", "Acme", "ACME", "acne", "acme-stage"];
        let [one, capital, all, other, longer] = replaced(texts, KnownWords::AreReplaced);
        assert_eq!((one.clone(), one.clone()), (capital.to_lowercase(), all.to_lowercase()));
        assert!(capital.starts_with(|first: char| first.is_uppercase()) && all == one.to_uppercase());
        assert_ne!(one, other);
        assert!(longer.starts_with(&format!("{one}-")), "{longer}");
    }

    #[test]
    fn the_same_word_has_another_pseudonym_in_each_file() {
        let first = replaced(["a rather long name"], KnownWords::AreReplaced);
        assert_ne!(first, replaced(["a rather long name"], KnownWords::AreReplaced));
    }

    #[test]
    fn a_look_alike_letter_stays_one_and_makes_no_other_word() {
        let [latin, cyrillic] = replaced(["acmeco", "аcmeco"], KnownWords::AreReplaced);
        assert_ne!(latin, cyrillic);
        let first = cyrillic.chars().next().expect("a letter");
        assert!(!first.is_ascii() && prototype(first) == latin.chars().next(), "{latin} {cyrillic}");
        assert_eq!(latin.get(1..), cyrillic.get(first.len_utf8()..));
    }

    #[test]
    fn known_words_stay_and_the_word_of_the_control_panel_stays_within_others() {
        let texts = ["Campaign - acme - delivery", "siteadmins", "Campaіgn"];
        let [profile, admins, other_script] = replaced(texts, KnownWords::Stay);
        assert!(profile.starts_with("Campaign - ") && profile.ends_with(" - delivery"), "{profile}");
        assert!(!profile.contains("acme"), "{profile}");
        assert!(admins.contains("admin") && !admins.contains("site") && admins.len() == 10, "{admins}");
        assert_eq!(other_script, "Campaіgn");
    }

    #[test]
    fn a_known_word_that_the_customer_is_called_is_replaced() {
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        pseudonyms.claim("Central");
        pseudonyms.replace();
        assert!(!pseudonyms.words("Campaign - central - report", KnownWords::Stay).contains("central"));
    }

    #[test]
    fn short_words_get_different_pseudonyms_also_when_there_are_more_than_letters() {
        let words: Vec<String> = (0..10).map(|n| n.to_string()).chain(('a'..='z').map(String::from)).collect();
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        for word in &words {
            pseudonyms.words(word, KnownWords::AreReplaced);
        }
        pseudonyms.replace();
        let shown: HashSet<String> = words.iter().map(|word| pseudonyms.words(word, KnownWords::AreReplaced)).collect();
        assert_eq!(shown.len(), words.len(), "{shown:?}");
        for word in &words {
            assert_ne!(&pseudonyms.words(word, KnownWords::AreReplaced), word);
        }
    }

    #[test]
    fn ids_keep_sign_and_order() {
        let ids = [-2_147_483_648, -5, -4, 0, 3, 1059, 1060, 2_147_483_646];
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        for id in ids.into_iter().rev() {
            pseudonyms.id(id);
        }
        pseudonyms.replace();
        let shown = ids.map(|id| pseudonyms.id(id));
        assert!(shown.is_sorted_by(|one, other| one < other), "{shown:?}");
        assert!(ids.iter().zip(&shown).all(|(id, shown)| id.signum() == shown.signum()), "{shown:?}");
        assert!(ids.iter().zip(&shown).all(|(id, shown)| id != shown || *id == 0), "{shown:?}");
    }

    #[test]
    fn the_hexadecimal_part_of_an_organization_keeps_its_form() {
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        pseudonyms.replace();
        let shown = pseudonyms.hexadecimal("0123456789ABCDEF01234567");
        assert_eq!(shown.len(), 24);
        assert!(shown.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)), "{shown}");
        assert_ne!(shown, "0123456789ABCDEF01234567");
    }
}
