//! The daemon for hundreds or thousands of ticks of its schedule, in minutes: faults, reloads, requested runs, requests to the
//! page, changes in the organization, and a wall clock that is set forward and back.
//!
//! The built program runs unchanged, with its database and over real HTTP. Its clocks are moved from outside
//! (`clock.c`): between two runs the test lets the time to the next tick pass, and during a run time passes while the
//! daemon waits for it. What is asserted depends on no speed: each tick makes one run, no run is made without a reason,
//! and nothing grows.

mod clock;
mod measures;

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    time::{Duration, Instant},
};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Timelike as _, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    daemon::harness::{Daemon, Harness},
    faults::say,
    support::process::{DEADLINE, LOG_LEVEL, Started},
};
use clock::Clock;
use measures::{Measures, assert_no_growth, is_asleep};

/// Makes other choices where `SOAK_SEED` names another number.
const SEED: u64 = 1;

/// Between two looks at the history and at the process. Fewer runs than those that are kept.
const BETWEEN_LOOKS: usize = 20;

/// How many ticks there are where `SOAK_TICKS` names no other number.
const TICKS: usize = 100;

/// How long runs and changes are kept: fewer days than the soak lasts.
const KEEP: &str = "2d";

/// How long the daemon may be silent until time passes, and how much passes then. Longer than `clock.c` needs to show
/// the last step.
const SILENCE: Duration = Duration::from_millis(2);
const STEP: TimeDelta = TimeDelta::milliseconds(100);

/// No run begins later after its tick, or lasts longer, by the clocks of the daemon. Less than the time between two
/// ticks: the run of the next one would count for one that was missed.
const LONGEST: TimeDelta = TimeDelta::minutes(20);

/// Memberships that come and go.
const WORLD: [(&str, &str); 3] = [
    ("ann@acme.com", "Campaign - acme - report"),
    ("bob@acme.com", "Campaign - acme - content"),
    ("dev@acme.com", "Campaign - acme - delivery"),
];

/// `SplitMix64`, seeded.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("below a small number")
    }

    /// True once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

struct Soak {
    daemon: Daemon,
    harness: Harness,
    clock: Clock,
    random: Numbers,
    /// A command that the daemon serves.
    command: Option<u32>,
    /// The address of the page.
    page: String,
    /// The minute of each hour at which a run is due.
    minute: u32,
    is_assigned: [bool; WORLD.len()],
    is_disturbed: bool,
    /// The latest time of the wall clock for which a run was made, and the time that never goes back, when it began.
    handled_until: DateTime<Utc>,
    last_run: TimeDelta,
    /// Runs since the last look at the history.
    made: usize,
    known: BTreeSet<String>,
    counted: Counted,
}

#[derive(Debug, Default)]
struct Counted {
    ticks: usize,
    runs: usize,
    faults: usize,
    reloads: usize,
    ticks_over_reload: usize,
    requests: usize,
    requested_runs: usize,
    set_forward: usize,
    set_back: usize,
    skipped_as_made_before: usize,
}

/// A schedule, and a limit that changes with it.
fn configuration(minute: u32, removals: usize, jitter: &str) -> String {
    format!(
        "[schedule]\ncron = \"0 {minute} * * * *\"\njitter = \"{jitter}\"\n[guard]\nmax_removals = {removals}\n\
         max_group_removals_percent = 100\nmax_removals_percent = 100\n"
    )
}

impl Soak {
    fn start(seed: u64) -> Self {
        let harness = Harness::of("first_day", &configuration(0, 50, "0s"));
        let clock = Clock::new();
        let temporary = harness.path("temporary");
        std::fs::create_dir(&temporary).expect("created");
        let [preload, file] = clock.environment().map(|(name, path)| (name, path.display().to_string()));
        let mut daemon = harness.starting_daemon(&[
            (preload.0, &preload.1),
            (file.0, &file.1),
            ("TMPDIR", &temporary.display().to_string()),
            ("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0"),
            ("CAMPAIGN_GROUP_SYNC__STATE__KEEP_RUNS", KEEP),
            ("CAMPAIGN_GROUP_SYNC__STATE__KEEP_CHANGES", KEEP),
            (LOG_LEVEL, "info"),
        ]);
        daemon.hear("READY=1");
        let log = daemon.log();
        let page = log.split("the status page are at http://").nth(1).and_then(|rest| rest.split('/').next());
        Self {
            page: page.expect("an address in the log").to_owned(),
            handled_until: clock.now(),
            last_run: clock.steady(),
            harness,
            daemon,
            clock,
            command: None,
            random: Numbers(seed),
            minute: 0,
            is_assigned: [false; WORLD.len()],
            is_disturbed: false,
            made: 0,
            known: BTreeSet::new(),
            counted: Counted::default(),
        }
    }

    fn temporary_files(&self) -> PathBuf {
        self.harness.path("temporary")
    }

