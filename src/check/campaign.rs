//! One Campaign instance: whether it responds, accepts the credentials and has what the program needs.

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    certificate,
    experience_cloud::{PROXY_REMEDY, refused_token},
    external_account,
    findings::{CheckOutcome, Findings},
    prerequisites::{
        AMBIGUOUS, CERTIFICATE, CLOCK, CONFIGURATION, IMS, LDAP, PACKAGE, REACHABLE, RIGHTS, SCHEMAS, SIGN_IN, VERSION,
    },
    report::FailureCause,
    single_attempt,
};
use crate::{
    campaign::{Campaign, CampaignError, ColumnReport, OwnOperator, ServerInfo, ServerInfoResponse},
    domain::{
        AssociationMask, CampaignSnapshot, Failure, InstanceMode, MissingPolicy, Policy, WithoutGroups, shell_word,
        to_the_second,
    },
    observability::Chain,
    settings::{InstanceAccess, InstanceAuthentication, PartialInstance, PartialSettings},
};

/// Largest tolerated difference between the clocks of Campaign and this host: beyond it the log lines of both are hard
/// to compare. Tokens tolerate five times as much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// Checks all that concerns one instance. Returns its operators, groups and memberships where they could be read and
/// the mask can be used.
pub(super) async fn check(
    findings: &mut Findings,
    settings: &PartialSettings,
    one: &PartialInstance,
    now: DateTime<Utc>,
) -> Option<CampaignSnapshot> {
    let instance = one.access.as_ref()?;
    let Some(ims_url) = &settings.ims_url else {
        findings.record_for(instance.name.as_str(), CERTIFICATE, CheckOutcome::blocked_by(CONFIGURATION));
        return None;
    };
    let campaign = match Campaign::new(instance.campaign_options(ims_url, &single_attempt(), &settings.connections)) {
        Ok(campaign) => campaign,
        Err(error) => {
            findings.record_for(instance.name.as_str(), CERTIFICATE, CheckOutcome::blocked_by(REACHABLE));
            findings.record_for(instance.name.as_str(), REACHABLE, unreachable(&error, instance));
            return None;
        }
    };
    if !reachable(findings, &campaign, instance, now).await || !signed_in(findings, &campaign, instance).await {
        return None;
    }
    columns(findings, &campaign, instance, one.policy.as_ref()).await;
    ldap(findings, &campaign, instance).await;
    let mask = one.policy.as_ref().map(|policy| &policy.mask);
    package(findings, &campaign, settings, instance, mask).await;
    // What cannot be queried cannot be read: the reason is reported already.
    let is_readable = !findings.has_failed(instance.name.as_str(), SCHEMAS);
    let snapshot = match mask {
        Some(_) if is_readable => Some(campaign.fetch_snapshot().await),
        _ => None,
    };
    if settings.connections.recorder.is_recording() {
        campaign.survey().await;
    }
    campaign.sign_out().await;
    if let Some(Err(error)) = &snapshot {
        let remedy =
            "check that the program's operator may read operators, groups and memberships; read the instance's log";
        findings.record_for(instance.name.as_str(), AMBIGUOUS, call_failed(error, remedy));
    }
    snapshot?.ok()
}

async fn reachable(
    findings: &mut Findings,
    campaign: &Campaign,
    instance: &InstanceAccess,
    now: DateTime<Utc>,
) -> bool {
    let name = instance.name.as_str();
    let ServerInfoResponse { certificate, info: test } = campaign.fetch_server_info().await;
    if let Some(fault) = test.as_ref().err().and_then(CampaignError::certificate_fault) {
        findings.record_for(name, CERTIFICATE, certificate::refused_of_instance(fault, instance));
        return false;
    }
    let shown = match certificate {
        Some(certificate) => certificate::valid(&certificate, now),
        None if test.is_ok() => CheckOutcome::not_checked("plain http on this host has no certificate"),
        None => CheckOutcome::blocked_by(REACHABLE),
    };
    findings.record_for(name, CERTIFICATE, shown);
    let test = match test {
        Ok(test) => test,
        Err(error) => {
            findings.record_for(name, REACHABLE, unreachable(&error, instance));
            return false;
        }
    };
    findings.record_for(name, REACHABLE, CheckOutcome::ok(instance.url.to_string()));
    findings.record_for(name, VERSION, version(&test, instance));
    findings.record_for(name, CLOCK, clock(&test, now));
    true
}

