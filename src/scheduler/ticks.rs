//! The loop that starts one run at each tick, never two at a time.
//!
//! tokio-cron-scheduler keeps the offset that the time zone had when a cron job was added, overlaps runs and does not
//! wait for them. It is therefore used only as a timer: this loop computes each tick from the time zone, sets a job
//! that fires once, and starts the run and waits for it. Because tokio-cron-scheduler polls twice a second, it runs only
//! during the last seconds before a tick.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{Schedule, ScheduleError, ScheduleOptions, timer::Timer};

/// How often the clock is compared with its previous value. A clock that is set back by less has no effect: the timer
/// fires at the same tick.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// How long before a tick the timer starts.
const TIMER_LEAD: Duration = Duration::from_secs(2);

/// How often the clock is compared with its previous value while the timer runs.
const CLOCK_CHECK_INTERVAL_WITH_TIMER: Duration = Duration::from_secs(1);

/// A time at which a run is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The time of the schedule; the run itself starts later by the jitter, or by the delay of a missed tick.
    pub due: DateTime<Utc>,
}

/// An event for the caller of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleEvent {
    /// A run is due.
    Due(Tick),
    /// The clock was set back: times that were computed from it have to be computed again.
    ClockSetBack,
}

/// Calls `work` for each tick after `since` and waits for its run, until `stop` completes; then waits for the run that
/// is under way. `clock` is the clock of the host.
///
/// Ticks that pass during a run, or between `since` and now, become one late run. After the clock is set back, the next
/// tick is computed from the new time, and `work` receives an event. A tick that occurs again after that is skipped if
/// the last run began less than half the time to the following tick ago. A run that panics is logged, and the schedule
/// continues.
///
/// Changed options take effect at once: ticks of the new schedule count from then on, and a tick that came due before
/// keeps its run, which waits no longer than the new jitter. When the schedule is off, no tick keeps its run, and the
/// loop only waits for `stop` or another schedule.
pub async fn run<Work, Run>(
    options: watch::Receiver<ScheduleOptions>,
    since: DateTime<Utc>,
    clock: impl Fn() -> DateTime<Utc>,
    stop: impl Future<Output = ()>,
    mut work: Work,
) -> Result<(), ScheduleError>
where
    Work: FnMut(ScheduleEvent) -> Run,
    Run: Future<Output = ()> + Send + 'static,
{
    tokio::pin!(stop);
    let mut ticks = Ticks::after(since, options, clock);
    loop {
        let event = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            event = ticks.next() => event?,
        };
        ticks.run_to_end(work(event)).await;
    }
}

/// The ticks of options that may change.
struct Ticks<Clock> {
    options: watch::Receiver<ScheduleOptions>,
    /// The options whose ticks count.
    current: ScheduleOptions,
    alarm: Alarm<Clock>,
    progress: TickProgress,
    /// When the last run began.
    begun: Instant,
    /// The tick that came due, and whose run has not begun.
    waiting: Option<DateTime<Utc>>,
}

impl<Clock: Fn() -> DateTime<Utc>> Ticks<Clock> {
    fn after(since: DateTime<Utc>, mut options: watch::Receiver<ScheduleOptions>, clock: Clock) -> Self {
        let current = options.borrow_and_update().clone();
        let (alarm, progress) = (Alarm::new(clock), TickProgress::handled_until(since));
        Self { options, current, alarm, progress, begun: Instant::now(), waiting: None }
    }

    async fn next(&mut self) -> Result<ScheduleEvent, ScheduleError> {
        loop {
            if let Some(tick) = self.wait_for_jitter().await {
                return Ok(ScheduleEvent::Due(tick));
            }
            let Some(due) = self.progress.next(&self.current.schedule) else {
                changed(&mut self.options).await;
                self.reschedule();
                continue;
            };
            tokio::select! {
                biased;
                () = changed(&mut self.options) => self.reschedule(),
                reason = self.alarm.wait_until(due) => match reason? {
                    WakeReason::Due => self.waiting = Some(due),
                    WakeReason::ClockSetBack(now) => {
                        self.count_from(now);
                        tracing::info!(
                            "the clock was set back to {}: the time of the next run is computed again",
                            now.trunc_subsecs(0)
                        );
                        return Ok(ScheduleEvent::ClockSetBack);
                    }
                },
            }
        }
    }

