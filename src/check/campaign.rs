//! One Campaign instance: whether it answers, accepts the credentials and has what the program needs.

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    asked_once,
    board::{Board, Outcome},
    catalogue::{
        AMBIGUOUS, CERTIFICATE, CLOCK, CONFIGURATION, IMS, LOG_ON, PACKAGE, REACHABLE, RIGHTS, SCHEMAS, VERSION,
    },
    certificate,
    experience_cloud::{PROXY, refused_token},
    external_account,
    verdict::Cause,
};
use crate::{
    campaign::{Campaign, CampaignError, OwnOperator, ServerInfo, ServerInfoResponse},
    domain::{AssociationMask, CampaignSnapshot, Failure, InstanceMode, shell_word, to_the_second},
    observability::Chain,
    settings::{InstanceAccess, InstanceAuthentication, PartialInstance, PartialSettings},
};

/// Largest difference of the two clocks: beyond it the log lines of both sides are hard to compare. Tokens tolerate five
/// times as much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// Checks all that concerns one instance. Returns what it holds, where it could be read and the mask can be used.
pub(super) async fn check(
    board: &mut Board,
    settings: &PartialSettings,
    one: &PartialInstance,
    now: DateTime<Utc>,
) -> Option<CampaignSnapshot> {
    let instance = one.access.as_ref()?;
    let Some(ims_url) = &settings.ims_url else {
        board.settle_of(instance.name.as_str(), CERTIFICATE, Outcome::waiting(CONFIGURATION));
        return None;
    };
    let campaign = match Campaign::new(instance.campaign_options(ims_url, &asked_once(), &settings.connections)) {
        Ok(campaign) => campaign,
        Err(error) => {
            board.settle_of(instance.name.as_str(), CERTIFICATE, Outcome::waiting(REACHABLE));
            board.settle_of(instance.name.as_str(), REACHABLE, unreachable(&error, instance));
            return None;
        }
    };
    if !reachable(board, &campaign, instance, now).await || !logged_on(board, &campaign, instance).await {
        return None;
    }
    schemas(board, &campaign, instance).await;
    let mask = one.policy.as_ref().map(|policy| &policy.mask);
    package(board, &campaign, settings, instance, mask).await;
    let snapshot = match mask {
        Some(_) => Some(campaign.fetch_snapshot().await),
        None => None,
    };
    campaign.sign_out().await;
    if let Some(Err(error)) = &snapshot {
        let remedy =
            "check that the program's operator may read operators, groups and memberships; see the instance's log";
        let outcome = Outcome::failed(cause(error), Chain(error).to_string(), remedy);
        board.settle_of(instance.name.as_str(), AMBIGUOUS, outcome);
    }
    snapshot?.ok()
}

async fn reachable(board: &mut Board, campaign: &Campaign, instance: &InstanceAccess, now: DateTime<Utc>) -> bool {
    let name = instance.name.as_str();
    let ServerInfoResponse { certificate, info: test } = campaign.fetch_server_info().await;
    if let Some(fault) = test.as_ref().err().and_then(CampaignError::certificate_fault) {
        board.settle_of(name, CERTIFICATE, certificate::refused_of_instance(fault, instance));
        return false;
    }
    let shown = match certificate {
        Some(certificate) => certificate::valid(&certificate, now),
        None if test.is_ok() => Outcome::not_checked("plain http on this host has no certificate"),
        None => Outcome::waiting(REACHABLE),
    };
    board.settle_of(name, CERTIFICATE, shown);
    let test = match test {
        Ok(test) => test,
        Err(error) => {
            board.settle_of(name, REACHABLE, unreachable(&error, instance));
            return false;
        }
    };
    board.settle_of(name, REACHABLE, Outcome::ok(instance.url.to_string()));
    board.settle_of(name, VERSION, version(&test, instance));
    board.settle_of(name, CLOCK, clock(&test, now));
    true
}

