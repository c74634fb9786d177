//! Rewrites the JSON of the User Management API and of IMS with pseudonyms. What is not listed here is replaced.

use serde_json::{Map, Value};

use super::{
    pseudonyms::{KnownWords, Pseudonyms},
    values::{DROPPED, ValueKind},
    vocabulary::{IMS_VALUES, UMAPI_VALUES},
};

/// Maximum nesting; responses of the API have three levels.
const MAX_DEPTH: usize = 8;

/// Maximum length of a number that counts something.
const LONGEST_NUMBER: usize = 8;

/// A response of the User Management API; `None` if it is none.
pub(super) fn umapi_body(pseudonyms: &mut Pseudonyms, text: &str) -> Option<String> {
    let Ok(Value::Object(document)) = serde_json::from_str(text) else { return None };
    let is_known = ["result", "lastPage", "groups", "users", "user", "error_code", "message"];
    if !is_known.iter().any(|key| document.contains_key(*key)) {
        return None;
    }
    serde_json::to_string(&Value::Object(object(pseudonyms, document, 0))).ok()
}

/// A response of IMS: a token is dropped, and only words that IMS defines stay. `None` if it is none.
pub(super) fn ims_body(text: &str) -> Option<String> {
    let Ok(Value::Object(document)) = serde_json::from_str(text) else { return None };
    let mut shown = Map::new();
    for (key, value) in document {
        let value = match (key.as_str(), value) {
            ("access_token", Value::String(token)) if token.trim().is_empty() => Value::String(token),
            ("access_token", Value::String(_)) => Value::from(DROPPED),
            ("expires_in", Value::Number(number)) => Value::Number(number),
            ("token_type" | "error" | "error_description", Value::String(word))
                if IMS_VALUES.contains(&word.as_str()) =>
            {
                Value::String(word)
            }
            ("token_type" | "error" | "error_description", _) => Value::from("unknown"),
            _ => continue,
        };
        shown.insert(key, value);
    }
    (!shown.is_empty()).then(|| Value::Object(shown).to_string())
}

fn object(pseudonyms: &mut Pseudonyms, document: Map<String, Value>, depth: usize) -> Map<String, Value> {
    let mut shown = Map::new();
    for (key, value) in document {
        if let Some(rule) = rule(&key) {
            let value = rewritten(pseudonyms, rule, value, depth);
            shown.insert(key, value);
        } else {
            let key = pseudonyms.words(&key, KnownWords::AreReplaced);
            let value = rewritten(pseudonyms, Rule::Value(ValueKind::Text), value, depth);
            shown.insert(key, value);
        }
    }
    shown
}

/// What becomes of the value of a key.
#[derive(Clone, Copy)]
enum Rule {
    /// A value, or a list of values, of this kind.
    Value(ValueKind),
    /// An object, or a list of objects.
    Objects,
    /// True or false.
    Truth,
}

fn rule(key: &str) -> Option<Rule> {
    Some(match key {
        "lastPage" => Rule::Truth,
        "user" | "users" => Rule::Objects,
        "groups" => Rule::Value(ValueKind::Profile),
        "groupId" => Rule::Value(ValueKind::Id),
        "groupName" | "productName" | "productProfileName" | "userGroupName" | "adminGroupName" => {
            Rule::Value(ValueKind::Profile)
        }
        "memberCount" | "licenseQuota" | "error_code" => Rule::Value(ValueKind::Count),
        "result" | "type" | "status" => Rule::Value(ValueKind::OneOf(UMAPI_VALUES)),
        "email" | "username" | "id" => Rule::Value(ValueKind::Name),
        "message" => Rule::Value(ValueKind::ErrorText),
        "domain" | "firstname" | "lastname" | "country" | "businessAccount" | "orgSpecific" => {
            Rule::Value(ValueKind::Text)
        }
        _ => return None,
    })
}

fn rewritten(pseudonyms: &mut Pseudonyms, rule: Rule, value: Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    match (value, rule) {
        (Value::Object(inner), _) => Value::Object(object(pseudonyms, inner, depth + 1)),
        (Value::Array(values), rule) => {
            let mut shown = Vec::with_capacity(values.len());
            for value in values {
                shown.push(rewritten(pseudonyms, rule, value, depth + 1));
            }
            Value::Array(shown)
        }
        (Value::Bool(truth), Rule::Truth) => Value::Bool(truth),
        (Value::Number(number), Rule::Value(ValueKind::Count)) if number.to_string().len() <= LONGEST_NUMBER => {
            Value::Number(number)
        }
        (Value::Number(number), Rule::Value(ValueKind::Id)) => match number.as_i64() {
            Some(id) => Value::from(pseudonyms.id(id)),
            None => Value::Null,
        },
        (Value::String(text), Rule::Value(ValueKind::Count)) if text == "UNLIMITED" => Value::String(text),
        (Value::String(text), Rule::Value(kind)) => Value::String(pseudonyms.value(kind, &text)),
        (Value::String(text), _) => Value::String(pseudonyms.words(&text, KnownWords::AreReplaced)),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        umapi_body(&mut pseudonyms, text);
        pseudonyms.replace();
        umapi_body(&mut pseudonyms, text)
    }

    #[test]
    fn what_is_not_listed_is_replaced() {
        let text = r#"{"lastPage": true, "result": "success", "annsKey": "Ann", "groups": [{"groupId": 61001,
            "groupName": "Campaign - acme - delivery", "type": "PRODUCT_PROFILE", "memberCount": 12, "licenseQuota": "50",
            "Ann": {"Ann": ["Ann", 4711, true]}}, {"groupName": "Ann", "type": "ANN"}], "users": [{"email": "ann@acme.com",
            "phone": "4711", "groups": ["Campaign - acme - delivery"]}]}"#;
        let shown = shown(text).expect("JSON");
        for hidden in ["ann", "Ann", "ANN", "acme", "61001", "4711"] {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
        for kept in [r#""lastPage":true"#, r#""memberCount":12"#, r#""type":"PRODUCT_PROFILE""#, " - delivery\""] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }

    #[test]
    fn a_token_is_dropped_and_only_known_words_of_ims_stay() {
        assert_eq!(
            ims_body(r#"{"access_token": "ey-secret", "token_type": "bearer", "expires_in": 86399, "ann": "ann"}"#),
            Some(r#"{"access_token":"dropped","expires_in":86399,"token_type":"bearer"}"#.to_owned())
        );
        assert_eq!(
            ims_body(r#"{"error": "invalid_client", "error_description": "ey-secret"}"#),
            Some(r#"{"error":"invalid_client","error_description":"unknown"}"#.to_owned())
        );
        for text in ["", "ey-secret", "{\"ann\": 1}", "[1]"] {
            assert_eq!(ims_body(text), None, "{text}");
        }
    }

    #[test]
    fn another_document_is_none_of_the_api() {
        for text in ["", "Ann", "[1]", r#"{"Ann": "Ann"}"#, r#"{"result": "Ann""#] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