fn unreachable(error: &CampaignError, instance: &InstanceAccess) -> CheckOutcome {
    let cause = cause(error);
    if cause == FailureCause::Configuration {
        return CheckOutcome::failed(cause, Chain(error).to_string(), PROXY_REMEDY);
    }
    let remedy = format!(
        "compare instances.{}.url with the address that Campaign's users have in the browser; check that this host may reach \
         it (firewall, name service, proxy): curl -sS {}",
        instance.name,
        shell_word(&format!("{}/r/test", instance.url))
    );
    CheckOutcome::failed(cause, Chain(error).to_string(), remedy)
}

/// Adobe's documentation of technical operators: IMS is possible from 7.3.5, 7.4.1 and 8.5 on, and required from 8.6
/// on.
fn version(test: &ServerInfo, instance: &InstanceAccess) -> CheckOutcome {
    let (Some(version), build) = (&test.version, test.build.as_deref().unwrap_or("not shown")) else {
        return CheckOutcome::not_checked("the security zone of this host does not show the version");
    };
    let evidence = format!("{version}, build {build}");
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    let is_ims = matches!(instance.authentication, InstanceAuthentication::Ims { .. });
    let supports_ims = match numbers.as_slice() {
        [7, 3, patch, ..] => *patch >= 5,
        [7, 4, patch, ..] => *patch >= 1,
        [major, minor, ..] => (*major, *minor) >= (8, 5),
        _ => return CheckOutcome::not_checked(format!("\"{version}\" is not a version such as 7.4.2")),
    };
    let refuses_native = matches!(numbers.as_slice(), [major, minor, ..] if (*major, *minor) >= (8, 6));
    let name = &instance.name;
    match (is_ims, supports_ims, refuses_native) {
        (true, false, _) => CheckOutcome::failed(
            FailureCause::Configuration,
            format!("{evidence}: technical accounts sign in through IMS from 7.3.5, 7.4.1 and 8.5 on"),
            format!(
                "write authentication = \"native\" with the login of an operator made for this program under \
                 [instances.{name}], or upgrade the instance"
            ),
        ),
        (false, _, true) => CheckOutcome::warning(
            format!("{evidence}: from 8.6 on technical accounts must sign in through IMS"),
            format!(
                "set up a technical account in the Developer Console (README, \"Set it up\"), then write authentication = \
                 \"ims\" under [instances.{name}]"
            ),
        ),
        _ => CheckOutcome::ok(evidence),
    }
}

fn clock(test: &ServerInfo, now: DateTime<Utc>) -> CheckOutcome {
    let Some(theirs) = test.clock.filter(|clock| *clock > SystemTime::UNIX_EPOCH).map(DateTime::<Utc>::from) else {
        return CheckOutcome::not_checked("the response has no Date header");
    };
    let apart = (theirs - now).abs();
    if apart <= CLOCK_TOLERANCE {
        return CheckOutcome::ok(format!("less than {} s apart", CLOCK_TOLERANCE.num_seconds()));
    }
    let evidence =
        format!("{} s apart: {} there, {} here", apart.num_seconds(), to_the_second(theirs), to_the_second(now));
    let remedy = "find out which clock is wrong, and have it set by a time service (here: chrony, ntpd or \
                  systemd-timesyncd); on a hosted instance report it to Adobe's support";
    CheckOutcome::warning(evidence, remedy)
}

async fn signed_in(findings: &mut Findings, campaign: &Campaign, instance: &InstanceAccess) -> bool {
    let name = instance.name.as_str();
    let asks_ims = matches!(instance.authentication, InstanceAuthentication::Ims { .. });
    if asks_ims && findings.has_failed(name, IMS) {
        // The sign-in would fail for the same reason, which is reported already.
        return false;
    }
    match campaign.own_operator().await {
        Ok(own) => {
            findings.record_for(name, SIGN_IN, CheckOutcome::ok(format!("as {}", own.login)));
            findings.record_for(name, RIGHTS, rights(&own, instance));
            true
        }
        Err(error) => {
            findings.record_for(name, SIGN_IN, sign_in_failed(&error, instance));
            false
        }
    }
}

