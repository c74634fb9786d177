//! Characters that are easily confused: kinds of spaces, kinds of dashes, letters of other scripts.

/// Letters that look like a Latin letter, each with that letter: of the confusables of Unicode (UTS #39) those that
/// Cyrillic and Greek keyboards produce. The whole table does not fit here: it also equates `1` with `l`, which makes
/// another tenant, and does not map small Cyrillic letters to Latin ones that only look like them as capitals.
const LOOK_ALIKES: [(&str, &str); 4] = [
    ("АВЕЅІЈКМНОРСТУХЗ", "abesijkmhopctyx3"),
    ("авеѕіјкмнорстухһԁԛԝ", "abesijkmhopctyxhdqw"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx"),
    ("αικνορτυχϲ", "aikvoptuxc"),
];

/// How similar two characters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The same character, regardless of letter case.
    Same,
    /// Two characters that are easily confused.
    Alike,
    /// Anything else.
    Different,
}

/// Compares two characters.
pub(super) fn likeness(one: char, other: char) -> Likeness {
    if is_same(one, other) {
        Likeness::Same
    } else if prototype(one) == prototype(other) {
        Likeness::Alike
    } else {
        Likeness::Different
    }
}

/// Whether a missing or extra character of this kind is easily overlooked: spaces, dashes, and invisible characters.
pub(super) fn is_space_or_dash(character: char) -> bool {
    matches!(prototype(character), ' ' | '-')
}

/// Whether a character is invisible: it has no width, or changes the reading direction.
pub(super) fn is_invisible(character: char) -> bool {
    let is_turn = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_turn
        || matches!(character, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}')
}

/// A form in which confusable names are equal: without case, spaces and dashes, and with one letter for all
/// look-alikes.
pub(super) fn skeleton(name: &str) -> String {
    name.chars().filter(|character| !is_space_or_dash(*character)).map(prototype).collect()
}

/// The name of a character whose appearance does not identify it; `None` for all other characters.
pub fn character_name(character: char) -> Option<String> {
    let name = match character {
        ' ' | '-' => return None,
        '\t' => "tab",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{2010}' => "hyphen",
        '\u{2011}' => "no-break hyphen",
        '\u{2012}' => "figure dash",
        '\u{2013}' => "en dash",
        '\u{2014}' => "em dash",
        '\u{2015}' => "horizontal bar",
        '\u{202f}' => "narrow no-break space",
        '\u{200b}' => "zero-width space",
        '\u{200c}' => "zero-width non-joiner",
        '\u{200d}' => "zero-width joiner",
        '\u{2060}' => "word joiner",
        '\u{feff}' => "byte order mark",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "changes the reading direction",
        '\u{2212}' => "minus sign",
        '\u{0370}'..='\u{03ff}' => "Greek",
        '\u{0400}'..='\u{052f}' => "Cyrillic",
        '\u{ff01}'..='\u{ff5e}' => "full-width",
        _ if character.is_whitespace() => "another kind of space",
        _ if prototype(character) == '-' && character != '_' => "another kind of dash",
        _ if character.is_control() => "control character",
        _ => return None,
    };
    Some(format!("{name}, U+{:04X}", u32::from(character)))
}

fn is_same(one: char, other: char) -> bool {
    one == other || one.to_lowercase().eq(other.to_lowercase())
}

/// The character that represents all that look like this one.
fn prototype(character: char) -> char {
    if character.is_whitespace() || is_invisible(character) {
        return ' ';
    }
    match character {
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '_' => '-',
        '\u{ff01}'..='\u{ff5e}' => {
            u32::from(character).checked_sub(0xfee0).and_then(char::from_u32).map_or(character, lower)
        }
        _ => lower(latin(character)),
    }
}

fn latin(character: char) -> char {
    let pairs = LOOK_ALIKES.iter().flat_map(|(other, latin)| other.chars().zip(latin.chars()));
    pairs.into_iter().find(|(other, _)| *other == character).map_or(character, |(_, latin)| latin)
}

fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_alike_has_its_latin_letter() {
        for (other, latin) in LOOK_ALIKES {
            assert_eq!(other.chars().count(), latin.chars().count(), "{other}");
        }
    }

    #[test]
    fn signs_are_the_same_alike_or_different() {
        let check = |one, other, expected| assert_eq!(likeness(one, other), expected, "{one:?} {other:?}");
        check('a', 'A', Likeness::Same);
        check('-', '\u{2013}', Likeness::Alike);
        check(' ', '\u{a0}', Likeness::Alike);
        check(' ', '\u{200b}', Likeness::Alike);
        check(' ', '\u{202e}', Likeness::Alike);
        check('a', 'а', Likeness::Alike);
        check('C', 'С', Likeness::Alike);
        check('o', 'Ο', Likeness::Alike);
        check('m', '\u{ff2d}', Likeness::Alike);
        check('a', 'b', Likeness::Different);
        check(' ', '-', Likeness::Different);
        check('1', 'l', Likeness::Different);
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for name in ["Campaign – acme - delivery", "campaign-acme-delivery", "Саmpaign - acme - delivery"] {
            assert_eq!(skeleton(name), skeleton("Campaign - acme - delivery"), "{name}");
        }
        assert_ne!(skeleton("delivery"), skeleton("deliveries"));
    }
}
