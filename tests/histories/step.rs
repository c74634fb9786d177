//! The steps of a history, and how one is drawn that fits the present world.

use campaign_group_sync::sandbox::{
    Change, Effect, Fault, OrganizationChange, UmapiGroup, User, campaign::InstanceChange,
};

use super::{
    config::{Mask, Setting},
    random::Random,
    view::{INSTANCE, PREFIX, Person, View},
};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// People or profiles change in the Admin Console, or operators and groups in Campaign, by hand.
    World {
        /// The kind of the change, for the statistics.
        kind: &'static str,
        /// The changes; none of them happens where one is not possible.
        changes: Vec<Change>,
    },
    /// The configuration changes.
    Configure(Setting),
    /// A run.
    Run(RunKind),
    /// An approval is given: of the digest that was held so many digests ago, by a clock that is so many days ahead.
    Approve { back: usize, days_ahead: i64 },
    /// From now on calls are disturbed.
    Disturb(Fault),
    /// Nothing is disturbed any more.
    Calm,
    /// The state is garbage from now on.
    LoseState,
    /// The state is deleted.
    DeleteState,
    /// The program is started again.
    Restart,
}

/// The kinds of runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RunKind {
    Full,
    User(String),
    Group(String),
    Dry,
    /// A dry run, and right after it a real one.
    DryThenFull,
    /// Approves the digest that was held so many digests ago.
    Approving(usize),
    /// The process dies while it waits for the response to the call of this name, after so many of them.
    Killed {
        call: &'static str,
        skip: u32,
        /// Whether the call was carried out before.
        is_carried_out: bool,
    },
    /// Takes back the run that ended so many runs ago.
    Undo(usize),
}

impl Step {
    /// The kind, for the statistics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::World { kind, .. } => kind,
            Self::Configure(_) => "configuration changed",
            Self::Run(RunKind::Full) => "run",
            Self::Run(RunKind::User(_) | RunKind::Group(_)) => "run, narrowed",
            Self::Run(RunKind::Dry) => "dry run",
            Self::Run(RunKind::DryThenFull) => "dry run before a run",
            Self::Run(RunKind::Approving(0)) => "run that approves",
            Self::Run(RunKind::Approving(_)) => "run with a stale approval",
            Self::Run(RunKind::Killed { .. }) => "run, killed",
            Self::Run(RunKind::Undo(_)) => "undo",
            Self::Approve { days_ahead: 0, back: 0 } => "approval",
            Self::Approve { days_ahead: 0, .. } => "approval, stale",
            Self::Approve { .. } => "approval by a wrong clock",
            Self::Disturb(_) => "fault begins",
            Self::Calm => "faults end",
            Self::LoseState => "state lost",
            Self::DeleteState => "state deleted",
            Self::Restart => "restart",
        }
    }
}

pub(super) const PEOPLE: [&str; 9] = ["ann", "bob", "carla", "dev", "elena", "farid", "grace", "hugo", "ines"];
pub(super) const GROUPS: [&str; 5] = ["delivery", "content", "report", "workflow", "offers"];
const FOREIGN_GROUP: &str = "legacy";

pub(super) fn address(name: &str) -> String {
    format!("{name}@acme.com")
}

pub(super) fn profile(group: &str) -> String {
    format!("{PREFIX}{group}")
}

/// An account with the id that its number gives it.
pub(super) fn user(number: usize, login: &str, profiles: &[String]) -> User {
    let groups: Vec<&str> = profiles.iter().map(String::as_str).collect();
    User { id: Some(format!("A{number:05}@acme.com")), ..User::federated(login, &groups) }
}

/// A user who is about to lose a profile.
struct Leaver {
    /// The id of the account.
    user: String,
    login: String,
    /// The id of the profile.
    profile: u64,
}

/// Draws steps that fit the present world.
pub(super) struct Deck<'a> {
    pub(super) random: &'a mut Random,
    pub(super) view: &'a View,
    /// How many accounts and profiles there were so far: new ones get new ids.
    pub(super) fresh: &'a mut usize,
    pub(super) is_disturbed: bool,
}

