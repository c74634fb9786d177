//! The errors of the Experience Cloud client, by what a run does about them; and whether a failed attempt may be
//! retried.

use std::{error::Error, fmt, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    RequestedPause,
    call_budget::{CallBudget, LedgerError},
};
use crate::{
    domain::{Failure, IncompleteRead, ProductProfileName, ProfileDoubt, RunStep, to_the_second},
    transport::{CertificateFault, RetryAdvice, RetryPolicy, Retryable, TransportError},
};

/// Why a read from Experience Cloud failed. No message contains a secret or a token.
#[derive(Debug, thiserror::Error)]
pub enum ExperienceCloudError {
    /// The HTTP client could not be created.
    #[error("the HTTP client for Experience Cloud could not be created")]
    Client(#[source] TransportError),
    /// The client id cannot be sent as `X-Api-Key`.
    #[error("the client id has characters that HTTP headers do not allow; copy it again from the Developer Console")]
    ClientId,
    /// Adobe refused the credential, or its permissions.
    #[error("{call}: refused with status {status}; {remedy}: {excerpt}")]
    Refused {
        /// The name of the call.
        call: String,
        /// The HTTP status.
        status: u16,
        /// What the administrator can do.
        remedy: &'static str,
        /// The beginning of the response.
        excerpt: String,
    },
    /// The response is not what the API documents for the call.
    #[error("{call}: {reason} (status {status}): {excerpt}")]
    InvalidResponse {
        /// The name of the call.
        call: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the response.
        reason: String,
        /// The beginning of the response.
        excerpt: String,
    },
    /// The response began and could not be read completely.
    #[error("{call}: incomplete response")]
    IncompleteResponse {
        /// The name of the call.
        call: String,
        /// What went wrong.
        source: TransportError,
    },
    /// A page that is not the last one has no new entries: it is empty, or repeats an earlier page.
    #[error("{call}: the page has no new entries and is not the last page")]
    NothingNew {
        /// The name of the call.
        call: String,
    },
    /// A page has no users, but its headers do not say that the listing is empty.
    #[error("{call}: the page has no users, but X-Total-Count is not 0")]
    EmptyPage {
        /// The name of the call.
        call: String,
    },
    /// A page of the groups listing after page 0 has no groups. Past its end, the last page comes again, or `Not found`.
    #[error("{call}: the page has no groups, although the page before it was not the last")]
    NoGroups {
        /// The name of the call.
        call: String,
    },
    /// A page lists the members of another profile than the requested one, or the profile was renamed.
    #[error("{call}: the page lists the members of \"{found}\"")]
    OtherProfile {
        /// The name of the call.
        call: String,
        /// The requested profile, with its name in the groups listing.
        profile: ProductProfileName,
        /// The name on the page.
        found: ProductProfileName,
    },
    /// A listing was not read completely: the program concludes nothing from it.
    #[error("{listing}: {read}")]
    Incomplete {
        /// Which listing.
        listing: String,
        /// What is missing.
        read: IncompleteRead,
        /// The error that ended the read, if there was one.
        #[source]
        cause: Option<Box<ExperienceCloudError>>,
    },
    /// The record of a user cannot be used, so the listing does not prove that a user is absent.
    #[error("{listing}: the record of a user cannot be used ({what}): correct it in the Admin Console")]
    UnusableUser {
        /// Which listing.
        listing: String,
        /// The user, and what is wrong with the record.
        what: String,
    },
    /// No mask matches any product profile: the program concludes nothing from that.
    #[error(
        "none of the {profiles} product profiles matches an association mask ({masks}); \
         compare the mask with the names in the Admin Console"
    )]
    NoMatch {
        /// How many product profiles the listing has.
        profiles: usize,
        /// The masks as configured.
        masks: String,
    },
    /// The profile has no `groupId`, and UMAPI would read its name as that of another profile.
    #[error(
        "the members of the product profile \"{profile}\" cannot be requested: its record has no groupId, and UMAPI \
         cuts a name in a path at its last dot; rename the profile so that its name has no dot"
    )]
    Unaddressable {
        /// The profile.
        profile: ProductProfileName,
    },
    /// UMAPI or IMS limited the rate of calls.
    #[error("{call}: too many requests; {}", pause_in_words(*pause))]
    RateLimited {
        /// The name of the call.
        call: String,
        /// The pause that the response asks for, if it names one.
        pause: Option<RequestedPause>,
    },
    /// A question has to wait: its share of the calls per minute is used up, or a run needs them.
    #[error("{call}: not sent, because the calls for questions are used up; retry at {}", to_the_second(*until))]
    UsedUp {
        /// The name of the call.
        call: String,
        /// When the call may be sent.
        until: DateTime<Utc>,
    },
    /// The call could not be counted against Adobe's limits, so it was not sent.
    #[error("{call}: not sent, because it could not be counted against Adobe's limits")]
    Uncounted {
        /// The name of the call.
        call: String,
        /// Why.
        source: LedgerError,
    },
    /// A temporary fault of the server.
    #[error("{call}: temporarily unavailable (status {status}): {excerpt}")]
    Unavailable {
        /// The name of the call.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the response.
        excerpt: String,
    },
    /// The read failed before any of its requests can have reached Adobe.
    #[error(transparent)]
    Unsent(Box<ExperienceCloudError>),
    /// There is no response.
    #[error("{call} failed")]
    Transport {
        /// The name of the call.
        call: String,
        /// What went wrong.
        source: TransportError,
    },
}

