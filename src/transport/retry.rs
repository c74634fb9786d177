//! How often, and with which pauses, a failed call is retried. Whether it may be is said by its error ([`Retryable`]). No
//! other module retries a call; the next run does what is left.

use std::time::{Duration, SystemTime};

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::StatusCode;

use super::HttpResponse;
use crate::domain::Chain;

/// Longest pause between two attempts, the same as that of Adobe's clients.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// How often a call is retried, and with which pauses.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// Attempts for one call, including the first.
    pub attempts: usize,
    /// The pause before the second attempt; it doubles each time.
    pub first_pause: Duration,
    /// Longest sum of pauses for one call, including those that the server asks for; beyond it the call fails.
    pub max_wait: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts and pauses from 15 s, doubled each time, as in Adobe's UMAPI clients.
    fn default() -> Self {
        Self { attempts: 5, first_pause: Duration::from_secs(15), max_wait: Duration::from_secs(120) }
    }
}

/// Whether a retry can help after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAdvice {
    /// A retry would fail in the same way.
    Final,
    /// A retry may succeed.
    Retry,
    /// A retry may succeed after this pause, which the server asked for.
    RetryAfter(Duration),
}

/// An error of a call that may be retried.
pub trait Retryable {
    /// Whether and when to retry the call.
    fn retry_advice(&self) -> RetryAdvice;
}

/// Makes a call until it succeeds, its error is final, or a limit of `policy` is reached.
///
/// Returns the error of the last attempt. Dropping the future ends the pause.
pub async fn with_retries<T, E, Call, Attempt>(policy: &RetryPolicy, call: &str, attempt: Call) -> Result<T, E>
where
    E: Retryable + std::error::Error,
    Call: FnMut() -> Attempt,
    Attempt: Future<Output = Result<T, E>>,
{
    with_retries_and_sleep(policy, call, attempt, tokio::time::sleep).await
}

/// As [`with_retries`], where `sleep` makes the pauses and may shorten them.
pub async fn with_retries_and_sleep<T, E, Call, Attempt, Sleep>(
    policy: &RetryPolicy,
    call: &str,
    attempt: Call,
    sleep: impl Fn(Duration) -> Sleep + 'static,
) -> Result<T, E>
where
    E: Retryable + std::error::Error,
    Call: FnMut() -> Attempt,
    Attempt: Future<Output = Result<T, E>>,
    Sleep: Future<Output = ()>,
{
    let (mut waited, max_wait) = (Duration::ZERO, policy.max_wait);
    let (mut next, attempts) = (1, policy.attempts);
    attempt
        .retry(
            ExponentialBuilder::default()
                .with_min_delay(policy.first_pause)
                .with_max_delay(MAX_PAUSE)
                .with_max_times(policy.attempts.saturating_sub(1))
                .with_jitter(),
        )
        .sleep(sleep)
        .when(|error: &E| error.retry_advice() != RetryAdvice::Final)
        .adjust(move |error: &E, pause: Option<Duration>| {
            let pause = match error.retry_advice() {
                // At least one second: a server that asks for 0 s has not recovered yet.
                RetryAdvice::RetryAfter(asked) => pause.map(|_| asked.max(Duration::from_secs(1))),
                RetryAdvice::Retry | RetryAdvice::Final => pause,
            }?;
            waited += pause;
            (waited <= max_wait).then_some(pause)
        })
        .notify(move |error: &E, pause| {
            next += 1;
            let (error, seconds) = (Chain(error), pause.as_millis().div_ceil(1000));
            tracing::warn!(
                call,
                attempt = next,
                pause_s = u64::try_from(seconds).unwrap_or(u64::MAX),
                %error,
                "{error}; attempt {next} of {attempts} in {seconds} s"
            );
        })
        .await
}

/// Longest pause that the program makes for a server. The longest pause of Adobe on record is 3,300 s (user-sync.py
/// issues 813 and 867); a longer one is an error of the server.
pub const MAX_REQUESTED_PAUSE: Duration = Duration::from_secs(2 * 60 * 60);