fn sign_in_failed(error: &CampaignError, instance: &InstanceAccess) -> CheckOutcome {
    let section = format!("instances.{}", instance.name);
    let CampaignError::Refused { call, reason } = error else {
        return call_failed(error, "read the instance's log, and check again later");
    };
    match &instance.authentication {
        InstanceAuthentication::Ims { .. } if call.contains("IMS") => refused_token(reason, &section),
        InstanceAuthentication::Ims { .. } => CheckOutcome::failed(
            FailureCause::Refused,
            format!("Campaign refused the token: {reason}"),
            "assign a product profile of Campaign to the technical account (Developer Console, \"Edit product profiles\"); \
             check that its operator is not disabled, that the security zone allows this host, and, on premises, that the \
             instance knows the technical account (nlserver config -setimsoauth, as Adobe's manual describes it); correct one \
             of these before the next check, because refused sign-ins can lock an account",
        ),
        InstanceAuthentication::Native { login, .. } => CheckOutcome::failed(
            FailureCause::Refused,
            format!("Campaign refused {login}: {reason}"),
            refused_native_sign_in(reason, &section),
        ),
    }
}

/// What to do about a refused native sign-in. Adobe documents the code of a refused address; it documents none of an
/// instance that refuses native sign-ins by configuration.
fn refused_native_sign_in(reason: &str, section: &str) -> String {
    if reason.contains("XSV-350013") {
        return "add the address of this host to a security zone of the instance that allows sign-ins with a password \
                (serverConf.xml; on a hosted instance the Control Panel or Adobe's support)"
            .to_owned();
    }
    format!(
        "compare {section}.login and its password with the operator in Administration > Access management > Operators; check \
         that it is not disabled, and that the security zone allows this host; from 7.4.1 on an instance can refuse native \
         sign-ins (nonIMSAuthnAPI of imsConfig in serverConf.xml): then add the login to its allowOperator, or write \
         authentication = \"ims\" under [{section}]; correct one of these before the next check, because refused sign-ins can \
         lock an operator"
    )
}

/// A failed call, with the remedy for a missing right where Campaign says that one is missing.
fn call_failed(error: &CampaignError, remedy: &str) -> CheckOutcome {
    let remedy = match error {
        CampaignError::Fault { fault, .. } if fault.is_without_right() => {
            "Campaign does not know the operator of the program, the operator has no right to this, or the security zone \
             hides the cause (showErrors in serverConf.xml; the instance's log has it). Put a product profile of this \
             instance on the API credential (Developer Console, \"Edit product profiles\"), and check that Administration > \
             Access management > Operators lists its technical account, with the named right ADMINISTRATION"
        }
        _ => remedy,
    };
    CheckOutcome::failed(cause(error), Chain(error).to_string(), remedy)
}

fn rights(own: &OwnOperator, instance: &InstanceAccess) -> CheckOutcome {
    let rights = if own.rights.is_empty() { "no named right".to_owned() } else { own.rights.join(", ") };
    let evidence = format!("{} has {rights}", own.login);
    if own.is_administrator() {
        return CheckOutcome::ok(evidence);
    }
    let remedy = format!(
        "give the operator {} the named right ADMINISTRATION (Administration > Access management > Operators > {0} > Rights), \
         which writing memberships requires; use an operator that only this program signs in with",
        own.login
    );
    match instance.mode {
        InstanceMode::Apply => CheckOutcome::failed(FailureCause::Refused, evidence, remedy),
        InstanceMode::Observe => CheckOutcome::warning(format!("{evidence}; enough to observe"), remedy),
    }
}

