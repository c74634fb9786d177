//! Secrets that no output may have, in each of their forms.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use campaign_group_sync::sandbox::{InstanceCredential, LoggedRequest, Sandbox};

/// A part that all tokens of the sandbox have, also those that the program received and never used.
const TOKEN_PART: &str = "eyJzYW5kYm94Ijp0cnVlfQ";

/// The token in answers that are faults.
const MARKED_TOKEN: &str = "token-4711";

/// What a sandbox and the requests to it have of secrets.
pub(super) fn secrets(sandbox: &Sandbox, requests: &[LoggedRequest]) -> Vec<String> {
    let connection = sandbox.connection();
    let mut secrets = vec![TOKEN_PART.to_owned(), MARKED_TOKEN.to_owned(), connection.client_secret];
    secrets.extend(connection.instances.into_iter().map(|instance| match instance.authentication {
        InstanceCredential::Native { password, .. } => password,
        InstanceCredential::Ims { client_secret, .. } => client_secret,
    }));
    for (name, value) in requests.iter().flat_map(|request| &request.headers) {
        match name.as_str() {
            "authorization" => secrets.push(value.trim_start_matches("Bearer ").to_owned()),
            "cookie" => secrets.push(value.trim_start_matches("__sessiontoken=").to_owned()),
            "x-security-token" => secrets.push(value.clone()),
            _ => {}
        }
    }
    secrets.retain(|secret| secret.len() > 5);
    secrets.sort();
    secrets.dedup();
    secrets
}

/// The forms in which a secret could be written.
fn forms(secret: &str) -> Vec<String> {
    let url = secret.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![secret.to_owned(), url.collect(), secret.to_uppercase(), json.trim_matches('"').to_owned()];
    // The encoding of a part of a text depends on where the part begins.
    forms.extend((0..3).filter_map(|skipped| Some(base64(secret.as_bytes().get(skipped..)?))));
    forms.sort();
    forms.dedup();
    forms
}

/// Without the last characters, which depend on what follows.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = bytes.chunks_exact(3).flat_map(|chunk| {
        let word = chunk.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| word >> shift & 63)
    });
    sextets.map(|sextet| char::from(ALPHABET[sextet])).collect()
}

/// Which secrets stand in the files of a folder. Searched by `grep`: the search of the standard library takes more time
/// than the runs of a cell, without optimization.
pub(super) fn leaks(secrets: &[String], folder: &Path) -> Vec<String> {
    let patterns: BTreeSet<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let patterns = patterns.into_iter().collect::<Vec<_>>().join("\n");
    let mut grep = Command::new("grep")
        .args(["--fixed-strings", "--file=-", "--recursive", "--text", "--only-matching"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("grep starts");
    grep.stdin.take().expect("piped").write_all(patterns.as_bytes()).expect("grep reads");
    let found = grep.wait_with_output().expect("grep ends");
    assert!(matches!(found.status.code(), Some(0 | 1)), "{found:?}");
    let lines: BTreeSet<String> = String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect();
    lines.into_iter().map(|line| format!("a secret was written: {line}")).collect()
}

#[test]
fn every_form_of_a_secret_is_found() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVh");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log");
    for written in ["a\"secret+/", "a%22secret%2B%2F", "A\"SECRET+/", "a\\\"secret+/", "YSJzZWNyZXQr", "xxInNlY3JldCsv"]
    {
        std::fs::write(&file, format!("x \0 {written} y")).expect("written");
        assert!(!leaks(&["a\"secret+/".to_owned()], folder.path()).is_empty(), "{written}");
    }
    assert!(leaks(&["a secret".to_owned()], folder.path()).is_empty());
}
