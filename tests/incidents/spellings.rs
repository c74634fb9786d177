//! One name in two spellings, and two names that look alike: a likeness gives no operator a group and
//! takes none away.

use campaign_group_sync::{
    domain::{ChangeOutcome, FoldedName, InstanceReport, Limits, MissingPolicy, Outcome, RunReport, SkipReason},
    sandbox::{
        Scenario, UmapiGroup, User,
        campaign::{Operator, OperatorGroup},
    },
};

use super::harness::Harness;

/// What two spellings are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// One name: rights may be given.
    Same,
    /// In doubt: nothing is given, nothing is taken.
    Alike,
    /// Two names: rights may be taken.
    Different,
}

use Likeness::{Alike, Different, Same};

/// What users and operators are called; `{n}` keeps the pairs apart.
const LOGINS: [(&str, &str, Likeness); 46] = [
    ("ann.{n}@acme.com", "ANN.{n}@Acme.COM", Same),
    ("ann+news.{n}@acme.com", "ann.{n}@acme.com", Different),
    ("a.nn.{n}@acme.com", "ann.{n}@acme.com", Different),
    ("jose.{n}@acme.com", "jos\u{e9}.{n}@acme.com", Different),
    ("jos\u{e9}.{n}@acme.com", "jose\u{301}.{n}@acme.com", Same),
    ("JOSE\u{301}.{n}@acme.com", "jos\u{e9}.{n}@acme.com", Same),
    ("\u{439}.{n}@acme.com", "\u{418}\u{306}.{n}@acme.com", Same),
    ("\u{d55c}.{n}@acme.com", "\u{1112}\u{1161}\u{11ab}.{n}@acme.com", Same),
    ("nguy\u{1ec5}n.{n}@acme.com", "NGUYE\u{302}\u{303}N.{n}@acme.com", Same),
    ("karl.{n}@acme.com", "\u{212a}arl.{n}@acme.com", Alike),
    ("\u{212a}arl.{n}@acme.com", "karl.{n}@acme.com", Alike),
    ("\u{c5}sa.{n}@acme.com", "\u{212b}sa.{n}@acme.com", Alike),
    ("A\u{30a}sa.{n}@acme.com", "\u{e5}sa.{n}@acme.com", Same),
    ("\u{3c9}.{n}@acme.com", "\u{2126}.{n}@acme.com", Alike),
    ("\u{3ac}.{n}@acme.com", "\u{1f71}.{n}@acme.com", Alike),
    ("strau\u{df}.{n}@acme.com", "strauss.{n}@acme.com", Alike),
    ("strau\u{df}.{n}@acme.com", "STRAUSS.{n}@acme.com", Alike),
    ("strau\u{df}.{n}@acme.com", "STRAU\u{1e9e}.{n}@acme.com", Same),
    ("\u{3c3}\u{3bf}\u{3c6}\u{3cc}\u{3c2}.{n}@acme.com", "\u{3a3}\u{39f}\u{3a6}\u{38c}\u{3a3}.{n}@acme.com", Same),
    ("\u{130}nci.{n}@acme.com", "i\u{307}nci.{n}@acme.com", Alike),
    ("\u{130}nci.{n}@acme.com", "inci.{n}@acme.com", Different),
    ("\u{131}lker.{n}@acme.com", "ilker.{n}@acme.com", Alike),
    ("\u{1c5}ak.{n}@acme.com", "\u{1c6}ak.{n}@acme.com", Same),
    ("d\u{17e}ak.{n}@acme.com", "\u{1c6}ak.{n}@acme.com", Alike),
    ("\u{ff42}\u{ff4f}\u{ff42}.{n}@acme.com", "bob.{n}@acme.com", Alike),
    ("ann.{n}@acme.com\u{200b}", "ann.{n}@acme.com", Alike),
    ("ann.{n}@acme.com", "\u{200b}ann.{n}@acme.com", Alike),
    ("ann.{n}@acme.com", "ann.{n}@acme.com\u{200e}", Alike),
    ("\u{200f}ann.{n}@acme.com", "ann.{n}@acme.com", Alike),
    ("\u{feff}ann.{n}@acme.com", "ann.{n}@acme.com", Alike),
    ("ann.{n}@acme.com", "ann.{n}@acme.com\u{feff}", Alike),
    ("an\u{ad}n.{n}@acme.com", "ann.{n}@acme.com", Alike),
    ("ann.{n}@ac\u{ad}me.com", "ann.{n}@acme.com", Alike),
    ("ann\u{200d}.{n}@acme.com", "ann.{n}@acme.com", Alike),
    ("\u{202e}ann.{n}@acme.com", "ann.{n}@acme.com", Alike),
    ("ann.{n}@b\u{fc}cher.de", "ann.{n}@xn--bcher-kva.de", Same),
    ("ann.{n}@xn--bcher-kva.de", "ANN.{n}@BU\u{308}CHER.DE", Same),
    ("ann.{n}@stra\u{df}e.de", "ann.{n}@strasse.de", Alike),
    ("ann.{n}@acme.com", "ann.{n}@\u{ff41}cme.com", Alike),
    ("ann.{n}@acme.com.", "ann.{n}@acme.com", Alike),
    ("ann.{n}@\u{430}cme.com", "ann.{n}@acme.com", Alike),
    ("\u{430}nn.{n}@acme.com", "ann.{n}@acme.com", Alike),
    ("rnax.{n}@acme.com", "max.{n}@acme.com", Alike),
    ("user1.{n}@acme.com", "userl.{n}@acme.com", Alike),
    ("user0.{n}@acme.com", "usero.{n}@acme.com", Different),
    ("ann.{n}@acme.com", "ann.{n}@acme.org", Different),
];

