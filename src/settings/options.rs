//! From settings to the options of each room.

use super::{Authentication, Instance, Settings};
use crate::{campaign, experience_cloud, observability, sync, transport};

impl Settings {
    /// What a run needs to know.
    pub fn sync_options(&self) -> sync::Options {
        sync::Options {
            experience_cloud: self.experience_cloud_options(),
            instances: self.instances.iter().map(|instance| self.instance_options(instance)).collect(),
            limits: self.guard.limits.clone(),
            confirmation: self.guard.removal_confirmation,
        }
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

    fn experience_cloud_options(&self) -> experience_cloud::Options {
        let settings = &self.experience_cloud;
        experience_cloud::Options {
            organization_id: settings.organization_id.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            ims_url: settings.ims_url.clone(),
            umapi_url: settings.umapi_url.clone(),
            scopes: settings.scopes.clone(),
            membership: settings.membership,
            read: settings.read,
            users_per_minute: settings.users_per_minute,
            groups_per_minute: settings.groups_per_minute,
            tolerance: settings.unlisted_accounts,
            retry: self.retry(),
            http: transport::Options::default(),
        }
    }

    fn instance_options(&self, instance: &Instance) -> sync::InstanceOptions {
        let authentication = match &instance.authentication {
            Authentication::Ims { client_id, client_secret, scopes } => campaign::Authentication::Ims {
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                ims_url: self.experience_cloud.ims_url.clone(),
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
                retry: self.retry(),
                http: transport::Options::default(),
                page_rows: campaign::DEFAULT_PAGE_ROWS,
            },
        }
    }

    fn retry(&self) -> transport::RetryPolicy {
        transport::RetryPolicy { max_wait: self.experience_cloud.max_wait, ..transport::RetryPolicy::default() }
    }
}
