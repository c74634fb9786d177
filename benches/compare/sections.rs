//! What is measured.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Failure, large_journal,
    measure::{Cost, measure},
    peers::Peers,
    sandbox::{Client, Sandbox},
    table::{Candidate, compare},
};

/// Measures and prints.
type Section = fn(&Setup) -> Result<(), Failure>;

/// The sections, in their order.
pub(crate) const SECTIONS: [(&str, Section); 6] = [
    ("organization", organization),
    ("campaign-read", campaign_read),
    ("campaign-write", campaign_write),
    ("million", million),
    ("instances", instances),
    ("journal", journal),
];

/// What all sections share.
pub(crate) struct Setup {
    pub(crate) folder: PathBuf,
    pub(crate) peers: Option<Peers>,
    pub(crate) rounds: usize,
    /// Sizes that show only that everything runs.
    pub(crate) is_quick: bool,
}

impl Setup {
    fn size(&self, full: usize, quick: usize) -> usize {
        if self.is_quick { quick } else { full }
    }
}

/// The exit statuses of a dry run, and of a run.
const PLANNED: &[i32] = &[0, 2, 3];
const APPLIED: &[i32] = &[0, 3];
const DONE: &[i32] = &[0];

/// The login of the program in a scenario with `authentication = "native"`.
const NATIVE: [&str; 2] = ["group-sync", "sandbox-password"];

/// Memberships in Campaign that a guard must not hold: these runs are about their cost.
fn without_limits(configuration: &str) -> String {
    format!(
        "{configuration}\n[guard]\nmax_removals = 1000000\nmax_removals_percent = 100\nmax_group_removals_percent = 100\n"
    )
}

/// Every round begins with an empty state.
fn fresh(client: &Client, what: &str, round: usize, arguments: &[&str], expected: &[i32]) -> Result<Cost, Failure> {
    let state = format!("{what}-{round}");
    measure(&mut client.program(&state, arguments)?, &client.output(what), expected)
}

const DRY_RUN: &[&str] = &["--sync-now", "--dry-run"];
const RUN: &[&str] = &["--sync-now"];

/// Dry runs over a large organization, the first one and the next, and others who read the same pages. Campaign has no operators of these users, and
/// the mask matches 45 of the 400 names that users have.
fn organization(setup: &Setup) -> Result<(), Failure> {
    const MASK: &str = "Product (00[0-4][1-9]) - default";
    let users = setup.size(100_000, 4_000);
    let scenario =
        format!("based_on = \"large\"\n[generate]\nusers = {users}\nprofiles = 0\n[quirks]\nuncompressed = true\n");
    let sandbox = Sandbox::serve(&setup.folder, "organization", &scenario)?;
    let frozen = sandbox.freeze()?;
    let client = client_of(&sandbox, &frozen.address, "organization", MASK)?;
    let mut candidates = vec![
        Candidate::new("campaign-group-sync, first dry run", |round| fresh(&client, "ours", round, DRY_RUN, PLANNED)),
        Candidate::new("campaign-group-sync, next dry run", |_| {
            measure(&mut client.program("ours", DRY_RUN)?, &client.output("next"), PLANNED)
        }),
    ];
    if let Some(peers) = &setup.peers {
        candidates.push(peer(&client, "umapi-client, iterator", || peers.python("umapi_client_read.py"))?);
        for (name, way) in [("Node, all pages in one array", "array"), ("Node, page by page", "paged")] {
            let command = move || with_arguments(peers.node("fetch_read.mjs"), &[way]);
            candidates.push(peer(&client, name, command)?);
        }
        candidates.push(peer(&client, "curl, all pages to /dev/null", curl_command(&client, users)?)?);
    }
    compare(&format!("Reading {users} users"), setup.rounds, candidates)
}

