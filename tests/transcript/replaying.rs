//! `sandbox --replay`: a check of the replay has the findings of the recorded check.

use std::{fs, path::Path};

use campaign_group_sync::sandbox::campaign::Build;
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

/// A scenario file with these dials on the instance of the first day.
fn first_day_with(folder: &Path, name: &str, variants: &str) -> String {
    let file = folder.join(format!("{name}.toml"));
    let text = format!("based_on = \"first_day\"\ntitle = \"{name}\"\n\n[variants]\n{variants}\n");
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn every_build_replays_with_the_same_findings() {
    let folder = tempfile::tempdir().expect("a folder");
    for build in Build::ALL {
        let variants = format!("build = \"{}\"", build.name());
        check_same_findings(&first_day_with(folder.path(), &format!("build {}", build.name()), &variants));
    }
}

#[test]
fn other_variants_replay_with_the_same_findings() {
    let folder = tempfile::tempdir().expect("a folder");
    for variants in [
        "negative_ids = true\niso_8859_1 = true",
        "show_errors = false\nfault_status = 500\ncompiled_schemas = \"refused\"",
        "ldap_active = true\nuser_info_login = false\ngroups = \"as_operators\"",
    ] {
        check_same_findings(&first_day_with(folder.path(), "variants", variants));
    }
}

/// The transcripts that are kept as examples, each beside the scenario that it is a recording of. After a change of the
/// calls of a check they are recorded again: `RECORD_TRANSCRIPTS=1 cargo test --test suite transcript::replaying`.
#[test]
fn the_kept_transcripts_still_replay_as_their_scenarios_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/transcripts");
    for name in ["native_sign_in_of_an_old_build", "hosted_build_with_table_of_groups"] {
        let recorded = RecordedCheck::of(&folder.join(format!("{name}.toml")).display().to_string());
        let kept = folder.join(format!("{name}.jsonl"));
        if std::env::var_os("RECORD_TRANSCRIPTS").is_some() {
            fs::copy(recorded.file(), &kept).expect("written");
        }
        let (exit, verdicts) = checked_replay(&kept);
        assert_eq!(verdicts, recorded.verdicts(), "{name}: see the comment of this test");
        assert_eq!(exit, recorded.finished.exit, "{name}");
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
