//! How old a snapshot is. Memberships that were read seconds ago need no second look before they are written.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::client::Campaign;

/// When the last snapshot of a client began, by both clocks.
#[derive(Debug)]
pub(super) struct SnapshotAge {
    fresh_for: Duration,
    begin: Mutex<Option<(Instant, SystemTime)>>,
}

impl SnapshotAge {
    pub(super) fn new(fresh_for: Duration) -> Self {
        Self { fresh_for, begin: Mutex::new(None) }
    }

    /// A snapshot begins: nothing of it is older than this.
    pub(super) fn begin(&self) {
        self.set(Some((Instant::now(), SystemTime::now())));
    }

    fn set(&self, begin: Option<(Instant, SystemTime)>) {
        *self.begin.lock().unwrap_or_else(PoisonError::into_inner) = begin;
    }

    /// Whether both clocks say that the snapshot is new. The monotonic clock stands still while the host sleeps, and the
    /// other one may be set.
    fn is_fresh(&self) -> bool {
        let Some((instant, time)) = *self.begin.lock().unwrap_or_else(PoisonError::into_inner) else { return false };
        let by_time = SystemTime::now().duration_since(time);
        instant.elapsed() < self.fresh_for && by_time.is_ok_and(|age| age < self.fresh_for)
    }
}

impl Campaign {
    /// Whether the last snapshot of this client is so new that its memberships need no second look before a write.
    pub fn has_fresh_snapshot(&self) -> bool {
        self.snapshot_age.is_fresh()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_fresh_only_if_both_clocks_say_so() {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        let (instant, time) = (Instant::now(), SystemTime::now());
        let age = SnapshotAge::new(minute);
        assert!(!age.is_fresh(), "there is none");
        age.begin();
        assert!(age.is_fresh());
        let before = instant.checked_sub(hour).map(|before| (before, time));
        for old in [before, Some((instant, time - hour)), Some((instant, time + hour))] {
            age.set(old);
            assert!(!age.is_fresh(), "{old:?}");
        }
        let always_again = SnapshotAge::new(Duration::ZERO);
        always_again.begin();
        assert!(!always_again.is_fresh());
    }
}
