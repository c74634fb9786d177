//! Every line that a run logs carries the id of the run, once, in each format.

use campaign_group_sync::{
    domain::RunReport,
    experience_cloud::ReadChoice,
    observability::{self, Colours, LogFormat, LogLevel},
    sandbox::{Effect, Fault},
};
use serde_json::Value;

use super::harness::Harness;
use crate::support::captured_log::CapturedLog;

/// What one run logged, down to `debug`, and its report.
async fn logged(harness: &Harness, format: LogFormat) -> (Vec<String>, RunReport) {
    let options =
        observability::LogOptions { level: LogLevel::Debug, format, journal_stream: None, colours: Colours::Plain };
    let log =
        CapturedLog::start(|memory| observability::subscriber(&options, move || memory.clone()).expect("a log").0);
    let report = harness.sync().await;
    (log.text().lines().map(str::to_owned).collect(), report)
}

/// A run that is asked for a pause, meets a server error and a row that Campaign refuses, and holds a removal.
async fn disturbed() -> Harness {
    let mut harness = Harness::of("joiners_and_leavers").await;
    harness.options.experience_cloud.read = ReadChoice::Organization;
    harness.sandbox.inject(Fault::new("users", Effect::too_many_requests("1")).page(0).times(1));
    harness.sandbox.inject(Fault::new("members", Effect::status(503)).times(1));
    let refused = Effect::SoapFault {
        code: "SOAP-ENV:Server".to_owned(),
        string: "XTK-170019 The row is refused".to_owned(),
        detail: String::new(),
    };
    harness.sandbox.inject(Fault::new("write", refused).times(1));
    harness
}

fn has_line(lines: &[String], parts: &[&str]) -> bool {
    lines.iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[tokio::test]
async fn every_line_of_a_run_carries_its_id_once() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let harness = disturbed().await;
        let (lines, report) = logged(&harness, format).await;
        for met in harness.sandbox.faults() {
            assert!(met.disturbed > 0, "a fault was never met: {met:?}");
        }
        let id = match format {
            LogFormat::Json => format!(r#""run.id":"{}""#, report.run),
            _ => format!(" run.id={}", report.run),
        };
        for line in &lines {
            assert_eq!(line.matches("run.id").count(), 1, "{line}");
            assert!(line.contains(&id), "{line}");
            if format == LogFormat::Json {
                let fields: Value = serde_json::from_str(line).expect("JSON");
                assert!(fields["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}");
                assert_eq!(
                    line.matches(r#""instance":"#).count(),
                    usize::from(!fields["instance"].is_null()),
                    "{line}"
                );
            }
        }
        let all = lines.join("\n");
        assert!(
            has_line(
                &lines,
                &["WARN", "GET users of ", "temporarily unavailable (status 503)", "; attempt 2 of ", " s"]
            ),
            "{all}"
        );
        assert!(has_line(&lines, &["Adobe asked for a pause until "]), "{all}");
        assert!(has_line(&lines, &["1 change is held under "]), "{all}");
        assert!(has_line(&lines, &["XTK-170019", "production"]), "{all}");
        assert!(has_line(&lines, &["ExecuteQuery", "production"]), "the lines of a client say which instance: {all}");
        assert!(has_line(&lines, &["run ends: "]), "{all}");
    }
}

#[tokio::test]
async fn a_line_about_a_dead_run_carries_the_id_of_that_run_alone() {
    let mut harness = Harness::of("first_day").await;
    harness.sandbox.inject(Fault::new("write", Effect::Delay { ms: 600_000 }).forever());
    let is_sent = async {
        while harness.writes() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        report = harness.sync() => panic!("the run ended: {report:#?}"),
        () = is_sent => {}
    }
    let first = harness.journal.runs(1).await.expect("readable").pop().expect("a run").run;
    harness.sandbox.clear_faults();
    harness.reopen().await;
    let (lines, second) = logged(&harness, LogFormat::Json).await;
    let of = |run: &str| lines.iter().filter(|line| line.contains(&format!(r#""run.id":"{run}""#))).count();
    assert!(lines.iter().all(|line| line.matches("run.id").count() == 1), "{}", lines.join("\n"));
    assert_eq!(of(&first) + of(&second.run), lines.len());
    let settled =
        lines.iter().find(|line| line.contains(&first) && line.contains(r#""op":"#)).expect("a settled change");
    assert!(settled.contains(r#""instance":"production""#), "{settled}");
    assert!(of(&second.run) > 0);
}
