//! The world of every cell: an organization and two instances of Campaign that were in sync, and what changed since. A
//! run makes a change of each kind, and has a first, a middle and a last page of each listing to read.

use std::{
    ffi::OsString,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use campaign_group_sync::{
    domain::{
        self, Digest, MissingPolicy, OperatorLogin, OrganizationId, Outcome, RunMode, RunReport, Scope, Watcher,
        WithoutGroups,
    },
    experience_cloud::{ReadChoice, UmapiOptions},
    sandbox::{Change, OrganizationChange, Sandbox, Scenario, UmapiGroup},
    sync::{self, RunRequest, SyncOptions},
    transport::HttpOptions,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::kinds::Limits;
use crate::{
    support::{options::request, sandbox},
    sync::harness::{open, options},
};

/// The profile that three pages of members belong to, by its id and its name.
pub(super) const DELIVERY_ID: &str = "11";
pub(super) const DELIVERY: &str = "Campaign - acme - delivery";
const CONTENT: &str = "Campaign - acme - content";
const REPORT: &str = "Campaign - acme - report";
const WORKFLOW: &str = "Campaign - acme - workflow";
const FRESH: &str = "Campaign - acme - fresh";
const STAGE_OPS: &str = "Campaign - stage - ops";

/// The instance that faults of Campaign concern.
pub(super) const PRODUCTION: &str = "production";
/// The other instance, which depends on the organization only.
pub(super) const STAGE: &str = "stage";

/// The user who lost a profile.
pub(super) const LEAVER: &str = "u01@acme.com";
/// A user who keeps everything, with a name that is not ASCII.
pub(super) const STAYER: &str = "zoë@acme.com";
/// The operator that the run leaves in no group.
pub(super) const DISABLED: &str = "u03@acme.com";

/// How the organization is read, and how the program signs in to Campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Setup {
    /// All users; Campaign by a technical account of IMS.
    Organization,
    /// The members of each profile.
    Profiles,
    /// A run narrowed to [`LEAVER`].
    OneUser,
    /// All users; Campaign by login and password.
    Native,
}

impl Setup {
    pub(super) const ALL: [Self; 4] = [Self::Organization, Self::Profiles, Self::OneUser, Self::Native];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Organization => "all users",
            Self::Profiles => "profile by profile",
            Self::OneUser => "one user",
            Self::Native => "password",
        }
    }

    fn request(self) -> RunRequest {
        let users = if self == Self::OneUser { vec![LEAVER.to_owned()] } else { Vec::new() };
        RunRequest { scope: Scope { users, groups: Vec::new() }, ..request(RunMode::Apply) }
    }
}

fn login(number: usize) -> String {
    format!("u{number:02}@acme.com")
}

fn logins(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(login).collect()
}

/// Each profile with its members while everything was in sync.
fn settled_members() -> Vec<(&'static str, Vec<String>)> {
    let delivery = logins([1, 2].into_iter().chain(4..=12)).into_iter().chain([STAYER.to_owned()]).collect();
    vec![
        (DELIVERY, delivery),
        (CONTENT, logins([1, 2, 5])),
        (REPORT, logins([3, 6, 7, 8])),
        (WORKFLOW, logins([9])),
        (STAGE_OPS, logins([5])),
        ("Marketing", logins([10, 11])),
    ]
}

fn organization() -> Value {
    let members = settled_members();
    let profiles_of = |user: &String| -> Vec<&str> {
        members.iter().filter(|(_, members)| members.contains(user)).map(|(profile, _)| *profile).collect()
    };
    let people = logins(1..=14).into_iter().chain([STAYER.to_owned()]);
    let users = people.enumerate().map(|(at, user)| {
        json!({
            "id": format!("{at:024X}@acme.com"), "email": user, "username": user, "domain": "acme.com",
            "type": "federatedID", "status": "active", "groups": profiles_of(&user),
        })
    });
    let profile = |id: u64, name: &str| json!({"group_id": id, "name": name, "type": "PRODUCT_PROFILE"});
    let other = |id: u64, name: &str, kind: &str| json!({"group_id": id, "name": name, "type": kind});
    json!({
        "technical_accounts": 2, "technical_accounts_from": 3,
        "groups": [
            profile(11, DELIVERY), profile(12, CONTENT), profile(13, REPORT), profile(17, STAGE_OPS),
            profile(21, "Analytics - all reports"), profile(22, "Acrobat Pro"), other(31, "Marketing", "USER_GROUP"),
            other(41, "Administrators", "SYSADMIN_GROUP"), profile(14, WORKFLOW), other(32, "Design", "USER_GROUP"),
        ],
        "users": users.collect::<Vec<_>>(),
    })
}

