//! What it costs this host to read a large organization: our read against Adobe's own Python client.
//!
//! ```text
//! UMAPI_CLIENT_PYTHON=venv/bin/python cargo bench --bench organization_read -- [USERS] [ROUNDS]
//! ```
//!
//! One process serves the sandbox's scenario `large`. In each round, in turn, one process reads it with this library (token,
//! groups listing, all pages of users, mask applied, snapshot proved) and one with `umapi-client` (token, all pages of users,
//! kept as they came), first with uncompressed answers, then with gzip, which both clients ask for.
//!
//! CPU is user and system time of the whole process, peak is the most memory it ever held. A warm-up round is not counted.
//! Without `UMAPI_CLIENT_PYTHON`, an interpreter that can import `umapi_client` 3.0.1, only ours is measured.

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]

use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    num::NonZeroU32,
    process::{Child, Command, Stdio},
    time::Instant,
};

use campaign_group_sync::{
    domain::{AssociationMask, LoginSet, OrganizationId, Tolerance},
    experience_cloud::{ExperienceCloud, Membership, ReadChoice, UmapiOptions},
    sandbox::{self, Sandbox, Scenario},
    transport::{self, BaseUrl, RetryPolicy},
};
use serde_json::{Value, json};

/// The first argument of the process that serves, and of the one that reads.
const SERVE: &str = "--serve";
const READ: &str = "--read";

/// The environment variable that gives the reading processes the parameters of the sandbox as JSON.
const CONNECTION: &str = "ORGANIZATION_READ_CONNECTION";

/// Names the interpreter of Adobe's client.
const PYTHON: &str = "UMAPI_CLIENT_PYTHON";

const UMAPI_CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/umapi_client_read.py");

const DEFAULT_USERS: usize = 100_000;
const DEFAULT_ROUNDS: usize = 7;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |place: usize, default: usize| arguments.get(place).map_or(Ok(default), |text| text.parse());
    match arguments.first().map(String::as_str) {
        Some(SERVE) => serve(number(1, DEFAULT_USERS)?, arguments.get(2).map_or("gzip", String::as_str)),
        Some(READ) => read(),
        _ => compare(number(0, DEFAULT_USERS)?, number(1, DEFAULT_ROUNDS)?),
    }
}

/// One measured process.
#[derive(Clone, Copy)]
struct Cost {
    wall_s: f64,
    cpu_s: f64,
    peak_mib: f64,
    users: u64,
}

fn compare(users: usize, rounds: usize) -> Result<(), Failure> {
    println!("{users} users, medians of {rounds} rounds");
    for encoding in ["plain", "gzip"] {
        compare_encoded(users, rounds, encoding)?;
    }
    Ok(())
}

fn compare_encoded(users: usize, rounds: usize, encoding: &str) -> Result<(), Failure> {
    let mut server = Server::start(users, encoding)?;
    let python = env::var_os(PYTHON);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let own = measured(Command::new(env::current_exe()?).arg(READ), &server.connection)?;
        let other = match &python {
            Some(python) => Some(measured(Command::new(python).arg(UMAPI_CLIENT), &server.connection)?),
            None => None,
        };
        if round > 0 {
            ours.push(own);
            theirs.extend(other);
        }
    }
    server.process.kill()?;
    println!("\n{encoding:<28}{:>9}{:>9}{:>11}{:>10}", "wall s", "CPU s", "peak MiB", "users");
    let own = row("campaign-group-sync", &ours);
    if python.is_none() {
        println!("not compared with umapi-client: {PYTHON} names no interpreter.");
        return Ok(());
    }
    let other = row("umapi-client", &theirs);
    println!("umapi-client takes {:.1} times the CPU and {:.1} times the memory", other.0 / own.0, other.1 / own.1);
    Ok(())
}