impl Deck<'_> {
    /// The next step, or a few that belong together.
    pub(super) fn draw(&mut self) -> Vec<Step> {
        if self.random.percent(8)
            && let Some(steps) = self.doubt()
        {
            return steps;
        }
        vec![self.one()]
    }

    /// A run that settles what came before, a reason for doubt, and a run with something to remove that no limit holds.
    fn doubt(&mut self) -> Option<Vec<Step>> {
        let Leaver { user, login, profile } = self.leaver()?;
        let group = format!("id:{profile}");
        let on = self.random.percent(50);
        let doubt = match self.random.below(12) {
            0..=2 => Step::Configure(Setting::Mask(*self.random.pick(&Mask::EACH)?)),
            3 => Step::Configure(Setting::DirectOnly(on)),
            4 => Step::Configure(Setting::ManageAll(on)),
            5 => Step::Configure(Setting::Protect(login)),
            6 | 7 => {
                Step::Disturb(Fault::new("members", Effect::Change { changes: vec![Change::assign(&user, &group)] }))
            }
            _ => Step::Disturb(self.row_without_profiles()),
        };
        let change = OrganizationChange::Unassign { user, group };
        let leaves = Step::World { kind: "profile unassigned", changes: vec![change.into()] };
        Some(vec![Step::Run(RunKind::Full), doubt, leaves, Step::Run(RunKind::Full)])
    }

    /// Someone who can lose a profile while its group keeps other members.
    fn leaver(&mut self) -> Option<Leaver> {
        let mut leavers = Vec::new();
        for (id, name) in &self.view.profiles {
            let Some(group) = name.strip_prefix(PREFIX).filter(|group| self.view.members_of(group).len() >= 3) else {
                continue;
            };
            let is_member = |person: &&Person| self.view.members.contains(&(person.login.clone(), group.to_owned()));
            let people = self.view.people.iter().filter(|person| person.is_active && person.direct.contains(id));
            leavers.extend(people.filter(is_member).map(|person| (person, *id)));
        }
        let (person, profile) = *self.random.pick(&leavers)?;
        Some(Leaver { user: person.id.clone(), login: person.login.clone(), profile })
    }

    fn one(&mut self) -> Step {
        loop {
            let step = match self.random.below(100) {
                0..=26 => self.people(),
                27..=35 => self.profiles(),
                36..=44 => self.hands(),
                45..=49 => Some(Step::Configure(self.setting())),
                50..=68 => Some(Step::Run(RunKind::Full)),
                69..=71 => self.narrowed(),
                72..=73 => Some(Step::Run(RunKind::Dry)),
                74..=76 => Some(Step::Run(RunKind::DryThenFull)),
                77..=80 => Some(Step::Run(self.killed())),
                81..=82 => Some(Step::Run(RunKind::Undo(self.random.below(3)))),
                83..=86 => Some(Step::Run(RunKind::Approving(self.random.below(4).saturating_sub(2)))),
                87..=89 => Some(self.approval()),
                90..=96 if self.is_disturbed => Some(Step::Calm),
                90..=96 => Some(Step::Disturb(self.fault())),
                97 => Some(Step::Restart),
                98 => Some(Step::LoseState),
                _ => self.random.percent(30).then_some(Step::DeleteState),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn number(&mut self) -> usize {
        *self.fresh += 1;
        *self.fresh
    }

    fn person(&mut self) -> Option<Person> {
        self.random.pick(&self.view.people).cloned()
    }

    fn operator(&mut self) -> Option<String> {
        let operators: Vec<String> = self.view.operators.keys().filter(|login| login.contains('@')).cloned().collect();
        self.random.pick(&operators).cloned()
    }

    fn group(&mut self) -> Option<String> {
        let groups: Vec<String> = self.view.groups.iter().cloned().collect();
        self.random.pick(&groups).cloned()
    }

    /// The id and the name of one of the organization's product profiles.
    fn profile(&mut self) -> Option<(u64, String)> {
        let profiles: Vec<(u64, String)> = self.view.profiles.iter().map(|(id, name)| (*id, name.clone())).collect();
        self.random.pick(&profiles).cloned()
    }

    fn login(&mut self) -> String {
        let name = self.random.pick(&PEOPLE).expect("people");
        if self.random.percent(25) { address(&format!("{name}.new")) } else { address(name) }
    }

    fn some_profiles(&mut self) -> Vec<String> {
        let names: Vec<String> = self.view.profiles.values().cloned().collect();
        names.into_iter().filter(|_| self.random.percent(35)).collect()
    }

    fn people(&mut self) -> Option<Step> {
        let changes = |kind, changes: Vec<OrganizationChange>| {
            Some(Step::World { kind, changes: changes.into_iter().map(Change::from).collect() })
        };
        let (number, login) = (self.number(), self.login());
        let profiles = self.some_profiles();
        let add = |user| OrganizationChange::AddUser { user: Box::new(user) };
        let person = self.person()?;
        let id = person.id.clone();
        match self.random.below(20) {
            0..=5 => {
                let (to, _) = self.profile()?;
                changes("profile assigned", vec![OrganizationChange::Assign { user: id, group: format!("id:{to}") }])
            }
            6..=11 => {
                let direct: Vec<u64> = person.direct.iter().copied().collect();
                let group = format!("id:{}", self.random.pick(&direct)?);
                changes("profile unassigned", vec![OrganizationChange::Unassign { user: id, group }])
            }
            12 | 13 => changes("user joins", vec![add(user(number, &login, &profiles))]),
            14 | 15 => changes("user leaves", vec![OrganizationChange::RemoveUser { user: id }]),
            16 => changes("user renamed", vec![OrganizationChange::RenameUser { user: id, to: login }]),
            17 => {
                let heir = user(number, &person.login, &profiles);
                let to = address(&format!("{}.former{number}", person.login.split('@').next().unwrap_or_default()));
                let rename = OrganizationChange::RenameUser { user: id, to };
                changes("address passed on", vec![rename, add(heir)])
            }
            18 => {
                let named: Vec<String> = person.direct.iter().map(|id| format!("id:{id}")).collect();
                let user = user(number, &person.login, &named);
                let (user, remove) =
                    (User { id: Some(person.id), ..user }, OrganizationChange::RemoveUser { user: id });
                let status = if person.is_active { "disabled" } else { "active" };
                let again = add(User { status: Some(status.to_owned()), ..user });
                changes(if person.is_active { "user disabled" } else { "user enabled" }, vec![remove, again])
            }
            _ => {
                let double = User { kind: Some("adobeID".to_owned()), ..user(number, &person.login, &profiles) };
                changes("user doubled", vec![add(double)])
            }
        }
    }

    fn profiles(&mut self) -> Option<Step> {
        let world = |kind, changes: Vec<OrganizationChange>| {
            Some(Step::World { kind, changes: changes.into_iter().map(Change::from).collect() })
        };
        let id = u64::try_from(70_000 + self.number()).expect("small");
        let (one, name) = self.profile()?;
        let by_id = |id: u64| format!("id:{id}");
        let rename = |id: u64, to: &str| OrganizationChange::RenameGroup { group: by_id(id), to: to.to_owned() };
        let members: Vec<Person> =
            self.view.people.iter().filter(|person| person.direct.contains(&one)).cloned().collect();
        match self.random.below(10) {
            0 | 1 => {
                let group = *self.random.pick(&GROUPS)?;
                let mut changes =
                    vec![OrganizationChange::AddGroup { group: Box::new(UmapiGroup::profile(id, &profile(group))) }];
                for person in self.view.people.clone() {
                    if self.random.percent(40) {
                        changes.push(OrganizationChange::Assign { user: person.id, group: by_id(id) });
                    }
                }
                world("profile appears", changes)
            }
            2 | 3 => world("profile vanishes", vec![OrganizationChange::RemoveGroup { group: by_id(one) }]),
            4 | 5 => {
                let group = if self.random.percent(60) { *self.random.pick(&GROUPS)? } else { "campaigns" };
                world("profile renamed", vec![rename(one, &profile(group))])
            }
            6 | 7 => {
                let (other, to) = self.profile().filter(|(other, _)| *other != one)?;
                let changes = vec![rename(one, "Campaign - spare"), rename(other, &name), rename(one, &to)];
                world("profiles exchange their names", changes)
            }
            _ => {
                let mut changes = vec![
                    OrganizationChange::RemoveGroup { group: by_id(one) },
                    OrganizationChange::AddGroup { group: Box::new(UmapiGroup::profile(id, &name)) },
                ];
                for person in members {
                    if self.random.percent(60) {
                        changes.push(OrganizationChange::Assign { user: person.id, group: by_id(id) });
                    }
                }
                world("profile made again", changes)
            }
        }
    }

    fn hands(&mut self) -> Option<Step> {
        let world = |kind, changes: Vec<InstanceChange>| {
            let changes = changes.into_iter().map(|change| Change::instance(INSTANCE, change)).collect();
            Some(Step::World { kind, changes })
        };
        let (login, group) = (self.operator()?, self.group()?);
        let ims = self.random.percent(85).then(|| "ims".to_owned()).or_else(|| Some(String::new()));
        let add = |login: String, disabled: bool| InstanceChange::AddOperator {
            login,
            label: None,
            email: None,
            authentication: ims.clone(),
            disabled,
        };
        match self.random.below(16) {
            0..=3 => world("membership added by hand", vec![InstanceChange::Join { login, group }]),
            4..=6 => world("membership removed by hand", vec![InstanceChange::Leave { login, group }]),
            7 | 8 => world("operator added by hand", vec![add(self.login(), false)]),
            9 => world("operator removed by hand", vec![InstanceChange::RemoveOperator { login }]),
            10 => {
                let groups = self.view.members.iter().filter(|(of, _)| *of == login).map(|(_, group)| group.clone());
                let again = groups.map(|group| InstanceChange::Join { login: login.clone(), group });
                let mut changes =
                    vec![InstanceChange::RemoveOperator { login: login.clone() }, add(login.clone(), true)];
                changes.extend(again.collect::<Vec<_>>());
                world("operator disabled by hand", changes)
            }
            11 | 12 => {
                let name = (*self.random.pick(&GROUPS)?).to_owned();
                world("group added by hand", vec![InstanceChange::AddOperatorGroup { name, label: None }])
            }
            13 => world("group removed by hand", vec![InstanceChange::RemoveOperatorGroup { name: group }]),
            14 => {
                let new_name = (*self.random.pick(&GROUPS)?).to_owned();
                world("group renamed by hand", vec![InstanceChange::RenameOperatorGroup { name: group, new_name }])
            }
            _ => {
                let name = group.clone();
                let changes = vec![
                    InstanceChange::RemoveOperatorGroup { name: group },
                    InstanceChange::AddOperatorGroup { name: name.clone(), label: None },
                    InstanceChange::Join { login, group: name },
                ];
                world("group made again by hand", changes)
            }
        }
    }

    fn setting(&mut self) -> Setting {
        let on = self.random.percent(50);
        match self.random.below(15) {
            0 => Setting::MaxRemovals(self.random.below(6)),
            1 => Setting::RemovalsPercent(if on { 100 } else { 20 }),
            2 => Setting::GroupPercent(if on { 100 } else { 34 }),
            3 => Setting::ShrinkPercent(if on { 100 } else { 20 }),
            4 => Setting::MaxNewOperators(self.random.below(4)),
            5 | 6 => Setting::Mask(*self.random.pick(&Mask::EACH).expect("masks")),
            7 => Setting::DirectOnly(on),
            8 => Setting::ManageAll(on),
            9 => Setting::EmptyOrphans(on),
            10 => Setting::CreateOperators(on),
            11 => Setting::CreateGroups(on),
            12 => Setting::DisableWithoutGroups(on),
            13 => Setting::Protect(self.login()),
            _ if on => Setting::ReadProfiles(self.random.percent(70)),
            _ => Setting::ConfirmRemovals(self.random.percent(50)),
        }
    }

    fn narrowed(&mut self) -> Option<Step> {
        Some(Step::Run(if self.random.percent(50) {
            RunKind::User(self.person()?.login)
        } else {
            RunKind::Group(self.group()?)
        }))
    }

    fn killed(&mut self) -> RunKind {
        let call =
            *self.random.pick(&["users", "groups", "members", "query", "write", "write", "write"]).expect("calls");
        let skip = u32::try_from(self.random.below(if call == "query" { 9 } else { 3 })).expect("small");
        RunKind::Killed { call, skip, is_carried_out: self.random.percent(50) }
    }

    fn approval(&mut self) -> Step {
        let days_ahead = if self.random.percent(70) { 0 } else { *self.random.pick(&[-2, 3, 3_285]).expect("days") };
        Step::Approve { back: self.random.below(4).saturating_sub(2), days_ahead }
    }

    fn fault(&mut self) -> Fault {
        if self.random.percent(12)
            && let Some(change) = self.second_thought()
        {
            return Fault::new("members", Effect::Change { changes: vec![change] });
        }
        if self.random.percent(25) {
            return self.row_without_profiles();
        }
        let (call, effect) = self.effect();
        let fault = Fault::new(call, effect);
        let fault = match call {
            "users" | "groups" if self.random.percent(50) => {
                fault.page(u64::try_from(self.random.below(3)).expect("small"))
            }
            _ => fault.skip(u32::try_from(self.random.below(3)).expect("small")),
        };
        // A wrong name that every read shows is the name, and a user that no read ever showed is not listed.
        let is_missing = matches!(fault.effect, Effect::OmitEntry { .. } | Effect::MissingUsers { .. });
        let may_last = !(matches!(fault.effect, Effect::ReplaceText { .. }) || is_missing && call == "members");
        if may_last && self.random.percent(40) { fault.forever() } else { fault }
    }

    /// Gives a user a profile whose group the operator is in, before a second read.
    fn second_thought(&mut self) -> Option<Change> {
        let lacks = |person: &&Person, id: u64| !person.effective.contains(&id);
        let is_member = |person: &&Person, name: &str| {
            let group = name.strip_prefix(PREFIX).unwrap_or_default().to_owned();
            self.view.members.contains(&(person.login.clone(), group))
        };
        let mut leavers = Vec::new();
        for (id, name) in &self.view.profiles {
            let people = self.view.people.iter().filter(|person| person.is_active && lacks(person, *id));
            leavers.extend(people.filter(|person| is_member(person, name)).map(|person| (person.id.clone(), *id)));
        }
        let (user, id) = self.random.pick(&leavers)?;
        Some(Change::assign(user, &format!("id:{id}")))
    }

    /// One user of one page seems to have no profile, once: what the second read of a profile contradicts.
    fn row_without_profiles(&mut self) -> Fault {
        let pointer = format!("/users/{}/groups", self.random.below(4));
        let page = u64::try_from(self.random.below(3)).expect("small");
        Fault::new("users", Effect::set_value(&pointer, serde_json::json!([]))).page(page)
    }

    /// A call and what happens to it. No response says something wrong that no other response contradicts.
    fn effect(&mut self) -> (&'static str, Effect) {
        let wire = [
            Effect::status(500),
            Effect::status(503),
            Effect::status(404),
            Effect::status(403),
            Effect::Html,
            Effect::Reset,
            Effect::LoseAnswer,
            Effect::Truncate { bytes: None },
            Effect::CutOff { after: None },
            Effect::ResetReused,
            Effect::ExpireTokens,
        ];
        let listing = [
            Effect::EmptyPage,
            Effect::LastPage { value: true },
            Effect::LastPage { value: false },
            Effect::RepeatPage { page: 0 },
            Effect::MissingUsers { count: 1 },
            Effect::drop_headers(&["x-total-count", "x-page-count"]),
            Effect::omit_key("/users"),
            Effect::set_value("/users", serde_json::json!([])),
        ];
        let write = [
            Effect::LoseAnswer,
            Effect::IgnoreWrite,
            Effect::PartialWrite { rows: 1, fault: true },
            Effect::PartialWrite { rows: 1, fault: false },
            Effect::soap_fault("SOP-330011", "The access is denied"),
            Effect::soap_fault("WDB-200001", "deadlock detected"),
        ];
        let person = self.person().map_or_else(|| address("ann"), |person| person.login);
        match self.random.below(20) {
            0..=4 => {
                let call = ["token", "users", "groups", "members", "user", "query", "write", "any"];
                (*self.random.pick(&call).expect("calls"), self.random.pick(&wire).expect("effects").clone())
            }
            5..=9 => {
                let call = *self.random.pick(&["users", "users", "members"]).expect("calls");
                (call, self.random.pick(&listing).expect("effects").clone())
            }
            10 | 11 => {
                let call = *self.random.pick(&["users", "members", "query"]).expect("calls");
                (call, Effect::OmitEntry { containing: person })
            }
            12 => ("groups", Effect::set_value("/groups", serde_json::json!([]))),
            13 => ("query", Effect::replace_text("ann@acme.com", "bob@acme.com")),
            14 => ("query", Effect::replace_text("bob@acme.com", "bob@acme.co")),
            _ => ("write", self.random.pick(&write).expect("effects").clone()),
        }
    }
}

/// The first world of a history.
pub(super) fn first_changes(random: &mut Random) -> (Vec<UmapiGroup>, Vec<User>) {
    let count = 2 + random.below(3);
    let mut groups: Vec<UmapiGroup> = GROUPS
        .iter()
        .take(count)
        .zip(61_001_u64..)
        .map(|(group, id)| UmapiGroup::profile(id, &profile(group)))
        .collect();
    let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    let given: Vec<&str> = names.iter().take(1).map(String::as_str).collect();
    groups.push(UmapiGroup::profile(62_001, "Analytics - all reports"));
    groups.push(UmapiGroup::user_group(63_001, "Marketing", &given));
    let people = 5 + random.below(5);
    let users = (0..people).map(|number| {
        let name = address(PEOPLE.get(number).expect("enough names"));
        let mut profiles: Vec<String> = names.iter().filter(|_| random.percent(50)).cloned().collect();
        if random.percent(20) {
            profiles.push("Marketing".to_owned());
        }
        if random.percent(20) {
            profiles.push("Analytics - all reports".to_owned());
        }
        user(number + 1, &name, &profiles)
    });
    let users = users.collect();
    (groups, users)
}

/// The groups of Campaign that every history begins with.
pub(super) fn first_groups() -> Vec<&'static str> {
    [&GROUPS[..], &[FOREIGN_GROUP, "admin"]].concat()
}
