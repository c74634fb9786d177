//! A review with something in every part, for the tests of its formats.

use chrono::{DateTime, Utc};

use crate::domain::{
    AccessReview, Approver, FoldedName, GrantRecord, GroupRecord, InstanceMode, InstanceReport, MatchedProfile,
    MemberRecord, OperatorsRecord, Orphan, Outcome, PeriodRecord, ReadRecord, ReviewNote, ReviewRecord, SinceOrigin,
    SkipReason, Skipped, SystemUser,
};

const APPROVER: &str = "root (uid 0, signed in as carol, uid 1004)";

/// A time, this many days after 2025-01-03.
fn day(days: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_735_894_800 + days * 86_400, 0).expect("a time")
}

fn by_run(profile: &str, approved_by: Option<&str>) -> GrantRecord {
    GrantRecord {
        run: Some("01KB0000000000000000000003".to_owned()),
        profile: Some(profile.to_owned()),
        approved_by: approved_by.map(str::to_owned),
    }
}

fn member(login: &str, since: i64, granted: GrantRecord) -> MemberRecord {
    MemberRecord { folded: FoldedName::new(login), login: login.to_owned(), since: day(since), granted }
}

fn group(name: &str, members: Vec<MemberRecord>) -> GroupRecord {
    let profile = format!("Campaign - acme - {name}");
    GroupRecord { folded: FoldedName::new(name), group: name.to_owned(), profile, since: day(0), members }
}

fn period(login: &str, days: (i64, Option<i64>), granted: GrantRecord, ended: GrantRecord) -> PeriodRecord {
    PeriodRecord {
        group: "delivery".to_owned(),
        login: login.to_owned(),
        since: day(days.0),
        until: days.1.map(day),
        is_first_sight: false,
        ended_with_group: false,
        granted,
        ended,
    }
}

fn read() -> ReadRecord {
    let kept = Skipped {
        group: Some("delivery".to_owned()),
        ..Skipped::new(SkipReason::NotManaged, "night.batch", "does not sign in through Adobe: left alone")
    };
    let doubt = Skipped::new(SkipReason::AmbiguousIdentity, "zoë@acme.com", "matches two operators");
    let unused =
        MatchedProfile { profile: "Campaign - acme - offers".to_owned(), group: "offers".to_owned(), members: 0 };
    let orphan = Orphan { group: "legacy".to_owned(), profile: "Campaign - acme - legacy".to_owned(), members: 1 };
    let report = InstanceReport {
        skipped: vec![kept, doubt],
        matched_profiles: vec![unused],
        orphaned: vec![orphan],
        ..InstanceReport::failed("production", InstanceMode::Apply, Outcome::Partial, String::new())
    };
    ReadRecord { run: "01KB0000000000000000000009".to_owned(), at: day(600), report, removals: Vec::new() }
}

/// What is recorded about the instance `production`.
fn recorded() -> ReviewRecord {
    let carol = Approver::claimed("carol").as_user(Some(SystemUser { uid: 1004, name: Some("carol".to_owned()) }));
    let profile = "Campaign - acme - delivery";
    let delivery = vec![
        member("ann@acme.com", 0, GrantRecord::default()),
        member("dev|=cmd()@acme.com", 540, by_run(profile, Some(APPROVER))),
        member("eve\u{202e}<script>@acme.com", 510, GrantRecord::default()),
        member("night.batch", 0, GrantRecord::default()),
        member("the.operator.with.the.longest.login@subsidiary.acme.com", 100, by_run("Campaign - acme - old", None)),
    ];
    ReviewRecord {
        instance: "production".to_owned(),
        since: Some(day(500)),
        since_origin: SinceOrigin::LastReview,
        last_review: Some(ReviewNote::new(&"0".repeat(64), &carol, day(500))),
        groups: vec![
            group("delivery", delivery),
            group("legacy", vec![member("olaf@acme.com", 0, GrantRecord::default())]),
            group("offers", Vec::new()),
        ],
        periods: vec![
            period("dev|=cmd()@acme.com", (540, None), by_run(profile, Some(APPROVER)), GrantRecord::default()),
            period("karl@acme.com", (3, Some(550)), GrantRecord::default(), by_run(profile, None)),
            period("mia@acme.com", (505, Some(520)), GrantRecord::default(), GrantRecord::default()),
        ],
        former_groups: vec!["archive".to_owned()],
        read: Some(read()),
        operators: Some(OperatorsRecord {
            without_group: vec!["lena@acme.com".to_owned()],
            disabled: vec!["gone@acme.com".to_owned(), "olaf@acme.com".to_owned()],
        }),
        deleted_before: None,
    }
}

/// The review of two instances: of one everything is known, of the other almost nothing.
pub(super) fn review() -> AccessReview {
    let earlier = ReviewRecord {
        instance: "stage".to_owned(),
        since: None,
        since_origin: SinceOrigin::Beginning,
        last_review: None,
        groups: vec![group("report", vec![member("ann@acme.com", 0, GrantRecord::default())])],
        periods: Vec::new(),
        former_groups: Vec::new(),
        read: None,
        operators: None,
        deleted_before: Some(day(90)),
    };
    let now = day(604);
    let instances = vec![recorded().reviewed(now), earlier.reviewed(now)];
    AccessReview::new("0123456789ABCDEF01234567@AdobeOrg", now, instances)
}

/// The same, recorded as done.
pub(super) fn done() -> AccessReview {
    let review = review();
    let root = Approver::claimed("zoe").as_user(Some(SystemUser { uid: 0, name: Some("root".to_owned()) }));
    let recorded = Some(ReviewNote::new(&review.digest, &root, day(604)));
    AccessReview { recorded, ..review }
}