impl ExperienceCloudError {
    /// How a run treats the error.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Client(source) | Self::Transport { source, .. } if source.is_misconfigured() => {
                Failure::Misconfigured
            }
            Self::Client(_) | Self::Uncounted { .. } => Failure::Unexpected,
            Self::ClientId | Self::Refused { .. } => Failure::Refused,
            Self::InvalidResponse { .. }
            | Self::IncompleteResponse { .. }
            | Self::NothingNew { .. }
            | Self::EmptyPage { .. }
            | Self::NoGroups { .. }
            | Self::OtherProfile { .. }
            | Self::Incomplete { .. }
            | Self::UnusableUser { .. }
            | Self::NoMatch { .. }
            | Self::Unaddressable { .. } => Failure::Incomplete,
            Self::RateLimited { pause, .. } => Failure::Throttled { retry_after: pause.map(|pause| pause.length) },
            Self::UsedUp { .. } => Failure::Throttled { retry_after: None },
            Self::Unavailable { .. } | Self::Transport { .. } => Failure::Unavailable,
            Self::Unsent(cause) => cause.failure(),
        }
    }

    /// Whether a request of the failed read may have reached Adobe, so that page 0 counts as requested if the read
    /// begins with it. Only reads of the groups listing and of memberships can return `false`.
    pub fn was_sent(&self) -> bool {
        !matches!(self, Self::Unsent(_))
    }

    /// What is wrong with the certificate of the server, if that is why the request failed.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::Transport { source, .. } => source.certificate_fault(),
            Self::Unsent(cause) => cause.certificate_fault(),
            _ => None,
        }
    }

    /// A listing whose pages contradict each other, although each page is valid.
    pub(super) fn incomplete(listing: &str, read: IncompleteRead) -> Self {
        Self::Incomplete { listing: listing.to_owned(), read, cause: None }
    }

    /// Converts an error of a listing of the profile's members into a doubt about that profile alone: its page is
    /// empty, users are missing, members changed during the read, or the profile was renamed. Returns the error
    /// unchanged if it concerns the whole read.
    pub(super) fn into_profile_doubt(self, profile: &ProductProfileName) -> Result<ProfileDoubt, Self> {
        let profile = profile.clone();
        match self {
            Self::OtherProfile { profile, found, .. } => Ok(ProfileDoubt::Renamed { profile, now: found }),
            Self::EmptyPage { .. } => Ok(ProfileDoubt::Incomplete { profile, why: self.to_string() }),
            Self::Incomplete {
                read:
                    ref read @ (IncompleteRead::Users { .. }
                    | IncompleteRead::TooMany { .. }
                    | IncompleteRead::Changed { .. }),
                cause: None,
                ..
            } => Ok(ProfileDoubt::Incomplete { profile, why: read.to_string() }),
            error => Err(error),
        }
    }

    /// This error as the cause of an incomplete `listing`: `read` says how many pages were received. An error that is
    /// not about the content of a response is returned unchanged.
    pub(super) fn in_walk(self, listing: &str, read: IncompleteRead) -> Self {
        if self.failure() == Failure::Incomplete {
            Self::Incomplete { listing: listing.to_owned(), read, cause: Some(Box::new(self)) }
        } else {
            self
        }
    }
}

fn pause_in_words(pause: Option<RequestedPause>) -> String {
    match pause {
        Some(pause) => format!("Adobe asked for a pause until {}", to_the_second(pause.until)),
        None => "Adobe did not say when to retry".to_owned(),
    }
}

/// Why a response cannot be used, by what a retry would bring.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PageError {
    /// Cut off, or not JSON, as from a gateway whose server fails: a retry may succeed.
    Garbled(String),
    /// Complete, but not what the API documents: a retry would bring the same response.
    Unusable(String),
}

/// Whether a retry of a failed request may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryChance {
    /// A retry would get the same response.
    None,
    /// A retry may succeed, and Adobe may have served the failed request.
    MaybeServed,
    /// A retry may succeed, and the failed request was not sent or not served.
    Unserved,
    /// The rate was limited, and the response does not say for how long.
    RefusedForNow,
    /// Adobe did not serve the request, and named the shortest pause before a retry.
    After(Duration),
    /// Adobe may have served the request, and named the shortest pause before a retry.
    MaybeServedAfter(Duration),
}

