//! Compares the external account with the configuration, field by field and character by character.

use super::{
    findings::{CheckOutcome, Findings},
    prerequisites::{
        ACCOUNT, ACCOUNT_CALLBACK, ACCOUNT_CONTEXT, ACCOUNT_ENABLED, ACCOUNT_IMS, ACCOUNT_MASK, ACCOUNT_NAME,
        ACCOUNT_ORGANIZATION, ACCOUNT_TENANT, ORGANIZATION,
    },
    report::FailureCause,
    value_diff::{difference, shown},
};
use crate::{
    campaign::{EXTERNAL_ACCOUNT_NAME, ExternalAccount},
    domain::AssociationMask,
    settings::{InstanceAccess, PartialSettings},
};

/// The IMS servers that Adobe's documentation names for Campaign. Both serve the same users.
const IMS_SERVERS: [&str; 2] = ["ims-na1.adobelogin.com", "adobeid-na1.services.adobe.com"];

/// The product contexts that Adobe's documentation names. An empty field means `dma_campaign`.
const CONTEXTS: [&str; 3] = ["", "dma_campaign", "dma_campaign_classic"];

const WHERE: &str = "Administration > Platform > External accounts > Adobe Experience Cloud";

/// Checks the accounts of an instance, and the fields only where exactly one account can be meant.
pub(super) fn check(
    findings: &mut Findings,
    settings: &PartialSettings,
    instance: &InstanceAccess,
    mask: Option<&AssociationMask>,
    accounts: &[ExternalAccount],
) {
    let name = instance.name.as_str();
    let enabled: Vec<&ExternalAccount> = accounts.iter().filter(|account| account.enabled).collect();
    // Disabled accounts beside a single enabled one have no effect.
    let all = if enabled.len() == 1 { enabled } else { accounts.iter().collect() };
    let account = match all.as_slice() {
        [account] => account,
        [] => {
            let evidence = "there is no external account of this type";
            let remedy = format!(
                "have an administrator of Campaign create it with Adobe's support: {WHERE}, internal name \
                 {EXTERNAL_ACCOUNT_NAME}; campaign-group-sync check compares its fields"
            );
            findings.record_for(name, ACCOUNT, CheckOutcome::failed(FailureCause::Configuration, evidence, remedy));
            return;
        }
        several => {
            let names: Vec<&str> = several.iter().map(|account| account.name.as_str()).collect();
            let evidence = format!("there are {}: {}", names.len(), names.join(", "));
            let remedy = format!(
                "find out which one users sign in through (it should be {EXTERNAL_ACCOUNT_NAME}), and disable the others \
                 (\"Enabled\" in {WHERE}): Campaign may use any enabled one; delete none of them"
            );
            findings.record_for(name, ACCOUNT, CheckOutcome::failed(FailureCause::Configuration, evidence, remedy));
            return;
        }
    };
    findings.record_for(name, ACCOUNT, CheckOutcome::ok(format!("{} (id {})", account.name, account.id)));
    findings.record_for(name, ACCOUNT_NAME, internal_name(account));
    findings.record_for(name, ACCOUNT_ENABLED, ticked(account));
    if let Some(ours) = &settings.ims_url {
        findings.record_for(name, ACCOUNT_IMS, ims_server(&ours.to_string(), account));
    }
    // A wrong organization id in the configuration is reported already, and would differ from the account's as well.
    if let Some(cloud) = &settings.experience_cloud
        && !findings.has_failed(name, ORGANIZATION)
    {
        let organization = cloud.options.organization_id.as_str();
        let key = "experience_cloud.organization_id";
        let outcome = field("IMS organization ID", key, organization, &account.organization_id);
        findings.record_for(name, ACCOUNT_ORGANIZATION, outcome);
    }
    findings.record_for(name, ACCOUNT_CALLBACK, callback(instance, account));
    if let Some(mask) = mask {
        findings.record_for(
            name,
            ACCOUNT_MASK,
            field("Association Mask", &format!("instances.{name}.association_mask"), mask.as_str(), &account.mask),
        );
    }
    findings.record_for(name, ACCOUNT_TENANT, tenant(instance, account));
    findings.record_for(name, ACCOUNT_CONTEXT, context(account));
}

