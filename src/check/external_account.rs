//! The external account against the configuration, field by field and sign by sign.

use super::{
    board::{Board, Outcome},
    catalogue::{
        ACCOUNT, ACCOUNT_CALLBACK, ACCOUNT_CONTEXT, ACCOUNT_ENABLED, ACCOUNT_IMS, ACCOUNT_MASK, ACCOUNT_NAME,
        ACCOUNT_ORGANIZATION, ACCOUNT_TENANT, ORGANIZATION,
    },
    difference::{difference, shown},
    verdict::Cause,
};
use crate::{
    campaign::{EXTERNAL_ACCOUNT_NAME, ExternalAccount},
    domain::AssociationMask,
    settings::{Access, Readable},
};

/// IMS servers that Adobe's documentation names for Campaign; they serve the same identities.
const IMS_SERVERS: [&str; 2] = ["ims-na1.adobelogin.com", "adobeid-na1.services.adobe.com"];

/// Product contexts that Adobe's documentation names; empty stands for the first.
const CONTEXTS: [&str; 3] = ["", "dma_campaign", "dma_campaign_classic"];

const WHERE: &str = "Administration > Platform > External accounts > Adobe Experience Cloud";

/// Checks the accounts of an instance; the fields only where it is clear which account is meant.
pub(super) fn check(
    board: &mut Board,
    settings: &Readable,
    instance: &Access,
    mask: Option<&AssociationMask>,
    accounts: &[ExternalAccount],
) {
    let name = instance.name.as_str();
    let enabled: Vec<&ExternalAccount> = accounts.iter().filter(|account| account.enabled).collect();
    // Disabled accounts beside the one that is enabled do no harm.
    let all = if enabled.len() == 1 { enabled } else { accounts.iter().collect() };
    let account = match all.as_slice() {
        [account] => account,
        [] => {
            let evidence = "there is none";
            let remedy = format!("create it: {WHERE}, internal name {EXTERNAL_ACCOUNT_NAME}");
            board.settle_of(name, ACCOUNT, Outcome::failed(Cause::Configuration, evidence, remedy));
            return;
        }
        several => {
            let names: Vec<&str> = several.iter().map(|account| account.name.as_str()).collect();
            let evidence = format!("there are {}: {}", names.len(), names.join(", "));
            let remedy = format!("keep {EXTERNAL_ACCOUNT_NAME} and delete the others: Campaign takes any of them");
            board.settle_of(name, ACCOUNT, Outcome::failed(Cause::Configuration, evidence, remedy));
            return;
        }
    };
    board.settle_of(name, ACCOUNT, Outcome::ok(format!("{} (id {})", account.name, account.id)));
    board.settle_of(name, ACCOUNT_NAME, field("Internal Name", EXTERNAL_ACCOUNT_NAME, &account.name));
    board.settle_of(name, ACCOUNT_ENABLED, ticked(account));
    if let Some(ours) = &settings.ims_url {
        board.settle_of(name, ACCOUNT_IMS, ims_server(&ours.to_string(), account));
    }
    // An organization id that is not that of the credential differs from the account's as well.
    if let Some(cloud) = &settings.experience_cloud
        && !board.has_failed(name, ORGANIZATION)
    {
        let organization = cloud.options.organization_id.as_str();
        let outcome = field("IMS organization ID", organization, &account.organization_id);
        board.settle_of(name, ACCOUNT_ORGANIZATION, outcome);
    }
    board.settle_of(name, ACCOUNT_CALLBACK, callback(instance, account));
    if let Some(mask) = mask {
        board.settle_of(name, ACCOUNT_MASK, field("Association Mask", mask.as_str(), &account.mask));
    }
    board.settle_of(name, ACCOUNT_TENANT, tenant(instance, account));
    board.settle_of(name, ACCOUNT_CONTEXT, context(account));
}

fn field(label: &str, ours: &str, theirs: &str) -> Outcome {
    match difference(ours, theirs) {
        None => Outcome::ok(theirs),
        Some(evidence) => Outcome::failed(
            Cause::Configuration,
            evidence,
            format!(
                "make both the same: \"{label}\" in {WHERE}, or the configuration; restart the instance after a change there"
            ),
        ),
    }
}

fn ticked(account: &ExternalAccount) -> Outcome {
    if account.enabled {
        return Outcome::ok("yes");
    }
    Outcome::failed(Cause::Configuration, "\"Enabled\" is not ticked", format!("tick \"Enabled\" in {WHERE}"))
}

/// The account has the host alone or with `https://`, and may name either of the vendor's two.
fn ims_server(ours: &str, account: &ExternalAccount) -> Outcome {
    let host = |text: &str| text.trim_end_matches('/').trim_start_matches("https://").to_owned();
    let (our_host, their_host) = (host(ours), host(&account.ims_server));
    let are_both_known = [&our_host, &their_host].iter().all(|host| IMS_SERVERS.contains(&host.as_str()));
    if our_host == their_host || are_both_known {
        return Outcome::ok(account.ims_server.clone());
    }
    field("IMS Server URL", ours, &account.ims_server)
}

fn callback(instance: &Access, account: &ExternalAccount) -> Outcome {
    let callback = &account.callback_server;
    if callback.starts_with("http://") && !instance.url.is_plain() {
        let signs: Vec<char> = callback.chars().collect();
        return Outcome::failed(
            Cause::Configuration,
            format!("{} has no https", shown(&signs)),
            format!("write https:// in \"Callback server\" of {WHERE}: Adobe sends people back to https alone"),
        );
    }
    // A slash at the end leads to the same place.
    let without_slash = callback.strip_suffix('/').unwrap_or(callback);
    field("Callback server", &instance.url.to_string(), without_slash)
}

fn tenant(instance: &Access, account: &ExternalAccount) -> Outcome {
    match &instance.tenant {
        Some(tenant) => field("Tenant", tenant, &account.tenant),
        None => Outcome::not_checked(format!("instances.{}.tenant is not configured", instance.name)),
    }
}

fn context(account: &ExternalAccount) -> Outcome {
    let context = &account.product_context;
    if CONTEXTS.contains(&context.as_str()) {
        return Outcome::ok(if context.is_empty() { "not set, which is usual" } else { context });
    }
    let signs: Vec<char> = context.chars().collect();
    Outcome::failed(
        Cause::Configuration,
        format!("{} is none that Adobe names", shown(&signs)),
        format!(
            "write dma_campaign_classic in \"Product Context\" of {WHERE}, or ask the vendor's support which is yours"
        ),
    )
}
