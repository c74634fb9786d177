//! The report of a run that read everything.

use campaign_group_sync::domain::{InstanceReport, Outcome, RunMode, RunReport, SourceKind, SourceReport};
use chrono::{DateTime, Utc};

pub(crate) fn report(run: &str, started_at: DateTime<Utc>, instances: Vec<InstanceReport>) -> RunReport {
    RunReport {
        version: 1,
        run: run.to_owned(),
        mode: RunMode::Apply,
        started_at,
        duration_ms: 5_123,
        outcome: Outcome::of_all(instances.iter().map(|instance| instance.outcome)),
        misconfigured: false,
        error: None,
        warnings: Vec::new(),
        source: SourceReport {
            organization: "0123456789ABCDEF01234567@AdobeOrg".to_owned(),
            users: 1_204,
            profiles: 31,
            calls: 4,
            read: Some(SourceKind::Organization),
            complete: true,
        },
        instances,
        record: None,
        undo_of: None,
        approvals: Vec::new(),
    }
}