fn unreachable(error: &CampaignError, instance: &InstanceAccess) -> Outcome {
    let cause = cause(error);
    if cause == Cause::Configuration {
        return Outcome::failed(cause, Chain(error).to_string(), PROXY);
    }
    let remedy = format!(
        "compare instances.{}.url with the address that Campaign's users have in the browser; check that this host may reach \
         it (firewall, name service, proxy): curl -sS {}",
        instance.name,
        shell_word(&format!("{}/r/test", instance.url))
    );
    Outcome::failed(cause, Chain(error).to_string(), remedy)
}

/// Adobe's documentation of technical operators: IMS is possible from 7.3.5, 7.4.1 and 8.5 on, and required from 8.6 on.
fn version(test: &ServerInfo, instance: &InstanceAccess) -> Outcome {
    let (Some(version), build) = (&test.version, test.build.as_deref().unwrap_or("not shown")) else {
        return Outcome::not_checked("the security zone of this host does not show the version");
    };
    let evidence = format!("{version}, build {build}");
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    let is_ims = matches!(instance.authentication, InstanceAuthentication::Ims { .. });
    let supports_ims = match numbers.as_slice() {
        [7, 3, patch, ..] => *patch >= 5,
        [7, 4, patch, ..] => *patch >= 1,
        [major, minor, ..] => (*major, *minor) >= (8, 5),
        _ => return Outcome::not_checked(format!("\"{version}\" is not a version such as 7.4.2")),
    };
    let refuses_native = matches!(numbers.as_slice(), [major, minor, ..] if (*major, *minor) >= (8, 6));
    let name = &instance.name;
    match (is_ims, supports_ims, refuses_native) {
        (true, false, _) => Outcome::failed(
            Cause::Configuration,
            format!("{evidence}: technical accounts sign in through IMS from 7.3.5, 7.4.1 and 8.5 on"),
            format!(
                "write authentication = \"native\" with the login of an operator made for this program under \
                 [instances.{name}], or upgrade the instance"
            ),
        ),
        (false, _, true) => Outcome::warning(
            format!("{evidence}: from 8.6 on technical accounts must sign in through IMS"),
            format!(
                "set up a technical account in the Developer Console (README, \"Set it up\"), then write authentication = \
                 \"ims\" under [instances.{name}]"
            ),
        ),
        _ => Outcome::ok(evidence),
    }
}

fn clock(test: &ServerInfo, now: DateTime<Utc>) -> Outcome {
    let Some(theirs) = test.clock.filter(|clock| *clock > SystemTime::UNIX_EPOCH).map(DateTime::<Utc>::from) else {
        return Outcome::not_checked("the answer carries no date");
    };
    let apart = (theirs - now).abs();
    if apart <= CLOCK_TOLERANCE {
        return Outcome::ok(format!("less than {} s apart", CLOCK_TOLERANCE.num_seconds()));
    }
    let evidence =
        format!("{} s apart: {} there, {} here", apart.num_seconds(), to_the_second(theirs), to_the_second(now));
    let remedy = "find out which clock is wrong, and have it set by a time service (here: chrony, ntpd or \
                  systemd-timesyncd); on a hosted instance tell Adobe's support";
    Outcome::warning(evidence, remedy)
}

async fn logged_on(board: &mut Board, campaign: &Campaign, instance: &InstanceAccess) -> bool {
    let name = instance.name.as_str();
    let asks_ims = matches!(instance.authentication, InstanceAuthentication::Ims { .. });
    if asks_ims && board.has_failed(name, IMS) {
        // It would fail in the same way, and that is known by now.
        return false;
    }
    match campaign.own_operator().await {
        Ok(own) => {
            board.settle_of(name, LOG_ON, Outcome::ok(format!("as {}", own.login)));
            board.settle_of(name, RIGHTS, rights(&own, instance));
            true
        }
        Err(error) => {
            board.settle_of(name, LOG_ON, not_logged_on(&error, instance));
            false
        }
    }
}

