//! Random histories: people, profiles, hands in Campaign, configuration, approvals, faults and dying runs in any order,
//! judged by a model that shares no code with the program.
//!
//! `HISTORIES=100000 cargo test --test suite histories::` plays that many, `HISTORY_SEED=17` the one of this seed, and
//! both together that many from this seed on.

mod config;
mod memory;
mod model;
mod player;
mod random;
mod shrink;
mod step;
mod verdict;
mod view;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use campaign_group_sync::sandbox::{Scenario, World};

use self::{
    player::{Counts, End, Played, Steps, first_world, play},
    random::Random,
    shrink::{Counterexample, shortened},
    verdict::Violation,
};

/// How many histories are played where the environment says nothing.
const DEFAULT: u64 = 2_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Runs a future on a runtime of its own.
fn on_this_thread<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// The history with this seed.
fn history(seed: u64) -> (Played, End) {
    let mut random = Random::new(seed);
    let first = first_world(&mut random);
    let (count, end) = (6 + random.below(8), End { approves: random.percent(60), is_thorough: random.percent(10) });
    (on_this_thread(play(first, Steps::Drawn(random, count), end)), end)
}

#[test]
fn histories_keep_every_promise() {
    let first = number("HISTORY_SEED");
    let count = number("HISTORIES").unwrap_or(if first.is_some() { 1 } else { DEFAULT });
    let first = first.unwrap_or_default();
    let seeds = first..first + count;
    let begin = Instant::now();
    let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
    let (counts, failures) = (Mutex::new(Counts::default()), Mutex::new(Vec::new()));
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || !failures.lock().expect("no panic").is_empty() {
                return;
            }
            let (played, end_of) = history(seed);
            counts.lock().expect("no panic").add(&played.counts);
            if played.verdict.is_err() {
                failures.lock().expect("no panic").push((seed, played, end_of));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let counts = counts.into_inner().expect("no panic");
    println!(
        "{} histories, {} runs, {} writes, {} removals without an approval in {} s on {threads} threads",
        counts.histories,
        counts.runs,
        counts.writes,
        counts.removals,
        begin.elapsed().as_secs()
    );
    for (kind, number) in counts.steps.iter().chain(&counts.outcomes) {
        println!("{number:>8} {kind}");
    }
    let mut failures = failures.into_inner().expect("no panic");
    failures.sort_by_key(|(seed, ..)| *seed);
    if let Some((seed, played, end)) = failures.into_iter().next() {
        let found = shortened(played, end).expect("a broken promise");
        panic!("HISTORY_SEED={seed} breaks a promise:\n\n{}", found.described());
    }
}

#[test]
fn a_history_is_the_same_each_time_and_is_printed_as_a_scenario() {
    let (one, end) = history(1);
    let steps = |played: &Played| played.steps.iter().map(|(step, _)| step.clone()).collect::<Vec<_>>();
    assert_eq!(steps(&one), steps(&history(1).0));
    let violation = Violation { promise: "an example", sentence: "nothing is broken".to_owned() };
    let printed = Counterexample { violation, first: one.first, steps: one.steps, end };
    let scenario = Scenario::from_toml(&printed.described()).expect("a scenario");
    assert_eq!(scenario, printed.scenario(), "{}", printed.described());
    World::new(scenario).expect("a world");
}