/// Compares a field of the account with a key of the configuration. A wrong change of the account would prevent every
/// user from signing in, so the remedy begins with the configuration.
fn field(label: &str, key: &str, ours: &str, theirs: &str) -> CheckOutcome {
    match difference(ours, theirs) {
        None => CheckOutcome::ok(theirs),
        Some(evidence) => CheckOutcome::failed(
            FailureCause::Configuration,
            evidence,
            format!(
                "where users sign in with their Adobe account today, the external account is right: correct {key}; \
                 otherwise have an administrator of Campaign correct \"{label}\" in {WHERE} and restart the instance, on a \
                 hosted instance with Adobe's support"
            ),
        ),
    }
}

/// Compares the internal name, which Adobe prescribes: it is not a key of the configuration.
fn internal_name(account: &ExternalAccount) -> CheckOutcome {
    match difference(EXTERNAL_ACCOUNT_NAME, &account.name) {
        None => CheckOutcome::ok(&account.name),
        Some(evidence) => CheckOutcome::failed(
            FailureCause::Configuration,
            evidence,
            format!(
                "ask Adobe's support whether users sign in through this account; the internal name in {WHERE} must be \
                 {EXTERNAL_ACCOUNT_NAME}"
            ),
        ),
    }
}

fn ticked(account: &ExternalAccount) -> CheckOutcome {
    if account.enabled {
        return CheckOutcome::ok("yes");
    }
    CheckOutcome::failed(
        FailureCause::Configuration,
        "\"Enabled\" is not ticked",
        format!("once its other fields are right, tick \"Enabled\" in {WHERE}"),
    )
}

/// Compares the IMS server. The account has the host with or without `https://`, and may name either of Adobe's two
/// hosts.
fn ims_server(ours: &str, account: &ExternalAccount) -> CheckOutcome {
    let host = |text: &str| text.trim_end_matches('/').trim_start_matches("https://").to_owned();
    let (our_host, their_host) = (host(ours), host(&account.ims_server));
    let are_both_known = [&our_host, &their_host].iter().all(|host| IMS_SERVERS.contains(&host.as_str()));
    if our_host == their_host || are_both_known {
        return CheckOutcome::ok(account.ims_server.clone());
    }
    field("IMS Server URL", "experience_cloud.ims_url", ours, &account.ims_server)
}

fn callback(instance: &InstanceAccess, account: &ExternalAccount) -> CheckOutcome {
    let Some(callback) = &account.callback_server else { return no_column("callbackServer") };
    if callback.starts_with("http://") && !instance.url.is_plain() {
        let characters: Vec<char> = callback.chars().collect();
        return CheckOutcome::failed(
            FailureCause::Configuration,
            format!("{} does not begin with https", shown(&characters)),
            format!("write https:// in \"Callback server\" of {WHERE}: Adobe sends users back to https addresses only"),
        );
    }
    // A trailing slash makes no difference.
    let without_slash = callback.strip_suffix('/').unwrap_or(callback);
    field("Callback server", &format!("instances.{}.url", instance.name), &instance.url.to_string(), without_slash)
}

fn tenant(instance: &InstanceAccess, account: &ExternalAccount) -> CheckOutcome {
    match (&instance.tenant, &account.tenant) {
        (Some(ours), Some(theirs)) => field("Tenant", &format!("instances.{}.tenant", instance.name), ours, theirs),
        (None, _) => CheckOutcome::not_checked(format!("instances.{}.tenant is not configured", instance.name)),
        (_, None) => no_column("tenant"),
    }
}

fn context(account: &ExternalAccount) -> CheckOutcome {
    let Some(context) = &account.product_context else { return no_column("productContext") };
    if CONTEXTS.contains(&context.as_str()) {
        return CheckOutcome::ok(if context.is_empty() { "not set, which is usual" } else { context });
    }
    let characters: Vec<char> = context.chars().collect();
    CheckOutcome::failed(
        FailureCause::Configuration,
        format!("{} is not one that Adobe's documentation names", shown(&characters)),
        format!(
            "ask Adobe's support which product context is yours; most organizations have dma_campaign_classic in \"Product \
             Context\" of {WHERE}"
        ),
    )
}

fn no_column(name: &str) -> CheckOutcome {
    CheckOutcome::not_checked(format!("nms:extAccount of this instance has no @{name}"))
}
