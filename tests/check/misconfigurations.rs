//! One thing wrong at a time: that one is found, with its remedy, and nothing else fails.

use std::fmt::Write as _;

use campaign_group_sync::{
    check::{Cause, Finding, Verdict},
    sandbox::{
        Effect, Group,
        campaign::{ExternalAccount, Operator, SchemaPart},
    },
};

use crate::stage::{Checked, Stage};

const LONG_AGO: &str = "Sun, 01 Nov 2026 08:00:00 GMT";

/// What is planted, the prerequisite that must be named, and what it must come to.
type Case = (&'static str, fn(&mut Stage), &'static str, Option<Cause>);

const FAILED: Option<Cause> = Some(Cause::Configuration);
const REFUSED: Option<Cause> = Some(Cause::Refused);
const INCOMPLETE: Option<Cause> = Some(Cause::Incomplete);
const UNAVAILABLE: Option<Cause> = Some(Cause::Unavailable);
const WARNING: Option<Cause> = None;

const OF_THE_CLOUD: [Case; 14] = [
    ("a key that does not exist", |s| s.edit("[http]\n", "[http]\nlitsen = \"off\"\n"), "configuration", FAILED),
    (
        "an organization id without its digits",
        |s| s.edit("0123456789ABCDEF01234567@AdobeOrg", "01234567@AdobeOrg"),
        "experience_cloud.organization_id",
        FAILED,
    ),
    (
        "IMS out of reach",
        |s| s.edit("\nims_url = \"http://127.0.0.1:", "\nims_url = \"http://127.0.0.2:"),
        "experience_cloud.ims",
        UNAVAILABLE,
    ),
    ("a portal in place of IMS", |s| s.disturb("token", Effect::Html), "experience_cloud.ims", INCOMPLETE),
    ("another client id", |s| s.edit("client_id = \"", "client_id = \"old-"), "experience_cloud.token", REFUSED),
    (
        "another client secret",
        |s| s.files.push(("cloud.secret", Some("old-secret"), 0o600)),
        "experience_cloud.token",
        REFUSED,
    ),
    (
        "a scope that was never granted",
        |s| s.edit("openid,AdobeID,", "openid,AdobeID,campaign_everything,"),
        "experience_cloud.token",
        REFUSED,
    ),
    (
        "a scope that is not asked for",
        |s| s.edit("AdobeID,user_management_sdk", "AdobeID"),
        "experience_cloud.product",
        REFUSED,
    ),
    (
        "a project without the User Management API",
        |s| {
            let body = r#"{"error_code":"403003","message":"Api Key is invalid"}"#.to_owned();
            s.disturb("user", Effect::Status { status: 403, headers: Vec::new(), body });
        },
        "experience_cloud.product",
        REFUSED,
    ),
    (
        "the id of another organization",
        |s| s.edit("0123456789ABCDEF01234567@AdobeOrg", "FFFFFFFFFFFFFFFFFFFFFFFF@AdobeOrg"),
        "experience_cloud.organization",
        REFUSED,
    ),
    (
        "too many requests",
        |s| s.disturb("groups", Effect::too_many_requests("2400")),
        "experience_cloud.profiles",
        UNAVAILABLE,
    ),
    (
        "an organization without profiles",
        |s| s.disturb("groups", Effect::set_value("/groups", Vec::<String>::new())),
        "experience_cloud.profiles",
        INCOMPLETE,
    ),
    (
        "a mask with two captures",
        |s| s.edit("\"Campaign - acme - (.*)\"", "\"Campaign - (.*) - (.*)\""),
        "names.mask",
        FAILED,
    ),
    (
        "a mask with a blank too many, on both sides",
        |s| "Campaign -  acme - (.*)".clone_into(&mut s.campaign().association_mask),
        "names.mask",
        FAILED,
    ),
];

