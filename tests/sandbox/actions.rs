//! Changes of memberships through the action endpoint.

use serde_json::json;

use super::harness::Harness;

#[tokio::test]
async fn actions_change_memberships() {
    let harness = Harness::first_day().await;
    let (content, report) = ("Campaign - acme - content", "Campaign - acme - report");
    let done = harness
        .act(
            "",
            json!([{"user": "ann@acme.com", "do": [{"add": {"group": [content]}}, {"remove": {"group": [report]}}]}]),
        )
        .await;
    assert_eq!(done, json!({"completed": 1, "notCompleted": 0, "completedInTestMode": 0, "result": "success"}));
    let mut world = harness.sandbox.world();
    assert!(world.members(content).contains(&"ann@acme.com".to_owned()));
    assert!(!world.members(report).contains(&"ann@acme.com".to_owned()));
}

#[tokio::test]
async fn a_failed_action_is_named_and_the_others_are_carried_out() {
    let harness = Harness::first_day().await;
    let commands = json!([
        {"user": "nobody@acme.com", "requestID": "one", "do": [{"add": {"group": ["Marketing"]}}]},
        {"user": "mona@acme.com", "do": [{"add": {"group": ["No such group"]}}]},
        {"user": "new@acme.com", "do": [{"createFederatedID": {"email": "new@acme.com"}}, {"add": {"group": ["Marketing"]}}]},
        {"usergroup": "Marketing", "do": [{"add": {"user": ["mona@acme.com"], "productConfiguration": ["Acrobat Pro"]}}]}
    ]);
    let rehearsal = harness.act("?testOnly=true", commands.clone()).await;
    assert_eq!((&rehearsal["completed"], &rehearsal["completedInTestMode"]), (&json!(0), &json!(2)));
    assert!(
        !harness.members("Marketing", "").await.contains(&"new@acme.com".to_owned()),
        "a rehearsal changes nothing"
    );

    let done = harness.act("", commands).await;
    assert_eq!((&done["result"], &done["completed"], &done["notCompleted"]), (&json!("partial"), &json!(2), &json!(2)));
    assert_eq!(
        done["errors"][0],
        json!({"index": 0, "step": 0, "requestID": "one", "message": "User Id does not exist: nobody@acme.com",
               "user": "nobody@acme.com", "errorCode": "error.user.nonexistent"})
    );
    assert_eq!(done["errors"][1]["errorCode"], "error.group.not_found");
    let acrobat = harness.members("62002", "directOnly=false").await;
    assert!(acrobat.contains(&"new@acme.com".to_owned()) && acrobat.contains(&"mona@acme.com".to_owned()));
}
