//! Every prerequisite, in the order in which an administrator would fix them, and which others each one needs.

use super::report::CheckSection;

/// Whether a prerequisite is checked once or for every instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applicability {
    Once,
    PerInstance,
    /// Once, and not reported where it is not configured.
    IfConfigured,
}

/// One prerequisite.
#[derive(Debug)]
pub(super) struct Prerequisite {
    pub(super) id: &'static str,
    pub(super) section: CheckSection,
    pub(super) applies: Applicability,
    pub(super) title: &'static str,
    /// The prerequisites that must not have failed before this one can be checked, beside its own part of the
    /// configuration.
    pub(super) needs: &'static [&'static str],
}

const fn once(
    id: &'static str,
    section: CheckSection,
    title: &'static str,
    needs: &'static [&'static str],
) -> Prerequisite {
    Prerequisite { id, section, applies: Applicability::Once, title, needs }
}

const fn each(
    id: &'static str,
    section: CheckSection,
    title: &'static str,
    needs: &'static [&'static str],
) -> Prerequisite {
    Prerequisite { id, section, applies: Applicability::PerInstance, title, needs }
}

const fn configured(id: &'static str, title: &'static str) -> Prerequisite {
    Prerequisite { id, section: CheckSection::Notifications, applies: Applicability::IfConfigured, title, needs: &[] }
}

pub(super) const CONFIGURATION: &str = "configuration";
pub(super) const ORGANIZATION_ID: &str = "experience_cloud.organization_id";
pub(super) const IMS: &str = "experience_cloud.ims";
pub(super) const TOKEN: &str = "experience_cloud.token";
pub(super) const CREDENTIAL_EXPIRY: &str = "experience_cloud.credential_expiry";
pub(super) const PRODUCT: &str = "experience_cloud.product";
pub(super) const ORGANIZATION: &str = "experience_cloud.organization";
pub(super) const FIRST_PAGE: &str = "experience_cloud.first_page";
pub(super) const PROFILES: &str = "experience_cloud.profiles";
pub(super) const CERTIFICATE: &str = "campaign.certificate";
pub(super) const REACHABLE: &str = "campaign.reachable";
pub(super) const VERSION: &str = "campaign.version";
pub(super) const CLOCK: &str = "campaign.clock";
pub(super) const SIGN_IN: &str = "campaign.log_on";
pub(super) const INSTANCE_CREDENTIAL_EXPIRY: &str = "campaign.credential_expiry";
pub(super) const RIGHTS: &str = "campaign.rights";
pub(super) const SCHEMAS: &str = "campaign.schemas";
pub(super) const WRITE_FORMS: &str = "campaign.write_forms";
pub(super) const LDAP: &str = "campaign.ldap";
pub(super) const PACKAGE: &str = "campaign.package";
pub(super) const ACCOUNT: &str = "external_account";
pub(super) const ACCOUNT_NAME: &str = "external_account.name";
pub(super) const ACCOUNT_ENABLED: &str = "external_account.enabled";
pub(super) const ACCOUNT_IMS: &str = "external_account.ims_server";
pub(super) const ACCOUNT_ORGANIZATION: &str = "external_account.organization_id";
pub(super) const ACCOUNT_CALLBACK: &str = "external_account.callback_server";
pub(super) const ACCOUNT_MASK: &str = "external_account.mask";
pub(super) const ACCOUNT_TENANT: &str = "external_account.tenant";
pub(super) const ACCOUNT_CONTEXT: &str = "external_account.product_context";
pub(super) const MASK: &str = "names.mask";
pub(super) const MATCHES: &str = "names.matches";
pub(super) const ONE_GROUP_EACH: &str = "names.one_profile_each";
pub(super) const LOOK_ALIKES: &str = "names.look_alikes";
pub(super) const GROUPS: &str = "names.groups";
pub(super) const UNFED: &str = "names.unfed_groups";
pub(super) const CONTROL_PANEL: &str = "names.control_panel";
pub(super) const AMBIGUOUS: &str = "names.ambiguous";
pub(super) const WITHOUT_OPERATOR: &str = "names.users_without_operator";
pub(super) const SECRETS: &str = "host.secrets";
pub(super) const STATE: &str = "host.state";
pub(super) const SOCKET: &str = "host.socket";
pub(super) const SCHEDULE: &str = "host.schedule";
pub(super) const TIME: &str = "host.time";
pub(super) const UNIT: &str = "host.unit";
pub(super) const DAEMON: &str = "host.daemon";

pub(super) const NOTIFY_COMMAND: &str = "notify.command";
pub(super) const NOTIFY_WEBHOOK: &str = "notify.webhook";
pub(super) const NOTIFY_MAIL: &str = "notify.mail";