/// What profiles capture and operator groups are called.
const GROUPS: [(&str, &str, Likeness); 12] = [
    ("delivery.{n}", "Delivery.{n}", Same),
    ("gr\u{f6}\u{df}e.{n}", "GRO\u{308}\u{1e9e}E.{n}", Same),
    ("gr\u{f6}\u{df}e.{n}", "gr\u{f6}sse.{n}", Alike),
    ("wor\u{212a}flow.{n}", "workflow.{n}", Alike),
    ("\u{2126}.{n}", "\u{3a9}.{n}", Alike),
    ("delivery\u{200b}.{n}", "delivery.{n}", Alike),
    ("del\u{ad}ivery.{n}", "delivery.{n}", Alike),
    ("\u{434}elivery.{n}", "delivery.{n}", Different),
    ("d\u{435}livery.{n}", "delivery.{n}", Alike),
    ("modern.{n}", "rnodern.{n}", Alike),
    ("team0.{n}", "teamo.{n}", Different),
    ("report.{n}", "reports.{n}", Different),
];

/// One pair of names of a world.
struct Pair {
    left: String,
    right: String,
    likeness: Likeness,
}

fn pairs(table: &[(&str, &str, Likeness)]) -> Vec<Pair> {
    let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).expect("a letter"));
    let pair = |(at, (left, right, likeness)): (usize, &(&str, &str, Likeness))| {
        let number = format!("{}{}", letter(at / 26), letter(at));
        let name = |template: &str| template.replace("{n}", &number);
        Pair { left: name(left), right: name(right), likeness: *likeness }
    };
    table.iter().enumerate().map(pair).collect()
}

#[test]
fn incident_27_each_pair_of_names_has_two_verdicts() {
    for Pair { left, right, likeness } in pairs(&LOGINS).into_iter().chain(pairs(&GROUPS)) {
        let (left_key, right_key) = (FoldedName::new(&left), FoldedName::new(&right));
        let found = match (left_key == right_key, left_key.loose() == right_key.loose()) {
            (true, true) => Same,
            (false, true) => Alike,
            (false, false) => Different,
            (true, false) => panic!("one name that does not look like itself: {left} and {right}"),
        };
        assert_eq!(found, likeness, "{left} ({}) and {right} ({})", left.escape_unicode(), right.escape_unicode());
    }
}

/// The first day without its users and groups; `groups` are profiles and operator groups.
fn empty_world(groups: &[&str]) -> Scenario {
    let mut scenario = Scenario::named("first_day").expect("a built-in scenario");
    scenario.organization.users.clear();
    scenario.organization.groups.clear();
    let instance = scenario.campaign.get_mut("production").expect("an instance");
    instance.groups.clear();
    instance.memberships.clear();
    instance.named_rights.retain(|(owner, _)| instance.operators.iter().any(|operator| operator.name == *owner));
    for group in groups {
        add_profile(&mut scenario, group);
        add_group(&mut scenario, group);
    }
    scenario
}

