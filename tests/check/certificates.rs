//! The findings about certificates.

use std::fs;

use serde_json::Value;

use super::program::{check, printed};

/// Checks the default scenario with these changes: the exit status and the findings.
fn checked(changes: &str) -> (Option<i32>, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("encrypted.toml");
    fs::write(&path, format!("based_on = \"first_day\"\n{changes}")).expect("written");
    let output = check(&["--sandbox", path.to_str().expect("UTF-8"), "--output", "json"]);
    let report: Value = serde_json::from_str(&printed(&output)).expect("JSON");
    (output.status.code(), report["findings"].as_array().expect("findings").clone())
}

/// The verdict on the certificate of the instance, and its evidence.
fn certificate(findings: &[Value]) -> (&str, &str) {
    let found = findings.iter().find(|finding| finding["id"] == "campaign.certificate").expect("there");
    (found["verdict"].as_str().expect("a verdict"), found["evidence"].as_str().expect("evidence"))
}

#[test]
fn check_over_https_reports_the_certificate() {
    let (exit, findings) = checked("[tls]\n");
    assert_eq!(exit, Some(0), "{findings:#?}");
    let (verdict, evidence) = certificate(&findings);
    assert_eq!(verdict, "ok");
    assert!(evidence.starts_with("90 days left, until 2"), "{evidence}");
    assert!(evidence.ends_with("; for 127.0.0.1; issued by CN=Sandbox authority"), "{evidence}");
}

#[test]
fn a_certificate_with_thirty_days_left_is_ok_and_with_fewer_a_warning() {
    for (days, exit, verdict) in [(30, 0, "ok"), (29, 3, "warning"), (0, 3, "warning")] {
        let (ended, findings) = checked(&format!("[tls]\ndays_left = {days}\n"));
        assert_eq!((ended, certificate(&findings).0), (Some(exit), verdict), "{days}: {findings:#?}");
    }
}

#[test]
fn the_certificate_is_checked_even_when_the_response_is_an_error() {
    for effect in ["{ type = \"html\" }", "{ type = \"status\", status = 503 }"] {
        let fault = format!("[[faults]]\ncall = \"test\"\ntimes = \"forever\"\neffect = {effect}\n");
        let (_, findings) = checked(&format!("[tls]\n{fault}"));
        let reachable = findings.iter().find(|finding| finding["id"] == "campaign.reachable").expect("there");
        assert_eq!((certificate(&findings).0, &reachable["verdict"]), ("ok", &Value::from("failed")), "{effect}");
    }
}

#[test]
fn without_a_connection_the_certificate_is_not_checked() {
    let address = "[misconfiguration.configuration]\n\"instances.production.url\" = \"https://127.0.0.1:1\"\n";
    let (exit, findings) = checked(&format!("[tls]\n{address}"));
    assert_eq!((exit, certificate(&findings)), (Some(6), ("not_checked", "waits for campaign.reachable")));
}
