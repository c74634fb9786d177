//! How many calls of one client are under way at the same time; a pause of one call stops all others.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for calls of one client, given out in the order in which calls begin to wait for one.
///
/// A call makes progress only while its future is polled, and keeps its place meanwhile: futures of calls that run side
/// by side must be polled together.
#[derive(Debug)]
pub(super) struct Lanes {
    places: Arc<Semaphore>,
    width: NonZeroU32,
    is_narrowed: AtomicBool,
}

impl Lanes {
    /// At most this many calls under way at the same time.
    pub(super) fn new(width: NonZeroU32) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(usize::try_from(width.get()).unwrap_or(Semaphore::MAX_PERMITS)));
        Arc::new(Self { places, width, is_narrowed: AtomicBool::new(false) })
    }

    /// How many calls may be under way at the same time from now on.
    pub(super) fn width(&self) -> usize {
        let width = if self.is_narrowed.load(Ordering::Relaxed) { 1 } else { self.width.get() };
        usize::try_from(width).unwrap_or(usize::MAX)
    }

    /// From now on one call at a time, because of what `why` says. Logged once; `false` if it was so before.
    pub(super) fn narrow(&self, why: &str) -> bool {
        let is_news = self.width() > 1 && !self.is_narrowed.swap(true, Ordering::Relaxed);
        if is_news {
            tracing::warn!(
                umapi.parallel_requests = self.width.get(),
                "{why}: the rest of this run requests one page at a time"
            );
        }
        is_news
    }

    /// Waits for a place for one call, which is free again when the value is dropped.
    pub(super) async fn enter(self: Arc<Self>) -> Lane {
        let mut place = if self.width() > 1 { self.place(1).await } else { None };
        // It may have become narrow while this call waited.
        if self.width() == 1 {
            drop(place);
            place = self.place(self.width.get()).await;
        }
        Lane { lanes: self, place: Mutex::new(place) }
    }

    async fn place(&self, places: u32) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.places).acquire_many_owned(places).await.ok()
    }
}

/// The place of one call.
#[derive(Debug)]
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Lane {
    /// Waits until no other call is under way. Others begin after this value is dropped.
    pub(super) async fn alone(&self) {
        // Given back first: two calls that wait for each other's place would wait forever.
        self.keep(None);
        self.keep(self.lanes.place(self.lanes.width.get()).await);
    }

    fn keep(&self, place: Option<OwnedSemaphorePermit>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn lanes(width: u32) -> Arc<Lanes> {
        Lanes::new(NonZeroU32::new(width).expect("not zero"))
    }

    async fn entered(lanes: &Arc<Lanes>) -> Option<Lane> {
        timeout(Duration::from_secs(1), Arc::clone(lanes).enter()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_the_configured_number_of_calls_is_under_way() {
        let lanes = lanes(2);
        let first = entered(&lanes).await.expect("a place");
        let second = entered(&lanes).await.expect("a second place");
        assert!(entered(&lanes).await.is_none());
        drop(first);
        assert!(entered(&lanes).await.is_some());
        drop(second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_to_be_alone_waits_for_the_others_and_stops_them() {
        let lanes = lanes(3);
        let (one, other, third) =
            (entered(&lanes).await.expect("a"), entered(&lanes).await.expect("b"), entered(&lanes).await);
        // Both are to be alone: one after the other.
        let mut waiting = Box::pin(async { tokio::join!(one.alone(), other.alone()) });
        assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err(), "the third is under way");
        drop(third);
        assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err(), "the first is alone now");
        assert!(entered(&lanes).await.is_none());
        drop(waiting);
        drop(one);
        assert!(timeout(Duration::from_secs(1), other.alone()).await.is_ok());
        assert!(entered(&lanes).await.is_none());
        drop(other);
        assert!(entered(&lanes).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn narrow_lanes_carry_one_call_at_a_time_also_those_that_waited_before() {
        let lanes = lanes(2);
        let (first, second) = (entered(&lanes).await.expect("a"), entered(&lanes).await.expect("b"));
        let mut waiting = Box::pin(Arc::clone(&lanes).enter());
        assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        assert!(lanes.narrow("a test") && !lanes.narrow("a test"));
        drop(first);
        assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err(), "the second is under way");
        drop(second);
        let third = timeout(Duration::from_secs(1), waiting).await.expect("a place");
        assert!(entered(&lanes).await.is_none());
        drop(third);
        assert_eq!((lanes.width(), entered(&lanes).await.is_some()), (1, true));
    }
}