/// Which failed requests of a call are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryRule {
    /// All that may succeed later.
    Always,
    /// Only those that were not served, or for which Adobe named the time of the retry. Adobe counts a second request
    /// for page 0 of an organization's listing, and locks the client out for up to an hour (user-sync.py issue 813: a
    /// retry after status 504 got status 429 with a pause of 1938 s).
    IfNotServed,
}

/// The error of one attempt, for the retries of the transport.
#[derive(Debug)]
pub(super) struct FailedAttempt {
    pub(super) error: ExperienceCloudError,
    pub(super) chance: RetryChance,
}

impl FailedAttempt {
    pub(super) fn last(error: ExperienceCloudError) -> Self {
        Self { error, chance: RetryChance::None }
    }

    /// The failure of a request without a complete response.
    pub(super) fn of_transport(call: &str, source: TransportError) -> Self {
        let call = call.to_owned();
        match source {
            TransportError::Build(_) => Self::last(ExperienceCloudError::Client(source)),
            TransportError::Connect(_) if source.certificate_fault().is_some() || source.is_misconfigured() => {
                Self::last(ExperienceCloudError::Transport { call, source })
            }
            TransportError::Connect(_) => {
                Self { error: ExperienceCloudError::Transport { call, source }, chance: RetryChance::Unserved }
            }
            TransportError::Timeout { .. } | TransportError::ConnectionLost { .. } => {
                Self { error: ExperienceCloudError::Transport { call, source }, chance: RetryChance::MaybeServed }
            }
            // A call that reached its longest duration would reach it again.
            TransportError::CallTimeout { .. } => Self::last(ExperienceCloudError::Transport { call, source }),
            TransportError::IncompleteBody { .. } | TransportError::Undecodable { .. } => Self {
                error: ExperienceCloudError::IncompleteResponse { call, source },
                chance: RetryChance::MaybeServed,
            },
            TransportError::TooLarge { .. } => Self::last(ExperienceCloudError::IncompleteResponse { call, source }),
        }
    }

    /// Forbids the retry if `retry_rule` does.
    pub(super) fn under(mut self, retry_rule: RetryRule) -> Self {
        let counts = matches!(
            self.chance,
            RetryChance::MaybeServed | RetryChance::MaybeServedAfter(_) | RetryChance::RefusedForNow
        );
        if retry_rule == RetryRule::IfNotServed && counts {
            self.chance = RetryChance::None;
        }
        self
    }

    /// Reports the pause before the next attempt to the watcher, if the server named it.
    pub(super) fn announced(self, retry: &RetryPolicy, budget: &CallBudget) -> Self {
        if let RetryChance::After(length) | RetryChance::MaybeServedAfter(length) = self.chance
            && length <= retry.max_wait
        {
            budget.watcher().step(RunStep::Waiting { length });
        }
        self
    }
}

impl Retryable for FailedAttempt {
    fn retry_advice(&self) -> RetryAdvice {
        match self.chance {
            RetryChance::None => RetryAdvice::Final,
            RetryChance::MaybeServed | RetryChance::Unserved | RetryChance::RefusedForNow => RetryAdvice::Retry,
            RetryChance::After(pause) | RetryChance::MaybeServedAfter(pause) => RetryAdvice::RetryAfter(pause),
        }
    }
}

impl Error for FailedAttempt {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limited(pause: Option<RequestedPause>) -> ExperienceCloudError {
        ExperienceCloudError::RateLimited { call: "GET users page 2".to_owned(), pause }
    }

    #[test]
    fn page_0_is_retried_only_if_it_was_not_served() {
        let verdict =
            |chance, retry_rule| FailedAttempt { error: rate_limited(None), chance }.under(retry_rule).retry_advice();
        let pause = Duration::from_secs(38);
        for (chance, free, unserved) in [
            (RetryChance::None, RetryAdvice::Final, RetryAdvice::Final),
            (RetryChance::MaybeServed, RetryAdvice::Retry, RetryAdvice::Final),
            (RetryChance::Unserved, RetryAdvice::Retry, RetryAdvice::Retry),
            (RetryChance::RefusedForNow, RetryAdvice::Retry, RetryAdvice::Final),
            (RetryChance::After(pause), RetryAdvice::RetryAfter(pause), RetryAdvice::RetryAfter(pause)),
            (RetryChance::MaybeServedAfter(pause), RetryAdvice::RetryAfter(pause), RetryAdvice::Final),
        ] {
            assert_eq!(verdict(chance, RetryRule::Always), free, "{chance:?}");
            assert_eq!(verdict(chance, RetryRule::IfNotServed), unserved, "{chance:?}");
        }
    }

    #[test]
    fn a_rate_limit_names_the_call_and_the_time_when_the_pause_ends() {
        let until = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        let error = rate_limited(Some(RequestedPause { length: Duration::from_secs(3244), until }));
        let text = "GET users page 2: too many requests; Adobe asked for a pause until 2026-11-23T06:00:00Z";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.failure(), Failure::Throttled { retry_after: Some(Duration::from_secs(3244)) });
    }
}