    /// The next time that the schedule names.
    fn next_due(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        let this_hour = now.trunc_subsecs(0).with_second(0).and_then(|time| time.with_minute(self.minute));
        let this_hour = this_hour.expect("a minute of this hour");
        if this_hour > now { this_hour } else { this_hour + TimeDelta::hours(1) }
    }

    /// Waits until the daemon says what is such. Time passes only while the daemon and the processes that it talks to
    /// sleep: on a loaded host they need long for what takes them a moment of their clocks.
    fn hear(&mut self, is_such: impl Fn(&str) -> bool) {
        let (begin, steady) = (Instant::now(), self.clock.steady());
        loop {
            match self.daemon.hear_within(SILENCE) {
                Some(message) if is_such(&message) => return,
                None if self.processes().all(is_asleep) => self.clock.pass(STEP),
                Some(_) | None => {}
            }
            let is_late = begin.elapsed() > DEADLINE || self.clock.steady() - steady > LONGEST;
            assert!(!is_late, "no message came until {}: {}", self.clock.now(), self.daemon.log());
        }
    }

    fn processes(&self) -> impl Iterator<Item = u32> {
        [self.daemon.id(), self.harness.sandbox_id()].into_iter().chain(self.command)
    }

    /// One run begins and ends.
    fn run(&mut self) {
        let is_of_run =
            |message: &str| ["STATUS=running", "STATUS=waiting"].iter().any(|&status| message.contains(status));
        self.hear(is_of_run);
        self.hear(|message| message.contains("STATUS=") && !is_of_run(message));
        (self.made, self.counted.runs) = (self.made + 1, self.counted.runs + 1);
    }

    /// Lets time pass to the next tick, whose run begins and ends.
    fn tick(&mut self) {
        self.pass_to_next_tick();
        self.run_of_schedule();
    }

    /// Lets time pass until a second before the next tick that makes a run.
    fn pass_to_next_tick(&mut self) {
        let mut due = self.next_due();
        // A tick that comes again, because the clock was set back, is skipped when the last run began less than half
        // the time to the following tick before it.
        let since_last_run = self.clock.steady() - self.last_run + (due - self.clock.now());
        if due <= self.handled_until && since_last_run < TimeDelta::minutes(30) {
            due += TimeDelta::hours(1);
            self.counted.skipped_as_made_before += 1;
        }
        self.clock.pass((due - self.clock.now() - TimeDelta::seconds(1)).max(TimeDelta::zero()));
    }

    /// A tick comes due and waits for its jitter, when a reload makes another schedule.
    fn tick_over_reload(&mut self) {
        self.reload(self.minute, "3650d");
        self.pass_to_next_tick();
        self.clock.pass(TimeDelta::seconds(2));
        self.reload_schedule();
        self.run_of_schedule();
        self.counted.ticks_over_reload += 1;
    }

    fn run_of_schedule(&mut self) {
        self.run();
        self.counted.ticks += 1;
        self.handled_until = self.handled_until.max(self.clock.now());
        self.last_run = self.clock.steady();
    }