/// A process that reads the organization; its script takes the parameters from the environment.
fn peer<'a>(client: &Client, name: &str, make: impl Fn() -> Command + 'a) -> Result<Candidate<'a>, Failure> {
    let (environment, output) = (client.environment()?, client.output(name));
    Ok(Candidate::new(name, move |_| measure(make().envs(environment.iter().cloned()), &output, DONE)))
}

fn with_arguments(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

/// Sets `experience_cloud.read`.
fn with_read(configuration: &str, read: &str) -> String {
    configuration.replace("[experience_cloud]\n", &format!("[experience_cloud]\nread = \"{read}\"\n"))
}

/// A client that reads the organization in this way and follows the profiles that this mask matches.
fn client_of(sandbox: &Sandbox, address: &str, read: &str, mask: &str) -> Result<Client, Failure> {
    let client =
        sandbox.configuration(address, |text| with_read(&text, read).replace("Campaign - acme - (.*)", mask))?;
    if client.value(&["instances", "production"], "association_mask")? == mask {
        Ok(client)
    } else {
        Err("the sandbox prints another mask".into())
    }
}

/// The command that fetches all pages of users over one connection.
fn curl_command(client: &Client, users: usize) -> Result<impl Fn() -> Command + use<>, Failure> {
    let section = &["experience_cloud"];
    let (umapi, organization) = (client.value(section, "umapi_url")?, client.value(section, "organization_id")?);
    let (key, token) = (client.value(section, "client_id")?, token(client)?);
    Ok(move || {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--noproxy", "*"]);
        command.args(["--header", &format!("X-Api-Key: {key}"), "--header", &format!("Authorization: Bearer {token}")]);
        for page in 0..users.div_ceil(2_000) {
            let url = format!("{umapi}/users/{}/{page}?directOnly=false", organization.replace('@', "%40"));
            command.args(["--output", "/dev/null", &url]);
        }
        command
    })
}

/// A token of the frozen sandbox, by curl.
fn token(client: &Client) -> Result<String, Failure> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--fail", "--noproxy", "*", "--data", "grant_type=client_credentials"]);
    let mut address = String::new();
    for (name, value) in client.environment()? {
        match name {
            "IMS_URL" => address = format!("{value}/ims/token/v3"),
            "CLIENT_ID" => drop(command.args(["--data-urlencode", &format!("client_id={value}")])),
            "CLIENT_SECRET" => drop(command.args(["--data-urlencode", &format!("client_secret={value}")])),
            _ => {}
        }
    }
    let output = command.args(["--data", "scope=openid,AdobeID,user_management_sdk", &address]).output()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(answer.get("access_token").and_then(serde_json::Value::as_str).ok_or("no token")?.to_owned())
}

/// Dry runs over an instance with many operators, and Adobe's SDK that reads the same rows. One run follows a single
/// profile with a twentieth of the operators, so that nearly all of its work is that of the SDK; the other one also reads
/// an organization with a user for each operator, and places all of them.
fn campaign_read(setup: &Setup) -> Result<(), Failure> {
    let users = setup.size(100_000, 2_000);
    let scenario = format!(
        "based_on = \"large\"\n[generate]\nusers = {users}\ngroups = 20\nprofiles = 20\nfewest = 1\nmost = 1\n\
         missing = 0\nsuperfluous = 0\n[quirks]\nuncompressed = true\n\
         [campaign.production]\nauthentication = \"native\"\n"
    );
    let sandbox = Sandbox::serve(&setup.folder, "campaign-read", &scenario)?;
    let frozen = sandbox.freeze()?;
    let client = sandbox.configuration(&frozen.address, |text| with_read(&text, "organization"))?;
    let url = client.value(&["instances", "production"], "url")?;
    let one_profile = client_of(&sandbox, &frozen.address, "profiles", "Campaign - acme - (segment000)")?;
    let mut candidates = vec![
        Candidate::new("campaign-group-sync, first dry run, one profile", |round| {
            fresh(&one_profile, "one", round, DRY_RUN, PLANNED)
        }),
        Candidate::new("campaign-group-sync, next dry run, one profile", |_| {
            measure(&mut one_profile.program("one", DRY_RUN)?, &one_profile.output("next-one"), PLANNED)
        }),
        Candidate::new("campaign-group-sync, first dry run, the whole organization", |round| {
            fresh(&client, "all", round, DRY_RUN, PLANNED)
        }),
        Candidate::new("campaign-group-sync, next dry run, the whole organization", |_| {
            measure(&mut client.program("all", DRY_RUN)?, &client.output("next-all"), PLANNED)
        }),
    ];
    if let Some(peers) = &setup.peers {
        for (representation, rows) in [("SimpleJson", "1000"), ("xml", "5000")] {
            let name = format!("acc-js-sdk, {representation}, pages of {rows}");
            let (url, output) = (&url, client.output(representation));
            candidates.push(Candidate::new(&name, move |_| {
                let arguments = [url.as_str(), NATIVE[0], NATIVE[1], representation, rows];
                measure(&mut with_arguments(peers.node("acc_js_sdk_read.mjs"), &arguments), &output, DONE)
            }));
        }
    }
    compare(&format!("Reading {users} operators and memberships from Campaign"), setup.rounds, candidates)
}

