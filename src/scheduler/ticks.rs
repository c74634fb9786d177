//! The loop that starts one run at each tick, never two at a time.
//!
//! tokio-cron-scheduler keeps the offset a zone had when a cron job was added, overlaps runs and does not wait for them.
//! So it only serves as an alarm clock here: each tick is computed from the zone itself and armed as a job that fires
//! once, and the run is started, and waited for, by this loop.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler};

use super::{Options, ScheduleError};

/// One moment at which a run is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The time the schedule names; the run itself starts later by the jitter, or by what it was missed by.
    pub due: DateTime<Utc>,
}

/// Starts `work` at each tick after `since` until `stop` completes; then waits for the run that is under way.
///
/// Ticks that pass while a run is under way, or that lie between `since` and now, are made up for by one run, late.
/// A run that panics is logged and the next tick comes all the same. When the schedule is off, only `stop` is awaited.
pub async fn run<Work, Run>(
    options: &Options,
    since: DateTime<Utc>,
    stop: impl Future<Output = ()>,
    mut work: Work,
) -> Result<(), ScheduleError>
where
    Work: FnMut(Tick) -> Run,
    Run: Future<Output = ()> + Send + 'static,
{
    tokio::pin!(stop);
    let mut alarm = Alarm::new().await?;
    let mut next = options.schedule.next_after(since);
    while let Some(due) = next {
        tokio::select! {
            biased;
            () = &mut stop => return alarm.dismiss().await,
            rung = alarm.wait_until(due) => rung?,
        }
        tokio::select! {
            biased;
            () = &mut stop => return alarm.dismiss().await,
            () = tokio::time::sleep(random_up_to(options.jitter)) => {}
        }
        let started = Utc::now();
        if let Err(failure) = tokio::spawn(work(Tick { due })).await {
            tracing::error!(error = %failure, "a scheduled run did not end by itself");
        }
        // The clock may have been set back meanwhile: the same tick must not come twice.
        next = options.schedule.next_after(started.max(due));
    }
    stop.await;
    alarm.dismiss().await
}

/// Rings once at a time of the wall clock, also when the host slept or its clock was set.
struct Alarm {
    scheduler: JobScheduler,
    bell: mpsc::UnboundedSender<DateTime<Utc>>,
    rings: mpsc::UnboundedReceiver<DateTime<Utc>>,
}

impl Alarm {
    async fn new() -> Result<Self, ScheduleError> {
        let scheduler = JobScheduler::new().await.map_err(ScheduleError::Alarm)?;
        scheduler.start().await.map_err(ScheduleError::Alarm)?;
        let (bell, rings) = mpsc::unbounded_channel();
        Ok(Self { scheduler, bell, rings })
    }

    async fn wait_until(&mut self, due: DateTime<Utc>) -> Result<(), ScheduleError> {
        let now = Utc::now();
        if due <= now {
            return Ok(());
        }
        // The scheduler counts whole seconds from the second that has begun.
        let seconds = u64::try_from(due.timestamp() - now.timestamp()).unwrap_or(0);
        let bell = self.bell.clone();
        // Nothing in this closure may panic: the scheduler would never run another job.
        let job = Job::new_one_shot(Duration::from_secs(seconds), move |_, _| bell.send(due).unwrap_or_default())
            .map_err(ScheduleError::Alarm)?;
        self.scheduler.add(job).await.map_err(ScheduleError::Alarm)?;
        // A job may fire twice when the scheduler lags, so a ring for an earlier tick is passed over.
        while self.rings.recv().await.is_some_and(|rung| rung != due) {}
        Ok(())
    }

    async fn dismiss(mut self) -> Result<(), ScheduleError> {
        self.scheduler.shutdown().await.map_err(ScheduleError::Alarm)
    }
}

/// Any time from zero to `longest`, in steps of a millisecond.
fn random_up_to(longest: Duration) -> Duration {
    let steps = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    // The keys of a fresh hasher are random: enough to spread hosts, and no crate for it.
    Duration::from_millis(RandomState::new().hash_one(()) % steps)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use chrono::TimeDelta;
    use tokio::{
        sync::{Notify, oneshot},
        time::timeout,
    };

    use super::{super::Schedule, *};

    const DEADLINE: Duration = Duration::from_secs(60);

    fn options(cron: &str) -> Options {
        Options { schedule: Schedule::parse(cron, "Europe/Berlin").expect("valid"), jitter: Duration::ZERO }
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
            let work = |tick| {
                let (seen, under_way) = (seen.clone(), under_way.clone());
                async move {
                    let others = under_way.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    under_way.fetch_sub(1, Ordering::SeqCst);
                    seen.send((tick, others, Utc::now())).expect("the test listens");
                }
            };
            run(&options("* * * * * *"), Utc::now(), async { drop(stopped.await) }, work).await
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
            run(&options("* * * * * *"), Utc::now(), async { drop(stopped.await) }, work).await
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
    async fn all_missed_ticks_are_made_up_for_by_one_late_run() {
        let (seen, mut ticks) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let since = Utc::now() - TimeDelta::days(5 * 366);
        let yearly = options("0 0 0 1 1 *");
        let first = yearly.schedule.next_after(since).expect("a tick");
        let schedule = tokio::spawn(async move {
            let work = |tick: Tick| {
                seen.send(tick.due).expect("the test listens");
                std::future::ready(())
            };
            run(&yearly, since, async { drop(stopped.await) }, work).await
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
            let work = |tick| {
                let seen = seen.clone();
                async move {
                    seen.send(tick).expect("the test listens");
                    panic!("as a run with a fault would");
                }
            };
            run(&options("* * * * * *"), Utc::now(), std::future::pending(), work).await
        });
        within_deadline(ticks.recv()).await.expect("the run that panics");
        within_deadline(ticks.recv()).await.expect("the run after it");
        schedule.abort();
    }

    #[tokio::test]
    async fn a_schedule_that_is_off_only_waits_for_the_stop() {
        let work = |tick| async move { panic!("{tick:?} must not come") };
        within_deadline(run(&options("off"), DateTime::UNIX_EPOCH, async {}, work)).await.expect("no error");
    }

    #[test]
    fn jitter_stays_within_its_limit() {
        assert_eq!(random_up_to(Duration::ZERO), Duration::ZERO);
        for _ in 0..1000 {
            assert!(random_up_to(Duration::from_millis(3)) <= Duration::from_millis(3));
        }
        let spread: std::collections::BTreeSet<_> = (0..1000).map(|_| random_up_to(Duration::from_hours(1))).collect();
        assert!(spread.len() > 100, "{}", spread.len());
    }
}