/// Prints medians; returns those of CPU and peak.
fn row(name: &str, costs: &[Cost]) -> (f64, f64) {
    let median = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let (wall, cpu, peak) = (median(|cost| cost.wall_s), median(|cost| cost.cpu_s), median(|cost| cost.peak_mib));
    let users = costs.last().map_or(0, |cost| cost.users);
    println!("{name:<28}{wall:>9.2}{cpu:>9.3}{peak:>11.1}{users:>10}");
    (cpu, peak)
}

/// Runs a process that prints its own cost as JSON.
fn measured(command: &mut Command, connection: &str) -> Result<Cost, Failure> {
    let begin = Instant::now();
    let output = command.env(CONNECTION, connection).stderr(Stdio::inherit()).output()?;
    let wall_s = begin.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", output.status).into());
    }
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let number =
        |key: &str| report.get(key).and_then(Value::as_f64).ok_or_else(|| format!("{command:?} gave no {key}"));
    let users = report.get("users").and_then(Value::as_u64).unwrap_or(0);
    Ok(Cost { wall_s, cpu_s: number("cpu_s")?, peak_mib: number("peak_kib")? / 1024.0, users })
}

/// The process that serves the sandbox; it stops when its standard input closes.
struct Server {
    process: Child,
    connection: String,
}

impl Server {
    fn start(users: usize, encoding: &str) -> Result<Self, Failure> {
        let arguments = [OsString::from(SERVE), users.to_string().into(), encoding.into()];
        let mut command = Command::new(env::current_exe()?);
        let mut process = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut connection = String::new();
        let output = process.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut connection)?;
        Ok(Self { process, connection })
    }
}

fn serve(users: usize, encoding: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut scenario = Scenario::named("large")?.with_users(users);
    scenario.quirks.uncompressed = encoding == "plain";
    let sandbox =
        runtime.block_on(Sandbox::start(sandbox::SandboxOptions { listen: ([127, 0, 0, 1], 0).into(), scenario }))?;
    println!("{}", serde_json::to_string(&sandbox.connection())?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn read() -> Result<(), Failure> {
    let connection: Value = serde_json::from_str(&env::var(CONNECTION)?)?;
    let text = |key: &str| connection.get(key).and_then(Value::as_str).ok_or_else(|| format!("no {key}"));
    let unlimited = NonZeroU32::MAX;
    let options = UmapiOptions {
        organization_id: OrganizationId::new(text("organization_id")?),
        client_id: text("client_id")?.to_owned(),
        client_secret: text("client_secret")?.to_owned().into(),
        ims_url: BaseUrl::parse(text("ims_url")?)?,
        umapi_url: BaseUrl::parse(text("umapi_url")?)?,
        scopes: "openid,AdobeID,user_management_sdk".to_owned(),
        membership: Membership::Effective,
        read: ReadChoice::Organization,
        users_per_minute: unlimited,
        groups_per_minute: unlimited,
        parallel_requests: NonZeroU32::new(4).ok_or("not zero")?,
        tolerance: Tolerance { share: 0.01 },
        retry: RetryPolicy::default(),
        http: transport::HttpOptions::default(),
    };
    let masks = vec![AssociationMask::parse("Campaign - acme - (.*)")?];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = ExperienceCloud::new(options)?;
    let snapshot = runtime.block_on(async {
        let matched = client.fetch_listing().await?.matched_by(masks)?;
        let kind = client.choose(&matched);
        client.fetch_memberships(matched, LoginSet::default(), kind).await
    })?;
    let memberships: usize = (0..snapshot.profiles().len()).map(|profile| snapshot.members(profile).len()).sum();
    let (cpu_s, peak_kib) = (cpu_seconds()?, peak_kib()?);
    let users = snapshot.proof().users();
    println!("{}", json!({"cpu_s": cpu_s, "peak_kib": peak_kib, "users": users, "memberships": memberships}));
    Ok(())
}

/// User and system time of this process so far. `/proc/self/stat` has it in hundredths of a second, which is too coarse here.
fn cpu_seconds() -> Result<f64, Failure> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let schedstat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += schedstat.split_whitespace().next().ok_or("an empty schedstat")?.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

/// The most memory this process ever held.
fn peak_kib() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