const DELAY: &str = "[[faults]]\ncall = \"any\"\ntimes = \"forever\"\neffect = { type = \"delay\", ms = 20 }\n";

/// Memberships that are added while each call takes 20 ms: by a run, and one by one with Adobe's SDK.
fn campaign_write(setup: &Setup) -> Result<(), Failure> {
    let changes = setup.size(1_000, 40);
    let users = changes * 10;
    let scenario = format!(
        "based_on = \"large\"\n[generate]\nusers = {users}\nmissing = {changes}\nsuperfluous = 0\n\
         [campaign.production]\nauthentication = \"native\"\n{DELAY}"
    );
    let (mut sandboxes, folder) = (Vec::new(), &setup.folder);
    let mut serve = |name: String| -> Result<Client, Failure> {
        let sandbox = Sandbox::serve(folder, &name, &scenario)?;
        let client = sandbox.configuration(&sandbox.address()?, |text| without_limits(&text))?;
        // Only the newest one is needed: each round has a world of its own.
        sandboxes.clear();
        sandboxes.push(sandbox);
        Ok(client)
    };
    let serve = std::cell::RefCell::new(&mut serve);
    let mut candidates = vec![Candidate::new("campaign-group-sync, whole run", |round| {
        let client = (serve.borrow_mut())(format!("write-{round}"))?;
        fresh(&client, "ours", round, RUN, APPLIED)
    })];
    if let Some(peers) = &setup.peers {
        candidates.push(Candidate::new("acc-js-sdk, one write each", |round| {
            let client = (serve.borrow_mut())(format!("sdk-write-{round}"))?;
            let url = client.value(&["instances", "production"], "url")?;
            let arguments = [url.as_str(), NATIVE[0], NATIVE[1], &changes.to_string()];
            let mut command = with_arguments(peers.node("acc_js_sdk_write.mjs"), &arguments);
            measure(&mut command, &client.output("sdk"), DONE)
        }));
    }
    compare(&format!("Writing {changes} memberships, 20 ms a call"), setup.rounds.min(3), candidates)
}

