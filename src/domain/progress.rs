//! The progress of a run, and the watcher that receives it: each event after it is recorded, and each step between
//! events.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{InstanceName, RunEvent, RunId, to_the_second};

/// The progress of a run. It is not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The instance; `None` for the organization.
    pub instance: Option<InstanceName>,
    /// What was done, or is about to be done.
    pub step: RunStep,
}

/// One step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStep {
    /// The run waits for the end of a pause that Adobe asked for, or of the interval between two reads.
    WaitingUntil {
        /// When the wait ends.
        until: DateTime<Utc>,
        /// How long the wait is.
        length: Duration,
    },
    /// The run waits before the next call: for the call limit, or because a server asked for it.
    Waiting {
        /// How long the wait is.
        length: Duration,
    },
    /// Number of pages of the groups listing received.
    GroupsPage(u64),
    /// Pages of the organization's users received.
    UsersPage {
        /// Number of pages received.
        page: u64,
        /// Number of all pages, if Adobe reports it.
        pages: Option<u64>,
    },
    /// Profiles whose members were received.
    ProfileMembers {
        /// Number of profiles received.
        profile: usize,
        /// Number of all profiles to read.
        profiles: usize,
    },
    /// Number of operators received.
    Operators(usize),
    /// Number of operator groups received.
    OperatorGroups(usize),
    /// Number of memberships received.
    Memberships(usize),
    /// The members of a profile are read a second time.
    Confirming,
    /// Changes are being applied.
    Applying {
        /// Number of changes with an outcome.
        done: usize,
        /// Number of all changes to apply.
        planned: usize,
    },
}

impl Progress {
    /// How long the run waits without progress; `None` if it does not wait.
    pub fn pause(&self) -> Option<Duration> {
        match self.step {
            RunStep::WaitingUntil { length, .. } | RunStep::Waiting { length } => Some(length),
            _ => None,
        }
    }
}

/// One line for readers, without a full stop.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.instance.as_ref().map_or("organization", InstanceName::as_str))?;
        match self.step {
            RunStep::WaitingUntil { until, .. } => write!(f, "waiting until {}", to_the_second(until)),
            RunStep::Waiting { length } => write!(f, "waiting {} s before the next call", length.as_secs()),
            RunStep::GroupsPage(page) => write!(f, "{page} pages of groups read"),
            RunStep::UsersPage { page, pages: Some(pages) } => write!(f, "{page} of {pages} pages of users read"),
            RunStep::UsersPage { page, pages: None } => write!(f, "{page} pages of users read"),
            RunStep::ProfileMembers { profile, profiles } => {
                write!(f, "members of {profile} of {profiles} profiles read")
            }
            RunStep::Operators(rows) => write!(f, "{rows} operators read"),
            RunStep::OperatorGroups(rows) => write!(f, "{rows} operator groups read"),
            RunStep::Memberships(rows) => write!(f, "{rows} memberships read"),
            RunStep::Confirming => f.write_str("reading profiles a second time before operators are removed"),
            RunStep::Applying { done, planned } => write!(f, "{done} of {planned} changes"),
        }
    }
}

/// What a watcher receives.
#[derive(Clone, Copy, Debug)]
pub enum WatcherUpdate<'a> {
    /// The progress of the run.
    Progress(&'a Progress),
    /// An event of this run, after it was recorded and logged.
    Event(&'a RunId, &'a RunEvent<'a>),
}

type Callback = dyn Fn(WatcherUpdate<'_>) + Send + Sync;

/// The watcher of a run. Clones call the same callback.
#[derive(Clone, Default)]
pub struct Watcher {
    callback: Option<Arc<Callback>>,
    instance: Option<InstanceName>,
}

impl Watcher {
    /// Calls `callback` with every update. It must not block, because the run waits for it.
    pub fn new(callback: impl Fn(WatcherUpdate<'_>) + Send + Sync + 'static) -> Self {
        Self { callback: Some(Arc::new(callback)), instance: None }
    }

    /// Calls `callback` with every step. It must not block.
    pub fn of_progress(callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self::new(move |news| {
            if let WatcherUpdate::Progress(progress) = news {
                callback(progress);
            }
        })
    }

    /// A watcher without callback.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same watcher, for steps in one instance.
    #[must_use]
    pub fn of(&self, instance: &InstanceName) -> Self {
        Self { callback: self.callback.clone(), instance: Some(instance.clone()) }
    }

    /// Reports the progress of the run.
    pub fn step(&self, step: RunStep) {
        if let Some(callback) = &self.callback {
            callback(WatcherUpdate::Progress(&Progress { instance: self.instance.clone(), step }));
        }
    }

    /// Reports a recorded event.
    pub fn event(&self, run: &RunId, event: &RunEvent<'_>) {
        if let Some(callback) = &self.callback {
            callback(WatcherUpdate::Event(run, event));
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("instance", &self.instance).finish_non_exhaustive()
    }
}