pub(super) const PREREQUISITES: [Prerequisite; 48] = [
    once(CONFIGURATION, CheckSection::Configuration, "The configuration can be used", &[]),
    once(ORGANIZATION_ID, CheckSection::ExperienceCloud, "The organization id has the right form", &[]),
    once(IMS, CheckSection::ExperienceCloud, "The identity service (IMS) responds", &[]),
    once(
        CREDENTIAL_EXPIRY,
        CheckSection::ExperienceCloud,
        "The credential's secret does not expire soon",
        &[ORGANIZATION_ID],
    ),
    once(TOKEN, CheckSection::ExperienceCloud, "IMS issues a token for the credential", &[IMS]),
    once(PRODUCT, CheckSection::ExperienceCloud, "The credential may use the User Management API", &[TOKEN]),
    once(ORGANIZATION, CheckSection::ExperienceCloud, "The organization id is that of the credential", &[PRODUCT]),
    once(FIRST_PAGE, CheckSection::ExperienceCloud, "Page 0 may be requested", &[STATE]),
    once(PROFILES, CheckSection::ExperienceCloud, "Product profiles are visible", &[ORGANIZATION, FIRST_PAGE]),
    each(CERTIFICATE, CheckSection::Campaign, "The certificate of the instance is valid", &[]),
    each(REACHABLE, CheckSection::Campaign, "The instance responds", &[CERTIFICATE]),
    each(VERSION, CheckSection::Campaign, "Its version supports this kind of sign-in", &[REACHABLE]),
    each(CLOCK, CheckSection::Campaign, "Its clock agrees with this host", &[REACHABLE]),
    each(
        INSTANCE_CREDENTIAL_EXPIRY,
        CheckSection::Campaign,
        "Its credential's secret does not expire soon",
        &[REACHABLE],
    ),
    each(SIGN_IN, CheckSection::Campaign, "The program can sign in", &[REACHABLE, IMS]),
    each(RIGHTS, CheckSection::Campaign, "The program's operator may write memberships", &[SIGN_IN]),
    each(SCHEMAS, CheckSection::Campaign, "It has the columns that the program uses", &[SIGN_IN]),
    each(WRITE_FORMS, CheckSection::Campaign, "The forms of writes that it accepts (probe)", &[]),
    each(LDAP, CheckSection::Campaign, "No LDAP synchronization changes the same groups", &[SIGN_IN]),
    each(PACKAGE, CheckSection::Campaign, "The package for the Experience Cloud is installed", &[SIGN_IN]),
    each(ACCOUNT, CheckSection::Campaign, "There is one external account of the Experience Cloud", &[PACKAGE]),
    each(ACCOUNT_NAME, CheckSection::Campaign, "Its internal name", &[ACCOUNT]),
    each(ACCOUNT_ENABLED, CheckSection::Campaign, "It is enabled", &[ACCOUNT]),
    each(ACCOUNT_IMS, CheckSection::Campaign, "Its IMS server", &[ACCOUNT]),
    each(ACCOUNT_ORGANIZATION, CheckSection::Campaign, "Its organization id", &[ACCOUNT, ORGANIZATION]),
    each(ACCOUNT_CALLBACK, CheckSection::Campaign, "Its callback server", &[ACCOUNT]),
    each(ACCOUNT_MASK, CheckSection::Campaign, "Its association mask", &[ACCOUNT]),
    each(ACCOUNT_TENANT, CheckSection::Campaign, "Its tenant", &[ACCOUNT]),
    each(ACCOUNT_CONTEXT, CheckSection::Campaign, "Its product context", &[ACCOUNT]),
    each(MASK, CheckSection::Names, "The association mask is plausible", &[]),
    each(MATCHES, CheckSection::Names, "The mask matches product profiles", &[PROFILES, MASK, ACCOUNT_MASK]),
    each(ONE_GROUP_EACH, CheckSection::Names, "No two profiles map to one group", &[MATCHES]),
    each(
        LOOK_ALIKES,
        CheckSection::Names,
        "No profile looks as if the mask should match it",
        &[PROFILES, MASK, MATCHES],
    ),
    each(GROUPS, CheckSection::Names, "Every matched profile has its operator group", &[MATCHES, SIGN_IN, AMBIGUOUS]),
    each(UNFED, CheckSection::Names, "Operator groups without a profile", &[MATCHES, SIGN_IN, AMBIGUOUS]),
    each(CONTROL_PANEL, CheckSection::Names, "No profile gives access to the Control Panel by accident", &[MATCHES]),
    each(AMBIGUOUS, CheckSection::Names, "Names of operators and groups are unambiguous", &[SIGN_IN, SCHEMAS]),
    each(WITHOUT_OPERATOR, CheckSection::Names, "Users who have no operator yet", &[AMBIGUOUS]),
    once(SECRETS, CheckSection::Host, "Only the owner can read the secret files", &[]),
    once(STATE, CheckSection::Host, "The state can be stored", &[]),
    once(SOCKET, CheckSection::Host, "The control socket is private", &[]),
    once(SCHEDULE, CheckSection::Host, "The schedule leaves time between runs", &[]),
    once(TIME, CheckSection::Host, "The clock of this host is synchronized", &[]),
    once(UNIT, CheckSection::Host, "The service is installed, enabled and active", &[]),
    once(DAEMON, CheckSection::Host, "The daemon is healthy", &[]),
    configured(NOTIFY_COMMAND, "The command can be executed"),
    configured(NOTIFY_WEBHOOK, "The webhook can be reached"),
    configured(NOTIFY_MAIL, "The mail server can be reached"),
];
