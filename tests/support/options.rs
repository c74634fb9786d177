//! The options that a test begins with: the defaults of the program, pauses too short to notice, and the addresses and
//! credentials of a sandbox.

use std::{num::NonZeroU32, time::Duration};

use campaign_group_sync::{
    campaign::{CampaignAuthentication, CampaignOptions, DEFAULT_FRESH_FOR, DEFAULT_PAGE_ROWS},
    domain::{
        AssociationMask, InstanceName, Limits, Manage, MissingPolicy, OrganizationId, OrphanedGroup, Policy, RunMode,
        Scope, Tolerance, WithoutGroups,
    },
    experience_cloud::{Membership, ReadChoice, UmapiOptions},
    sandbox::{ConnectionParameters, InstanceCredential, InstanceParameters},
    sync::{RunRequest, Stop, WaitPolicy},
    transport::{BaseUrl, HttpOptions, RetryPolicy, SecretString},
};

/// The limits of a run.
pub(crate) fn limits() -> Limits {
    Limits {
        max_removals: 50,
        max_removals_percent: 20,
        max_group_removals_percent: 34,
        max_new_operators: 25,
        max_new_groups: 5,
        max_source_shrink_percent: 20,
    }
}

/// The policy of an instance.
pub(crate) fn policy(instance: &str, mask: &str) -> Policy {
    Policy {
        instance: InstanceName::new(instance),
        mask: AssociationMask::parse(mask).expect("a valid mask"),
        missing_operator: MissingPolicy::Skip,
        missing_group: MissingPolicy::Skip,
        manage: Manage::Ims,
        without_groups: WithoutGroups::Keep,
        orphaned_group: OrphanedGroup::Keep,
        protected_operators: Vec::new(),
        protected_groups: Vec::new(),
    }
}

/// How to read the organization.
pub(crate) fn experience_cloud(connection: &ConnectionParameters) -> UmapiOptions {
    let often = NonZeroU32::new(1_000_000).expect("not zero");
    UmapiOptions {
        organization_id: OrganizationId::new(&connection.organization_id),
        client_id: connection.client_id.clone(),
        client_secret: SecretString::from(connection.client_secret.clone()),
        ims_url: url(&connection.ims_url),
        umapi_url: url(&connection.umapi_url),
        scopes: "openid,AdobeID,user_management_sdk".to_owned(),
        membership: Membership::Effective,
        read: ReadChoice::Auto,
        users_per_minute: often,
        groups_per_minute: often,
        parallel_requests: NonZeroU32::new(4).expect("not zero"),
        tolerance: Tolerance { share: 0.01 },
        retry: retry(),
        http: http(connection),
    }
}

/// A sandbox that encrypts has an authority of its own.
pub(crate) fn http(connection: &ConnectionParameters) -> HttpOptions {
    HttpOptions { trusted_authorities: connection.authority.clone(), ..HttpOptions::default() }
}

pub(crate) fn retry() -> RetryPolicy {
    RetryPolicy { attempts: 3, first_pause: Duration::from_millis(1), max_wait: Duration::from_secs(5) }
}

pub(crate) fn url(text: &str) -> BaseUrl {
    BaseUrl::parse(text).expect("a usable address")
}

/// How to reach an instance of Campaign.
pub(crate) fn campaign(connection: &ConnectionParameters, instance: &InstanceParameters) -> CampaignOptions {
    let authentication = match instance.authentication.clone() {
        InstanceCredential::Native { login, password } => {
            CampaignAuthentication::Native { login, password: SecretString::from(password) }
        }
        InstanceCredential::Ims { client_id, client_secret } => CampaignAuthentication::Ims {
            client_id,
            client_secret: SecretString::from(client_secret),
            ims_url: url(&connection.ims_url),
            scopes: "AdobeID,openid,campaign_sdk".to_owned(),
        },
    };
    CampaignOptions {
        url: url(&instance.url),
        authentication,
        retry: retry(),
        http: http(connection),
        page_rows: DEFAULT_PAGE_ROWS,
        fresh_for: DEFAULT_FRESH_FOR,
    }
}

/// A run over everything.
pub(crate) fn request(mode: RunMode) -> RunRequest {
    RunRequest {
        mode,
        scope: Scope::default(),
        approve: Vec::new(),
        approver: "eve".into(),
        wait_policy: WaitPolicy::Bounded,
        stop: Stop::never(),
    }
}
