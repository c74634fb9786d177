//! What is wrong, and how to mend it: every prerequisite with its evidence, and what an association mask matches and nearly
//! matches. Writes nothing anywhere.
//!
//! | file | what lives there |
//! |---|---|
//! | `catalogue` | every prerequisite in the order of mending, and what it waits for |
//! | `board` | what was found so far, and the report it becomes |
//! | `configuration`, `experience_cloud`, `campaign`, `external_account`, `names`, `host` | the prerequisites themselves |
//! | `certificate`, `credential_expiry` | how long certificates and the secrets of the credentials stay good |
//! | `daemon_health` | what the daemon says of itself |
//! | `difference` | two values sign by sign |
//! | `mask`, `mask_outline`, `mask_report` | what a mask matches, and what another would |
//! | `near`, `near_signs` | names that nearly match, and where they differ |
//! | `notifications` | whether each target of notifications can be reached, or takes a test |
//! | `people` | who had no operator when somebody last looked |
//! | `verdict` | the report |

mod board;
mod campaign;
mod catalogue;
mod certificate;
mod configuration;
mod credential_expiry;
mod daemon_health;
mod difference;
mod experience_cloud;
mod external_account;
mod host;
mod mask;
mod mask_outline;
mod mask_report;
mod names;
mod near;
mod near_signs;
mod notifications;
mod people;
mod verdict;

pub use board::Reach;
pub use daemon_health::{DaemonStatus, Health};
pub use host::Extent;
pub use mask::{Compared, InCampaign, Matching, NameVerdict, UnderTried, compared, verdicts};
pub use mask_report::{InstanceNames, ListingOrigin, MaskError, MaskReport, Network, Question, Tried, mask_report};
pub use near::{Difference, NearMatch};
pub use near_signs::name_of;
pub use notifications::NotificationCheck;
pub use verdict::{Cause, CheckReport, Finding, Section, Verdict};

use board::Board;
use chrono::{DateTime, Utc};

use crate::{
    journal::{Journal, JournalError},
    settings::{PartialSettings, Sources, State},
    transport::RetryPolicy,
};

/// What is to be checked.
#[derive(Debug)]
pub struct Request<'a> {
    /// The configuration, as far as it can be used.
    pub settings: &'a PartialSettings,
    /// Where it comes from.
    pub sources: &'a Sources,
    /// Whether the vendors are asked.
    pub reach: Reach,
    /// What is done with each target of notifications.
    pub notifications: NotificationCheck,
    /// How much of this host is looked at.
    pub extent: Extent,
    /// What the daemon said of itself, or why it said nothing; `None` where nobody asked. This room does not know its socket.
    pub daemon: Option<Result<DaemonStatus, String>>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Looks at every prerequisite. Writes nothing, asks for no page 0 of users and for at most one groups listing.
pub async fn check(request: &Request<'_>) -> CheckReport {
    let settings = request.settings;
    let names = settings.instances.iter().map(|instance| instance.name.to_string()).collect();
    let mut board = Board::new(request.reach, names);
    configuration::check(&mut board, settings);
    let journal = journal(settings.state.as_ref()).await;
    host::check(&mut board, request, &journal);
    let kept = journal.as_ref().ok().and_then(Option::as_ref);
    let mut listing = None;
    if request.reach == Reach::Online {
        listing = experience_cloud::check(&mut board, settings, &journal, request.now).await;
    }
    for instance in &settings.instances {
        let mut snapshot = None;
        if request.reach == Reach::Online {
            snapshot = campaign::check(&mut board, settings, instance, request.now).await;
        }
        let Some(policy) = &instance.policy else { continue };
        names::check(&mut board, policy, listing.as_ref(), snapshot.as_ref());
        if let Some(snapshot) = &snapshot {
            people::check(&mut board, policy, kept, snapshot).await;
        }
    }
    if let Some(notify) = &settings.notify {
        notifications::check(&mut board, notify, (request.reach, request.notifications)).await;
    }
    credential_expiry::check(&mut board, settings, request.now.date_naive());
    close(journal).await;
    board.report()
}

/// What runs left behind; none where nobody knows where they did.
async fn journal(state: Option<&State>) -> Result<Option<Journal>, JournalError> {
    match state {
        Some(state) => Journal::open_read_only(&state.journal_options()).await,
        None => Ok(None),
    }
}

async fn close(journal: Result<Option<Journal>, JournalError>) {
    if let Ok(Some(journal)) = journal {
        journal.close().await;
    }
}

/// A check says what is so now: whoever wants it again asks again.
fn asked_once() -> RetryPolicy {
    RetryPolicy { attempts: 1, ..RetryPolicy::default() }
}
