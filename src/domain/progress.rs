//! How far a run is, and who is told: each event once it is recorded, and each step between two events.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{InstanceName, RunEvent, RunId, to_the_second};

/// How far a run is. Nothing of it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where; `None` for the organization.
    pub instance: Option<InstanceName>,
    /// What was done, or is about to be.
    pub step: RunStep,
}

/// One step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStep {
    /// A wait begins, for a pause that Adobe asked for or the end of the interval between two reads.
    WaitingUntil {
        /// When it ends.
        until: DateTime<Utc>,
        /// How long that is.
        length: Duration,
    },
    /// A wait begins before the next call: for the call limit, or because a server asked for it.
    Waiting {
        /// How long it is.
        length: Duration,
    },
    /// Pages of the groups listing that were received.
    GroupsPage(u64),
    /// Pages of the organization's users that were received.
    UsersPage {
        /// So many.
        page: u64,
        /// Of so many, when Adobe says it.
        pages: Option<u64>,
    },
    /// Profiles whose members were received.
    ProfileMembers {
        /// So many.
        profile: usize,
        /// Of so many.
        profiles: usize,
    },
    /// Operators that were received.
    Operators(usize),
    /// Operator groups that were received.
    OperatorGroups(usize),
    /// Memberships that were received.
    Memberships(usize),
    /// The members of a profile are read a second time.
    Confirming,
    /// Changes are being made.
    Applying {
        /// So many are settled.
        done: usize,
        /// Of so many.
        planned: usize,
    },
}

impl Progress {
    /// How long the run will be silent because it waits; `None` when it works.
    pub fn pause(&self) -> Option<Duration> {
        match self.step {
            RunStep::WaitingUntil { length, .. } | RunStep::Waiting { length } => Some(length),
            _ => None,
        }
    }
}

/// One line for users, without a full stop.
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

/// What a watcher is told.
#[derive(Clone, Copy, Debug)]
pub enum WatcherUpdate<'a> {
    /// How far the run is.
    Progress(&'a Progress),
    /// An event of this run, after it was recorded and logged.
    Event(&'a RunId, &'a RunEvent<'a>),
}

type Callback = dyn Fn(WatcherUpdate<'_>) + Send + Sync;

/// The watcher of a run. Clones tell the same one.
#[derive(Clone, Default)]
pub struct Watcher {
    callback: Option<Arc<Callback>>,
    instance: Option<InstanceName>,
}

impl Watcher {
    /// Has everything told to `tell`, which must not block: the run waits for it.
    pub fn new(callback: impl Fn(WatcherUpdate<'_>) + Send + Sync + 'static) -> Self {
        Self { callback: Some(Arc::new(callback)), instance: None }
    }

    /// Has each step told to `tell`, which must not block.
    pub fn of_progress(callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self::new(move |news| {
            if let WatcherUpdate::Progress(progress) = news {
                callback(progress);
            }
        })
    }

    /// For a run that is not watched.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same watcher, for steps in one instance.
    #[must_use]
    pub fn of(&self, instance: &InstanceName) -> Self {
        Self { callback: self.callback.clone(), instance: Some(instance.clone()) }
    }

    /// Tells how far the run is.
    pub fn step(&self, step: RunStep) {
        if let Some(callback) = &self.callback {
            callback(WatcherUpdate::Progress(&Progress { instance: self.instance.clone(), step }));
        }
    }

    /// Tells an event that was recorded.
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
