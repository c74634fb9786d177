//! What is wrong, and how to mend it: every prerequisite with its evidence, and what an association mask matches and nearly
//! matches. Writes nothing anywhere.
//!
//! | file | what lives there |
//! |---|---|
//! | `catalogue` | every prerequisite in the order of mending, and what it waits for |
//! | `board` | what was found so far, and the report it becomes |
//! | `configuration`, `experience_cloud`, `campaign`, `external_account`, `names`, `host` | the prerequisites themselves |
//! | `difference` | two values sign by sign |
//! | `mask`, `mask_outline`, `mask_report` | what a mask matches, and what another would |
//! | `near`, `near_signs` | names that nearly match, and where they differ |
//! | `verdict` | the report |

mod board;
mod campaign;
mod catalogue;
mod configuration;
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
mod verdict;

pub use board::Reach;
pub use host::Extent;
pub use mask::{Compared, InCampaign, Matching, NameVerdict, UnderTried, compared, verdicts};
pub use mask_report::{InstanceNames, ListingOrigin, MaskError, MaskReport, Network, Question, Tried, mask_report};
pub use near::{Difference, NearMatch};
pub use near_signs::name_of;
pub use verdict::{Cause, CheckReport, Finding, Section, Verdict};

use board::Board;
use chrono::{DateTime, Utc};

use crate::{
    journal::{Journal, JournalError},
    settings::{Settings, SettingsError, Sources},
    transport::RetryPolicy,
};

/// What is to be checked.
#[derive(Debug)]
pub struct Request<'a> {
    /// The configuration, or all that is wrong with it.
    pub settings: Result<&'a Settings, &'a SettingsError>,
    /// Where it comes from.
    pub sources: &'a Sources,
    /// Whether the vendors are asked.
    pub reach: Reach,
    /// How much of this host is looked at.
    pub extent: Extent,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Looks at every prerequisite. Writes nothing, asks for no page 0 of users and for at most one groups listing.
pub async fn check(request: &Request<'_>) -> CheckReport {
    let settings = match request.settings {
        Ok(settings) => settings,
        Err(error) => return configuration::refused(error, request.reach),
    };
    let instances = settings.instances.iter().map(|instance| instance.name.to_string()).collect();
    let mut board = Board::new(request.reach, instances);
    configuration::accepted(&mut board, settings);
    let journal = Journal::look(&settings.journal_options()).await;
    host::check(&mut board, settings, request, &journal);
    let mut listing = None;
    if request.reach == Reach::Online {
        let journal = journal.as_ref().ok().and_then(Option::as_ref);
        listing = experience_cloud::check(&mut board, settings, journal, request.now).await;
    }
    for instance in &settings.instances {
        let mut snapshot = None;
        if request.reach == Reach::Online {
            snapshot = campaign::check(&mut board, settings, instance, request.now).await;
        }
        names::check(&mut board, instance, listing.as_ref(), snapshot.as_ref());
    }
    close(journal).await;
    board.report()
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
