//! Why a person is, or is not, in a group.

use crate::{domain::Explanation, journal::Journal};

use super::Options;

/// Walks from the user to the last change and says what the next run would do. Costs single-user calls only, never a page 0;
/// what cannot be found out is said so. `journal` is `None` where no run was made yet.
pub async fn explain(options: &Options, journal: Option<&Journal>, person: &str, group: Option<&str>) -> Explanation {
    let _ = (options, journal, person, group);
    todo!()
}
