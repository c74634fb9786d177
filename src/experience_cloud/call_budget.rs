//! The limit of calls per minute: counted for all processes of the credential by a shared ledger, or else in this
//! process alone, with the clock of tokio, which tests can pause.

use std::{
    error::Error,
    fmt,
    num::NonZeroU32,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::keyed::HashMapStateStore,
};
use tokio::time::Instant;

use super::RequestedPause;
use crate::domain::{CALL_WINDOW, CallKind, CallPurpose, PendingCall, RunStep, Watcher};

/// Whether a call may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPermission {
    /// The call may be sent, and is counted as sent.
    Now,
    /// The call may not be sent yet.
    Later {
        /// The time of the next attempt.
        until: DateTime<Utc>,
        /// The pause until then.
        pause: Duration,
    },
}

/// Why a call could not be counted.
pub type LedgerError = Box<dyn Error + Send + Sync>;

/// The future of a reservation.
pub type PermissionFuture<'a> = Pin<Box<dyn Future<Output = Result<CallPermission, LedgerError>> + Send + 'a>>;

/// A future that ends when a pause is recorded.
pub type RecordingFuture<'a> = Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>>;

/// A future that ends with a pause.
pub type PauseEnd = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The calls of one credential, counted for all processes, and the pauses that Adobe asked for. The owner of the client
/// provides the implementation, so that the client does not depend on a database.
pub trait CallLedger: Send + Sync {
    /// Counts a call that is sent now, or says when it may be sent. Also records a request for page 0. At rates that
    /// mean "no limit" ([`PendingCall::is_counted`]) only requests for page 0 are recorded.
    fn reserve(&self, call: PendingCall) -> PermissionFuture<'_>;

    /// Records a pause that Adobe asked for. The client does this first, so that the pause also holds after a crash.
    fn record_pause(&self, pause: RequestedPause) -> RecordingFuture<'_>;

    /// Waits for this long before a retry, or until an administrator cancels the pause.
    fn pause(&self, length: Duration) -> PauseEnd;
}

/// Waits until a pause ends: as `ledger` says, or without a ledger for its whole length.
pub(super) fn pausing(ledger: Option<Arc<dyn CallLedger>>) -> impl Fn(Duration) -> PauseEnd + 'static {
    move |length| match &ledger {
        Some(ledger) => ledger.pause(length),
        None => Box::pin(tokio::time::sleep(length)),
    }
}

/// Why a call is not sent.
#[derive(Debug)]
pub(super) enum BudgetError {
    /// The calls for questions are used up.
    UsedUp { until: DateTime<Utc> },
    /// The ledger failed.
    Ledger(LedgerError),
}

/// Counts the calls of one credential in this process, where no ledger counts them.
#[derive(Debug)]
pub(super) struct CallSlots {
    users: Slots,
    groups: Slots,
}

impl CallSlots {
    pub(super) fn new(users_per_minute: NonZeroU32, groups_per_minute: NonZeroU32) -> Self {
        Self { users: Slots::new(users_per_minute), groups: Slots::new(groups_per_minute) }
    }
}

/// Keeps the calls of one credential within Adobe's limits in any minute.
pub(super) struct CallBudget {
    purpose: CallPurpose,
    ledger: Option<Arc<dyn CallLedger>>,
    watcher: Watcher,
}

impl CallBudget {
    /// A budget for calls of this purpose, counted by `ledger`; without one, in this process alone. `watcher` receives
    /// each wait.
    pub(super) fn new(ledger: Option<Arc<dyn CallLedger>>, purpose: CallPurpose, watcher: Watcher) -> Self {
        Self { purpose, ledger, watcher }
    }

    /// The watcher of the calls.
    pub(super) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Begins a pause that Adobe asked for, and records it.
    pub(super) async fn paused(&self, length: Option<Duration>) -> Result<Option<RequestedPause>, LedgerError> {
        let pause = length.map(RequestedPause::from_now);
        if let (Some(pause), Some(ledger)) = (pause, &self.ledger) {
            ledger.record_pause(pause).await?;
        }
        Ok(pause)
    }

    /// The ledger shared with other processes of the credential.
    pub(super) fn ledger(&self) -> Option<Arc<dyn CallLedger>> {
        self.ledger.clone()
    }