const OF_CAMPAIGN: [Case; 21] = [
    (
        "a wrong port",
        |s| s.edit("\nurl = \"http://127.0.0.1:", "\nurl = \"http://127.0.0.2:"),
        "campaign.reachable",
        UNAVAILABLE,
    ),
    ("a portal in place of Campaign", |s| s.disturb("test", Effect::Html), "campaign.reachable", INCOMPLETE),
    (
        "a version without IMS for programs",
        |s| "7.2.4".clone_into(&mut s.campaign().dials.version),
        "campaign.version",
        FAILED,
    ),
    (
        "a clock that stands still",
        |s| s.disturb("test", Effect::SetHeaders { headers: vec![("date".to_owned(), LONG_AGO.to_owned())] }),
        "campaign.clock",
        WARNING,
    ),
    (
        "another secret of the technical account",
        |s| s.files.push(("campaign.secret", Some("old-secret"), 0o600)),
        "campaign.log_on",
        REFUSED,
    ),
    (
        "a technical account whose operator is disabled",
        |s| {
            let name = s.campaign().technical_account.clone();
            let operator = Operator { name, authentication: "ims".to_owned(), disabled: true, ..Operator::default() };
            s.campaign().operators.push(operator);
        },
        "campaign.log_on",
        REFUSED,
    ),
    ("no named right", |s| s.campaign().dials.administrator = false, "campaign.rights", REFUSED),
    (
        "a schema without its key",
        |s| s.campaign().dials.schema_without = vec![SchemaPart::MembershipKey],
        "campaign.schemas",
        INCOMPLETE,
    ),
    (
        "no package",
        |s| s.campaign().dials.schema_without = vec![SchemaPart::ExternalAccountIms],
        "campaign.package",
        FAILED,
    ),
    ("no external account", |s| s.campaign().external_accounts.clear(), "external_account", FAILED),
    (
        "two external accounts",
        |s| {
            let second = ExternalAccount { name: "Adobe_Marketing_Cloud_2".to_owned(), ..ExternalAccount::default() };
            s.campaign().external_accounts.push(second);
        },
        "external_account",
        FAILED,
    ),
    (
        "another internal name",
        |s| account(s, |a| "adobe_Marketing_Cloud".clone_into(&mut a.name)),
        "external_account.name",
        FAILED,
    ),
    ("a disabled account", |s| account(s, |a| a.active = false), "external_account.enabled", FAILED),
    (
        "the IMS server of the stage",
        |s| account(s, |a| a.ims_server = Some("ims-na1-stg1.adobelogin.com".to_owned())),
        "external_account.ims_server",
        FAILED,
    ),
    (
        "a blank after the organization id",
        |s| account(s, |a| a.ims_org_id = Some("0123456789ABCDEF01234567@AdobeOrg ".to_owned())),
        "external_account.organization_id",
        FAILED,
    ),
    (
        "the callback of another instance",
        |s| account(s, |a| a.callback_server = Some("https://acme-stage.campaign.adobe.com".to_owned())),
        "external_account.callback_server",
        FAILED,
    ),
    (
        "a dash for a hyphen in the mask",
        |s| account(s, |a| a.ims_rights_mask = Some("Campaign – acme - (.*)".to_owned())),
        "external_account.mask",
        FAILED,
    ),
    (
        "a blank at the end of the mask",
        |s| account(s, |a| a.ims_rights_mask = Some("Campaign - acme - (.*) ".to_owned())),
        "external_account.mask",
        FAILED,
    ),
    (
        "the mask in another case",
        |s| account(s, |a| a.ims_rights_mask = Some("campaign - acme - (.*)".to_owned())),
        "external_account.mask",
        FAILED,
    ),
    ("another tenant", |s| account(s, |a| a.tenant = Some("acme-stage".to_owned())), "external_account.tenant", FAILED),
    (
        "a product context that nobody knows",
        |s| account(s, |a| "campaign".clone_into(&mut a.product_context)),
        "external_account.product_context",
        FAILED,
    ),
];

