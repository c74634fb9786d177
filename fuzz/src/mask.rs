//! The association mask: the first line of the input; further lines are names of profiles.

use campaign_group_sync::domain::{AssociationMask, MaskMatch};

pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mask, names) = text.split_once('\n').unwrap_or((&text, ""));
    if !mask.contains('(') {
        literal_text_is_honoured(mask);
    }
    let Ok(parsed) = AssociationMask::parse(mask) else { return };
    let again = AssociationMask::parse(parsed.as_str()).expect("a mask is valid as it is shown");
    assert_eq!(again.as_str(), parsed.as_str(), "a mask is shown as it was read");
    for name in names.split('\n') {
        let found = parsed.matches(name);
        assert_eq!(found, again.matches(name), "{mask:?} on {name:?}");
        is_a_part_of_the_name(&found, name);
        if !mask.contains('(') {
            prefix(&parsed, name);
        }
    }
}

/// A capture is a part of the name, without spaces around it and never empty.
fn is_a_part_of_the_name(found: &MaskMatch, name: &str) {
    let MaskMatch::Group(group) = found else { return };
    let group = group.as_str();
    assert!(!group.is_empty() && group.trim() == group, "{group:?}");
    if name.is_ascii() {
        assert!(name.contains(group), "{group:?} is no part of {name:?}");
    }
}

/// Without a parenthesis the mask is a prefix, and what follows in the name is the group.
fn prefix(mask: &AssociationMask, name: &str) {
    if !mask.as_str().is_ascii() || !name.is_ascii() {
        return;
    }
    let expected = |name: &str| {
        let head = name.get(..mask.as_str().len())?;
        head.eq_ignore_ascii_case(mask.as_str()).then(|| name[head.len()..].trim().to_owned())
    };
    let expected = expected(name).or_else(|| expected(name.trim()));
    let found = match mask.matches(name) {
        MaskMatch::Group(group) => Some(group.as_str().to_owned()),
        MaskMatch::EmptyCapture => Some(String::new()),
        MaskMatch::NoMatch => None,
    };
    assert_eq!(found, expected, "the prefix {:?} on {name:?}", mask.as_str());
}

/// A mask of escaped literal text and a capture of letters matches exactly that text followed by letters.
fn literal_text_is_honoured(literal: &str) {
    let literal = literal.trim();
    let first_and_last = [literal.chars().next(), literal.chars().next_back()];
    // The names below put a digit before the text and a mark behind it.
    if literal.is_empty() || literal.len() > 80 || literal.contains(['7', '!']) || !literal.is_ascii() {
        return;
    }
    if first_and_last.iter().flatten().any(char::is_ascii_control) {
        return;
    }
    let mut escaped = String::new();
    for character in literal.chars() {
        if !character.is_ascii_alphanumeric() && !character.is_ascii_control() && character != ' ' {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    // `\<` and `\>` are word boundaries and not the characters.
    let escaped = escaped.replace("\\<", "<").replace("\\>", ">");
    let Ok(mask) = AssociationMask::parse(&format!("{escaped}([a-z]+)")) else {
        panic!("a mask of literal text is valid: {escaped:?}")
    };
    match mask.matches(&format!("{literal}abc")) {
        MaskMatch::Group(group) => assert_eq!(group.as_str(), "abc", "{escaped:?}"),
        other => panic!("{escaped:?} does not match its own text: {other:?}"),
    }
    for name in
        [format!("7{literal}abc"), format!("{literal}abc!"), format!("{literal}abc 7"), format!("{literal}7abc")]
    {
        assert_eq!(mask.matches(&name), MaskMatch::NoMatch, "{escaped:?} on {name:?}");
    }
}
