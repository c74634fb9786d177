//! `[guard]` and `[run]`: how much one run may change without an approval, how many instances it reconciles at the
//! same time, and how long a call may take.

use std::{num::NonZeroU32, time::Duration};

use super::{Problem, layers::Layers, section_reader::SectionReader};
use crate::{domain::Limits, sync::Confirmation};

/// The limits of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// How much may change in one instance.
    pub limits: Limits,
    /// Whether a second read must confirm a removal.
    pub removal_confirmation: Confirmation,
    /// How long an approval is valid.
    pub approval_ttl: Duration,
}

impl Guard {
    pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "guard", problems);
        let max_removals = section.count("max_removals");
        let max_removals_percent = section.percent("max_removals_percent");
        let max_group_removals_percent = section.percent("max_group_removals_percent");
        let max_new_operators = section.count("max_new_operators");
        let max_new_groups = section.count("max_new_groups");
        let max_source_shrink_percent = section.percent("max_source_shrink_percent");
        let choices = [("reread", Confirmation::Reread), ("off", Confirmation::Off)];
        let removal_confirmation = section.choice("removal_confirmation", &choices);
        let approval_ttl = section.duration("approval_ttl");
        Some(Self {
            limits: Limits {
                max_removals: max_removals?,
                max_removals_percent: max_removals_percent?,
                max_group_removals_percent: max_group_removals_percent?,
                max_new_operators: max_new_operators?,
                max_new_groups: max_new_groups?,
                max_source_shrink_percent: max_source_shrink_percent?,
            },
            removal_confirmation: removal_confirmation?,
            approval_ttl: approval_ttl?,
        })
    }
}

/// Limits of every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Maximum number of instances that are reconciled at the same time.
    pub parallel_instances: NonZeroU32,
    /// Longest time from sending a request to the last byte of the response.
    pub call_timeout: Duration,
}

impl Run {
    pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "run", problems);
        let parallel_instances = section.at_least_one("parallel_instances");
        let call_timeout = section.duration("call_timeout");
        Some(Self { parallel_instances: parallel_instances?, call_timeout: call_timeout? })
    }
}