fn instances(setup: Setup) -> Value {
    let operator = |id: usize, login: &str, authentication: &str| json!({"id": id, "name": login, "authentication": authentication});
    let operators = (1..=13).map(|number| operator(1100 + number, &login(number), "ims")).chain([
        operator(1114, STAYER, "ims"),
        operator(1121, "keeper@acme.com", "ims"),
        operator(1122, "night.batch", ""),
        operator(1123, "old@acme.com", "ims"),
    ]);
    let groups = ["delivery", "content", "report", "workflow", "archive", "offers", "operation", "central"];
    let groups = groups.iter().enumerate().map(|(at, name)| json!({"id": 1201 + at, "name": name}));
    let of_tenant = |tenant: &str| {
        let prefix = format!("Campaign - {tenant} - ");
        let members = settled_members().into_iter().filter_map(|(profile, members)| {
            let group = profile.strip_prefix(&prefix)?.to_owned();
            Some(members.into_iter().map(move |member| json!([member, group])))
        });
        members.flatten().collect::<Vec<_>>()
    };
    let mut memberships = of_tenant("acme");
    memberships.extend([
        json!(["keeper@acme.com", "delivery"]),
        json!(["night.batch", "delivery"]),
        json!(["old@acme.com", "archive"]),
        json!(["u05@acme.com", "archive"]),
    ]);
    let authentication = if setup == Setup::Native { "native" } else { "ims" };
    json!({
        PRODUCTION: {
            "tenant": "acme", "association_mask": "Campaign - acme - (.*)", "authentication": authentication,
            "password": "native-password-0815",
            "operators": operators.collect::<Vec<_>>(), "groups": groups.collect::<Vec<_>>(), "memberships": memberships,
        },
        STAGE: {
            "tenant": "stage", "association_mask": "Campaign - stage - (.*)", "authentication": "ims",
            "operators": [operator(2105, "u05@acme.com", "ims"), operator(2106, "u06@acme.com", "ims")],
            "groups": [{"id": 2201, "name": "ops"}], "memberships": of_tenant("stage"),
        },
    })
}

/// The world in which everything is in sync.
fn settled(setup: Setup) -> Scenario {
    let scenario = json!({
        "organization": organization(), "campaign": instances(setup), "pages": {"users": 5, "groups": 4},
    });
    serde_json::from_value(scenario).expect("a scenario")
}

/// What changed since: two leave a group, one of them the last that this operator had; two come, one of them without an
/// operator; a profile is new, without a group.
fn changes() -> Vec<Change> {
    vec![
        Change::unassign(LEAVER, DELIVERY),
        Change::unassign(DISABLED, REPORT),
        Change::assign(&login(13), DELIVERY),
        Change::assign(&login(14), CONTENT),
        OrganizationChange::AddGroup { group: Box::new(UmapiGroup::profile(15, FRESH)) }.into(),
        Change::assign(&login(2), FRESH),
        Change::assign(&login(6), STAGE_OPS),
    ]
}

/// The state of one instance, as a test compares it: memberships, operators with whether they are disabled, groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) memberships: Vec<(String, String)>,
    pub(super) operators: Vec<(String, bool)>,
    pub(super) groups: Vec<String>,
}

impl Rights {
    pub(super) fn of(sandbox: &Sandbox, instance: &str) -> Self {
        let world = sandbox.world().instance(instance).expect("an instance").world();
        let mut rights = Self {
            memberships: world.memberships,
            operators: world.operators.into_iter().map(|operator| (operator.name, operator.disabled)).collect(),
            groups: world.groups.into_iter().map(|group| group.name).collect(),
        };
        rights.memberships.sort();
        rights.operators.sort();
        rights.groups.sort();
        rights
    }
}

/// What every cell of one set-up begins with: the world after the changes, the state that a run left before them, and the
/// rights as they are and as an undisturbed run leaves them.
pub(super) struct Template {
    setup: Setup,
    scenario: Scenario,
    /// The files of the state: their names and what they hold.
    state: Vec<(OsString, Vec<u8>)>,
    pub(super) before: [Rights; 2],
    pub(super) wanted: [Rights; 2],
}

