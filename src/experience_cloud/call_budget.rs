//! How many calls a minute may be sent: counted where all processes of the credential see it, or else in this process alone,
//! on the clock that tests can pause.

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
    /// It may, and is counted as sent.
    Now,
    /// Not before that time.
    Later {
        /// When to ask again.
        until: DateTime<Utc>,
        /// How long that is.
        pause: Duration,
    },
}

/// Why a call could not be counted.
pub type LedgerError = Box<dyn Error + Send + Sync>;

/// Answers whether a call may be sent.
pub type PermissionFuture<'a> = Pin<Box<dyn Future<Output = Result<CallPermission, LedgerError>> + Send + 'a>>;

/// Ends when a pause is recorded.
pub type RecordingFuture<'a> = Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>>;

/// The end of a pause.
pub type PauseEnd = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What all processes of one credential share: its calls, whichever process sends them, and the pauses that Adobe asked for.
/// The client knows no database: its owner hands one in.
pub trait CallLedger: Send + Sync {
    /// Counts a call that is sent at once, or says when it may be. A request for page 0 is recorded with it. At rates that
    /// stand for "no limit" ([`PendingCall::is_counted`]) nothing but page 0 is recorded.
    fn reserve(&self, call: PendingCall) -> PermissionFuture<'_>;

    /// Records a pause that Adobe asked for, before anything else is done: it is obeyed after a crash as well.
    fn record_pause(&self, pause: RequestedPause) -> RecordingFuture<'_>;

    /// Waits so long before a call is repeated, or until an administrator has the pause forgotten.
    fn pause(&self, length: Duration) -> PauseEnd;
}

/// Waits out a pause, as `ledger` knows when it ends; without one, all of it.
pub(super) fn pausing(ledger: Option<Arc<dyn CallLedger>>) -> impl Fn(Duration) -> PauseEnd + 'static {
    move |length| match &ledger {
        Some(ledger) => ledger.pause(length),
        None => Box::pin(tokio::time::sleep(length)),
    }
}

/// Why a call is not sent.
#[derive(Debug)]
pub(super) enum BudgetError {
    /// A question that has to give way.
    UsedUp { until: DateTime<Utc> },
    /// The ledger failed.
    Ledger(LedgerError),
}

/// The calls of one credential in this process, for those who count them nowhere else.
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

/// Keeps the calls of one credential below Adobe's limits, whatever minute one looks at.
pub(super) struct CallBudget {
    purpose: CallPurpose,
    ledger: Option<Arc<dyn CallLedger>>,
    watcher: Watcher,
}

impl CallBudget {
    /// Calls of this purpose, counted by `ledger`; without one, in this process alone. `watcher` is told each wait.
    pub(super) fn new(ledger: Option<Arc<dyn CallLedger>>, purpose: CallPurpose, watcher: Watcher) -> Self {
        Self { purpose, ledger, watcher }
    }

    /// The watcher of the calls.
    pub(super) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// A pause that Adobe asked for begins now: it is recorded before anything else is done.
    pub(super) async fn paused(&self, length: Option<Duration>) -> Result<Option<RequestedPause>, LedgerError> {
        let pause = length.map(RequestedPause::from_now);
        if let (Some(pause), Some(ledger)) = (pause, &self.ledger) {
            ledger.record_pause(pause).await?;
        }
        Ok(pause)
    }

    /// What is shared with other processes of the credential.
    pub(super) fn ledger(&self) -> Option<Arc<dyn CallLedger>> {
        self.ledger.clone()
    }

    /// Waits until one more call of this kind may be sent. A question does not wait where the calls are counted for all.
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
                CallPermission::Later { until, .. } if self.purpose == CallPurpose::Question => {
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
        let (slots, told) = (CallSlots::new(one, one), Arc::new(std::sync::Mutex::new(Vec::new())));
        let note = Arc::clone(&told);
        let watcher = Watcher::new(move |news| {
            let WatcherUpdate::Progress(progress) = news else { return };
            note.lock().expect("no panic elsewhere").push(progress.pause());
        });
        let budget = CallBudget::new(None, CallPurpose::Run, watcher);
        budget.ready(&slots, (CallKind::Users, false)).await.expect("no ledger");
        budget.ready(&slots, (CallKind::Groups, false)).await.expect("no ledger");
        assert!(told.lock().expect("no panic elsewhere").is_empty(), "the groups listing was not asked for yet");
        budget.ready(&slots, (CallKind::Groups, false)).await.expect("no ledger");
        assert_eq!(*told.lock().expect("no panic elsewhere"), [Some(CALL_WINDOW)]);
    }
}
