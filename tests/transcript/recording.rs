//! `check --record`: what is written, where, and what is shown.

use std::{fs, os::unix::fs::PermissionsExt as _};

use campaign_group_sync::transcript::{FolderError, RecordedConfiguration, TranscriptFolder, TranscriptRecorder};
use serde_json::Value;

use super::harness::{RecordedCheck, lines};
use crate::support::process::{program, run};

#[test]
fn the_file_is_private_and_its_path_is_in_the_report() {
    let recorded = RecordedCheck::of("first_day");
    assert_eq!(recorded.finished.exit, Some(0));
    let file = recorded.file();
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(recorded.finished.json()["recorded"], Value::from(file.display().to_string()));
}

#[test]
fn the_first_line_counts_the_others_and_names_the_configuration_by_pseudonyms() {
    let text = RecordedCheck::of("two_instances").text();
    let lines = lines(&text);
    let header = &lines[0];
    assert_eq!(header["lines"], Value::from(lines.len() - 1));
    let instances = header["configuration"]["instances"].as_array().expect("a list");
    let named = |key: &str| -> Vec<&str> { instances.iter().filter_map(|one| one[key].as_str()).collect() };
    assert_eq!(named("name"), ["instance1", "instance2"]);
    for name in ["acme", "stage", "production", "staging"] {
        assert!(!text.contains(name), "{name}");
    }
    let (tenants, masks) = (named("tenant"), named("association_mask"));
    assert_eq!(masks, [format!("Campaign - {} - (.*)", tenants[0]), format!("Campaign - {} - ", tenants[1])]);
}

#[test]
fn the_calls_of_the_survey_are_recorded_and_none_reads_a_secret() {
    let text = RecordedCheck::of("first_day").text();
    let lines = lines(&text);
    let names: Vec<&str> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    for name in [
        "GET /r/test",
        "GetUserInfo",
        "GetEntityIfMoreRecent xtk:opsecurity",
        "GetEntityIfMoreRecent nms:extAccount",
        "ExecuteQuery xtk:operator",
        "ExecuteQuery xtk:group",
        "ExecuteQuery xtk:operatorGroup",
        "ExecuteQuery nms:extAccount",
        "GetOption",
        "GET groups",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert_eq!(names.iter().filter(|name| **name == "GET groups").count(), 1);
    assert!(!names.contains(&"GET users"), "page 0 of the users costs too much");
    let requests = lines.iter().filter_map(|line| line["request"].as_str());
    for request in requests.filter(|request| request.contains("nms:extAccount")) {
        assert!(!request.contains("clientSecret") && !request.contains("password"), "{request}");
    }
}

#[test]
fn the_same_name_has_one_pseudonym_and_ids_keep_their_order() {
    let text = RecordedCheck::of("first_day").text();
    let lines = lines(&text);
    let of = |name: &str| -> String {
        let responses = lines.iter().filter(|line| line["name"] == name).filter_map(|line| line["response"].as_str());
        responses.collect()
    };
    let tenant = lines[0]["configuration"]["instances"][0]["tenant"].as_str().expect("a tenant");
    assert!(of("GET groups").contains(&format!("Campaign - {tenant} - delivery")), "{tenant}");
    let account = of("ExecuteQuery nms:extAccount");
    assert!(account.contains(&format!("imsRightsMask=\"Campaign - {tenant} - (.*)\"")), "{account}");
    let operators = of("ExecuteQuery xtk:operator");
    let pages = operators.split("</operator-collection>");
    let page = pages.max_by_key(|page| page.matches("<operator id=").count()).expect("a page");
    let ids = page.split("<operator id=\"").skip(1).filter_map(|row| row.split('"').next()?.parse::<i64>().ok());
    let ids: Vec<i64> = ids.collect();
    assert!(ids.len() > 10 && ids.is_sorted_by(|one, other| one < other), "{ids:?}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_before_the_first_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let missing = folder.path().join("missing");
    for path in [missing.as_path(), file.as_path()] {
        let finished = run(&mut program(&["check", "--sandbox", "--record", &path.display().to_string()]));
        assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{finished:?}");
        assert!(finished.stderr.contains("is no folder") && finished.stderr.contains("--record"), "{finished:?}");
    }
}

#[test]
fn an_existing_file_is_never_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = TranscriptFolder::check(folder.path()).expect("writable");
    let transcript = TranscriptRecorder::new().transcript(&RecordedConfiguration::default()).expect("random numbers");
    let file = place.file(chrono::DateTime::UNIX_EPOCH);
    place.write(&transcript, &file).expect("written");
    fs::write(&file, "another content").expect("written");
    let refused = place.write(&transcript, &file).expect_err("there is a file");
    assert!(matches!(refused, FolderError::Exists { .. }) && refused.to_string().contains("is not replaced"));
    assert_eq!(fs::read_to_string(&file).expect("text"), "another content");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no temporary file is left");
}

#[test]
fn the_transcript_is_shown_as_a_summary_or_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().display().to_string();
    let short = run(&mut program(&["check", "--sandbox", "--record", &place]));
    assert!(short.stdout.contains("ExecuteQuery xtk:operatorGroup") && short.stdout.contains(&place), "{short:?}");
    assert!(!short.stdout.contains("<SOAP-ENV"), "{short:?}");
    let other = tempfile::tempdir().expect("a folder");
    let whole = run(&mut program(&["check", "--sandbox", "--record", &other.path().display().to_string(), "-v"]));
    assert!(whole.stdout.contains("<SOAP-ENV:Body>"), "{whole:?}");
}
