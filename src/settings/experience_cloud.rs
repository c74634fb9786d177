//! `[experience_cloud]`: Adobe's Admin Console.

use std::{path::Path, time::Duration};

use chrono::NaiveDate;

use super::{Problem, layers::Layers, redacted::redacted, secrets::secret, section_reader::SectionReader};
use crate::{
    domain::{Membership, OrganizationId, Tolerance},
    experience_cloud::{ReadChoice, UmapiOptions},
    transport::{self, BaseUrl, Credential, RetryPolicy},
};

/// The end of an organization id.
const ORGANIZATION_SUFFIX: &str = "@AdobeOrg";

/// The number of hexadecimal digits before that.
const ORGANIZATION_DIGITS: usize = 24;

/// How the program reads the organization.
#[derive(Clone, Debug)]
pub struct ExperienceCloud {
    /// The options of the client.
    pub options: UmapiOptions,
    /// Least time between two reads of page 0 of one listing of the organization.
    pub first_page_interval: Duration,
    /// Last day on which the client secret is valid, in UTC; `None` where the key is not set.
    pub client_secret_expires: Option<NaiveDate>,
}

/// The usable values of the section.
pub(super) struct PartialExperienceCloud {
    /// The whole section, where all of it is valid.
    pub(super) whole: Option<ExperienceCloud>,
    pub(super) organization_id: Option<OrganizationId>,
    pub(super) ims_url: Option<BaseUrl>,
    pub(super) credential: Option<Credential>,
    pub(super) first_page_interval: Option<Duration>,
}

impl PartialExperienceCloud {
    pub(super) fn read(layers: &Layers, credentials: Option<&Path>, problems: &mut Vec<Problem>) -> Self {
        let mut section = SectionReader::new(layers, "experience_cloud", problems);
        let organization_id = section.parse("organization_id", "copy it from the Admin Console", organization_id);
        let client_id = section.token("client_id");
        let client_secret = secret(&mut section, "client_secret", credentials);
        let client_secret_expires = section.find("client_secret_expires").map(|_| section.day("client_secret_expires"));
        let ims_url = section.address("ims_url");
        let umapi_url = section.address("umapi_url");
        let scopes = scopes(&mut section);
        let membership =
            section.choice("membership", &[("effective", Membership::Effective), ("direct", Membership::Direct)]);
        let choices = [
            ("auto", ReadChoice::Auto),
            ("organization", ReadChoice::Organization),
            ("profiles", ReadChoice::Profiles),
        ];
        let read = section.choice("read", &choices);
        let users_per_minute = section.rate("users_per_minute");
        let groups_per_minute = section.rate("groups_per_minute");
        let parallel_requests = section.rate("parallel_requests");
        let first_page_interval = section.duration("first_page_interval");
        let unlisted_accounts = section.parse("unlisted_accounts", "write a share from \"0%\" to \"100%\"", share);
        let max_wait = section.duration("max_wait");
        let credential = match (client_id, client_secret, scopes) {
            (Some(client_id), Some(client_secret), Some(scopes)) => {
                Some(Credential { client_id, client_secret, scopes })
            }
            _ => None,
        };
        let whole = || {
            let Credential { client_id, client_secret, scopes } = credential.clone()?;
            let options = UmapiOptions {
                organization_id: organization_id.clone()?,
                client_id,
                client_secret,
                ims_url: ims_url.clone()?,
                umapi_url: umapi_url?,
                scopes,
                membership: membership?,
                read: read?,
                users_per_minute: users_per_minute?,
                groups_per_minute: groups_per_minute?,
                parallel_requests: parallel_requests?,
                tolerance: unlisted_accounts?,
                retry: RetryPolicy { max_wait: max_wait?, ..RetryPolicy::default() },
                http: transport::HttpOptions::default(),
            };
            Some(ExperienceCloud {
                options,
                first_page_interval: first_page_interval?,
                // A missing day is valid; an unreadable one is a problem.
                client_secret_expires: client_secret_expires.map_or(Some(None), |day| day.map(Some))?,
            })
        };
        Self { whole: whole(), organization_id, ims_url, credential, first_page_interval }
    }
}

/// The scopes of a token in the form that IMS requires: separated by commas, without spaces.
pub(super) fn scopes(section: &mut SectionReader<'_>) -> Option<String> {
    let scopes = section.list("scopes")?;
    if scopes.is_empty()
        && let Some(found) = section.find("scopes")
    {
        section.report(found, "is empty", "remove the line to use the default scopes");
        return None;
    }
    Some(scopes.join(","))
}

fn organization_id(text: &str) -> Result<OrganizationId, String> {
    let is_id = text.strip_suffix(ORGANIZATION_SUFFIX).is_some_and(|digits| {
        digits.len() == ORGANIZATION_DIGITS && digits.chars().all(|digit| digit.is_ascii_hexdigit())
    });
    if is_id {
        return Ok(OrganizationId::new(text));
    }
    Err(format!("{} is not {ORGANIZATION_DIGITS} hexadecimal digits followed by {ORGANIZATION_SUFFIX}", redacted(text)))
}

fn share(text: &str) -> Result<Tolerance, String> {
    let percent: Option<f64> = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Tolerance { share: percent / 100.0 }),
        _ => Err(format!("{} is not a percentage", redacted(text))),
    }
}