const OF_NAMES_AND_HOST: [Case; 13] = [
    (
        "operators that cannot be read",
        |s| {
            s.disturb("query", Effect::status(503));
            s.faults.iter_mut().for_each(|fault| fault.schema = Some("xtk:operator".to_owned()));
        },
        "names.ambiguous",
        UNAVAILABLE,
    ),
    (
        "a mask that matches nothing",
        |s| "Campaign - acmee - (.*)".clone_into(&mut s.campaign().association_mask),
        "names.matches",
        INCOMPLETE,
    ),
    ("a profile that differs by a dash", |s| profile(s, "Campaign – acme - content"), "names.look_alikes", WARNING),
    ("a profile with a Cyrillic letter", |s| profile(s, "Саmpaign - acme - content"), "names.look_alikes", WARNING),
    ("a profile without its group", |s| profile(s, "Campaign - acme - archives"), "names.groups", WARNING),
    ("two profiles of one group", |s| profile(s, "Campaign - acme -  delivery"), "names.one_profile_each", WARNING),
    (
        "a profile that opens the Control Panel",
        |s| profile(s, "Campaign - acme - admin"),
        "names.control_panel",
        WARNING,
    ),
    (
        "two operators that differ in case",
        |s| {
            let (name, authentication) = ("Ann@acme.com".to_owned(), "ims".to_owned());
            s.campaign().operators.push(Operator { name, authentication, ..Operator::default() });
        },
        "names.ambiguous",
        WARNING,
    ),
    (
        "two groups that differ in case",
        |s| {
            let group =
                campaign_group_sync::sandbox::campaign::Group { name: "Delivery".to_owned(), ..Default::default() };
            s.campaign().groups.push(group);
        },
        "names.ambiguous",
        WARNING,
    ),
    (
        "a secret that the group may change",
        |s| s.files.push(("cloud.secret", Some("sandbox-client-secret"), 0o660)),
        "host.secrets",
        WARNING,
    ),
    (
        "a state that is none",
        |s| s.files.push(("state.db", Some("no database at all, and long enough to be one"), 0o600)),
        "host.state",
        FAILED,
    ),
    (
        "a socket where everyone may put one",
        |s| {
            s.files.push(("open", None, 0o777));
            s.edit("/control.sock", "/open/control.sock");
        },
        "host.socket",
        FAILED,
    ),
    ("runs every ten minutes", |s| s.edit("0 0 */2 * * *", "0 */10 * * * *"), "host.schedule", WARNING),
];

fn account(stage: &mut Stage, disturb: fn(&mut ExternalAccount)) {
    stage.campaign().external_accounts.iter_mut().for_each(disturb);
}

fn profile(stage: &mut Stage, name: &str) {
    stage.scenario.organization.groups.push(Group::profile(61_900, name));
}

/// Checks each case, and tells what people read.
async fn check(cases: &[Case]) -> String {
    let mut out = String::new();
    for (name, plant, id, cause) in cases {
        let mut stage = Stage::sound();
        plant(&mut stage);
        let checked = stage.check().await;
        let wrong: Vec<&Finding> = checked
            .report
            .findings
            .iter()
            .filter(|finding| matches!(finding.verdict, Verdict::Failed | Verdict::Warning))
            .collect();
        let [finding] = wrong.as_slice() else { panic!("{name}: {wrong:#?}") };
        assert_eq!((finding.id, finding.cause), (*id, *cause), "{name}: {finding:#?}");
        assert_eq!(finding.verdict == Verdict::Failed, cause.is_some(), "{name}");
        assert!(!finding.evidence.is_empty() && !finding.remedy.is_empty(), "{name}: {finding:#?}");
        for waiting in checked.report.findings.iter().filter(|finding| finding.waits_for.is_some()) {
            assert_eq!(waiting.waits_for, Some(*id), "{name}: {waiting:#?}");
        }
        shown(&mut out, name, finding, &checked);
    }
    out
}

fn shown(out: &mut String, name: &str, finding: &Finding, checked: &Checked) {
    let neutral = |text: &str| {
        let port = checked.url.trim_start_matches("http://127.0.0.1:");
        text.replace(&checked.folder, "FOLDER").replace(&format!(":{port}"), ":PORT").replace('\n', "\n    ")
    };
    let waiting: Vec<&str> = checked
        .report
        .findings
        .iter()
        .filter(|finding| finding.waits_for.is_some())
        .map(|finding| finding.id)
        .collect();
    let verdict = if finding.verdict == Verdict::Failed { "FAILED" } else { "warning" };
    // Times pass between two runs of the tests.
    let evidence: String = match finding.id {
        "campaign.clock" => "(seconds apart)".to_owned(),
        "host.schedule" => finding.evidence.lines().next().unwrap_or_default().to_owned(),
        _ => neutral(&finding.evidence),
    };
    let _ = write!(out, "{name}\n  {verdict} {}\n    {evidence}\n    -> {}\n", finding.id, neutral(&finding.remedy));
    if !waiting.is_empty() {
        let _ = writeln!(out, "  waiting: {}", waiting.join(" "));
    }
    out.push('\n');
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_and_the_credential_is_named_alone() {
    insta::assert_snapshot!(check(&OF_THE_CLOUD).await);
}

#[tokio::test]
async fn what_is_wrong_with_an_instance_and_its_external_account_is_named_alone() {
    insta::assert_snapshot!(check(&OF_CAMPAIGN).await);
}

#[tokio::test]
async fn what_is_wrong_with_names_and_the_host_is_named_alone() {
    insta::assert_snapshot!(check(&OF_NAMES_AND_HOST).await);
}
