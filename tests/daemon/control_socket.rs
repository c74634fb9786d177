//! The control socket: who may use it, what it does with nonsense, and runs that are asked for over it.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    time::Instant,
};

use serde_json::json;

use super::{
    harness::{Harness, NEVER, program, run},
    process::DEADLINE,
};

#[test]
fn the_socket_is_for_its_user_and_its_group() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode(harness.socket()), 0o660);
    assert_eq!(mode(harness.socket().parent().expect("a folder").to_owned()), 0o750);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let harness = Harness::of("first_day", NEVER);
    fs::create_dir(harness.path("run")).expect("made");
    fs::write(harness.socket(), "precious").expect("written");
    let refused = harness.command(&[]);
    assert_eq!(refused.exit, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is not a socket"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(harness.socket()).expect("readable"), "precious");
}

#[test]
fn invalid_lines_are_refused_and_disturb_no_other_client() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    let mut talk = harness.talk();
    for nonsense in [
        "",
        "nonsense",
        "{}",
        "[]",
        "\u{0}",
        r#"{"ask": "make_coffee"}"#,
        r#"{"ask": "sync_now"}"#,
        r#"{"ask": "sync_now", "order": {"mode": "apply", "approver": "ann", "colour": "red"}}"#,
        r#"{"ask": "approve", "digest": 7}"#,
    ] {
        let answer = talk.say(nonsense);
        assert_eq!(
            (&answer["answer"], &answer["reason"]),
            (&json!("refused"), &json!("not_understood")),
            "{nonsense:?}"
        );
    }
    assert_eq!(talk.say(r#"{"ask": "approve", "digest": "zz", "approver": "ann"}"#)["reason"], "usage");
    assert_eq!(
        talk.say(r#"{"ask": "approve", "digest": "0123456789abcdef", "approver": "ann"}"#)["approval"]["outcome"],
        "not_held"
    );
    assert_eq!(talk.say(r#"{"ask": "status"}"#)["status"]["state"], "starting");
    assert!(harness.history().is_empty(), "nothing ran");
}

#[test]
fn a_line_without_end_is_refused_and_its_connection_closed() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    let mut endless = harness.talk();
    let mut polite = harness.talk();
    endless.pour(&vec![b'x'; 256 * 1024 + 1]);
    assert_eq!(endless.answer()["reason"], "not_understood");
    assert!(endless.is_closed());
    assert_eq!(polite.say(r#"{"ask": "status"}"#)["answer"], "status");
}

#[test]
fn a_run_asked_for_over_the_socket_prints_what_one_in_place_prints() {
    let (with, without) = (Harness::of("first_day", NEVER), Harness::of("first_day", NEVER));
    let mut daemon = with.daemon();
    // The first line names the run and its time.
    let rest = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    for (exit, line) in [(2, &["--sync-now", "--dry-run"][..]), (0, &["--sync-now"]), (0, &["--sync-now"])] {
        let (over, place) = (with.command(line), without.command(line));
        assert_eq!((over.exit, place.exit), (Some(exit), Some(exit)), "{over:?} {place:?}");
        assert_eq!(rest(&over.stdout), rest(&place.stdout));
        assert!(
            over.stderr.contains("the running daemon makes") && !place.stderr.contains("the running daemon makes"),
            "{over:?}"
        );
    }
    assert_eq!(with.history().len(), 3);
    assert_eq!(with.command(&["--sync-now", "--instance", "nowhere"]).exit, Some(64));
    let document = with.command(&["--sync-now", "--output", "json"]).json();
    assert_eq!((&document["version"], &document["outcome"]), (&json!(1), &json!("in_sync")));
    assert_eq!(daemon.terminate().0, Some(0));
}

#[test]
fn an_approval_over_the_socket_answers_what_one_in_place_answers() {
    let guard = format!("{NEVER}[guard]\nmax_removals = 1\n");
    let (with, without) = (Harness::of("first_day", &guard), Harness::of("first_day", &guard));
    let _daemon = with.daemon();
    for harness in [&with, &without] {
        assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
    }
    let digest = with.status()["held"][0].as_str().expect("a digest").to_owned();
    // What cannot be the same in two runs.
    let rest = |line: &[&str]| {
        [&with, &without].map(|harness| {
            let finished = harness.command(line);
            let mut answer = finished.json();
            answer["expires_at"].take();
            answer["next_run"].take();
            let message = answer["message"].as_str().expect("a sentence");
            answer["message"] = message.split(" until ").next().and_then(|text| text.split(" at 20").next()).into();
            answer["instances"].as_array_mut().expect("a list").iter_mut().for_each(|one| drop(one["run"].take()));
            (finished.exit, answer)
        })
    };
    for (exit, digest, released) in [(4, "0123456789abcdef", 0), (0, &digest, 1), (0, &digest, 1)] {
        let [over, place] = rest(&["approve", digest, "--later", "--output", "json"]);
        assert_eq!(over, place);
        assert_eq!((over.0, over.1["instances"].as_array().map(Vec::len)), (Some(exit), Some(released)), "{over:?}");
    }
    let wrong = ["approve", "0123456789abcdef"];
    let (over, place) = (with.command(&wrong), without.command(&wrong));
    assert_eq!((over.exit, over.stderr, over.stdout), (Some(4), place.stderr, String::new()));
}

#[test]
fn a_narrowed_run_and_a_dry_run_do_not_change_the_state() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now", "--dry-run"]).exit, Some(2));
    assert_eq!(harness.command(&["--sync-now", "--group", "report"]).exit, Some(0));
    let status = harness.status();
    assert_eq!((&status["state"], &status["last_success"]), (&json!("starting"), &json!(null)), "{status}");
    assert_eq!(status["last_run"]["outcome"], "applied");
    daemon.hear("STATUS=starting");
}

#[test]
fn during_a_run_another_one_exits_with_status_7() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.daemon();
    harness.fault("groups", &json!({"type": "delay", "ms": 60_000}));
    let first = harness.begin(&["--sync-now"]);
    daemon.hear("STATUS=running");
    let second = harness.command(&["--sync-now", "--output", "json"]);
    assert_eq!((second.exit, &second.json()["outcome"]), (Some(7), &json!("locked")), "{second:?}");
    assert_eq!(harness.status()["state"], "running");
    let (exit, _) = daemon.terminate();
    assert_eq!(exit, Some(0));
    // The peer that waits for the run gets its report all the same.
    let first = first.finish();
    assert_eq!(first.exit, Some(1), "{first:?}");
    assert!(first.stdout.contains("the run was stopped"), "{first:?}");
}

#[test]
fn a_command_with_its_own_sandbox_does_not_use_the_daemon() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    // Named by the environment, as --sandbox and --config exclude each other.
    let mut command = program(&["--sync-now", "--sandbox"]);
    command.env("CAMPAIGN_GROUP_SYNC_CONFIG", harness.configuration());
    let finished = run(&mut command);
    assert_eq!(finished.exit, Some(0), "{finished:?}");
    assert!(harness.history().is_empty(), "the daemon made no run");
}

#[test]
fn a_user_of_the_socket_need_not_be_able_to_read_the_secrets() {
    let harness = Harness::of("first_day", NEVER);
    let text = fs::read_to_string(harness.configuration()).expect("readable");
    let without: String = text
        .lines()
        .map(|line| if line.starts_with("client_secret_file") { "client_secret_file = \"/nowhere\"" } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let other = harness.path("other.toml");
    fs::write(&other, without).expect("written");
    let other = other.to_str().expect("UTF-8");
    let with = |configuration: &str, line: &[&str]| run(program(line).args(["--config", configuration]));
    let alone = with(other, &["status"]);
    assert_eq!(alone.exit, Some(78), "{alone:?}");
    assert!(alone.stderr.contains("/nowhere"), "{alone:?}");
    let _daemon = harness.daemon();
    assert_eq!(with(other, &["status", "--output", "json"]).json()["state"], "starting");
    assert_eq!(with(other, &["--sync-now"]).exit, Some(0));
    let approval = with(other, &["approve", "0123456789abcdef"]);
    assert!(approval.exit == Some(4) && approval.stderr.contains("nothing is held"), "{approval:?}");
    fs::write(harness.path("wrong.toml"), text.replace("[http]", "[htpp]")).expect("written");
    let wrong = harness.path("wrong.toml");
    let wrong = with(wrong.to_str().expect("UTF-8"), &["--sync-now"]);
    assert_eq!(wrong.exit, Some(78), "a wrong file is not passed over: {wrong:?}");
}

#[test]
fn many_silent_connections_do_not_delay_the_status() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    let silent: Vec<_> = (0..200).filter_map(|_| UnixStream::connect(harness.socket()).ok()).collect();
    assert!(silent.len() > 100, "{}", silent.len());
    let begin = Instant::now();
    let status = harness.command(&["status", "--output", "json"]);
    assert_eq!((status.exit, status.json()["state"].as_str()), (Some(0), Some("starting")), "{status:?}");
    // The silent ones would be closed after five seconds each sixteen at a time.
    assert!(begin.elapsed() < DEADLINE, "{:?}", begin.elapsed());
    drop(silent);
}

#[test]
fn a_daemon_refuses_what_is_meant_for_another_organization_or_state() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now", "-q"]).exit, Some(0));
    let (runs, configuration) =
        (harness.history().len(), fs::read_to_string(harness.configuration()).expect("readable"));
    let id = configuration.split("organization_id = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let other_organization = configuration.replace(id, "FEDCBA9876543210FEDCBA98@AdobeOrg");
    let state = harness.path("other.db").display().to_string();
    let line = configuration.lines().find(|line| line.trim_start().starts_with("url = \"sqlite:")).expect("a state");
    let other_state = configuration.replace(line, &format!("url = \"sqlite://{state}\""));
    for (content, named) in [(other_organization, "FEDCBA9876543210FEDCBA98@AdobeOrg"), (other_state, state.as_str())] {
        let file = harness.path("other.toml");
        fs::write(&file, content).expect("written");
        let digest = "0123456789abcdef";
        for line in [&["--sync-now"][..], &["status"], &["approve", digest], &["unpause"], &["review", "--done"]] {
            let refused = run(program(line).arg("--config").arg(&file));
            assert_eq!(refused.exit, Some(78), "{line:?} {refused:?}");
            let words = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(named) && words.contains("nothing was done"), "{line:?} {words}");
        }
    }
    assert_eq!(harness.history().len(), runs, "nothing ran");
    let review = harness.command(&["review", "--output", "json"]).json();
    assert_eq!(review["instances"][0]["last_review"], json!(null), "nothing was recorded");
    // A client that does not say what it means is served, as by hand.
    assert_eq!(harness.talk().say(r#"{"ask": "status"}"#)["answer"], "status");
}
