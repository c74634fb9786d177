//! Reads: the same snapshot with any page size, encoding and kind of sign-in.

use std::sync::{Arc, Mutex};

use campaign_group_sync::domain::{
    CampaignSnapshot, Failure, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin, RunStep, SignInMethod,
    Watcher, is_agent_label,
};
use campaign_group_sync::sandbox::campaign::Build;
use campaign_group_sync::sandbox::{Effect, Fault, LoggedRequest};

use super::harness::{Harness, named};

on_each_build![
    a_snapshot_equals_the_instance,
    native_sign_in_and_ims_read_the_same,
    the_page_size_does_not_matter,
    all_rows_are_read_from_a_server_that_sends_fewer_than_requested,
    progress_is_reported_after_each_page,
    old_encodings_and_omitted_empty_attributes_do_not_matter,
    names_with_any_characters_are_found,
    many_names_are_requested_in_several_queries,
    members_are_those_of_the_requested_groups,
    operators_with_groups_and_memberships_are_read_at_the_same_time,
    a_small_instance_is_read_in_few_calls,
    listed_keys_are_read_with_one_query_if_all_of_them_exist_or_none,
    an_instance_without_operators_is_an_error,
];

async fn a_snapshot_equals_the_instance(build: Build) {
    let harness = Harness::native(build).await;
    let snapshot = harness.read().await.unwrap();
    let mut expected = harness.instance().memberships;
    let mut found = named(&snapshot);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    for operator in harness.instance().operators {
        let read = snapshot.operator(OperatorId(operator.id.unwrap())).unwrap();
        assert_eq!(
            (read.login.as_str(), read.has_agent_label),
            (operator.name.as_str(), is_agent_label(&operator.label))
        );
        assert_eq!(read.sign_in == SignInMethod::Ims, operator.authentication == "ims", "{}", operator.name);
    }
    for group in harness.instance().groups {
        let read = snapshot.group(OperatorGroupId(group.id.unwrap())).unwrap();
        assert_eq!((read.name.as_str(), &read.label), (group.name.as_str(), &group.label));
    }
    assert_eq!(snapshot.operators().len(), harness.instance().operators.len(), "groups and named rights are omitted");
    assert_eq!(snapshot.own_login().as_str(), "group-sync");
}

async fn native_sign_in_and_ims_read_the_same(build: Build) {
    let (native, ims) =
        (Harness::native(build).await.read().await.unwrap(), Harness::ims(build).await.read().await.unwrap());
    assert_eq!(named(&native), named(&ims));
    assert_eq!(native.groups(), ims.groups());
    let others = |snapshot: &CampaignSnapshot| {
        let own = snapshot.own_login().clone();
        snapshot.operators().iter().filter(|operator| operator.login != own).cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(&native), others(&ims));
    assert_eq!(ims.own_login().as_str(), "group-sync@techacct.adobe.com");
}

async fn the_page_size_does_not_matter(build: Build) {
    let harness = Harness::native(build).await;
    let whole = harness.read().await.unwrap();
    for page_rows in [0, 1, 2, 3, 7] {
        let client = harness.client_with_pages_of(page_rows);
        assert_eq!(client.fetch_snapshot().await.unwrap(), whole, "{page_rows} rows a page");
    }
}

async fn all_rows_are_read_from_a_server_that_sends_fewer_than_requested(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let whole = client.fetch_snapshot().await.unwrap();
    let capped = "<Envelope><Body><ExecuteQueryResponse><pdomOutput><operator-collection>\
                  <operator id='-12' name='old-agent' label='Agent'/></operator-collection></pdomOutput>\
                  </ExecuteQueryResponse></Body></Envelope>";
    let answer = Effect::Status { status: 200, headers: Vec::new(), body: capped.to_owned() };
    harness.sandbox.inject(Fault::new("query", answer).schema("xtk:operator"));
    assert_eq!(client.fetch_snapshot().await.unwrap(), whole, "the client knows the columns, so that this was a page");
}

