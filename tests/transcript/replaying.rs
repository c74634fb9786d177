//! `sandbox --replay`: a check of the replay has the findings of the recorded check.

use std::{fs, path::Path};

use reqwest::Method;

use super::harness::{RecordedCheck, checked_replay, lines};
use crate::support::process::{ServedSandbox, exchange};

fn check_same_findings(scenario: &str) {
    let recorded = RecordedCheck::of(scenario);
    let (exit, verdicts) = checked_replay(&recorded.file());
    assert_eq!(verdicts, recorded.verdicts(), "{scenario}");
    assert_eq!(exit, recorded.finished.exit, "{scenario}");
}

#[test]
fn a_sound_system_replays_with_the_same_findings() {
    for scenario in ["first_day", "two_instances", "joiners_and_leavers", "inherited_through_user_group"] {
        check_same_findings(scenario);
    }
}

#[test]
fn unusual_names_replay_with_the_same_findings() {
    check_same_findings("hostile_names");
}

/// Misconfigurations whose findings come from Adobe and Campaign. Those of the configuration file, of certificates and of
/// the host are not in a transcript.
const REPLAYED: [&str; 26] = [
    "callback_of_another_instance",
    "campaign_behind_a_portal",
    "campaign_password_changed",
    "campaign_requires_ims",
    "campaign_too_old",
    "campaign_unreachable",
    "client_secret_rotated",
    "clocks_apart",
    "external_account_disabled",
    "external_account_missing",
    "external_account_renamed",
    "external_account_twice",
    "groups_differ_in_case",
    "ims_behind_a_portal",
    "mask_in_another_case",
    "mask_matches_nothing",
    "mask_with_a_dash",
    "mask_with_an_extra_space",
    "no_named_right",
    "operators_differ_in_case",
    "organization_id_of_another_organization",
    "package_missing",
    "profile_opens_the_control_panel",
    "profile_with_a_cyrillic_letter",
    "profile_with_a_dash",
    "technical_account_disabled",
];

#[test]
fn what_is_wrong_with_adobe_or_campaign_replays_with_the_same_findings() {
    for scenario in REPLAYED {
        check_same_findings(&format!("{}/config/scenarios/misconfigured/{scenario}.toml", env!("CARGO_MANIFEST_DIR")));
    }
}

#[test]
fn the_kept_transcripts_still_replay() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/transcripts");
    let mut kept: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    kept.sort();
    assert_eq!(kept.len(), 2);
    for (file, status) in kept.iter().zip([Some(0), Some(0)]) {
        let (exit, verdicts) = checked_replay(file);
        let failed: Vec<_> = verdicts.iter().filter(|verdict| verdict.ends_with(": failed")).collect();
        assert_eq!((exit, failed.as_slice()), (status, [].as_slice()), "{}", file.display());
        assert!(verdicts.iter().any(|verdict| verdict == "names.groups 0: ok"), "{}", file.display());
    }
}

#[test]
fn a_call_that_was_not_recorded_gets_an_error_and_no_invented_response() {
    let recorded = RecordedCheck::of("first_day");
    let mut replay = ServedSandbox::start(&["--replay", &recorded.file().display().to_string()]);
    let ims = replay.configuration.split("ims_url = \"").nth(1).and_then(|rest| rest.split('"').next());
    let base = ims.expect("an address").to_owned();
    let header = &lines(&recorded.text())[0];
    let organization = header["configuration"]["organization_id"].as_str().expect("an organization").to_owned();
    for (method, path) in [
        (Method::GET, format!("/v2/usermanagement/users/{organization}/0")),
        (Method::GET, "/campaign/instance2/r/test".to_owned()),
        (Method::POST, "/campaign/instance1/nl/jsp/soaprouter.jsp".to_owned()),
        (Method::GET, "/".to_owned()),
    ] {
        let (status, text) = exchange(method, &format!("{base}{path}"), "");
        assert_eq!(status, 501, "{path}: {text}");
        assert!(text.contains("is not in the transcript"), "{text}");
    }
    let (status, listing) = exchange(Method::GET, &format!("{base}/v2/usermanagement/groups/{organization}/0"), "");
    assert!(status == 200 && listing.contains("PRODUCT_PROFILE"), "{listing}");
    replay.end();
}
