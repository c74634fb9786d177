//! No secret, token or session id is ever printed, whatever is logged and whatever goes wrong.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Served;

/// What the sandbox was sent and what it issued: everything that a log must not hold.
fn marked(served: &Served) -> Vec<String> {
    let connection: Value = serde_json::from_str(&served.ask(Method::GET, "connection", "")).expect("JSON");
    let mut secrets = Vec::new();
    collect(&connection, &mut secrets);
    let requests: Value = serde_json::from_str(&served.ask(Method::GET, "requests", "")).expect("JSON");
    for request in requests["requests"].as_array().expect("a list") {
        for header in request["headers"].as_array().expect("a list") {
            let (name, value) = (header[0].as_str().unwrap_or_default(), header[1].as_str().unwrap_or_default());
            match name.to_lowercase().as_str() {
                "authorization" => secrets.push(value.trim_start_matches("Bearer ").to_owned()),
                "cookie" => secrets.push(value.trim_start_matches("__sessiontoken=").to_owned()),
                "x-security-token" => secrets.push(value.to_owned()),
                _ => {}
            }
        }
    }
    secrets.retain(|secret| secret.len() > 5);
    secrets.sort();
    secrets.dedup();
    secrets
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name.contains("secret") || name == "password" => secrets.push(text.to_owned()),
                    _ => collect(value, secrets),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, secrets)),
        _ => {}
    }
}

/// The forms in which a secret could slip into a log.
fn forms(secret: &str) -> [String; 3] {
    let encoded = secret.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    [secret.to_owned(), encoded.collect(), base64(secret.as_bytes())]
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextet = |chunk: &[u8], at: usize| {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        char::from(ALPHABET[usize::try_from(word >> (18 - 6 * at) & 63).expect("six bits")])
    };
    bytes.chunks(3).flat_map(|chunk| (0..=chunk.len()).map(move |at| sextet(chunk, at))).collect()
}

#[test]
fn nothing_secret_is_printed_at_trace_level_with_and_without_faults() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
    let served = Served::of(&["two_instances"]);
    let mut printed = String::new();
    let echo =
        json!({"type": "status", "status": 400, "body": "{\"error\": \"invalid\", \"you_sent\": \"everything\"}"});
    let faults = [
        json!([]),
        json!([{"call": "users", "times": 1, "effect": {"type": "status", "status": 401}}]),
        json!([{"call": "users", "times": "forever", "effect": {"type": "html"}}]),
        json!([{"call": "token", "times": "forever", "effect": echo}]),
        json!([{"call": "query", "times": "forever", "effect": {"type": "truncate"}}]),
        json!([{"call": "logon", "times": "forever", "effect": {"type": "truncate"}}]),
        json!([{"call": "any", "skip": 3, "times": 1, "effect": {"type": "expire_tokens"}}]),
        json!([{"call": "schema", "times": "forever", "effect": {"type": "html"}}]),
    ];
    for fault in faults {
        served.ask(Method::DELETE, "faults", "");
        served.ask(Method::POST, "faults", &json!({ "faults": fault }).to_string());
        for format in ["text", "json"] {
            let finished = served.sync_now(&["-vv", "--output", format]);
            printed.push_str(&finished.stdout);
            printed.push_str(&finished.stderr);
        }
    }
    let secrets = marked(&served);
    assert!(secrets.len() >= 5, "client secrets, password, bearer tokens and session tokens: {}", secrets.len());
    assert!(printed.contains("TRACE") || printed.contains("DEBUG"), "the log is as loud as it gets");
    for secret in &secrets {
        for form in forms(secret) {
            assert!(!printed.contains(&form), "a secret was printed, {} characters long", secret.len());
        }
    }
}
