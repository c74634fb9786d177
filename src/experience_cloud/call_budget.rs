//! How many calls a minute may be sent, by kind of call, on the clock that tests can pause.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::keyed::HashMapStateStore,
};
use tokio::time::Instant;

/// How long a call counts. A second more than a minute: calls reach the vendor after varying delays, and 25 that
/// were sent just over a minute apart may arrive just under one.
const WINDOW: Duration = Duration::from_secs(61);

/// Which of the vendor's limits a call counts against (UMAPI's limits were once documented by the beginning of the path).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bucket {
    /// The users of the organization, the members of one profile, and single users: 25 a minute together.
    Users,
    /// The groups listing: 5 a minute.
    Groups,
}

/// Keeps the calls of one client below the vendor's limits, whatever minute one looks at.
#[derive(Debug)]
pub(super) struct CallBudget {
    users: Slots,
    groups: Slots,
}

impl CallBudget {
    pub(super) fn new(users_per_minute: NonZeroU32, groups_per_minute: NonZeroU32) -> Self {
        Self { users: Slots::new(users_per_minute), groups: Slots::new(groups_per_minute) }
    }

    /// Waits until one more call of this kind may be sent; tells `waiting` each pause before it begins.
    pub(super) async fn ready(&self, bucket: Bucket, waiting: impl Fn(Duration)) {
        match bucket {
            Bucket::Users => self.users.take(waiting).await,
            Bucket::Groups => self.groups.take(waiting).await,
        }
    }
}

/// The calls of one window, each with a slot that frees one window later. They may all be taken at once, and still no
/// window ever holds more; a single bucket that refills while it is emptied would let through twice as many.
#[derive(Debug)]
struct Slots {
    count: NonZeroU32,
    next: AtomicU32,
    limiter: RateLimiter<u32, HashMapStateStore<u32>, TokioClock, NoOpMiddleware<Nanos>>,
    clock: TokioClock,
}

impl Slots {
    fn new(count: NonZeroU32) -> Self {
        let clock = TokioClock(Instant::now());
        // `Quota::with_period` is `None` for zero alone.
        let quota = Quota::with_period(WINDOW).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
        let limiter = RateLimiter::hashmap_with_clock(quota, clock.clone());
        Self { count, next: AtomicU32::new(0), limiter, clock }
    }

    async fn take(&self, waiting: impl Fn(Duration)) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % self.count;
        while let Err(taken) = self.limiter.check_key(&slot) {
            let pause = taken.wait_time_from(self.clock.now());
            waiting(pause);
            tokio::time::sleep(pause).await;
        }
    }
}

/// The runtime's clock: governor's own does not stop with `tokio::time::pause`.
#[derive(Clone, Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_of_calls(per_minute: u32, calls: usize) -> Vec<u64> {
        let per_minute = NonZeroU32::new(per_minute).expect("not zero");
        let (budget, begin) = (CallBudget::new(per_minute, NonZeroU32::MIN), Instant::now());
        let mut seconds = Vec::new();
        for _ in 0..calls {
            budget.ready(Bucket::Users, |_| {}).await;
            seconds.push(begin.elapsed().as_secs());
        }
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_ever_holds_more_calls_than_allowed() {
        let seconds = seconds_of_calls(25, 80).await;
        assert_eq!(seconds[24], 0, "the first minute's calls need not wait");
        for window in seconds.windows(26) {
            assert!(window[25] - window[0] > 60, "{window:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_high_rate_never_waits() {
        assert_eq!(seconds_of_calls(1_000_000, 5000).await.last(), Some(&0));
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_of_call_has_a_limit_of_its_own_and_a_pause_is_announced() {
        let one = NonZeroU32::MIN;
        let (budget, pauses) = (CallBudget::new(one, one), std::cell::RefCell::new(Vec::new()));
        budget.ready(Bucket::Users, |_| {}).await;
        budget.ready(Bucket::Groups, |_| panic!("the groups listing was not asked for yet")).await;
        budget.ready(Bucket::Groups, |pause| pauses.borrow_mut().push(pause)).await;
        assert_eq!(pauses.into_inner(), [WINDOW]);
    }
}
