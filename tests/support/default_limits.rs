//! The limits of a run, as the program has them by default.

use campaign_group_sync::domain::Limits;

pub(crate) fn limits() -> Limits {
    Limits {
        max_removals: 50,
        max_removals_percent: 20,
        max_group_removals_percent: 34,
        max_new_operators: 25,
        max_new_groups: 5,
        max_source_shrink_percent: 20,
    }
}
