//! What collections save: memberships written one by one, and in the small collections that a run writes.
//!
//! ```text
//! cargo bench --bench campaign_writes -- [MEMBERSHIPS] [ROUNDS]
//! ```
//!
//! One process, the sandbox in it. In each round the same memberships are made and ended in both ways, in turn; medians
//! are printed. On loopback a call costs next to nothing: over a network each call adds its way there and back, and the
//! number of calls is what counts.

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]

use std::{
    env,
    error::Error,
    time::{Duration, Instant},
};

use campaign_group_sync::{
    campaign::{
        COLLECTION_ROWS, Campaign, CampaignAuthentication, CampaignOptions, CampaignWrite, DEFAULT_FRESH_FOR,
        DEFAULT_PAGE_ROWS,
    },
    sandbox::{self, InstanceCredential, Sandbox, Scenario},
    transport::{self, BaseUrl, RetryPolicy, SecretString},
};

const DEFAULT_MEMBERSHIPS: usize = 2_000;
const DEFAULT_ROUNDS: usize = 5;

type Failure = Box<dyn Error>;

/// How memberships are handed to the writer.
#[derive(Clone, Copy)]
enum Way {
    OneByOne,
    Collections,
}

/// What one way cost.
struct Cost {
    time: Duration,
    calls: u64,
}

fn main() -> Result<(), Failure> {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |place: usize, default: usize| arguments.get(place).map_or(Ok(default), |text| text.parse());
    let (memberships, rounds) = (number(0, DEFAULT_MEMBERSHIPS)?, number(1, DEFAULT_ROUNDS)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(compare(memberships, rounds))
}

async fn compare(memberships: usize, rounds: usize) -> Result<(), Failure> {
    let scenario = Scenario::named("large")?.with_users(memberships * 2);
    let sandbox = Sandbox::start(sandbox::SandboxOptions { listen: ([127, 0, 0, 1], 0).into(), scenario }).await?;
    let campaign = Campaign::new(options(&sandbox)?)?;
    let snapshot = campaign.fetch_snapshot().await?;
    let group = snapshot.groups().last().ok_or("no operator group")?.id;
    let free = snapshot.operators().iter().filter(|operator| !snapshot.holds(group, operator.id));
    let chosen: Vec<_> = free.take(memberships).map(|operator| operator.id).collect();
    let joins: Vec<_> = chosen.iter().map(|&operator| CampaignWrite::Join { operator, group }).collect();
    let leaves: Vec<_> = chosen.iter().map(|&operator| CampaignWrite::Leave { operator, group }).collect();

    let (mut single, mut collected) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        for (way, costs) in [(Way::OneByOne, &mut single), (Way::Collections, &mut collected)] {
            let made = timed(&campaign, &joins, way).await?;
            timed(&campaign, &leaves, way).await?;
            // The first round warms up.
            if round > 0 {
                costs.push(made);
            }
        }
    }
    campaign.sign_out().await;
    sandbox.stop().await;
    println!("{} memberships, medians of {rounds} rounds\n", chosen.len());
    let single = row("one by one", &mut single)?;
    let collected = row(&format!("collections of {COLLECTION_ROWS}"), &mut collected)?;
    println!("\none by one takes {:.1} times as long", single / collected);
    Ok(())
}

async fn timed(campaign: &Campaign, memberships: &[CampaignWrite], way: Way) -> Result<Cost, Failure> {
    let mut writer = campaign.writer().await?;
    let (begin, before) = (Instant::now(), campaign.calls());
    let size = match way {
        Way::OneByOne => 1,
        Way::Collections => memberships.len(),
    };
    for part in memberships.chunks(size.max(1)) {
        writer.write(part).await.into_iter().collect::<Result<Vec<()>, _>>()?;
    }
    Ok(Cost { time: begin.elapsed(), calls: campaign.calls() - before })
}

/// Prints the medians of one way; returns that of its time in seconds.
fn row(name: &str, costs: &mut [Cost]) -> Result<f64, Failure> {
    costs.sort_by_key(|cost| cost.time);
    let median = costs.get(costs.len() / 2).ok_or("no round was measured")?;
    println!("{name:<24}{:>9.3} s{:>8} calls", median.time.as_secs_f64(), median.calls);
    Ok(median.time.as_secs_f64())
}

fn options(sandbox: &Sandbox) -> Result<CampaignOptions, Failure> {
    let connection = sandbox.connection();
    let instance = connection.instances.first().ok_or("no instance")?;
    let authentication = match instance.authentication.clone() {
        InstanceCredential::Native { login, password } => {
            CampaignAuthentication::Native { login, password: SecretString::from(password) }
        }
        InstanceCredential::Ims { client_id, client_secret } => CampaignAuthentication::Ims {
            client_id,
            client_secret: SecretString::from(client_secret),
            ims_url: BaseUrl::parse(&connection.ims_url)?,
            scopes: "AdobeID,openid,campaign_sdk".to_owned(),
        },
    };
    Ok(CampaignOptions {
        url: BaseUrl::parse(&instance.url)?,
        authentication,
        retry: RetryPolicy::default(),
        http: transport::HttpOptions::default(),
        page_rows: DEFAULT_PAGE_ROWS,
        fresh_for: DEFAULT_FRESH_FOR,
    })
}