fn add_profile(scenario: &mut Scenario, group: &str) {
    let number = 70_000 + u64::try_from(scenario.organization.groups.len()).expect("few groups");
    scenario.organization.groups.push(UmapiGroup::profile(number, &profile(group)));
}

fn profile(group: &str) -> String {
    format!("Campaign - acme - {group}")
}

fn add_user(scenario: &mut Scenario, email: &str, groups: &[&str]) {
    let groups: Vec<String> = groups.iter().map(|group| profile(group)).collect();
    let mut user = User::federated(email, &groups.iter().map(String::as_str).collect::<Vec<_>>());
    user.id = Some(format!("{}@users", scenario.organization.users.len()));
    scenario.organization.users.push(user);
}

fn add_group(scenario: &mut Scenario, name: &str) {
    let group = OperatorGroup { name: name.to_owned(), ..OperatorGroup::default() };
    scenario.campaign.get_mut("production").expect("an instance").groups.push(group);
}

fn add_operator(scenario: &mut Scenario, login: &str, groups: &[&str]) {
    let instance = scenario.campaign.get_mut("production").expect("an instance");
    let (name, authentication) = (login.to_owned(), "ims".to_owned());
    instance.operators.push(Operator { name, authentication, ..Operator::default() });
    instance.memberships.extend(groups.iter().map(|group| (login.to_owned(), (*group).to_owned())));
}

async fn harness(scenario: Scenario) -> Harness {
    let mut harness = Harness::with(scenario).await;
    harness.options.limits = Limits {
        max_removals: 1_000,
        max_removals_percent: 100,
        max_group_removals_percent: 100,
        max_new_operators: 1_000,
        max_new_groups: 1_000,
        max_source_shrink_percent: 100,
    };
    harness
}

fn only(report: &RunReport) -> &InstanceReport {
    let [instance] = report.instances.as_slice() else { panic!("not one instance: {report:#?}") };
    instance
}

/// What became of the change of this kind of this operator, or of this group.
fn outcome(instance: &InstanceReport, op: &str, name: &str, group: &str) -> Option<ChangeOutcome> {
    let found = instance.changes.iter().find(|change| {
        let operator = change.operator.as_deref();
        let is_named = operator.map_or(change.group.as_deref() == Some(name), |operator| operator == name);
        let is_there = group.is_empty() || change.group.as_deref() == Some(group);
        change.op.as_str() == op && is_named && is_there
    });
    found.map(|change| change.outcome)
}

/// The details of what was skipped for this reason under this name.
fn skipped<'r>(instance: &'r InstanceReport, reason: SkipReason, subject: &str) -> Vec<&'r str> {
    let skipped = instance.skipped.iter().filter(|skipped| skipped.reason == reason && skipped.subject == subject);
    skipped.map(|skipped| skipped.detail.as_str()).collect()
}

/// The name with all characters escaped that are not ASCII.
fn escaped(name: &str) -> String {
    let escape = |c: char| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() };
    name.chars().map(escape).collect()
}

#[tokio::test]
async fn incident_27_a_likeness_of_logins_gives_nothing_and_takes_nothing() {
    let pairs = pairs(&LOGINS);
    let mut world = empty_world(&["delivery", "content"]);
    for pair in &pairs {
        add_user(&mut world, &pair.left, &["delivery", "content"]);
        add_operator(&mut world, &pair.right, &["delivery"]);
    }
    let harness = harness(world).await;
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    let instance = only(&report);
    for Pair { left, right, likeness } in &pairs {
        let what = format!("{} and {}: {report:#?}", escaped(left), escaped(right));
        let expected = match likeness {
            Same => (None, Some(ChangeOutcome::Applied)),
            Alike => (Some(ChangeOutcome::Held), None),
            Different => (Some(ChangeOutcome::Applied), None),
        };
        let found = (outcome(instance, "remove", right, "delivery"), outcome(instance, "add", right, "content"));
        assert_eq!(found, expected, "{what}");
        for subject in [left, right] {
            let details = skipped(instance, SkipReason::AmbiguousIdentity, subject);
            assert_eq!(!details.is_empty(), *likeness == Alike, "{what}");
            assert!(details.iter().all(|d| d.contains(&escaped(left)) && d.contains(&escaped(right))), "{details:?}");
        }
    }
    // An approval releases what looked alike and nothing else; the second read does not doubt it again.
    let report = harness.sync_approving(instance.held.as_deref().expect("something is held")).await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    for Pair { right, .. } in pairs.iter().filter(|pair| pair.likeness == Alike) {
        let found = outcome(only(&report), "remove", right, "delivery");
        assert_eq!(found, Some(ChangeOutcome::Applied), "{}: {report:#?}", escaped(right));
    }
}

