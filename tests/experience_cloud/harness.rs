//! The harness of the tests: an organization, a sandbox that serves it, and a client with few and short retries.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use campaign_group_sync::{
    domain::{AssociationMask, CallPurpose, LoginSet, OrganizationSnapshot, PendingCall, Progress, RunStep, Watcher},
    experience_cloud::{
        CallLedger, CallPermission, ExperienceCloud, ExperienceCloudError, PauseEnd, PermissionFuture, RecordingFuture,
        RequestedPause, SharedAccess, UmapiOptions,
    },
    sandbox::{Fault, LoggedRequest, Organization, PageSizes, Sandbox, Scenario, UmapiGroup, User},
};

use super::options::experience_cloud;

pub(crate) const DELIVERY: &str = "Campaign - acme - delivery";
pub(crate) const CONTENT: &str = "Campaign - acme - content";
pub(crate) const PHOTOSHOP: &str = "Photoshop";

/// Profile names with the e-mail addresses of their members.
pub(crate) type Memberships = BTreeMap<String, BTreeSet<String>>;

/// A served organization and a client for it.
pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: ExperienceCloud,
    notes: Arc<Notes>,
}

/// The progress and the pauses that a client reports.
#[derive(Default)]
struct Notes {
    steps: Mutex<Vec<RunStep>>,
    pauses: Mutex<Vec<u64>>,
}

impl Notes {
    fn client(self: &Arc<Self>, options: UmapiOptions, ledger: Option<Arc<dyn CallLedger>>) -> ExperienceCloud {
        let notes = Arc::clone(self);
        let note = move |progress: &Progress| notes.steps.lock().expect("no panic elsewhere").push(progress.step);
        let access = SharedAccess::new(&options).expect("a client");
        access.client(options, ledger, CallPurpose::Run, Watcher::of_progress(note))
    }
}

/// A ledger that allows every call.
impl CallLedger for Notes {
    fn reserve(&self, _: PendingCall) -> PermissionFuture<'_> {
        Box::pin(async { Ok(CallPermission::Now) })
    }

    fn record_pause(&self, pause: RequestedPause) -> RecordingFuture<'_> {
        self.pauses.lock().expect("no panic elsewhere").push(pause.length.as_secs());
        Box::pin(async { Ok(()) })
    }

    fn pause(&self, length: Duration) -> PauseEnd {
        Box::pin(tokio::time::sleep(length))
    }
}

impl Harness {
    pub(crate) async fn of(scenario: Scenario) -> Self {
        Self::with(scenario, |_| {}).await
    }

    pub(crate) async fn with(scenario: Scenario, adjust: impl FnOnce(&mut UmapiOptions)) -> Self {
        let sandbox = crate::support::sandbox::start(scenario).await;
        let notes = Arc::<Notes>::default();
        let client = notes.client(options(&sandbox, adjust), None);
        Self { sandbox, client, notes }
    }

    /// The same sandbox with a new client that has a ledger.
    pub(crate) fn with_ledger(self) -> Self {
        let notes = Arc::<Notes>::default();
        let client = notes.client(options(&self.sandbox, |_| {}), Some(notes.clone()));
        Self { client, notes, ..self }
    }

    /// Reads the listing and the memberships.
    pub(crate) async fn fetch(&self) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let matched = self.client.fetch_listing().await?.matched_by(masks())?;
        let kind = self.client.choose(&matched);
        self.client.fetch_memberships(matched, LoginSet::default(), kind).await
    }

    /// The steps that the client reported.
    pub(crate) fn steps(&self) -> Vec<RunStep> {
        self.notes.steps.lock().expect("no panic elsewhere").clone()
    }

    /// The pauses that the client recorded, in seconds.
    pub(crate) fn pauses(&self) -> Vec<u64> {
        self.notes.pauses.lock().expect("no panic elsewhere").clone()
    }

    /// The same with one fault.
    pub(crate) fn disturbed(self, fault: Fault) -> Self {
        self.sandbox.inject(fault);
        self
    }

    /// The requested pages of one kind of call, in order.
    pub(crate) fn pages(&self, call: &str) -> Vec<u64> {
        self.requests(call).iter().filter_map(|request| request.page).collect()
    }

    /// The requested pages of one kind of call, by number: several are requested at the same time.
    pub(crate) fn sorted_pages(&self, call: &str) -> Vec<u64> {
        let mut pages = self.pages(call);
        pages.sort_unstable();
        pages
    }

    pub(crate) fn requests(&self, call: &str) -> Vec<LoggedRequest> {
        self.sandbox.requests().into_iter().filter(|request| request.call == call).collect()
    }
}

/// A client for what the sandbox serves.
pub(crate) fn client(sandbox: &Sandbox, adjust: impl FnOnce(&mut UmapiOptions)) -> ExperienceCloud {
    ExperienceCloud::new(options(sandbox, adjust)).expect("a client")
}

fn options(sandbox: &Sandbox, adjust: impl FnOnce(&mut UmapiOptions)) -> UmapiOptions {
    let mut options = experience_cloud(&sandbox.connection());
    adjust(&mut options);
    options
}

pub(crate) fn masks() -> Vec<AssociationMask> {
    vec![AssociationMask::parse("Campaign - acme - (.*)").expect("a mask")]
}

/// An organization with `count` users, `user0@acme.com` and so on, three on a page: all have Photoshop, every second
/// one has the delivery profile, every third one the content profile.
pub(crate) fn people(count: usize) -> Scenario {
    let user = |number: usize| {
        let given = [(PHOTOSHOP, 1), (DELIVERY, 2), (CONTENT, 3)];
        let groups: Vec<&str> =
            given.iter().filter(|(_, every)| number.is_multiple_of(*every)).map(|(name, _)| *name).collect();
        User {
            id: Some(format!("{number:024X}@acme.com")),
            ..User::federated(&format!("user{number}@acme.com"), &groups)
        }
    };
    let groups =
        vec![UmapiGroup::profile(1, DELIVERY), UmapiGroup::profile(2, CONTENT), UmapiGroup::profile(3, PHOTOSHOP)];
    let organization = Organization { groups, users: (0..count).map(user).collect(), ..Organization::default() };
    Scenario { organization, pages: PageSizes { users: 3, groups: 400 }, ..Scenario::default() }
}

/// The memberships of the organization of [`people`] in the matching profiles.
pub(crate) fn memberships_of_people(count: usize) -> Memberships {
    let every = |step: usize| (0..count).step_by(step).map(|number| format!("user{number}@acme.com")).collect();
    [(DELIVERY.to_owned(), every(2)), (CONTENT.to_owned(), every(3))].into()
}

/// The profiles that have members in the snapshot.
pub(crate) fn memberships(snapshot: &OrganizationSnapshot) -> Memberships {
    let members = |position| {
        snapshot.members(position).filter_map(|person| person.email()).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let of = |(position, profile): (usize, &campaign_group_sync::domain::ProductProfile)| {
        (profile.name.to_string(), members(position))
    };
    snapshot.profiles().iter().enumerate().map(of).filter(|(_, members)| !members.is_empty()).collect()
}

/// An error with all its causes.
pub(crate) fn chain(error: &ExperienceCloudError) -> String {
    let causes = std::iter::successors(Some(error as &dyn Error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
