//! The calls of a run that faults meet.

use campaign_group_sync::sandbox::{Effect, Fault};

use super::{
    cell::{
        Depth::{self, AllKinds, Selection},
        Place, Role,
    },
    kinds::Wire,
    world::{DELIVERY, DELIVERY_ID, PRODUCTION, Setup},
};

fn call(name: &str) -> Fault {
    Fault::new(name, Effect::Reset)
}

fn umapi(setup: Setup, name: &'static str, role: Role, depth: Depth, call: Fault) -> Place {
    Place { setup, name, wire: Wire::Umapi, role, depth, call }
}

/// Pages of the groups listing.
pub(super) fn groups() -> Vec<Place> {
    let page = |page| call("groups").page(page);
    vec![
        umapi(Setup::Organization, "groups, first page", Role::FirstPage, Selection, page(0)),
        umapi(Setup::Organization, "groups, middle page", Role::Organization, Selection, page(1)),
        umapi(Setup::Organization, "groups, last page", Role::Organization, Selection, page(2)),
    ]
}

/// Pages of the users of the organization.
pub(super) fn users() -> Vec<Place> {
    let page = |page| call("users").page(page);
    vec![
        umapi(Setup::Organization, "users, first page", Role::FirstPage, Selection, page(0)),
        umapi(Setup::Organization, "users, middle page", Role::Organization, AllKinds, page(1)),
        umapi(Setup::Organization, "users, last page", Role::Organization, Selection, page(3)),
    ]
}

/// Pages of the members of a profile, where the first read lists them.
pub(super) fn members() -> Vec<Place> {
    let page = |page| call("members").page(page).group(DELIVERY_ID);
    vec![
        // In any form: where an id is not found, the name is tried.
        umapi(Setup::Profiles, "members, first page", Role::Organization, Selection, call("members").page(0)),
        umapi(Setup::Profiles, "members, middle page", Role::Organization, Selection, page(1)),
        umapi(Setup::Profiles, "members, last page", Role::Organization, Selection, page(2)),
    ]
}

/// Pages of the members of a profile, where a second read lists them.
pub(super) fn second_reads() -> Vec<Place> {
    let by_id = |page| call("members").page(page).group(DELIVERY_ID);
    let by_name = call("members").page(1).group(DELIVERY);
    vec![
        umapi(Setup::Organization, "second read, first page", Role::SecondRead, Selection, call("members").page(0)),
        umapi(Setup::Organization, "second read, middle page", Role::SecondRead, Selection, by_id(1)),
        umapi(Setup::Organization, "second read, last page", Role::SecondRead, Selection, by_id(2)),
        umapi(Setup::Profiles, "second read by name, middle page", Role::SecondRead, Selection, by_name),
    ]
}

/// One user by address.
pub(super) fn one_user() -> Vec<Place> {
    vec![
        umapi(Setup::OneUser, "the user", Role::Organization, Selection, call("user")),
        umapi(
            Setup::OneUser,
            "second read of the user's profile",
            Role::SecondRead,
            Selection,
            call("members").page(1).group(DELIVERY_ID),
        ),
    ]
}

/// Requests for tokens.
pub(super) fn tokens() -> Vec<Place> {
    let token = |name, role, depth, id: &str| Place {
        setup: Setup::Organization,
        name,
        wire: Wire::Token,
        role,
        depth,
        call: call("token").body(id),
    };
    vec![
        token("token for UMAPI", Role::Organization, AllKinds, "client_id=sandbox-client&"),
        token("token for Campaign", Role::Instance, Selection, "client_id=sandbox-campaign-production&"),
    ]
}

fn soap(setup: Setup, name: &'static str, role: Role, depth: Depth, call: Fault) -> Place {
    Place { setup, name, wire: Wire::Soap, role, depth, call: call.instance(PRODUCTION) }
}

fn query(schema: &str, text: &str) -> Fault {
    call("query").schema(schema).body(text)
}

