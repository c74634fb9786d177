//! The call limits of UMAPI: calls per minute, and the interval between two calls for page 0.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::behavior::CallLimits;
use super::request::{HttpResponse, typed};
use super::umapi::UmapiRequest;

/// The body of a refusal, byte for byte as in Adobe's documentation.
pub(super) const TOO_MANY_REQUESTS: &str = "{\"error_code\" : \"429050\", \"message\" : \"Too many requests\"}";

/// Adobe counts in fixed windows of a minute.
const WINDOW: Duration = Duration::from_mins(1);

/// The calls of each API key.
#[derive(Debug, Default)]
pub(super) struct CallMeter {
    keys: HashMap<String, KeyMeter>,
}

#[derive(Debug, Default)]
struct KeyMeter {
    windows: HashMap<Bucket, Window>,
    first_pages: HashMap<Bucket, Instant>,
    locked_until: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    calls: u32,
}

/// Calls that share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Bucket {
    Users,
    Groups,
    Actions,
}

impl Bucket {
    fn of(request: &UmapiRequest) -> Option<Self> {
        match request {
            UmapiRequest::Users { .. } | UmapiRequest::Members { .. } | UmapiRequest::User { .. } => Some(Self::Users),
            UmapiRequest::Groups { .. } => Some(Self::Groups),
            UmapiRequest::Action { .. } => Some(Self::Actions),
            UmapiRequest::Status | UmapiRequest::Malformed => None,
        }
    }

    fn per_minute(self, limits: &CallLimits) -> Option<u32> {
        match self {
            Self::Users => limits.users_per_minute,
            Self::Groups => limits.groups_per_minute,
            Self::Actions => limits.actions_per_minute,
        }
    }
}

impl CallMeter {
    /// Counts a call, or refuses it.
    pub(super) fn refusal(&mut self, key: &str, request: &UmapiRequest, limits: &CallLimits) -> Option<HttpResponse> {
        let bucket = Bucket::of(request)?;
        let key = self.keys.entry(key.to_owned()).or_default();
        let wait = key.admit(bucket, PageAsked::of(request), limits, Instant::now()).err()?;
        let mut response = typed(StatusCode::TOO_MANY_REQUESTS, "application/json", TOO_MANY_REQUESTS);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        Some(response)
    }
}

/// The requested page, as far as it matters for the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageAsked {
    /// Page 0 of one of the organization's two listings; that of a group's members is not counted.
    First,
    Other,
}

impl PageAsked {
    fn of(request: &UmapiRequest) -> Self {
        match request {
            UmapiRequest::Users { page: 0, .. } | UmapiRequest::Groups { page: 0, .. } => Self::First,
            _ => Self::Other,
        }
    }
}

/// At least one, and never less than the wait.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl KeyMeter {
    /// Admits the call, or returns the time to wait.
    fn admit(&mut self, bucket: Bucket, page: PageAsked, limits: &CallLimits, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.locked_until.filter(|until| *until > now) {
            return Err(until - now);
        }
        if page == PageAsked::First
            && let Some(interval) = limits.first_page_interval
        {
            // An early call counts as well: a client that retries at once is locked out from then on.
            let previous = self.first_pages.insert(bucket, now);
            let interval = limits.scaled(Duration::from_secs(interval));
            if previous.is_some_and(|previous| now < previous + interval) {
                let lockout = limits.scaled(Duration::from_secs(limits.lockout));
                self.locked_until = Some(now + lockout);
                return Err(lockout);
            }
        }
        let Some(limit) = bucket.per_minute(limits) else { return Ok(()) };
        let fresh = || Window { ends: now + limits.scaled(WINDOW), calls: 0 };
        let window = self.windows.entry(bucket).or_insert_with(fresh);
        if window.ends <= now {
            *window = fresh();
        }
        if window.calls >= limit {
            return Err(window.ends - now);
        }
        window.calls += 1;
        Ok(())
    }
}

impl CallLimits {
    fn scaled(&self, time: Duration) -> Duration {
        Duration::try_from_secs_f64(time.as_secs_f64() / self.time_scale).unwrap_or(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> CallLimits {
        CallLimits { users_per_minute: Some(2), first_page_interval: Some(7200), ..CallLimits::default() }
    }

    /// The outcome of calls at given seconds: admitted, or refused with a number of seconds to wait.
    fn check(limits: &CallLimits, page: PageAsked, calls: &[(u64, Option<u64>)]) {
        let mut key = KeyMeter::default();
        let start = Instant::now();
        for (second, refused) in calls {
            let outcome = key.admit(Bucket::Users, page, limits, start + Duration::from_secs(*second));
            assert_eq!(outcome.err().map(whole_seconds), *refused, "at second {second} of {calls:?}");
        }
    }

    #[test]
    fn a_window_is_fixed_and_refusals_name_its_end() {
        check(
            &limits(),
            PageAsked::Other,
            &[(0, None), (10, None), (20, Some(40)), (59, Some(1)), (60, None), (61, None), (62, Some(58))],
        );
    }

    #[test]
    fn an_early_call_for_page_0_locks_every_call_out_and_counts() {
        check(
            &limits(),
            PageAsked::First,
            &[(0, None), (7199, Some(2400)), (7200, Some(2399)), (9600, Some(2400)), (16800, None)],
        );
    }

    #[test]
    fn a_faster_clock_shortens_every_wait() {
        let fast = CallLimits { time_scale: 60.0, ..limits() };
        check(&fast, PageAsked::Other, &[(0, None), (0, None), (0, Some(1)), (1, None)]);
        check(&fast, PageAsked::First, &[(0, None), (119, Some(40)), (160, Some(40)), (280, None)]);
    }

    #[test]
    fn without_limits_nothing_is_refused() {
        check(&CallLimits::default(), PageAsked::First, &[(0, None); 100]);
    }
}
