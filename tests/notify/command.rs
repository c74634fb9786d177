//! The command: a clean environment, one document, a bounded output, a deadline for all its processes.

use std::{fs, path::Path};

use campaign_group_sync::{
    domain::NotificationTarget,
    notify::{CommandTarget, NotifyOptions, probe, send_test},
};

use super::{
    fixture::{Fixture, SHORT, delivered, failed_once},
    receivers::{await_text, script},
};

fn options(program: &Path, argument: &Path) -> NotifyOptions {
    let arguments = vec![argument.display().to_string(), " with spaces ".to_owned()];
    NotifyOptions {
        command: Some(CommandTarget { program: program.to_owned(), arguments }),
        ..NotifyOptions::default()
    }
}

async fn prepared() -> Fixture {
    Fixture::with_one_for(NotificationTarget::Command).await
}

/// A fixture with this script, which gets the folder of the fixture as its first argument.
async fn scripted(text: &str) -> (Fixture, NotifyOptions) {
    let fixture = prepared().await;
    let program = script(&fixture.folder().join("tell"), text);
    let options = options(&program, fixture.folder());
    (fixture, options)
}

#[tokio::test]
async fn the_command_gets_the_document_with_names_its_arguments_and_only_the_variable_path() {
    let (fixture, options) =
        scripted("cat >\"$1/document\"; /usr/bin/env >\"$1/environment\"; echo \"$2|\" >\"$1/argument\"").await;
    delivered(&fixture.deliver(&options).await);
    let read = |name: &str| fs::read_to_string(fixture.folder().join(name)).expect("readable");
    let document: serde_json::Value = serde_json::from_str(&read("document")).expect("JSON");
    assert_eq!((&document["kind"], &document["people"][0]), (&"failed".into(), &"ann@acme.com".into()));
    let variables = read("environment");
    // The shell adds these itself.
    let added = ["PWD=", "SHLVL=", "_=", "OLDPWD="];
    let own: Vec<&str> = variables.lines().filter(|line| !added.iter().any(|name| line.starts_with(name))).collect();
    assert!(own.len() == 1 && own[0].starts_with("PATH=/usr/local/sbin:"), "{variables}");
    assert_eq!(read("argument"), " with spaces |\n");
}

#[tokio::test]
async fn a_nonzero_exit_status_is_a_failed_attempt_and_its_output_is_shortened() {
    let (fixture, options) = scripted("echo the beginning >&2; head -c 1000000 /dev/zero | tr '\\0' x; exit 3").await;
    let state = fixture.deliver(&options).await;
    let error = failed_once(&state);
    assert!(error.contains("exit status 3") && error.len() < 600, "{error}");
    let (fixture, options) = scripted("echo what is wrong >&2; kill -9 $$").await;
    let state = fixture.deliver(&options).await;
    assert!(failed_once(&state).contains("signal 9: what is wrong"), "{state:?}");
    let missing = prepared().await;
    let state = missing.deliver(&self::options(Path::new("/nonexistent/tell"), missing.folder())).await;
    assert!(failed_once(&state).contains("/nonexistent/tell could not be started"), "{state:?}");
}

#[tokio::test]
async fn a_command_that_does_not_end_is_aborted_at_the_deadline() {
    let (fixture, options) = scripted("exec sleep 1000").await;
    let state = fixture.deliver(&NotifyOptions { deadline: SHORT, ..options }).await;
    assert!(failed_once(&state).contains("timed out after 0.3 s"), "{state:?}");
}

#[tokio::test]
async fn an_aborted_attempt_kills_the_command_and_the_processes_that_it_started() {
    let (fixture, options) = scripted("sleep 1000 & echo $! >\"$1/child\"; echo $$ >\"$1/process\"; wait").await;
    let files = ["process", "child"].map(|name| fixture.folder().join(name));
    let both_run = async {
        while !files.iter().all(|file| fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n'))) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        state = fixture.deliver(&options) => panic!("it ended: {state:?}"),
        () = both_run => {}
    }
    for file in files {
        let process = await_text(&file);
        let begin = std::time::Instant::now();
        loop {
            // A process that was killed may not have been reaped yet.
            let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                break;
            }
            assert!(begin.elapsed() < std::time::Duration::from_secs(60), "{} lives", file.display());
        }
    }
}

#[tokio::test]
async fn a_process_that_the_command_leaves_running_delays_nothing() {
    let (fixture, options) = scripted("cat >/dev/null; sleep 1000 & echo $! >\"$1/child\"").await;
    delivered(&fixture.deliver(&options).await);
    let child = await_text(&fixture.folder().join("child"));
    assert!(std::process::Command::new("kill").arg(child.trim()).status().expect("kill runs").success());
}

#[tokio::test]
async fn a_command_need_not_read_its_input() {
    let (fixture, options) = scripted("exit 0").await;
    delivered(&fixture.deliver(&options).await);
}

#[tokio::test]
async fn a_check_reports_whether_the_command_can_run_without_running_it() {
    let (fixture, options) = scripted("echo ran >\"$1/ran\"").await;
    let seen = probe(&options, NotificationTarget::Command).await.expect("executable");
    assert!(seen.contains("can be executed") && !fixture.folder().join("ran").exists(), "{seen}");
    send_test(&options, NotificationTarget::Command).await.expect("taken");
    await_text(&fixture.folder().join("ran"));
    let plain = fixture.folder().join("plain");
    fs::write(&plain, "no program").expect("written");
    for (program, why) in [(plain.as_path(), "Permission denied"), (fixture.folder(), "is not a file")] {
        let error =
            probe(&self::options(program, fixture.folder()), NotificationTarget::Command).await.expect_err("refused");
        let shown = campaign_group_sync::observability::Chain(&error).to_string();
        assert!(shown.contains(why), "{shown}");
    }
}