fn not_logged_on(error: &CampaignError, instance: &InstanceAccess) -> Outcome {
    let section = format!("instances.{}", instance.name);
    let CampaignError::Refused { call, reason } = error else {
        return Outcome::failed(
            cause(error),
            Chain(error).to_string(),
            "see the instance's log, and check again later",
        );
    };
    match &instance.authentication {
        InstanceAuthentication::Ims { .. } if call.contains("IMS") => refused_token(reason, &section),
        InstanceAuthentication::Ims { .. } => Outcome::failed(
            Cause::Refused,
            format!("Campaign refused the token: {reason}"),
            "assign a product profile of Campaign to the technical account (Developer Console, \"Edit product profiles\"); \
             check that its operator is not disabled, that the security zone allows this host, and, on premises, that the \
             instance knows the technical account (nlserver config -setimsoauth, as Adobe's manual describes it); correct one \
             of these before the next check, because refused sign-ins can lock an account",
        ),
        InstanceAuthentication::Native { login, .. } => Outcome::failed(
            Cause::Refused,
            format!("Campaign refused {login}: {reason}"),
            format!(
                "compare {section}.login and its password with the operator in Administration > Access management > \
                 Operators; check that it is not disabled, and that the security zone allows this host; correct one of these \
                 before the next check, because refused sign-ins can lock an operator"
            ),
        ),
    }
}

fn rights(own: &OwnOperator, instance: &InstanceAccess) -> Outcome {
    let rights = if own.rights.is_empty() { "no named right".to_owned() } else { own.rights.join(", ") };
    let evidence = format!("{} has {rights}", own.login);
    if own.is_administrator() {
        return Outcome::ok(evidence);
    }
    let remedy = format!(
        "give the operator {} the named right ADMINISTRATION (Administration > Access management > Operators > {0} > Rights), \
         which writing memberships requires; use an operator that nothing but this program signs in with",
        own.login
    );
    match instance.mode {
        InstanceMode::Apply => Outcome::failed(Cause::Refused, evidence, remedy),
        InstanceMode::Observe => Outcome::warning(format!("{evidence}; enough to observe"), remedy),
    }
}

async fn schemas(board: &mut Board, campaign: &Campaign, instance: &InstanceAccess) {
    let outcome = match campaign.check_schemas().await {
        Ok(()) => Outcome::ok("xtk:operator, xtk:group and xtk:operatorGroup"),
        Err(CampaignError::Schemas { lacking }) => Outcome::failed(
            Cause::Incomplete,
            lacking,
            "ask the people who maintain extensions of these schemas (Administration > Configuration > Data schemas) why this \
             is missing; the program writes nothing to this instance until it is there",
        ),
        Err(error) => Outcome::failed(cause(&error), Chain(&error).to_string(), "see the instance's log"),
    };
    board.settle_of(instance.name.as_str(), SCHEMAS, outcome);
}

async fn package(
    board: &mut Board,
    campaign: &Campaign,
    settings: &PartialSettings,
    instance: &InstanceAccess,
    mask: Option<&AssociationMask>,
) {
    let name = instance.name.as_str();
    match campaign.fetch_external_accounts().await {
        Ok(Some(accounts)) => {
            board.settle_of(name, PACKAGE, Outcome::ok("nms:extAccount has its fields"));
            external_account::check(board, settings, instance, mask, &accounts);
        }
        Ok(None) => board.settle_of(
            name,
            PACKAGE,
            Outcome::failed(
                Cause::Configuration,
                "nms:extAccount has no imsServer, imsOrgId or imsRightsMask",
                "have an administrator of Campaign install the package \"Integration with the Adobe Experience Cloud\" (Tools > \
                 Advanced > Import package); on a hosted instance ask Adobe's support for it",
            ),
        ),
        Err(error) => {
            let remedy = "check that the program's operator may read nms:extAccount";
            board.settle_of(name, PACKAGE, Outcome::failed(cause(&error), Chain(&error).to_string(), remedy));
        }
    }
}

fn cause(error: &CampaignError) -> Cause {
    match error.failure() {
        Failure::Refused => Cause::Refused,
        Failure::Misconfigured => Cause::Configuration,
        Failure::Unavailable | Failure::Throttled { .. } => Cause::Unavailable,
        _ => Cause::Incomplete,
    }
}