async fn progress_is_reported_after_each_page(build: Build) {
    let harness = Harness::native(build).await;
    let reported = Arc::<Mutex<Vec<RunStep>>>::default();
    let note = Arc::clone(&reported);
    let watcher = Watcher::of_progress(move |progress| note.lock().unwrap().push(progress.step));
    harness.client_with_pages_of(2).watched_by(watcher).fetch_snapshot().await.unwrap();
    let reported = reported.lock().unwrap();
    let operators = reported.iter().filter_map(|step| match step {
        RunStep::Operators(rows) => Some(*rows),
        _ => None,
    });
    let operators: Vec<usize> = operators.collect();
    assert!(operators.len() >= 5 && operators.is_sorted() && operators.last() == Some(&9), "{reported:?}");
    assert!(reported.contains(&RunStep::OperatorGroups(3)), "{reported:?}");
    let many = |step: &RunStep| matches!(step, RunStep::Memberships(rows) if *rows > 6);
    assert!(reported.contains(&RunStep::Memberships(2)) && reported.iter().any(many), "{reported:?}");
}

async fn old_encodings_and_omitted_empty_attributes_do_not_matter(build: Build) {
    let harness = Harness::native(build).await;
    let whole = harness.read().await.unwrap();
    harness.adjust(|behavior| behavior.iso_8859_1 = true);
    assert_eq!(harness.read().await.unwrap(), whole);
    harness.adjust(|behavior| behavior.iso_8859_1 = false);
    harness.sandbox.inject(Fault::new("query", Effect::Latin1).forever());
    assert_eq!(harness.read().await.unwrap(), whole);
    harness.sandbox.clear_faults();
    harness.adjust(|behavior| behavior.omit_empty = true);
    assert_eq!(harness.read().await.unwrap(), whole);
}

async fn names_with_any_characters_are_found(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let hostile = ["o'brien@acme.com", r"ACME\bob", "漢字@acme.com", "XSV-350008 Session has expired", "x' OR '1'='1"];
    let logins: Vec<_> = hostile.iter().chain(&["no\u{1}body"]).map(|login| OperatorLogin::new(*login)).collect();
    let found = client.find_operators(&logins).await.unwrap();
    assert_eq!(found.iter().map(|operator| operator.id.0).collect::<Vec<_>>(), [2002, 2003, 2004, 2005]);
    let names = ["R&D <'\"\\>", "oldest", "none", "delivery"].map(OperatorGroupName::new);
    let found = client.find_groups(&names).await.unwrap();
    assert_eq!(found.iter().map(|group| group.id.0).collect::<Vec<_>>(), [-3, 3001, 3002]);
    assert_eq!(client.find_operators(&[]).await.unwrap(), []);
}

async fn many_names_are_requested_in_several_queries(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let mut logins: Vec<_> = (0..250).map(|number| OperatorLogin::new(format!("nobody-{number}"))).collect();
    logins.push(OperatorLogin::new("Ann@acme.com"));
    let found = client.find_operators(&logins).await.unwrap();
    assert_eq!(found.iter().map(|operator| operator.id.0).collect::<Vec<_>>(), [2001]);
}

async fn members_are_those_of_the_requested_groups(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client_with_pages_of(2);
    let groups = [3001, -3, 3001, 999_999].map(OperatorGroupId);
    let members = client.members(&groups).await.unwrap();
    let expected = [(2001, 3001), (2002, 3001), (2005, 3001), (-12, -3), (2003, -3)];
    let mut expected = expected.map(|(operator, group)| (OperatorId(operator), OperatorGroupId(group)));
    let mut members = members;
    members.sort_unstable();
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!(client.members(&[]).await.unwrap(), []);
}