/// A million users: a dry run, the first run with many additions, and the next run, which finds nothing to do.
fn million(setup: &Setup) -> Result<(), Failure> {
    let users = setup.size(1_000_000, 5_000);
    let missing = users * 7 / 100;
    let scenario = format!(
        "based_on = \"large\"\n[generate]\nusers = {users}\ngroups = 500\nprofiles = 50\nfewest = 1\nmost = 5\n\
         missing = {missing}\nsuperfluous = 40\n"
    );
    let sandbox = Sandbox::serve(&setup.folder, "million", &scenario)?;
    let address = sandbox.address()?;
    let client = sandbox.configuration(&address, |text| without_limits(&with_read(&text, "organization")))?;
    // One state: each step follows the one before, and no round warms up.
    let mut costs = Vec::new();
    for (name, arguments, expected) in
        [("dry run", DRY_RUN, PLANNED), ("first run", RUN, APPLIED), ("next run", RUN, DONE)]
    {
        let mut command = client.program("state", arguments)?;
        costs.push((name, measure(&mut command, &client.output(name), expected)?));
    }
    println!("\n## {users} users, 50 of 500 profiles, {} changes in the first run\n", missing + 40);
    println!("| run | CPU s | peak MiB | wall s |\n|---|---|---|---|");
    for (name, cost) in costs {
        println!("| {name} | {:.1} | {:.0} | {:.1} |", cost.cpu.as_secs_f64(), cost.peak_mib, cost.wall.as_secs_f64());
    }
    Ok(())
}

/// Many instances with a few changes each, while each call takes 20 ms.
fn instances(setup: &Setup) -> Result<(), Failure> {
    let instances = setup.size(100, 5);
    let mut scenario = format!(
        "based_on = \"large\"\n[generate]\nusers = 5000\ngroups = {}\nprofiles = 3\nfewest = 1\nmost = 3\n\
         missing = 5\nsuperfluous = 2\n{DELAY}",
        instances * 3
    );
    // The first one is that of the scenario.
    for place in 1..instances {
        let tenant = format!("tenant{place:03}");
        let instance = format!(
            "[campaign.{tenant}]\ntenant = \"{tenant}\"\nassociation_mask = \"Campaign - {tenant} - (.*)\"\n\
             authentication = \"ims\"\n"
        );
        scenario.push_str(&instance);
    }
    let mut served = None;
    let candidates = vec![Candidate::new("campaign-group-sync, whole run", |round| {
        let sandbox = Sandbox::serve(&setup.folder, &format!("instances-{round}"), &scenario)?;
        let client = sandbox.configuration(&sandbox.address()?, |text| without_limits(&text))?;
        served = Some(sandbox);
        fresh(&client, "ours", round, RUN, APPLIED)
    })];
    let title = format!("{instances} instances, {} changes, 20 ms a call", instances * 7);
    compare(&title, setup.rounds.min(3), candidates)
}

/// Commands over a state with a million changes.
fn journal(setup: &Setup) -> Result<(), Failure> {
    let changes = setup.size(1_000_000, 20_000);
    let sandbox = Sandbox::serve(&setup.folder, "journal", "based_on = \"first_day\"\n")?;
    let client = sandbox.configuration(&sandbox.address()?, |text| text)?;
    let state = client.output("journal").with_file_name("state");
    fs::create_dir_all(&state)?;
    fill(&state.join("state.db"), changes)?;
    let ann = format!("user{:06}@acme.com", large_journal::USERS / 2);
    let then = large_journal::middle(changes)?;
    let commands: [(&str, Vec<&str>); 5] = [
        ("status", vec!["status"]),
        ("history", vec!["history"]),
        ("history of one user", vec!["history", "--user", &ann]),
        ("explain", vec!["explain", &ann, "segment000"]),
        ("access at a past time", vec!["access", "--at", &then]),
    ];
    let candidates = commands
        .into_iter()
        .map(|(name, arguments)| {
            let client = &client;
            Candidate::new(name, move |_| {
                measure(&mut client.program("state", &arguments)?, &client.output(name), &[0, 3])
            })
        })
        .collect();
    let size = fs::metadata(state.join("state.db"))?.len() >> 20;
    compare(&format!("A state with {changes} recorded changes, {size} MiB"), setup.rounds, candidates)
}

fn fill(file: &Path, changes: usize) -> Result<(), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    let status = command.arg(large_journal::FILL).arg(file).arg(changes.to_string()).status()?;
    if status.success() { Ok(()) } else { Err(format!("the state could not be written: {status}").into()) }
}
