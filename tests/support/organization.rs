//! How the organization of a sandbox is read, with pauses too short to notice.

use std::{num::NonZeroU32, time::Duration};

use campaign_group_sync::{
    domain::{OrganizationId, Tolerance},
    experience_cloud::{Membership, ReadChoice, UmapiOptions},
    sandbox::ConnectionParameters,
    transport::{self, BaseUrl, RetryPolicy, SecretString},
};

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
        tolerance: Tolerance { share: 0.01 },
        retry: retry(),
        http: http(connection),
    }
}

/// A sandbox that encrypts has an authority of its own.
pub(crate) fn http(connection: &ConnectionParameters) -> transport::HttpOptions {
    transport::HttpOptions { trusted_authorities: connection.authority.clone(), ..transport::HttpOptions::default() }
}

pub(crate) fn retry() -> RetryPolicy {
    RetryPolicy { attempts: 3, first_pause: Duration::from_millis(1), max_wait: Duration::from_secs(5) }
}

pub(crate) fn url(text: &str) -> BaseUrl {
    BaseUrl::parse(text).expect("a usable address")
}