async fn columns(findings: &mut Findings, campaign: &Campaign, instance: &InstanceAccess, policy: Option<&Policy>) {
    let extensions = "ask the developers who maintain extensions of these schemas (Administration > Configuration > Data \
                      schemas) why it is missing";
    let outcome = match campaign.check_columns().await {
        Ok(columns) => match needed_and_absent(&columns, policy).as_slice() {
            [] => CheckOutcome::ok(format!("operators, memberships, and operator groups in {}", columns.groups_from)),
            absent => CheckOutcome::warning(
                absent.join("\n"),
                format!("{extensions}, or have runs not make these changes (keys under [instances.{}])", instance.name),
            ),
        },
        Err(error @ CampaignError::AbsentColumns { .. }) => CheckOutcome::failed(
            FailureCause::Incomplete,
            error.to_string(),
            format!("{extensions}; the program writes nothing to this instance until it is there"),
        ),
        Err(error) => call_failed(&error, "read the instance's log"),
    };
    findings.record_for(instance.name.as_str(), SCHEMAS, outcome);
}

/// What the instance does not have, among what only some configurations need.
fn needed_and_absent(columns: &ColumnReport, policy: Option<&Policy>) -> Vec<String> {
    let Some(policy) = policy else { return Vec::new() };
    let mut absent = Vec::new();
    if policy.missing_operator == MissingPolicy::Create {
        absent.extend(columns.operator_creation.as_ref().map(|why| format!("operators cannot be created: {why}")));
    }
    if policy.missing_group == MissingPolicy::Create {
        absent.extend(columns.group_creation.as_ref().map(|why| format!("operator groups cannot be created: {why}")));
    }
    if policy.without_groups == WithoutGroups::Disable && !columns.can_disable {
        absent.push("operators cannot be disabled: xtk:operator has no attribute for it".to_owned());
    }
    absent
}

/// Whether Campaign's own LDAP synchronization assigns operator groups as well (Adobe's "Connecting through LDAP").
async fn ldap(findings: &mut Findings, campaign: &Campaign, instance: &InstanceAccess) {
    const OPTION: &str = "XtkLdap_Active";
    let outcome = match campaign.option_is_on(OPTION).await {
        Ok(false) => CheckOutcome::ok("LDAP is not active"),
        Ok(true) => CheckOutcome::warning(
            format!("the option {OPTION} is on"),
            "find out with an administrator of Campaign whether the synchronization with LDAP also assigns operator groups \
             (\"Synchronize user rights\" in the settings of LDAP): it and this program would undo each other's changes; \
             let only one of them change a group",
        ),
        Err(error) => CheckOutcome::not_checked(format!("the option {OPTION} cannot be read: {}", Chain(&error))),
    };
    findings.record_for(instance.name.as_str(), LDAP, outcome);
}

async fn package(
    findings: &mut Findings,
    campaign: &Campaign,
    settings: &PartialSettings,
    instance: &InstanceAccess,
    mask: Option<&AssociationMask>,
) {
    let name = instance.name.as_str();
    match campaign.fetch_external_accounts().await {
        Ok(Some(accounts)) => {
            findings.record_for(name, PACKAGE, CheckOutcome::ok("nms:extAccount has its fields"));
            external_account::check(findings, settings, instance, mask, &accounts);
        }
        Ok(None) => findings.record_for(
            name,
            PACKAGE,
            CheckOutcome::failed(
                FailureCause::Configuration,
                "nms:extAccount has no imsServer, imsOrgId or imsRightsMask",
                "have an administrator of Campaign install the package \"Integration with the Adobe Experience Cloud\" (Tools > \
                 Advanced > Import package); on a hosted instance ask Adobe's support for it",
            ),
        ),
        Err(error) => {
            let remedy = "check that the program's operator may read nms:extAccount";
            findings.record_for(name, PACKAGE, call_failed(&error, remedy));
        }
    }
}

fn cause(error: &CampaignError) -> FailureCause {
    match error.failure() {
        Failure::Refused => FailureCause::Refused,
        Failure::Misconfigured => FailureCause::Configuration,
        Failure::Unavailable | Failure::Throttled { .. } => FailureCause::Unavailable,
        _ => FailureCause::Incomplete,
    }
}
