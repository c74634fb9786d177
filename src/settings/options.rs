//! From settings to the options of each module.

use chrono::NaiveDate;

use super::{Instance, InstanceAccess, InstanceAuthentication, Log, PartialSettings, Settings, State, StateLocation};
use crate::{
    campaign,
    domain::{FoldedName, InstanceName, WantedNotifications},
    journal, observability, sync,
    transport::{self, BaseUrl, ExchangeRecorder, RetryPolicy},
};

impl Settings {
    /// Keeps the named instances, or all if none is named. Fails with a sentence where no instance has a name: a typing
    /// error must not reduce a run to nothing.
    pub fn keep_instances(&mut self, names: &[String]) -> Result<(), String> {
        if names.is_empty() {
            return Ok(());
        }
        if let Some(unknown) = unknown_instance(self.instances.iter().map(Instance::name), names) {
            return Err(unknown);
        }
        self.instances.retain(|instance| names.iter().any(|name| FoldedName::new(name) == instance.name().folded()));
        Ok(())
    }

    /// The error for an instance that is not configured; `None` for a configured one.
    pub fn unknown_instance(&self, name: &str) -> Option<String> {
        unknown_instance(self.instances.iter().map(Instance::name), &[name.to_owned()])
    }

    /// Makes every client trust these authorities, in PEM, in place of those of the host: for a sandbox. There is no
    /// key for this, because a host has its own store of trusted authorities.
    pub fn trust_only(&mut self, authorities: &str) {
        self.experience_cloud.options.http.trusted_authorities = Some(authorities.to_owned());
    }

    /// The options of a run.
    pub fn sync_options(&self) -> sync::SyncOptions {
        sync::SyncOptions {
            experience_cloud: self.experience_cloud.options.clone(),
            clients: self.clients.clone(),
            first_page_interval: self.experience_cloud.first_page_interval,
            instances: self.instances.iter().map(|instance| self.instance_options(instance)).collect(),
            parallel_instances: self.run.parallel_instances,
            limits: self.guard.limits.clone(),
            confirmation: self.guard.removal_confirmation,
            approval_ttl: self.guard.approval_ttl,
            retention: self.state.retention,
        }
    }

    /// The location of the journal.
    pub fn journal_options(&self) -> journal::JournalOptions {
        self.state.journal_options()
    }

    /// Which notifications the journal writes.
    pub fn wanted_notifications(&self) -> WantedNotifications {
        self.notify.wanted(self.instances.iter().map(|instance| instance.name().folded()))
    }

    /// The configured days on which client secrets expire, each with its section.
    pub fn expiry_days(&self) -> Vec<(String, NaiveDate)> {
        let of_organization = ("experience_cloud".to_owned(), self.experience_cloud.client_secret_expires);
        let of_instances = self.instances.iter().map(|instance| {
            let day = match &instance.access.authentication {
                InstanceAuthentication::Ims { client_secret_expires, .. } => *client_secret_expires,
                InstanceAuthentication::Native { .. } => None,
            };
            (format!("instances.{}", instance.name()), day)
        });
        let days = std::iter::once(of_organization).chain(of_instances);
        days.filter_map(|(section, day)| Some((section, day?))).collect()
    }

    /// The options of the log, at `level` and with or without colours.
    pub fn logging(
        &self,
        level: observability::LogLevel,
        colours: observability::Colours,
    ) -> observability::LogOptions {
        self.log.options(level, colours)
    }

    fn instance_options(&self, instance: &Instance) -> sync::InstanceOptions {
        let experience_cloud = &self.experience_cloud.options;
        sync::InstanceOptions {
            policy: instance.policy.clone(),
            mode: instance.access.mode,
            campaign: instance.access.campaign_options(
                &experience_cloud.ims_url,
                &experience_cloud.retry,
                &experience_cloud.http,
            ),
        }
    }
}

impl PartialSettings {
    /// Hands every exchange of the clients of Adobe and Campaign to this recorder; notifications are not recorded.
    pub fn record_with(&mut self, recorder: ExchangeRecorder) {
        self.connections.recorder = recorder;
        if let Some(experience_cloud) = &mut self.experience_cloud {
            experience_cloud.options.http = self.connections.clone();
        }
    }

    /// As [`Settings::trust_only`].
    pub fn trust_only(&mut self, authorities: &str) {
        self.connections.trusted_authorities = Some(authorities.to_owned());
        if let Some(experience_cloud) = &mut self.experience_cloud {
            experience_cloud.options.http = self.connections.clone();
        }
    }
}

impl InstanceAccess {
    /// The options of the client of this instance; IMS issues tokens at `ims_url`.
    pub fn campaign_options(
        &self,
        ims_url: &BaseUrl,
        retry: &RetryPolicy,
        http: &transport::HttpOptions,
    ) -> campaign::CampaignOptions {
        let authentication = match &self.authentication {
            InstanceAuthentication::Ims { client_id, client_secret, scopes, .. } => {
                campaign::CampaignAuthentication::Ims {
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    ims_url: ims_url.clone(),
                    scopes: scopes.clone(),
                }
            }
            InstanceAuthentication::Native { login, password } => {
                campaign::CampaignAuthentication::Native { login: login.to_string(), password: password.clone() }
            }
        };
        campaign::CampaignOptions {
            url: self.url.clone(),
            authentication,
            retry: retry.clone(),
            http: http.clone(),
            page_rows: campaign::DEFAULT_PAGE_ROWS,
            fresh_for: campaign::DEFAULT_FRESH_FOR,
        }
    }
}

impl State {
    /// The location of the journal.
    pub fn journal_options(&self) -> journal::JournalOptions {
        journal::JournalOptions { location: self.url.journal_location(), watch: None }
    }
}

impl StateLocation {
    /// The same for the journal.
    pub fn journal_location(&self) -> journal::JournalLocation {
        match self {
            Self::Sqlite(path) => journal::JournalLocation::Sqlite(path.clone()),
            Self::Postgres(address) => journal::JournalLocation::Postgres(address.clone()),
        }
    }
}

impl Log {
    /// The options of the log, at `level` and with or without colours.
    pub fn options(
        &self,
        level: observability::LogLevel,
        colours: observability::Colours,
    ) -> observability::LogOptions {
        observability::LogOptions { level, format: self.format, journal_stream: self.journal_stream.clone(), colours }
    }
}

/// A sentence about the first name that no instance has.
pub fn unknown_instance<'a>(known: impl Iterator<Item = &'a InstanceName> + Clone, names: &[String]) -> Option<String> {
    let is_known = |name: &&String| known.clone().any(|known| known.folded() == FoldedName::new(name));
    let unknown = names.iter().find(|name| !is_known(name))?;
    let list = known.map(InstanceName::as_str).collect::<Vec<_>>().join(", ");
    Some(format!("there is no instance \"{unknown}\"; the configuration has: {list}"))
}
