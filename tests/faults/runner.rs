//! Runs cells side by side, prints their number, and lists all that failed.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Write as _, stderr},
    time::Instant,
};

use campaign_group_sync::{
    domain::Outcome,
    observability::{self, Colours, LogFormat, LogLevel},
};
use futures_util::{StreamExt as _, stream};
use tracing::instrument::WithSubscriber as _;

use super::{
    cell::Cell,
    kinds::Limits,
    secrets::secrets,
    verdict::{self, LaterRun},
    world::{Setup, Template},
};
use crate::support::captured_log::{LogMemory, listen_on_all_threads};

/// Selects the cells whose name contains its value.
const FILTER: &str = "FAULT_CELL";

/// How many cells of one test are under way at the same time. Most wait for a pause or a timeout at some time.
const AT_ONCE: usize = 12;

/// Runs the cells of one subject, and fails with all that are not as expected.
pub(super) async fn run(subject: &str, cells: Vec<Cell>) {
    let begin = Instant::now();
    let filter = std::env::var(FILTER).ok();
    let cells: Vec<_> =
        cells.into_iter().filter(|cell| filter.as_ref().is_none_or(|part| cell.to_string().contains(part))).collect();
    listen_on_all_threads();
    let mut templates = BTreeMap::new();
    for setup in Setup::ALL {
        if cells.iter().any(|cell| cell.place.setup == setup) {
            templates.insert(setup, Template::shared(setup).await);
        }
    }
    let work = cells.iter().filter_map(|cell| templates.get(&cell.place.setup).map(|template| judged(template, cell)));
    let failed: Vec<(&Cell, Vec<String>)> = stream::iter(work)
        .buffer_unordered(AT_ONCE)
        .filter(|(_, complaints)| std::future::ready(!complaints.is_empty()))
        .collect()
        .await;
    say(&format!("fault matrix, {subject}: {}\n", counted(&cells, begin)));
    assert!(failed.is_empty(), "{}", described(&failed, cells.len()));
}

/// Straight to standard error: the numbers are to be seen although the test passes.
pub(crate) fn say(text: &str) {
    let mut stderr = stderr().lock();
    stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).expect("written");
}

fn counted(cells: &[Cell], begin: Instant) -> String {
    let mut places = BTreeMap::new();
    for cell in cells {
        *places.entry(cell.place.to_string()).or_insert(0) += 1;
    }
    let places = places.iter().fold(String::new(), |mut lines, (place, number)| {
        write!(lines, "\n    {number:4} {place}").expect("into memory");
        lines
    });
    format!("{} cells in {:.1} s{places}", cells.len(), begin.elapsed().as_secs_f32())
}

fn described(failed: &[(&Cell, Vec<String>)], all: usize) -> String {
    let mut text = format!(
        "{} of {all} cells failed; one of them alone: {FILTER}='NAME' cargo test --test suite faults\n",
        failed.len()
    );
    for (cell, complaints) in failed {
        writeln!(text, "{FILTER}='{cell}'").expect("into memory");
        for complaint in complaints {
            writeln!(text, "    {complaint}").expect("into memory");
        }
    }
    text
}

async fn judged<'c>(template: &Template, cell: &'c Cell) -> (&'c Cell, Vec<String>) {
    let memory = LogMemory::default();
    let options = observability::LogOptions {
        level: LogLevel::Trace,
        format: LogFormat::Text,
        journal_stream: None,
        colours: Colours::Plain,
    };
    let log = memory.clone();
    let subscriber = observability::subscriber(&options, move || log.clone()).expect("a log").0;
    let complaints = Box::pin(complaints(template, cell, &memory)).with_subscriber(subscriber).await;
    (cell, complaints)
}

async fn complaints(template: &Template, cell: &Cell, log: &LogMemory) -> Vec<String> {
    let (folder, stage) = template.stage().await;
    stage.sandbox.inject(cell.fault());
    let mut options = stage.options(&cell.kind.limits);
    let report = stage.sync_with(&options, &[]).await;
    let mut complaints = verdict::of_disturbed_run(template, &stage, &cell.expected, &report).await;
    let (mut reports, mut requests) = (format!("{report:?}"), stage.sandbox.requests());
    stage.sandbox.clear_faults();
    stage.forget_pause().await;
    // The process goes on: its clients keep their connections and tokens.
    let later = stage.options(&Limits::default());
    options.experience_cloud.http = later.experience_cloud.http;
    for (instance, later) in options.instances.iter_mut().zip(later.instances) {
        instance.campaign.http = later.campaign.http;
    }
    let held = report.instances.iter().filter_map(|instance| instance.held.clone()).collect::<Vec<_>>();
    let mut run_again = async |later: LaterRun, approve: &[String]| {
        let report = stage.sync_with(&options, approve).await;
        complaints.extend(verdict::of_later_run(template, &stage, later, &report));
        write!(reports, "\n{report:?}").expect("into memory");
        requests.extend(stage.sandbox.requests());
        report
    };
    let mut approve = Vec::new();
    if !held.is_empty() {
        let report = run_again(LaterRun::StillHeld, &[]).await;
        approve.extend(report.instances.into_iter().filter_map(|instance| instance.held));
    }
    let report = run_again(LaterRun::Converges, &approve).await;
    if report.outcome != Outcome::InSync || stage.writes() > 0 {
        run_again(LaterRun::WritesNothing, &[]).await;
    }
    let log = log.text();
    if log.is_empty() {
        complaints.push("nothing was logged".to_owned());
    }
    // Beside the state, whose files may have no secret either.
    std::fs::write(folder.path().join("log"), log).expect("written");
    std::fs::write(folder.path().join("reports"), reports).expect("written");
    complaints.extend(secrets(&stage.sandbox, &requests).found_in("", &[folder.path().to_owned()]));
    complaints
}
