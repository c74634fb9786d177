//! From settings to the options of each room.

use super::{Authentication, Instance, Settings, StateLocation};
use crate::{campaign, domain::InstanceName, journal, observability, sync};

impl Settings {
    /// Keeps the instances that are named, all when none is; a name that nobody knows is a slip that must not narrow a run to
    /// nothing, and is answered with a sentence.
    pub fn keep_instances(&mut self, names: &[String]) -> Result<(), String> {
        if names.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> = names.iter().map(|name| InstanceName::new(name.as_str()).folded()).collect();
        let known: Vec<_> = self.instances.iter().map(|instance| instance.name.folded()).collect();
        if let Some((unknown, _)) = names.iter().zip(&wanted).find(|(_, name)| !known.contains(name)) {
            let list = self.instances.iter().map(|instance| instance.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(format!("there is no instance \"{unknown}\"; the configuration has: {list}"));
        }
        self.instances.retain(|instance| wanted.contains(&instance.name.folded()));
        Ok(())
    }

    /// Has every client trust these authorities, in PEM, in place of the host's: those of a sandbox. No key of the
    /// configuration does that, because a host has a store for whom it trusts.
    pub fn trust_only(&mut self, authorities: &str) {
        self.experience_cloud.options.http.trusted_authorities = Some(authorities.to_owned());
    }

    /// What a run needs to know.
    pub fn sync_options(&self) -> sync::Options {
        sync::Options {
            experience_cloud: self.experience_cloud.options.clone(),
            first_page_interval: self.experience_cloud.first_page_interval,
            instances: self.instances.iter().map(|instance| self.instance_options(instance)).collect(),
            limits: self.guard.limits.clone(),
            confirmation: self.guard.removal_confirmation,
            approval_ttl: self.guard.approval_ttl,
        }
    }

    /// Where the journal is.
    pub fn journal_options(&self) -> journal::Options {
        let location = match &self.state.url {
            StateLocation::Sqlite(path) => journal::Location::Sqlite(path.clone()),
            StateLocation::Postgres(address) => journal::Location::Postgres(address.clone()),
        };
        journal::Options { location, watch: None }
    }

    /// How the log is written, at `level` and with colours or without.
    pub fn logging(&self, level: observability::Level, colours: observability::Colours) -> observability::Options {
        observability::Options {
            level,
            format: self.log.format,
            journal_stream: self.log.journal_stream.clone(),
            colours,
        }
    }

    fn instance_options(&self, instance: &Instance) -> sync::InstanceOptions {
        let authentication = match &instance.authentication {
            Authentication::Ims { client_id, client_secret, scopes } => campaign::Authentication::Ims {
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                ims_url: self.experience_cloud.options.ims_url.clone(),
                scopes: scopes.clone(),
            },
            Authentication::Native { login, password } => {
                campaign::Authentication::Native { login: login.to_string(), password: password.clone() }
            }
        };
        sync::InstanceOptions {
            policy: instance.policy.clone(),
            mode: instance.mode,
            campaign: campaign::Options {
                url: instance.url.clone(),
                authentication,
                retry: self.experience_cloud.options.retry.clone(),
                http: self.experience_cloud.options.http.clone(),
                page_rows: campaign::DEFAULT_PAGE_ROWS,
            },
        }
    }
}