/// The beginning and the end of a session.
pub(super) fn sessions() -> Vec<Place> {
    vec![
        soap(Setup::Organization, "GetUserInfo", Role::Instance, Selection, call("GetUserInfo")),
        soap(Setup::Organization, "Logoff", Role::Nothing, Selection, call("Logoff")),
        soap(Setup::Native, "Logon", Role::SignIn, Selection, call("Logon")),
        soap(Setup::Native, "Logoff", Role::Nothing, Selection, call("Logoff")),
    ]
}

/// The pages of operators, groups and memberships.
pub(super) fn snapshots() -> Vec<Place> {
    let operator = |text: &str| query("xtk:operator", text);
    let membership = |text: &str| query("xtk:operatorGroup", text);
    let read = |name, depth, call| soap(Setup::Organization, name, Role::Instance, depth, call);
    vec![
        read("operators, first page", Selection, operator("\"@type = 0\"/></where>")),
        read("operators, middle page", Selection, operator("@id &gt; 1104\"")),
        read("operators, last page", Selection, operator("@id &gt; 1123\"")),
        read("operator groups, first page", Selection, operator("\"@type = 1\"/></where>")),
        read("operator groups, last page", Selection, operator("@id &gt; 1208\"")),
        read("memberships, first page", Selection, membership("[operator/@type] = 0\"/></where>")),
        read("memberships, middle page", AllKinds, membership("1107 AND [@group-id] &gt; 1201")),
        read("memberships, last page", Selection, membership("1123 AND [@group-id] &gt;")),
        soap(
            Setup::Native,
            "memberships, middle page",
            Role::Instance,
            Selection,
            membership("1107 AND [@group-id] &gt; 1201"),
        ),
    ]
}

/// The logins that are read again before operators are changed.
pub(super) fn logins() -> Vec<Place> {
    let call = query("xtk:operator", "@id IN (1101, 1102, 1103, 1113)");
    vec![soap(Setup::Organization, "logins by id", Role::Logins, Selection, call)]
}

/// Queries of one row that prove what a write needs, and the writes.
pub(super) fn writes() -> Vec<Place> {
    let write = |name, text: &str| soap(Setup::Organization, name, Role::Write, Selection, call("write").body(text));
    let rows = |setup, name, text: &str| soap(setup, name, Role::WriteRows, Selection, call("write").body(text));
    let proof = |name, call| soap(Setup::Organization, name, Role::Proof, Selection, call);
    vec![
        proof("columns of groups", query("xtk:group", "lineCount=\"1\"")),
        proof("columns of operators", query("xtk:operator", "lineCount=\"1\"><select><node expr=\"@email\"/>")),
        proof(
            "column of disabled operators",
            query("xtk:operator", "lineCount=\"1\"><select><node expr=\"[access/@disabled]\"/>"),
        ),
        write("creation of a group", "<group _operation=\"insert\""),
        write("creation of an operator", "<operator _operation=\"insert\""),
        rows(Setup::Organization, "additions", "_operation=\"insertOrUpdate\""),
        rows(Setup::Organization, "removals", "_operation=\"delete\""),
        write("disablement", "<access disabled=\"true\"/>"),
        rows(Setup::Native, "removals", "_operation=\"delete\""),
    ]
}

/// The queries that show what the writes made.
pub(super) fn read_backs() -> Vec<Place> {
    let back = |name, depth, call| soap(Setup::Organization, name, Role::ReadBack, depth, call);
    vec![
        back("created groups", Selection, query("xtk:operator", "(&apos;fresh&apos;)\"/></where>")),
        back("created operators", Selection, query("xtk:operator", "(&apos;u14@acme.com&apos;)\"/></where>")),
        back("added memberships", Selection, query("xtk:operatorGroup", "AND [@operator-id] IN (1113))")),
        back("removed memberships", Selection, query("xtk:operatorGroup", "AND [@operator-id] IN (1103))")),
        back("disabled operators", Selection, query("xtk:operator", "@id IN (1103)\"")),
    ]
}