impl Template {
    /// The template of this set-up, which all tests of this process share.
    pub(super) async fn shared(setup: Setup) -> &'static Self {
        static ALL: [OnceCell<Template>; Setup::ALL.len()] = [const { OnceCell::const_new() }; Setup::ALL.len()];
        ALL[setup as usize].get_or_init(|| Self::of(setup)).await
    }

    async fn of(setup: Setup) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        let sandbox = sandbox::start(settled(setup)).await;
        let first = Stage { setup, sandbox, journal: open(&file_in(state.path())).await };
        // The run that accepts the read is not narrowed.
        let options = first.options(&Limits::default());
        let report = sync::run(&options, &first.journal, &request(RunMode::Apply), &Watcher::none()).await;
        assert_eq!(report.outcome, Outcome::InSync, "{report:#?}");
        first.journal.close().await;
        first.sandbox.world().apply(&changes()).expect("changes that fit");
        let scenario = first.sandbox.world().describe();
        let mut template = Self {
            setup,
            scenario,
            state: files_in(state.path()),
            before: Default::default(),
            wanted: Default::default(),
        };
        let (_folder, undisturbed) = template.stage().await;
        template.before = undisturbed.rights();
        let report = undisturbed.sync(&Limits::default()).await;
        template.wanted = undisturbed.rights();
        assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
        let again = undisturbed.sync(&Limits::default()).await;
        assert_eq!((again.outcome, undisturbed.writes()), (Outcome::InSync, 0), "{again:#?}");
        template
    }

    /// A world and a state of its own for one cell.
    pub(super) async fn stage(&self) -> (TempDir, Stage) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in &self.state {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        }
        let sandbox = sandbox::start(self.scenario.clone()).await;
        let journal = open(&file_in(folder.path())).await;
        (folder, Stage { setup: self.setup, sandbox, journal })
    }
}

fn files_in(folder: &Path) -> Vec<(OsString, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable"));
    entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).expect("readable"))).collect()
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("state.db")
}

/// One running world, with its state.
pub(super) struct Stage {
    setup: Setup,
    pub(super) sandbox: Sandbox,
    pub(super) journal: campaign_group_sync::journal::Journal,
}

impl Stage {
    pub(super) fn rights(&self) -> [Rights; 2] {
        [PRODUCTION, STAGE].map(|instance| Rights::of(&self.sandbox, instance))
    }

    pub(super) fn options(&self, limits: &Limits) -> SyncOptions {
        let connection = self.sandbox.connection();
        let mut options = options(&connection);
        let read = if self.setup == Setup::Profiles { ReadChoice::Profiles } else { ReadChoice::Organization };
        let http = |http: HttpOptions| HttpOptions {
            read_timeout: limits.read_timeout.unwrap_or(http.read_timeout),
            call_timeout: limits.call_timeout.unwrap_or(http.call_timeout),
            max_body_bytes: limits.body_bytes.unwrap_or(http.max_body_bytes),
            ..http
        };
        let umapi = options.experience_cloud;
        // What a wrong answer would remove is to be stopped by its own guard, not by a limit.
        options.limits = domain::Limits { max_removals_percent: 60, max_group_removals_percent: 60, ..options.limits };
        options.experience_cloud = UmapiOptions { read, http: http(umapi.http.clone()), ..umapi };
        // One call at a time, so that a fault meets the same call in every run.
        options.experience_cloud.parallel_requests = NonZeroU32::MIN;
        for instance in &mut options.instances {
            instance.policy.missing_operator = MissingPolicy::Create;
            instance.policy.missing_group = MissingPolicy::Create;
            instance.policy.without_groups = WithoutGroups::Disable;
            instance.policy.protected_operators = vec![OperatorLogin::new("keeper@acme.com")];
            instance.campaign.http = http(instance.campaign.http.clone());
            if instance.policy.instance.as_str() == PRODUCTION {
                instance.campaign.page_rows = 8;
            }
        }
        options
    }

    pub(super) async fn sync(&self, limits: &Limits) -> RunReport {
        self.sync_with(&self.options(limits), &[]).await
    }

    /// A run that releases what is held under these digests.
    pub(super) async fn sync_with(&self, options: &SyncOptions, approve: &[String]) -> RunReport {
        self.sandbox.clear_requests();
        let approve = approve.iter().map(|digest| Digest::parse(digest).expect("a digest")).collect();
        let request = RunRequest { approve, ..self.setup.request() };
        sync::run(options, &self.journal, &request, &Watcher::none()).await
    }

    /// Write calls since the last run began.
    pub(super) fn writes(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.call == "write").count()
    }

    /// Forgets a pause that Adobe asked for, as an administrator does.
    pub(super) async fn forget_pause(&self) {
        let connection = self.sandbox.connection();
        let organization = OrganizationId::new(&connection.organization_id);
        let forgotten =
            self.journal.cancel_pause(&organization, &connection.client_id, &"eve".into(), chrono::Utc::now()).await;
        forgotten.expect("recorded");
    }
}