    /// Waits until the run of the tick that came due may begin; `None` when there is no such tick.
    async fn wait_for_jitter(&mut self) -> Option<Tick> {
        let (begin, mut jitter) = (Instant::now(), random_duration(self.current.jitter));
        loop {
            let due = self.waiting?;
            tokio::select! {
                biased;
                () = changed(&mut self.options) => {
                    self.reschedule();
                    jitter = jitter.min(begin.elapsed().saturating_add(random_duration(self.current.jitter)));
                }
                () = sleep(jitter.saturating_sub(begin.elapsed())) => {
                    let started = self.alarm.now();
                    self.progress = TickProgress { after: started, ..TickProgress::handled_until(started.max(due)) };
                    (self.begun, self.waiting) = (Instant::now(), None);
                    return Some(Tick { due });
                }
            }
        }
    }

    /// Takes over options that were changed.
    fn reschedule(&mut self) {
        // The alarm has to notice by itself that the clock was set back.
        let now = (self.alarm.clock)();
        let came_due = self.progress.next(&self.current.schedule).filter(|due| *due <= now);
        self.current = self.options.borrow_and_update().clone();
        self.waiting = self.waiting.or(came_due).filter(|_| !self.current.schedule.is_off());
        self.count_from(now);
    }

    /// Only ticks after this time come due from now on.
    fn count_from(&mut self, now: DateTime<Utc>) {
        self.progress = TickProgress { after: now, last_run: self.begun.elapsed(), ..self.progress };
    }

    /// Waits for the end of what `work` made.
    async fn run_to_end(&mut self, run: impl Future<Output = ()> + Send + 'static) {
        let mut run = tokio::spawn(run);
        loop {
            tokio::select! {
                biased;
                ended = &mut run => {
                    if let Err(failure) = ended {
                        tracing::error!(error = %failure, "the task of a scheduled run panicked or was aborted");
                    }
                    return;
                }
                () = changed(&mut self.options) => self.reschedule(),
            }
        }
    }
}