/// The pause that a `Retry-After` header asks for: seconds, or a date as RFC 9110 allows, at most
/// [`MAX_REQUESTED_PAUSE`]. `None` where it is missing or not valid, and with any status but 429 and 503: only these
/// ask for a pause.
pub fn retry_after(response: &HttpResponse, now: SystemTime) -> Option<Duration> {
    if !matches!(response.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let asked = requested_pause(response.header("retry-after")?.trim(), now)?;
    Some(asked.min(MAX_REQUESTED_PAUSE))
}

/// Logs a pause that [`retry_after`] shortens, once for each response.
pub(super) fn log_excessive_pause(response: &HttpResponse, now: SystemTime) {
    if retry_after(response, now) == Some(MAX_REQUESTED_PAUSE) {
        tracing::warn!(
            http.status = response.status.as_u16(),
            http.retry_after = response.header("retry-after"),
            "the server asked for a pause of 2 hours or more; the program pauses for 2 hours"
        );
    }
}

fn requested_pause(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        // Rounded up: a request that is sent too early is refused again, and the first page would count twice.
        let pause = Duration::try_from_secs_f64(seconds.ceil());
        return pause.ok().or_else(|| (seconds > 0.0).then_some(Duration::MAX));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use reqwest::header::HeaderMap;
    use tokio::time::Instant;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failure")]
    struct Failure(RetryAdvice);

    impl Retryable for Failure {
        fn retry_advice(&self) -> RetryAdvice {
            self.0
        }
    }

    async fn attempts_and_time(policy: RetryPolicy, retry_advice: RetryAdvice) -> (usize, Duration) {
        let (calls, begin) = (Cell::new(0), Instant::now());
        let result: Result<(), Failure> = with_retries(&policy, "test", || async {
            calls.set(calls.get() + 1);
            Err(Failure(retry_advice))
        })
        .await;
        assert!(result.is_err());
        (calls.get(), begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_error_is_not_retried() {
        assert_eq!(attempts_and_time(RetryPolicy::default(), RetryAdvice::Final).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_and_stop_at_the_longest_wait() {
        let (calls, time) = attempts_and_time(RetryPolicy::default(), RetryAdvice::Retry).await;
        assert!((2..=4).contains(&calls), "{calls}");
        assert!(time <= Duration::from_secs(120), "{time:?}");
        let patient = RetryPolicy { max_wait: Duration::MAX, ..RetryPolicy::default() };
        let (calls, time) = attempts_and_time(patient, RetryAdvice::Retry).await;
        assert_eq!(calls, 5);
        assert!(time >= Duration::from_secs(15 + 30 + 60 + 120), "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_the_longest_wait_ends_the_call() {
        let retry_advice = RetryAdvice::RetryAfter(Duration::from_secs(3244));
        assert_eq!(attempts_and_time(RetryPolicy::default(), retry_advice).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_that_a_server_asks_for_is_made() {
        let policy = RetryPolicy { attempts: 2, ..RetryPolicy::default() };
        let (calls, time) = attempts_and_time(policy, RetryAdvice::RetryAfter(Duration::from_secs(38))).await;
        assert_eq!(calls, 2);
        assert!(time >= Duration::from_secs(38), "{time:?}");
    }

    fn asked(status: StatusCode, text: &str, now: SystemTime) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", text.parse().expect("a header"));
        let response = HttpResponse { status, headers, body: bytes::Bytes::new(), certificate: None };
        retry_after(&response, now).map(|pause| pause.as_secs())
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date_and_nothing_else() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let date = |seconds: u64| httpdate::fmt_http_date(now + Duration::from_secs(seconds));
        let past = httpdate::fmt_http_date(now - Duration::from_secs(30));
        for (text, seconds) in [
            ("38", Some(38)),
            (" 3244 ", Some(3244)),
            ("1.5", Some(2)),
            ("0", Some(0)),
            (&date(30), Some(30)),
            (&past, Some(0)),
            ("soon", None),
            ("-5", None),
            ("NaN", None),
            ("7200", Some(7200)),
            ("7201", Some(7200)),
            ("1000000000", Some(7200)),
            ("1e400", Some(7200)),
            (&date(10 * 365 * 86_400), Some(7200)),
        ] {
            assert_eq!(asked(StatusCode::TOO_MANY_REQUESTS, text, now), seconds, "{text}");
        }
    }

    #[test]
    fn incident_35_a_pause_is_made_with_429_and_503_only() {
        let now = SystemTime::UNIX_EPOCH;
        for (status, seconds) in [(429, Some(38)), (503, Some(38)), (200, None), (404, None), (500, None), (504, None)]
        {
            assert_eq!(asked(StatusCode::from_u16(status).expect("a status"), "38", now), seconds, "{status}");
        }
    }
}
