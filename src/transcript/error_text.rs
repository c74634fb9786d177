//! Texts of errors: codes and Adobe's own words stay, everything else is replaced.

use super::{
    error_words::{CODE_PREFIXES, ERROR_WORDS},
    pseudonyms::{KnownWords, Pseudonyms, is_separator},
    vocabulary::{COLUMNS, METHODS, OWN_ADDRESSES, SCHEMAS},
};

/// The text of an error. What stands in quotation marks is a name unless it is one of the product's own.
pub(super) fn error_text(pseudonyms: &mut Pseudonyms, text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        let length = if matches!(first, '\'' | '"' | '`') {
            quoted(pseudonyms, rest, first, &mut out)
        } else if is_separator(first) {
            out.push(first);
            first.len_utf8()
        } else {
            word(pseudonyms, rest, &mut out)
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// A text in quotation marks; an apostrophe within a word is none.
fn quoted(pseudonyms: &mut Pseudonyms, rest: &str, mark: char, out: &mut String) -> usize {
    let within_a_word = out.chars().next_back().is_some_and(|before| !is_separator(before));
    let inner = rest.get(1..).unwrap_or_default();
    let end = inner.find(mark).filter(|_| !within_a_word);
    out.push(mark);
    let Some(end) = end else { return 1 };
    let name = inner.get(..end).unwrap_or_default();
    let is_path =
        name.split(['@', '/', '[', ']', '(', ')', ' ']).all(|part| part.is_empty() || COLUMNS.contains(&part));
    if SCHEMAS.contains(&name) || METHODS.contains(&name) || is_path {
        out.push_str(name);
    } else {
        out.push_str(&label_of_schema(pseudonyms, name));
    }
    out.push(mark);
    end + 2
}

/// A quotation. Messages name a schema as `Label (xtk:operator)`: its name stays.
fn label_of_schema(pseudonyms: &mut Pseudonyms, name: &str) -> String {
    let known = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (")).filter(|(_, id)| SCHEMAS.contains(id));
    match known {
        Some((label, id)) => format!("{} ({id})", pseudonyms.words(label, KnownWords::AreReplaced)),
        None => pseudonyms.words(name, KnownWords::AreReplaced),
    }
}

/// A word outside of quotation marks: a code, a schema, a number that is a status, a word of Adobe's, or something else.
fn word(pseudonyms: &mut Pseudonyms, rest: &str, out: &mut String) -> usize {
    if is_code(rest) {
        out.push_str(rest.get(..10).unwrap_or_default());
        return 10;
    }
    if let Some(own) = OWN_ADDRESSES.iter().find(|address| rest.starts_with(**address)) {
        out.push_str(own);
        return own.len();
    }
    let at_end = |text: &str| text.chars().next().is_none_or(|next| is_separator(next) && next != ':' && next != '|');
    let schema = SCHEMAS.iter().find(|schema| rest.strip_prefix(**schema).is_some_and(at_end));
    if let Some(schema) = schema {
        out.push_str(schema);
        return schema.len();
    }
    let end = rest.find(is_separator).unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or_default();
    let before: String = out.chars().rev().take(LONGEST_BEFORE).collect::<Vec<_>>().into_iter().rev().collect();
    let before = before.to_lowercase();
    let before = before.trim_end_matches([' ', ':', '(', '{']);
    let is_state = word.len() == 5
        && word.bytes().take(2).all(|byte| byte.is_ascii_digit())
        && word.bytes().skip(2).all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && word.bytes().filter(u8::is_ascii_digit).count() >= 3
        && (before.ends_with("sqlstate") || out.ends_with('{'));
    let is_status = word.len() == 3
        && word.bytes().all(|byte| byte.is_ascii_digit())
        && (before.ends_with("code is") || before.ends_with("http"));
    let lower = word.to_lowercase();
    let is_known = ERROR_WORDS.contains(&lower.as_str()) || SHORT_FORMS.contains(&lower.as_str());
    let known_right = METHODS.contains(&word) || word == "SOAPAction";
    if is_state || is_status || is_known || known_right {
        out.push_str(word);
    } else {
        out.push_str(&pseudonyms.words(word, KnownWords::AreReplaced));
    }
    end
}

/// How much of the text before a number says whether it is a status.
const LONGEST_BEFORE: usize = 16;

/// What an apostrophe leaves of `don't`.
const SHORT_FORMS: [&str; 3] = ["don", "doesn", "t"];

/// Whether the text begins with a code such as `XTK-170036`.
pub(super) fn is_code(text: &str) -> bool {
    let Some((prefix, number)) = text.split_at_checked(3) else { return false };
    let mut digits = number.chars();
    CODE_PREFIXES.contains(&prefix)
        && digits.next() == Some('-')
        && digits.by_ref().take(6).filter(char::is_ascii_digit).count() == 6
        && !digits.next().is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        error_text(&mut pseudonyms, value);
        pseudonyms.replace();
        error_text(&mut pseudonyms, value)
    }

    #[test]
    fn what_the_client_reads_stays() {
        for kept in [
            "XSV-350008 Session has expired or is invalid. Please reconnect.",
            "XSV-350012 Invalid login or password. Connection denied.",
            "XSV-350392 Access token has expired.",
            "SOP-330011 Error while executing the method 'Write' of service 'xtk:persist|xtk:session'.",
            "SOP-330023 You don't have the required rights to view the detail",
            "XTK-170036 Unable to parse expression '@disabled'.",
            "HTTP response code is 401",
            "SQLState: 40001",
            "duplicate key violates unique constraint",
            "{23505}",
        ] {
            assert_eq!(shown(kept), kept);
        }
    }

    #[test]
    fn names_do_not_stay_in_quotation_marks_or_outside() {
        let text = "XSV-350023 Unable to save document of type 'Kunden (acme:kunde)' for ann@acme.com: \
                    Key (sname)=(Ann Ahlberg) already exists, 'SOP-330011' and \"ABC-123456\" at 10.1.2.3";
        let shown = shown(text);
        assert!(shown.starts_with("XSV-350023 Unable to save document of type '"), "{shown}");
        assert!(shown.contains("already exists"), "{shown}");
        for hidden in ["Kunde", "kunde", "acme", "ann", "Ann", "SOP-330011", "ABC", "123456", "10.1"] {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
    }

    #[test]
    fn the_label_of_a_schema_is_replaced_and_its_name_stays() {
        let shown = shown("Attribute 'annsColumn' unknown (see definition of schema 'Bediener (xtk:operator)')");
        assert!(shown.contains("(xtk:operator)') ") || shown.ends_with("(xtk:operator)')"), "{shown}");
        assert!(!shown.contains("anns") && !shown.contains("Bediener"), "{shown}");
    }
}