/// Waits until the options were changed; without end when that is impossible.
async fn changed(options: &mut watch::Receiver<ScheduleOptions>) {
    if options.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The progress through the ticks.
#[derive(Clone, Copy, Debug)]
struct TickProgress {
    /// The start of the search for the next tick: when the last run started, the time that the clock was set back to,
    /// or when the schedule was changed.
    after: DateTime<Utc>,
    /// The latest time, by the clock of that moment, that a run was made for.
    handled_until: DateTime<Utc>,
    /// The time since the start of the last run when the clock showed `after`.
    last_run: Duration,
}

impl TickProgress {
    fn handled_until(until: DateTime<Utc>) -> Self {
        Self { after: until, handled_until: until, last_run: Duration::ZERO }
    }

    /// The next tick; `None` when the schedule is off.
    fn next(self, schedule: &Schedule) -> Option<DateTime<Utc>> {
        let next = schedule.next_after(self.after)?;
        let following = schedule.next_after(next)?;
        let comes_again = next <= self.handled_until;
        let since_last_run = (next - self.after) + TimeDelta::from_std(self.last_run).unwrap_or_default();
        Some(if comes_again && since_last_run < (following - next) / 2 { following } else { next })
    }
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WakeReason {
    /// The tick is due.
    Due,
    /// The clock was set back, to this time.
    ClockSetBack(DateTime<Utc>),
}

/// An alarm for times of the wall clock, also after the host was suspended or its clock was set.
struct Alarm<Clock> {
    clock: Clock,
    /// The last value of the clock.
    shown: DateTime<Utc>,
}

impl<Clock: Fn() -> DateTime<Utc>> Alarm<Clock> {
    fn new(clock: Clock) -> Self {
        Self { shown: clock(), clock }
    }

    fn now(&mut self) -> DateTime<Utc> {
        self.shown = (self.clock)();
        self.shown
    }

    /// Whether the wait is over; `None` when it goes on.
    fn check_clock(&mut self, due: DateTime<Utc>) -> Option<WakeReason> {
        let (before, now) = (self.shown, self.now());
        if now < before { Some(WakeReason::ClockSetBack(now)) } else { (due <= now).then_some(WakeReason::Due) }
    }

    async fn wait_until(&mut self, due: DateTime<Utc>) -> Result<WakeReason, ScheduleError> {
        loop {
            if let Some(reason) = self.check_clock(due) {
                return Ok(reason);
            }
            let left = (due - self.shown).to_std().unwrap_or_default();
            match left.checked_sub(TIMER_LEAD) {
                Some(without_timer) if !without_timer.is_zero() => {
                    sleep(without_timer.min(CLOCK_CHECK_INTERVAL)).await;
                }
                _ => return self.wait_with_timer(due).await,
            }
        }
    }

    async fn wait_with_timer(&mut self, due: DateTime<Utc>) -> Result<WakeReason, ScheduleError> {
        // The timer counts whole seconds from the current second.
        let seconds = u64::try_from(due.timestamp() - self.shown.timestamp()).unwrap_or(0);
        let mut timer = Timer::start(Duration::from_secs(seconds))?;
        loop {
            tokio::select! {
                biased;
                fired = timer.fired() => {
                    fired?;
                    return Ok(WakeReason::Due);
                }
                () = sleep(CLOCK_CHECK_INTERVAL_WITH_TIMER) => if let Some(reason) = self.check_clock(due) {
                    return Ok(reason);
                },
            }
        }
    }
}

/// A random duration from zero to `longest`, in steps of a millisecond.
fn random_duration(longest: Duration) -> Duration {
    let steps = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    // The keys of a new hasher are random, which is enough to spread hosts without another crate.
    Duration::from_millis(RandomState::new().hash_one(()) % steps)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    };

    use chrono::TimeDelta;
    use tokio::{
        sync::{Notify, mpsc, oneshot},
        time::timeout,
    };

    use super::{super::Schedule, *};

    const DEADLINE: Duration = Duration::from_secs(60);

    fn options(cron: &str) -> ScheduleOptions {
        ScheduleOptions { schedule: Schedule::parse(cron, "Europe/Berlin").expect("valid"), jitter: Duration::ZERO }
    }

    /// Options that do not change.
    fn fixed(options: ScheduleOptions) -> watch::Receiver<ScheduleOptions> {
        watch::channel(options).1
    }

    fn due(event: ScheduleEvent) -> Tick {
        let ScheduleEvent::Due(tick) = event else { panic!("{event:?}") };
        tick
    }

    async fn within_deadline<T>(what: impl Future<Output = T>) -> T {
        timeout(DEADLINE, what).await.expect("in time")
    }

    #[tokio::test]
    async fn each_tick_starts_one_run_and_never_two_at_a_time() {
        let (seen, mut ticks) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let under_way = Arc::new(AtomicUsize::new(0));
        let schedule = tokio::spawn(async move {
            let work = |event| {
                let tick = due(event);
                let (seen, under_way) = (seen.clone(), under_way.clone());
                async move {
                    let others = under_way.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    under_way.fetch_sub(1, Ordering::SeqCst);
                    seen.send((tick, others, Utc::now())).expect("the test listens");
                }
            };
            run(fixed(options("* * * * * *")), Utc::now(), Utc::now, async { drop(stopped.await) }, work).await
        });
        let mut last = None;
        for _ in 0..3 {
            let (tick, others, at) = within_deadline(ticks.recv()).await.expect("a tick");
            assert_eq!(others, 0);
            assert!(at >= tick.due, "{tick:?} came early, at {at}");
            assert!(last < Some(tick.due), "{tick:?} after {last:?}");
            last = Some(tick.due);
        }
        drop(stop);
        within_deadline(schedule).await.expect("no panic").expect("no error");
    }

    #[tokio::test]
    async fn stopping_waits_for_the_run_under_way() {
        let (starting, mut starts) = mpsc::unbounded_channel();
        let (release, finished) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let (stop, stopped) = oneshot::channel::<()>();
        let (released, count) = (release.clone(), finished.clone());
        let mut schedule = tokio::spawn(async move {
            let work = |_| {
                let (starting, released, count) = (starting.clone(), released.clone(), count.clone());
                async move {
                    starting.send(()).expect("the test listens");
                    released.notified().await;
                    count.fetch_add(1, Ordering::SeqCst);
                }
            };
            run(fixed(options("* * * * * *")), Utc::now(), Utc::now, async { drop(stopped.await) }, work).await
        });
        within_deadline(starts.recv()).await.expect("a run");
        drop(stop);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!schedule.is_finished());
        release.notify_one();
        within_deadline(&mut schedule).await.expect("no panic").expect("no error");
        assert_eq!(finished.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn all_missed_ticks_become_one_late_run() {
        let (seen, mut ticks) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let since = Utc::now() - TimeDelta::days(5 * 366);
        let yearly = options("0 0 0 1 1 *");
        let first = yearly.schedule.next_after(since).expect("a tick");
        let schedule = tokio::spawn(async move {
            let work = |event| {
                seen.send(due(event).due).expect("the test listens");
                std::future::ready(())
            };
            run(fixed(yearly), since, Utc::now, async { drop(stopped.await) }, work).await
        });
        assert_eq!(within_deadline(ticks.recv()).await, Some(first));
        // A second run for the other years would start at once.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        drop(stop);
        within_deadline(schedule).await.expect("no panic").expect("no error");
        assert_eq!(ticks.recv().await, None);
    }

    #[tokio::test]
    async fn a_run_that_panics_does_not_end_the_schedule() {
        let (seen, mut ticks) = mpsc::unbounded_channel();
        let schedule = tokio::spawn(async move {
            let work = |event| {
                let seen = seen.clone();
                async move {
                    seen.send(due(event)).expect("the test listens");
                    panic!("a run that panics");
                }
            };
            run(fixed(options("* * * * * *")), Utc::now(), Utc::now, std::future::pending(), work).await
        });
        within_deadline(ticks.recv()).await.expect("the run that panics");
        within_deadline(ticks.recv()).await.expect("the run after it");
        schedule.abort();
    }

    #[tokio::test]
    async fn a_schedule_that_is_off_only_waits_for_the_stop() {
        let work = |event| async move { panic!("{event:?} must not come") };
        within_deadline(run(fixed(options("off")), DateTime::UNIX_EPOCH, Utc::now, async {}, work))
            .await
            .expect("no error");
    }

    /// What is changed while the schedule runs.
    #[derive(Clone, Copy, Debug)]
    enum Change {
        /// The clock shows this much more than the true time.
        Clock(TimeDelta),
        Cron(&'static str),
        /// The longest jitter in minutes.
        Jitter(u64),
    }

    /// Runs the schedule in paused time for `minutes`, with a clock that shows 10:00 at the start. `changes` are made at
    /// half past their minute. `expected` are the minutes at which runs are made; each lasts `run_minutes`.
    async fn check_changes(
        options: ScheduleOptions,
        (run_minutes, minutes): (u64, u64),
        changes: &[(u64, Change)],
        expected: &[u64],
    ) {
        let (begin, ten) = (Instant::now(), "2026-11-22T10:00:00Z".parse::<DateTime<Utc>>().expect("a time"));
        let minute = |minute: u64| begin + Duration::from_secs(60 * minute + 30);
        let ahead = Arc::new(AtomicI64::new(0));
        let offset = ahead.clone();
        let clock = move || {
            let elapsed = TimeDelta::from_std(begin.elapsed()).expect("short");
            ten + elapsed + TimeDelta::seconds(offset.load(Ordering::SeqCst))
        };
        let (change_options, options) = watch::channel(options);
        let (seen, mut runs) = mpsc::unbounded_channel();
        let work = move |event| {
            let is_run = matches!(event, ScheduleEvent::Due(_));
            if is_run {
                seen.send((begin.elapsed().as_secs() + 30) / 60).expect("the test listens");
            }
            sleep(Duration::from_secs(if is_run { 60 * run_minutes } else { 0 }))
        };
        let schedule = tokio::spawn(async move { run(options, ten, clock, std::future::pending(), work).await });
        for (at, change) in changes {
            tokio::time::sleep_until(minute(*at)).await;
            match *change {
                Change::Clock(away) => ahead.store(away.num_seconds(), Ordering::SeqCst),
                Change::Cron(cron) => change_options.send_modify(|options| options.schedule = utc(cron)),
                Change::Jitter(jitter) => {
                    change_options.send_modify(|options| options.jitter = Duration::from_secs(60 * jitter));
                }
            }
        }
        tokio::time::sleep_until(minute(minutes)).await;
        schedule.abort();
        let mut made = Vec::new();
        while let Ok(minute) = runs.try_recv() {
            made.push(minute);
        }
        assert_eq!(made, expected, "{changes:?}");
    }

    fn utc(cron: &str) -> Schedule {
        Schedule::parse(cron, "UTC").expect("valid")
    }

    /// The same with a clock that is set to differences from the true time.
    async fn check(cron: &str, settings: &[(u64, TimeDelta)], minutes: u64, expected: &[u64]) {
        let options = ScheduleOptions { schedule: utc(cron), jitter: Duration::ZERO };
        let changes: Vec<_> = settings.iter().map(|(minute, away)| (*minute, Change::Clock(*away))).collect();
        check_changes(options, (0, minutes), &changes, expected).await;
    }

    /// The same with runs that last `run_minutes`, and other changes.
    async fn check_reloads(run_minutes: u64, changes: &[(u64, Change)], minutes: u64, expected: &[u64]) {
        let options = ScheduleOptions { schedule: utc(HOURLY), jitter: Duration::ZERO };
        check_changes(options, (run_minutes, minutes), changes, expected).await;
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_of_another_schedule_count_from_the_change_on() {
        check_reloads(0, &[(20, Change::Cron("0 10 * * * *"))], 130, &[70, 130]).await;
        check_reloads(0, &[(20, Change::Cron("0 40 * * * *"))], 110, &[40, 100]).await;
        check_reloads(0, &[(20, Change::Cron("off")), (100, Change::Cron(HOURLY))], 130, &[120]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_came_due_during_a_run_keeps_its_run_over_changes_of_the_schedule() {
        // The run of 11:00 ends at 12:30, and the tick of 12:00 waits for that.
        let (later, off) = (Change::Cron("0 50 * * * *"), Change::Cron("off"));
        check_reloads(90, &[(125, later)], 160, &[60, 150]).await;
        check_reloads(90, &[(125, later), (126, Change::Cron("0 51 * * * *"))], 160, &[60, 150]).await;
        // Without that tick, or with one of the new schedule.
        check_reloads(90, &[(110, later)], 180, &[60, 170]).await;
        check_reloads(90, &[(110, Change::Cron("0 55 * * * *"))], 160, &[60, 150]).await;
        check_reloads(90, &[(125, off)], 250, &[60]).await;
        check_reloads(90, &[(125, off), (126, Change::Cron("0 0 0 * * *"))], 250, &[60]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_waits_for_its_jitter_keeps_its_run_over_changes_of_the_schedule() {
        const YEARS: u64 = 60 * 24 * 365 * 10;
        let (spread, at_once) = (Change::Jitter(YEARS), Change::Jitter(0));
        check_reloads(0, &[(20, spread), (70, at_once)], 130, &[71, 120]).await;
        let daily = Change::Cron("0 0 0 * * *");
        check_reloads(0, &[(20, spread), (70, daily), (80, daily), (90, at_once)], 130, &[91]).await;
        check_reloads(0, &[(20, spread), (70, Change::Cron("off")), (80, daily), (90, at_once)], 130, &[]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_occurs_again_shortly_after_its_run_is_skipped_over_a_change_of_the_schedule() {
        // At minute 62 the clock shows 11:02 and is set back to 10:52.
        let back = Change::Clock(TimeDelta::minutes(-10));
        check_reloads(0, &[(62, back), (65, Change::Cron("0 0 * * * *"))], 140, &[60, 130]).await;
        check_reloads(0, &[(62, back), (65, Change::Cron("0 30 * * * *"))], 140, &[60, 100]).await;
    }

    const HOURLY: &str = "0 0 * * * *";

    #[tokio::test(start_paused = true)]
    async fn incident_28_with_a_correct_clock_runs_follow_the_schedule() {
        check(HOURLY, &[], 130, &[60, 120]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn incident_28_a_clock_that_is_set_back_during_a_wait_does_not_delay_the_schedule() {
        for back in [TimeDelta::days(-1), TimeDelta::days(-9 * 365), TimeDelta::minutes(-120)] {
            check(HOURLY, &[(20, back)], 130, &[60, 120]).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn incident_28_after_a_clock_that_was_ahead_is_corrected_runs_follow_the_true_time() {
        for ahead in [TimeDelta::days(3), TimeDelta::days(9 * 365)] {
            // The ticks that the clock jumped over become one run, at most a minute later.
            check(HOURLY, &[(10, ahead), (20, TimeDelta::zero())], 130, &[11, 60, 120]).await;
            check(HOURLY, &[(10, ahead), (70, TimeDelta::zero())], 130, &[11, 60, 120]).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn incident_28_a_tick_that_occurs_again_shortly_after_its_run_is_skipped() {
        // At minute 61 the clock shows 11:01 and is set back to 10:51.
        check(HOURLY, &[(61, TimeDelta::minutes(-10))], 140, &[60, 130]).await;
        // After half an hour or more it becomes a run: 11:00 occurs again 40 minutes after its run.
        check(HOURLY, &[(61, TimeDelta::minutes(-40))], 110, &[60, 100]).await;
    }

    #[test]
    fn jitter_stays_within_its_limit() {
        assert_eq!(random_duration(Duration::ZERO), Duration::ZERO);
        for _ in 0..1000 {
            assert!(random_duration(Duration::from_millis(3)) <= Duration::from_millis(3));
        }
        let spread: std::collections::BTreeSet<_> =
            (0..1000).map(|_| random_duration(Duration::from_hours(1))).collect();
        assert!(spread.len() > 100, "{}", spread.len());
    }
}