    /// Asks the daemon for a page.
    fn get(&mut self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.page).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("settable");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.page).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200") || path == "/readyz", "{path}: {answer}");
        self.counted.requests += 1;
        answer
    }

    /// The daemon has looked at its clocks: it answered twice since they were moved.
    fn look_at_clocks(&mut self) {
        for _ in 0..2 {
            self.get("/healthz");
        }
    }

    fn requests(&mut self) {
        for _ in 0..2 {
            let path = ["/", "/status", "/metrics", "/healthz", "/readyz"][self.random.below(5)];
            self.get(path);
        }
        if self.random.once_in(10) {
            let mut talk = self.harness.talk();
            assert!(talk.say(r#"{"ask": "status"}"#).is_object());
        }
    }

    fn disturb(&mut self) {
        if std::mem::take(&mut self.is_disturbed) {
            self.harness.ask(Method::DELETE, "faults", "");
        }
        if self.random.once_in(4) {
            let call = ["token", "users", "groups", "logon", "query", "write", "any"][self.random.below(7)];
            let effect = match self.random.below(9) {
                0 => json!({"type": "reset"}),
                1 => json!({"type": "lose_answer"}),
                2 => json!({"type": "status", "status": 503}),
                3 => json!({"type": "status", "status": 429, "headers": [["retry-after", "2"]]}),
                4 => json!({"type": "status", "status": 401}),
                5 => json!({"type": "html"}),
                6 => json!({"type": "truncate"}),
                7 => json!({"type": "cut_off"}),
                _ => json!({"type": "expire_tokens"}),
            };
            let times = [1, 2, 20][self.random.below(3)];
            let skip = self.random.below(3);
            let fault = json!({"faults": [{"call": call, "skip": skip, "times": times, "effect": effect}]});
            self.harness.ask(Method::POST, "faults", &fault.to_string());
            (self.is_disturbed, self.counted.faults) = (true, self.counted.faults + 1);
        }
    }

    /// A user gets a profile or loses it.
    fn change_organization(&mut self) {
        if self.random.once_in(3) {
            let at = self.random.below(WORLD.len());
            let ((user, group), op) = (WORLD[at], if self.is_assigned[at] { "unassign" } else { "assign" });
            self.is_assigned[at] = !self.is_assigned[at];
            let change = json!({"changes": [{"op": op, "user": user, "group": group}]});
            self.harness.ask(Method::POST, "world", &change.to_string());
        }
    }

    fn reload(&mut self, minute: u32, jitter: &str) {
        self.minute = minute;
        self.harness.configure(&configuration(minute, 40 + self.random.below(20), jitter));
        self.daemon.signal("-HUP");
        self.hear(|message| message.contains("READY=1"));
        self.counted.reloads += 1;
    }

    /// A reload with another schedule, or the same.
    fn reload_schedule(&mut self) {
        let minute = [0, 30][self.random.below(2)];
        self.reload(minute, "0s");
    }

    /// A run that a command asks for.
    fn request_run(&mut self) {
        let [preload, file] = self.clock.environment();
        let mut command = self.harness.prepared(&["--sync-now", "-q"]);
        command.env(preload.0, preload.1).env(file.0, file.1);
        let started = Started::of(&mut command);
        self.command = Some(started.id());
        self.run();
        self.command = None;
        started.finish();
        self.counted.requested_runs += 1;
    }

    /// The wall clock jumps ahead over ticks: they become one run.
    fn set_forward(&mut self) {
        self.clock.set(TimeDelta::minutes(61 + 30 * i64::try_from(self.random.below(20)).expect("small")));
        self.clock.pass(TimeDelta::seconds(61));
        self.run_of_schedule();
        self.counted.set_forward += 1;
    }

    /// The wall clock is set back, some time after a run.
    fn set_back(&mut self) {
        self.clock.pass(TimeDelta::minutes([5, 22][self.random.below(2)]));
        self.look_at_clocks();
        // The next tick is never half an hour after the last run: whether it is skipped would depend on seconds.
        self.clock.set(-TimeDelta::minutes([10, 20, 40, 50, 70, 100, 130][self.random.below(7)]));
        self.look_at_clocks();
        self.clock.pass(TimeDelta::seconds(61));
        self.look_at_clocks();
        self.counted.set_back += 1;
    }

    /// The history has each run that was made since the last look, and no other.
    fn look_at_history(&mut self) {
        let limit = (self.made + 50).to_string();
        let history = self.harness.command(&["history", "--limit", &limit, "--output", "json", "-q"]).json();
        let runs = history["runs"].as_array().expect("a list");
        let runs: BTreeSet<String> = runs.iter().filter_map(|run| run["run"].as_str()).map(str::to_owned).collect();
        let new: Vec<&String> = runs.difference(&self.known).collect();
        let log = || self.daemon.log();
        assert_eq!(new.len(), self.made, "runs in the history, and runs that were due: {new:?}\n{}", log());
        self.known.extend(runs);
        self.made = 0;
    }

    /// One tick, and what happens around it.
    fn hour(&mut self) {
        self.disturb();
        self.change_organization();
        if self.random.once_in(20) {
            self.tick_over_reload();
        } else {
            self.tick();
        }
        self.requests();
        if self.random.once_in(20) {
            self.reload_schedule();
        }
        if self.random.once_in(40) {
            self.request_run();
        }
        if self.random.once_in(30) {
            self.set_forward();
        }
        if self.random.once_in(30) {
            self.set_back();
        }
    }

    /// Without faults, a run finds everything in place.
    fn settle(&mut self) {
        self.harness.ask(Method::DELETE, "faults", "");
        for _ in 0..3 {
            self.tick();
        }
        let status: Value = self.harness.status();
        assert_eq!(status["last_run"]["outcome"], "in_sync", "{status}\n{}", self.daemon.log());
    }
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn ticks_make_one_run_each_and_nothing_grows() {
    let begin = Instant::now();
    let ticks = number("SOAK_TICKS", TICKS);
    let seed = number("SOAK_SEED", usize::try_from(SEED).expect("small"));
    let mut soak = Soak::start(seed as u64);
    let mut measures = Vec::new();
    while soak.counted.ticks < ticks {
        let next = soak.counted.ticks + BETWEEN_LOOKS;
        while soak.counted.ticks < next {
            soak.hour();
        }
        soak.look_at_history();
        measures.push(Measures::of(&soak));
    }
    soak.settle();
    soak.look_at_history();
    assert_eq!(soak.daemon.terminate().0, Some(0));
    let compared = assert_no_growth(&measures, ticks);
    say(&format!("soak: {:?} in {:.1} s; most: {compared}\n", soak.counted, begin.elapsed().as_secs_f32()));
}
