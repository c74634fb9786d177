//! How far a run is, as values and in words.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    campaign,
    domain::{InstanceName, to_the_second},
    experience_cloud::{self, AskedPause},
};

/// How far a run is, for somebody who watches.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Waiting until the vendor may be asked again.
    WaitingUntil(DateTime<Utc>),
    /// Reading the organization.
    Organization(experience_cloud::Progress),
    /// Reading one instance.
    Campaign(InstanceName, campaign::Progress),
    /// Reading the members of a profile a second time.
    Confirming(InstanceName),
    /// Writing: changes done and planned.
    Applying(InstanceName, usize, usize),
}

impl Progress {
    /// How long the run will be silent because it waits for the vendor; `None` when it works.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::WaitingUntil(until) => Some((*until - Utc::now()).to_std().unwrap_or_default()),
            Self::Organization(
                experience_cloud::Progress::Waiting { pause: length }
                | experience_cloud::Progress::AskedForPause(AskedPause { length, .. }),
            ) => Some(*length),
            Self::Organization(_) | Self::Campaign(..) | Self::Confirming(_) | Self::Applying(..) => None,
        }
    }
}

/// One line for people, without a full stop.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitingUntil(time) => write!(f, "waiting until {}", to_the_second(*time)),
            Self::Organization(stage) => of_organization(*stage, f),
            Self::Campaign(instance, stage) => {
                let (what, rows) = match stage {
                    campaign::Progress::Operators { rows } => ("operators", rows),
                    campaign::Progress::Groups { rows } => ("operator groups", rows),
                    campaign::Progress::Memberships { rows } => ("memberships", rows),
                };
                write!(f, "{instance}: {rows} {what} read")
            }
            Self::Confirming(instance) => write!(f, "{instance}: reading a second time before anybody is removed"),
            Self::Applying(instance, done, planned) => write!(f, "{instance}: {done} of {planned} changes"),
        }
    }
}

fn of_organization(stage: experience_cloud::Progress, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match stage {
        experience_cloud::Progress::Groups { page } => write!(f, "organization: {page} pages of groups read"),
        experience_cloud::Progress::Users { page, pages: Some(pages) } => {
            write!(f, "organization: {page} of {pages} pages of users read")
        }
        experience_cloud::Progress::Users { page, pages: None } => {
            write!(f, "organization: {page} pages of users read")
        }
        experience_cloud::Progress::ProfileMembers { profile, profiles } => {
            write!(f, "organization: members of {profile} of {profiles} profiles read")
        }
        experience_cloud::Progress::Waiting { pause } => {
            write!(f, "organization: waiting {} s before the next call", pause.as_secs())
        }
        experience_cloud::Progress::AskedForPause(pause) => {
            write!(f, "organization: Adobe asked for a pause until {}", to_the_second(pause.until))
        }
    }
}