async fn an_instance_without_operators_is_an_error(build: Build) {
    let harness = Harness::native(build).await;
    let nothing = "<Envelope><Body><ExecuteQueryResponse><pdomOutput><operator-collection/></pdomOutput>\
                   </ExecuteQueryResponse></Body></Envelope>";
    let answer = Effect::Status { status: 200, headers: Vec::new(), body: nothing.to_owned() };
    harness.sandbox.inject(Fault::new("query", answer).schema("xtk:operator").forever());
    let error = harness.read().await.unwrap_err();
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(error.to_string().contains("not even group-sync"), "{error}");
}

async fn operators_with_groups_and_memberships_are_read_at_the_same_time(build: Build) {
    for (delayed, other) in [("xtk:operator", "xtk:operatorGroup"), ("xtk:operatorGroup", "xtk:operator")] {
        let harness = Harness::native(build).await;
        // Nothing but the other list can end the wait for this one.
        let never = Effect::Delay { ms: 10 * 60 * 1000 };
        harness.sandbox.inject(Fault::new("query", never).schema(delayed));
        let client = harness.client();
        let is_of = |request: &LoggedRequest, schema: &str| request.body.contains(&format!("schema=\"{schema}\""));
        let met = async {
            loop {
                let requests = harness.sandbox.requests();
                let waits = requests.iter().any(|request| is_of(request, delayed) && request.status == 0);
                if waits && requests.iter().any(|request| is_of(request, other) && request.status == 200) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            read = client.fetch_snapshot() => panic!("{delayed} was not waited for: {read:?}"),
            () = met => {}
        }
    }
}

async fn a_small_instance_is_read_in_few_calls(build: Build) {
    let harness = Harness::native(build).await;
    harness.read().await.unwrap();
    let of_schema = |schema: &str| {
        let requests = harness.sandbox.requests();
        requests.iter().filter(|request| request.body.contains(&format!("schema=\"{schema}\" operation"))).count()
    };
    // A page and the empty one that proves the end, of operators and of groups among them, unless groups have a table.
    let (among_operators, of_groups) = if build == Build::V8_6 { (1, 2) } else { (2, 0) };
    let expected = [2 + among_operators + attempts(build), 2, of_groups];
    assert_eq!(["xtk:operator", "xtk:operatorGroup", "xtk:group"].map(of_schema), expected);
}

/// Queries that find out where this build has the column that disables operators.
fn attempts(build: Build) -> usize {
    match build {
        Build::V7_3_4 | Build::V7_4 => 0,
        Build::V8_6 => 1,
        Build::Old => 2,
    }
}

async fn listed_keys_are_read_with_one_query_if_all_of_them_exist_or_none(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let there = [(2001, 3001), (2001, 3002), (-12, -3)].map(|(operator, group)| membership(operator, group));
    let absent =
        [(2001, -3), (2003, 3001), (-12, 3002), (999_999, 3001)].map(|(operator, group)| membership(operator, group));
    client.fetch_snapshot().await.unwrap();
    for (pairs, found, queries) in [
        (there.to_vec(), there.to_vec(), 1),
        (absent.to_vec(), Vec::new(), 1),
        // The second query proves that there are no more.
        ([there.as_slice(), &absent].concat(), there.to_vec(), 2),
        ([there, there].concat(), there.to_vec(), 1),
        (Vec::new(), Vec::new(), 0),
    ] {
        harness.sandbox.clear_requests();
        let mut members = client.memberships_among(&pairs).await.unwrap();
        members.sort_unstable();
        let mut expected = found;
        expected.sort_unstable();
        assert_eq!((members, harness.count("query")), (expected, queries), "{pairs:?}");
    }
    harness.sandbox.clear_requests();
    let ids = [2001, 2003, -12].map(OperatorId);
    assert_eq!(client.operators_by_id(&ids).await.unwrap().len(), ids.len());
    assert_eq!(harness.count("query"), 1);
}

fn membership(operator: i64, group: i64) -> (OperatorId, OperatorGroupId) {
    (OperatorId(operator), OperatorGroupId(group))
}