    /// Waits until another call of this kind may be sent. A question does not wait for the ledger but fails.
    pub(super) async fn ready(
        &self,
        slots: &CallSlots,
        (kind, is_first_page): (CallKind, bool),
    ) -> Result<(), BudgetError> {
        let slots = match kind {
            CallKind::Users => &slots.users,
            CallKind::Groups => &slots.groups,
        };
        let call = PendingCall { kind, purpose: self.purpose, per_minute: slots.count, is_first_page };
        if self.ledger.is_none() || !call.is_counted() {
            slots.take(&self.watcher).await;
        }
        let Some(ledger) = self.ledger.as_ref() else { return Ok(()) };
        loop {
            match ledger.reserve(call).await.map_err(BudgetError::Ledger)? {
                CallPermission::Now => return Ok(()),
                CallPermission::Later { until, .. } if self.purpose == CallPurpose::Lookup => {
                    return Err(BudgetError::UsedUp { until });
                }
                CallPermission::Later { pause: length, .. } => {
                    self.watcher.step(RunStep::Waiting { length });
                    tokio::time::sleep(length).await;
                }
            }
        }
    }
}

impl fmt::Debug for CallBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallBudget").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// One slot for each call of a window. A used slot is free again one window later, so all slots may be used at once and
/// no window has more calls than slots; a single bucket that refills while it empties would allow twice as many.
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
        // `Quota::with_period` is `None` only for a period of zero.
        let quota = Quota::with_period(CALL_WINDOW).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
        let limiter = RateLimiter::hashmap_with_clock(quota, clock.clone());
        Self { count, next: AtomicU32::new(0), limiter, clock }
    }

    async fn take(&self, watcher: &Watcher) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % self.count;
        while let Err(taken) = self.limiter.check_key(&slot) {
            let length = taken.wait_time_from(self.clock.now());
            watcher.step(RunStep::Waiting { length });
            tokio::time::sleep(length).await;
        }
    }
}

/// The clock of tokio: governor's own clock does not stop with `tokio::time::pause`.
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
    use crate::domain::WatcherUpdate;

    async fn seconds_of_calls(per_minute: u32, calls: usize) -> Vec<u64> {
        let per_minute = NonZeroU32::new(per_minute).expect("not zero");
        let (slots, begin) = (CallSlots::new(per_minute, NonZeroU32::MIN), Instant::now());
        let budget = CallBudget::new(None, CallPurpose::Run, Watcher::none());
        let mut seconds = Vec::new();
        for _ in 0..calls {
            budget.ready(&slots, (CallKind::Users, false)).await.expect("no ledger");
            seconds.push(begin.elapsed().as_secs());
        }
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_calls_than_allowed() {
        let seconds = seconds_of_calls(25, 80).await;
        assert_eq!(seconds[24], 0, "the calls of the first minute do not wait");
        for window in seconds.windows(26) {
            assert!(window[25] - window[0] > 60, "{window:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_high_rate_never_waits() {
        assert_eq!(seconds_of_calls(1_000_000, 5000).await.last(), Some(&0));
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_of_call_has_its_own_limit_and_a_pause_is_reported() {
        let one = NonZeroU32::MIN;
        let (slots, reported) = (CallSlots::new(one, one), Arc::new(std::sync::Mutex::new(Vec::new())));
        let note = Arc::clone(&reported);
        let watcher = Watcher::new(move |news| {
            let WatcherUpdate::Progress(progress) = news else { return };
            note.lock().expect("no panic elsewhere").push(progress.pause());
        });
        let budget = CallBudget::new(None, CallPurpose::Run, watcher);
        budget.ready(&slots, (CallKind::Users, false)).await.expect("no ledger");
        budget.ready(&slots, (CallKind::Groups, false)).await.expect("no ledger");
        assert!(reported.lock().expect("no panic elsewhere").is_empty(), "the first call of each kind does not wait");
        budget.ready(&slots, (CallKind::Groups, false)).await.expect("no ledger");
        assert_eq!(*reported.lock().expect("no panic elsewhere"), [Some(CALL_WINDOW)]);
    }
}
