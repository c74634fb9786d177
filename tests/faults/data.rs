//! Answers that are complete and well formed, and say something else than what is so: one row is missing, one name is
//! wrong, a page is that of another listing.

use campaign_group_sync::{
    domain::Outcome::{Applied, Held, Incomplete, Partial},
    sandbox::{Charset, Effect},
};
use serde_json::json;

use super::{
    cell::{Cell, Expected, Place},
    kinds::{Kind, Lasts},
    places,
    world::{DELIVERY, DISABLED, LEAVER, STAYER},
};

/// The place of this name.
fn place(places: Vec<Place>, name: &str) -> Place {
    places.into_iter().find(|place| place.name == name).unwrap_or_else(|| panic!("no place {name}"))
}

/// The name of a kind, what may come of it, and its effect.
type Row = (&'static str, Expected, fn() -> Effect);

fn cells(place: &Place, kinds: Vec<Row>) -> Vec<Cell> {
    let cell = |(name, expected, effect): Row| {
        let kind = Kind::of_data(name, place.wire, Lasts::On, effect);
        Cell { place: place.clone(), kind, expected }
    };
    kinds.into_iter().map(cell).collect()
}

fn incomplete() -> Expected {
    Expected::nothing(Incomplete)
}

fn omit(containing: &str) -> Effect {
    Effect::OmitEntry { containing: containing.to_owned() }
}

/// Of the users of the organization.
pub(super) fn users() -> Vec<Cell> {
    let undisturbed = Expected::undisturbed;
    let middle = cells(
        &place(places::users(), "users, middle page"),
        vec![
            ("an empty page", incomplete(), || Effect::EmptyPage),
            ("no users", incomplete(), || Effect::set_value("/users", json!([]))),
            ("without users", incomplete(), || Effect::omit_key("/users")),
            ("users of a wrong type", incomplete(), || Effect::set_value("/users", "x")),
            ("an early last page", incomplete(), || Effect::LastPage { value: true }),
            ("the first page again", incomplete(), || Effect::RepeatPage { page: 0 }),
            ("another result", incomplete(), || Effect::set_value("/result", "error.internal.exceptionflys")),
            ("without a result", incomplete(), || Effect::omit_key("/result")),
            ("a very long text", undisturbed(), || Effect::HugeString {
                pointer: "/users/0/firstname".to_owned(),
                bytes: 70_000,
            }),
            ("an id of a wrong type", undisturbed(), || Effect::set_value("/users/0/country", 7)),
            ("without lastPage", undisturbed(), || Effect::omit_key("/lastPage")),
            ("a user without an id", undisturbed(), || Effect::omit_key("/users/0/id")),
            ("a key that nobody knows", undisturbed(), || Effect::set_value("/users/0/tags", json!([1]))),
        ],
    );
    let first = cells(
        &place(places::users(), "users, first page"),
        vec![
            ("too many pages said", incomplete(), || Effect::set_header("x-page-count", "9")),
            ("too few pages said", incomplete(), || Effect::set_header("x-page-count", "2")),
            ("too many users said", incomplete(), || Effect::set_header("x-total-count", "40")),
            ("too few users said", incomplete(), || Effect::set_header("x-total-count", "9")),
            ("without counts", Expected::some(&[Held]), || Effect::drop_headers(&["x-total-count", "x-page-count"])),
            ("counts that are no numbers", Expected::some(&[Held]), || Effect::set_header("x-total-count", "many")),
        ],
    );
    let last = cells(
        &place(places::users(), "users, last page"),
        vec![
            ("no last page", incomplete(), || Effect::LastPage { value: false }),
            ("without lastPage", incomplete(), || Effect::omit_key("/lastPage")),
            ("one user is missing", Expected::some(&[Partial, Held]), || omit(STAYER)),
            ("one profile of a user is missing", Expected::some(&[Partial]), || {
                Effect::set_value("/users/1/groups", json!([]))
            }),
            ("one profile of a user has a wrong name", Expected::some(&[Partial]), || {
                Effect::replace_text(DELIVERY, "Campaign - acme - deliverv")
            }),
            ("in ISO-8859-1", Expected::some(&[Partial]), || Effect::Recode { charset: Charset::Latin1 }),
        ],
    );
    [middle, first, last].concat()
}

/// Of the groups listing.
pub(super) fn groups() -> Vec<Cell> {
    let undisturbed = Expected::undisturbed;
    let first = cells(
        &place(places::groups(), "groups, first page"),
        vec![
            ("no groups", incomplete(), || Effect::set_value("/groups", json!([]))),
            ("without groups", incomplete(), || Effect::omit_key("/groups")),
            ("an early last page", Expected::some(&[Applied, Held]), || Effect::LastPage { value: true }),
            ("one profile is missing", Expected::some(&[Applied, Held]), || omit(DELIVERY)),
            ("one profile has a wrong name", Expected::some(&[Partial]), || {
                Effect::replace_text("acme - delivery", "acme - deliverv")
            }),
            ("one profile has another id", Expected::some(&[Held]), || Effect::set_value("/groups/0/groupId", 99)),
            ("one profile has the id of another", Expected::some(&[Held, Partial]), || {
                Effect::set_value("/groups/0/groupId", 12)
            }),
            ("one profile has another type", Expected::some(&[Applied, Held]), || {
                Effect::set_value("/groups/0/type", "USER_GROUP")
            }),
            ("one profile has no type", undisturbed(), || Effect::omit_key("/groups/0/type")),
            ("one profile has no count", undisturbed(), || Effect::omit_key("/groups/0/memberCount")),
            ("one profile has too large a count", undisturbed(), || Effect::set_value("/groups/0/memberCount", 5_000)),
            ("another result", incomplete(), || Effect::set_value("/result", "error")),
        ],
    );
    let middle = cells(
        &place(places::groups(), "groups, middle page"),
        vec![
            ("an empty page", incomplete(), || Effect::EmptyPage),
            ("the first page again", incomplete(), || Effect::RepeatPage { page: 0 }),
            ("a page past the end", incomplete(), || Effect::set_value("/result", "Not found")),
        ],
    );
    let last = cells(
        &place(places::groups(), "groups, last page"),
        vec![
            ("no last page", undisturbed(), || Effect::LastPage { value: false }),
            ("one profile is missing", Expected::some(&[Applied, Held]), || omit("acme - workflow")),
        ],
    );
    [first, middle, last].concat()
}

/// Of the members of a profile, in the first read and in the second.
pub(super) fn members() -> Vec<Cell> {
    let partial = Expected::partial;
    let pages = |effects_of: &Place| {
        cells(
            effects_of,
            vec![
                ("an empty page", partial(), || Effect::EmptyPage),
                ("no users", partial(), || Effect::set_value("/users", json!([]))),
                ("a page of another profile", partial(), || Effect::OtherGroup { group: "12".to_owned() }),
                ("the name of another profile", partial(), || {
                    Effect::set_value("/groupName", "Campaign - acme - content")
                }),
                ("too many users said", partial(), || Effect::set_header("x-total-count", "40")),
            ],
        )
    };
    let first = pages(&place(places::members(), "members, middle page"));
    let second = pages(&place(places::second_reads(), "second read, middle page"));
    let second_by_name = pages(&place(places::second_reads(), "second read by name, middle page"));
    let last = cells(
        &place(places::members(), "members, last page"),
        vec![("one user is missing", Expected::some(&[Partial, Held]), || omit(STAYER))],
    );
    let uncounted = cells(
        &place(places::second_reads(), "second read, first page"),
        vec![("without counts", partial(), || Effect::drop_headers(&["x-total-count", "x-page-count"]))],
    );
    [first, second, second_by_name, last, uncounted].concat()
}

/// Of one user.
pub(super) fn one_user() -> Vec<Cell> {
    cells(
        &place(places::one_user(), "the user"),
        vec![
            ("without profiles", Expected::some(&[Partial]), || Effect::omit_key("/user/groups")),
            ("without a user", incomplete(), || Effect::omit_key("/user")),
            ("another result", incomplete(), || Effect::set_value("/result", "error")),
        ],
    )
}

/// Of the rows of Campaign before anything is written.
pub(super) fn rows() -> Vec<Cell> {
    let at = |name| place([places::snapshots(), places::logins()].concat(), name);
    let wrong = || Expected::without_production(Incomplete);
    [
        cells(
            &at("operators, first page"),
            vec![
                ("one row is missing", Expected::some(&[Applied, Partial]), || omit(LEAVER)),
                ("one wrong name", Expected::some(&[Partial]), || Effect::replace_text("u02@acme.com", "u02@acme.c")),
                ("rows in another order", wrong(), || Effect::replace_text("id=\"1102\"", "id=\"1\"")),
            ],
        ),
        cells(
            &at("operator groups, first page"),
            vec![
                ("one row is missing", Expected::some(&[Applied, Partial]), || omit("\"content\"")),
                ("one wrong name", Expected::some(&[Partial]), || Effect::replace_text("\"delivery\"", "\"deliverv\"")),
            ],
        ),
        cells(
            &at("memberships, first page"),
            vec![("one row is missing", Expected::some(&[Applied]), || omit("operator-id=\"1101\""))],
        ),
        cells(
            &at("logins by id"),
            vec![
                ("one row is missing", Expected::some(&[Partial]), || omit(LEAVER)),
                ("one wrong name", Expected::some(&[Partial]), || Effect::replace_text(DISABLED, "u03@acme.c")),
            ],
        ),
    ]
    .concat()
}

/// Of writes and of what is read back.
pub(super) fn writes() -> Vec<Cell> {
    let at = |name| place(places::writes(), name);
    let (partial, undisturbed) = (Expected::partial, Expected::undisturbed);
    let each = ["creation of a group", "creation of an operator", "additions", "removals", "disablement"].map(|name| {
        cells(&at(name), vec![
            ("accepted and not made", partial(), || Effect::IgnoreWrite),
            ("denied", partial(), || Effect::soap_fault(WRAPPER, "XSV-350023 Unable to save document of type 'Operators (xtk:operator)'.")),
            ("denied without details", partial(), || Effect::soap_fault(WRAPPER, "")),
            ("no right", partial(), || Effect::soap_fault("SOP-330023 The entity could not be read. You don't have the required rights to view the detail", "")),
        ])
    });
    let collections = ["additions", "removals"].map(|name| {
        cells(
            &at(name),
            vec![
                ("one row of a collection", partial(), || Effect::PartialWrite { rows: 1, fault: false }),
                ("one row of a collection and a fault", undisturbed(), || Effect::PartialWrite {
                    rows: 1,
                    fault: true,
                }),
            ],
        )
    });
    let back = |name| place(places::read_backs(), name);
    let read_backs = [
        cells(
            &back("added memberships"),
            vec![("one row is missing", partial().deceived(), || omit("operator-id=\"1113\""))],
        ),
        cells(&back("created operators"), vec![("one row is missing", partial().deceived(), || omit("u14@acme.com"))]),
        cells(&back("created groups"), vec![("one row is missing", partial().deceived(), || omit("fresh"))]),
        cells(&back("disabled operators"), vec![("one row is missing", partial().deceived(), || omit(DISABLED))]),
    ];
    [each.concat(), collections.concat(), read_backs.concat()].concat()
}

const WRAPPER: &str = "SOP-330011 Error while executing the method 'Write' of service 'xtk:persist|xtk:session'.";