#[tokio::test]
async fn incident_27_nobody_gets_an_operator_whose_login_looks_like_one_that_is_there() {
    let pairs = pairs(&LOGINS);
    let mut world = empty_world(&["delivery"]);
    for pair in &pairs {
        add_user(&mut world, &pair.left, &["delivery"]);
        add_operator(&mut world, &pair.right, &[]);
    }
    // Two users whose addresses look alike: one has an operator, the other one is to get hers.
    add_user(&mut world, "emma@acme.com", &["delivery"]);
    add_operator(&mut world, "emma@acme.com", &["delivery"]);
    add_user(&mut world, "ernrna@acme.com", &["delivery"]);
    let mut harness = harness(world).await;
    for instance in &mut harness.options.instances {
        instance.policy.missing_operator = MissingPolicy::Create;
    }
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    let instance = only(&report);
    for Pair { left, likeness, .. } in &pairs {
        let created = outcome(instance, "create_operator", left, "");
        let expected = (*likeness == Different).then_some(ChangeOutcome::Applied);
        assert_eq!(created, expected, "{}: {report:#?}", escaped(left));
    }
    let created = outcome(instance, "create_operator", "ernrna@acme.com", "");
    assert_eq!(created, Some(ChangeOutcome::Applied), "{report:#?}");
}

#[tokio::test]
async fn incident_27_a_group_that_looks_like_one_that_is_there_is_neither_created_nor_touched() {
    let pairs = pairs(&GROUPS);
    let mut world = empty_world(&["content"]);
    add_user(&mut world, "ada@acme.com", &["content"]);
    add_operator(&mut world, "ada@acme.com", &["content"]);
    add_operator(&mut world, "ben@acme.com", &[]);
    for Pair { left, right, .. } in &pairs {
        add_profile(&mut world, left);
        add_group(&mut world, right);
        world.organization.users.iter_mut().for_each(|user| user.groups.push(profile(left)));
        let instance = world.campaign.get_mut("production").expect("an instance");
        instance.memberships.push(("ben@acme.com".to_owned(), right.clone()));
    }
    let mut harness = harness(world).await;
    for instance in &mut harness.options.instances {
        instance.policy.missing_group = MissingPolicy::Create;
    }
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    let instance = only(&report);
    for Pair { left, right, likeness } in &pairs {
        let what = format!("{} and {}: {report:#?}", escaped(left), escaped(right));
        let made = Some(ChangeOutcome::Applied);
        let expected = match likeness {
            Same => (None, made, made),
            Alike => (None, None, None),
            Different => (made, None, None),
        };
        let found = (
            outcome(instance, "create_group", left, ""),
            outcome(instance, "add", "ada@acme.com", right),
            outcome(instance, "remove", "ben@acme.com", right),
        );
        assert_eq!(found, expected, "{what}");
        let details = skipped(instance, SkipReason::AmbiguousGroup, left);
        assert_eq!(!details.is_empty(), *likeness == Alike, "{what}");
        assert!(details.iter().all(|d| d.contains(&escaped(left)) && d.contains(&escaped(right))), "{details:?}");
    }
}

#[tokio::test]
async fn incident_27_two_profiles_whose_groups_look_alike_are_both_refused() {
    let pairs = pairs(&GROUPS);
    let mut world = empty_world(&["content"]);
    add_user(&mut world, "ada@acme.com", &["content"]);
    add_operator(&mut world, "ada@acme.com", &["content"]);
    for Pair { left, right, .. } in &pairs {
        add_profile(&mut world, left);
        add_profile(&mut world, right);
        add_group(&mut world, right);
    }
    let harness = harness(world).await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Partial, 0), "{report:#?}");
    let instance = only(&report);
    for Pair { left, right, likeness } in &pairs {
        let refused = [left, right].into_iter().flat_map(|name| skipped(instance, SkipReason::AmbiguousProfile, name));
        assert_eq!(
            refused.count(),
            usize::from(*likeness != Different),
            "{} and {}: {report:#?}",
            escaped(left),
            escaped(right)
        );
    }
}
