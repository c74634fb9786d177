//! What can go wrong with Experience Cloud, by what a run does about it; and whether one attempt may be repeated.

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

/// Why something could not be read from Experience Cloud. No text of it holds a secret or a token.
#[derive(Debug, thiserror::Error)]
pub enum ExperienceCloudError {
    /// The HTTP client could not be built.
    #[error("the client of Experience Cloud could not be set up")]
    Setup(#[source] TransportError),
    /// The client id cannot travel as `X-Api-Key`.
    #[error("the client id has characters that an HTTP header cannot carry; copy it again from the Developer Console")]
    ClientId,
    /// The credential, or what it allows, was refused.
    #[error("{call}: refused with status {status}; {remedy}: {excerpt}")]
    Refused {
        /// What was asked.
        call: String,
        /// The HTTP status.
        status: u16,
        /// What a person can do about it.
        remedy: &'static str,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// An answer came and is not what the call promises.
    #[error("{call}: {reason} (status {status}): {excerpt}")]
    WrongAnswer {
        /// What was asked.
        call: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        reason: String,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// An answer began and could not be read to its end.
    #[error("{call}: the answer could not be read to its end")]
    BrokenAnswer {
        /// What was asked.
        call: String,
        /// What went wrong.
        source: TransportError,
    },
    /// A page in the middle of a listing brought nothing that was not there before: it is empty, or came a second time.
    #[error("{call}: nothing new came, and the page is not the last")]
    NothingNew {
        /// What was asked.
        call: String,
    },
    /// A page without users that does not say that there are none.
    #[error("{call}: the page has no users, and X-Total-Count does not say that there are none")]
    EmptyPage {
        /// What was asked.
        call: String,
    },
    /// A page of members of another profile than the one that was asked for, or of one that was renamed.
    #[error("{call}: the page has the members of \"{found}\"")]
    OtherProfile {
        /// What was asked.
        call: String,
        /// The profile that was asked for, as the groups listing has it.
        profile: ProductProfileName,
        /// The name on the page.
        found: ProductProfileName,
    },
    /// A listing was not read completely: nothing may be concluded from it.
    #[error("{listing}: {read}")]
    Incomplete {
        /// Which listing.
        listing: String,
        /// What is missing.
        read: IncompleteRead,
        /// The answer that ended the read, when one did.
        #[source]
        cause: Option<Box<ExperienceCloudError>>,
    },
    /// The record of a user is not usable, so that nothing proves who is absent from the listing.
    #[error("{listing}: the record of a user cannot be used ({what}): correct it in the Admin Console")]
    UnusableUser {
        /// Which listing.
        listing: String,
        /// Who, and what is wrong with the record.
        what: String,
    },
    /// No mask matches any product profile: nothing can be concluded from that.
    #[error(
        "none of the {profiles} product profiles matches an association mask ({masks}); \
         compare the mask with the names in the Admin Console"
    )]
    NoMatch {
        /// How many product profiles the listing has.
        profiles: usize,
        /// The masks, as they were written.
        masks: String,
    },
    /// A profile without a `groupId` whose name UMAPI would take for another.
    #[error(
        "the members of the product profile \"{profile}\" cannot be asked for: the listing gives no groupId, \
         and UMAPI cuts a name in a path at its last dot; rename the profile so that its name has no dot"
    )]
    Unaddressable {
        /// The profile.
        profile: ProductProfileName,
    },
    /// UMAPI, or IMS, asked for a pause.
    #[error("{call}: too many requests; {}", pause_in_words(*pause))]
    Throttled {
        /// What was asked.
        call: String,
        /// The pause it asked for, when it named one.
        pause: Option<RequestedPause>,
    },
    /// A question has to give way: its share of the calls of a minute is used up, or a run needs them.
    #[error("{call}: not sent, because the calls that questions may use are used up; ask again at {}", to_the_second(*until))]
    UsedUp {
        /// What was to be asked.
        call: String,
        /// When it may be asked.
        until: DateTime<Utc>,
    },
    /// The call could not be counted against the limits of Adobe, so it was not sent.
    #[error("{call}: not sent, because it could not be counted against the limits of Adobe")]
    Uncounted {
        /// What was to be asked.
        call: String,
        /// Why.
        source: LedgerError,
    },
    /// A passing fault on the other side.
    #[error("{call}: temporarily unavailable (status {status}): {excerpt}")]
    Unavailable {
        /// What was asked.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// What was to be read failed before any of its requests can have reached the vendor.
    #[error(transparent)]
    Unsent(Box<ExperienceCloudError>),
    /// No answer at all.
    #[error("{call} failed")]
    NoAnswer {
        /// What was asked.
        call: String,
        /// What went wrong.
        source: TransportError,
    },
}

impl ExperienceCloudError {
    /// What a run makes of it.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Setup(source) | Self::NoAnswer { source, .. } if source.is_misconfigured() => Failure::Misconfigured,
            Self::Setup(_) | Self::Uncounted { .. } => Failure::Unexpected,
            Self::ClientId | Self::Refused { .. } => Failure::Refused,
            Self::WrongAnswer { .. }
            | Self::BrokenAnswer { .. }
            | Self::NothingNew { .. }
            | Self::EmptyPage { .. }
            | Self::OtherProfile { .. }
            | Self::Incomplete { .. }
            | Self::UnusableUser { .. }
            | Self::NoMatch { .. }
            | Self::Unaddressable { .. } => Failure::Incomplete,
            Self::Throttled { pause, .. } => Failure::Throttled { retry_after: pause.map(|pause| pause.length) },
            Self::UsedUp { .. } => Failure::Throttled { retry_after: None },
            Self::Unavailable { .. } | Self::NoAnswer { .. } => Failure::Unavailable,
            Self::Unsent(cause) => cause.failure(),
        }
    }

    /// Whether a UMAPI request of the failed read may have reached the vendor, so that page 0, when the read begins with
    /// it, counts as asked for. Known of the listing and of memberships alone; of anything else it says yes.
    pub fn was_sent(&self) -> bool {
        !matches!(self, Self::Unsent(_))
    }

    /// What is wrong with the certificate that was shown in place of an answer, where that is what went wrong.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::NoAnswer { source, .. } => source.certificate_fault(),
            Self::Unsent(cause) => cause.certificate_fault(),
            _ => None,
        }
    }

    /// A listing whose answers do not add up, none of them being wrong by itself.
    pub(super) fn incomplete(listing: &str, read: IncompleteRead) -> Self {
        Self::Incomplete { listing: listing.to_owned(), read, cause: None }
    }

    /// What this error of a listing of the profile's members says about that profile alone: its page is empty, users are
    /// missing, members came or went meanwhile, or it was renamed. Gives the error back where it concerns the whole read.
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

    /// This error as the end of a walk over `listing` that received some pages: `read` says how far it came.
    /// When the system did not answer, that remains the news.
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
        None => "Adobe named no time at which to ask again".to_owned(),
    }
}

/// What an answer that cannot be used says about the next one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PageError {
    /// Cut off or no JSON at all, as gateways answer when something behind them fails: the next answer may be whole.
    Garbled(String),
    /// Whole, and not what the call promises: the next answer will be the same.
    Unusable(String),
}

/// Whether a failed request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryChance {
    /// The same request gets the same answer.
    None,
    /// The next attempt may succeed, and the failed one may have been served.
    MaybeServed,
    /// The next attempt may succeed, and the failed one was never sent, or not served.
    Unserved,
    /// The server refused it and did not say until when.
    RefusedForNow,
    /// It was not served, and the server named the least pause before the next attempt.
    After(Duration),
    /// It may have been served, and the server named the least pause before the next attempt.
    MaybeServedAfter(Duration),
}

/// Which failed requests of a call may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryRule {
    /// All that may succeed later.
    Always,
    /// Only those that were never sent, and those for which the server named the time of the next. A second request for page 0 of an organization's listing counts as one more, and
    /// the client that makes it is locked out for up to an hour (user-sync.py issue 813: 504, retried, 429 with 1938 s).
    IfNotServed,
}

/// The end of one attempt, for the retry rule of the transport.
#[derive(Debug)]
pub(super) struct FailedAttempt {
    pub(super) error: ExperienceCloudError,
    pub(super) chance: RetryChance,
}

impl FailedAttempt {
    pub(super) fn last(error: ExperienceCloudError) -> Self {
        Self { error, chance: RetryChance::None }
    }

    /// What the transport says about a request without a whole answer.
    pub(super) fn of_transport(call: &str, source: TransportError) -> Self {
        let call = call.to_owned();
        match source {
            TransportError::Build(_) => Self::last(ExperienceCloudError::Setup(source)),
            TransportError::Connect(_) if source.certificate_fault().is_some() || source.is_misconfigured() => {
                Self::last(ExperienceCloudError::NoAnswer { call, source })
            }
            TransportError::Connect(_) => {
                Self { error: ExperienceCloudError::NoAnswer { call, source }, chance: RetryChance::Unserved }
            }
            TransportError::Timeout { .. } | TransportError::ConnectionLost { .. } => {
                Self { error: ExperienceCloudError::NoAnswer { call, source }, chance: RetryChance::MaybeServed }
            }
            // What took as long as a call may take would do so again.
            TransportError::CallTimeout { .. } => Self::last(ExperienceCloudError::NoAnswer { call, source }),
            TransportError::IncompleteBody { .. } | TransportError::Undecodable { .. } => {
                Self { error: ExperienceCloudError::BrokenAnswer { call, source }, chance: RetryChance::MaybeServed }
            }
            TransportError::TooLarge { .. } => Self::last(ExperienceCloudError::BrokenAnswer { call, source }),
        }
    }

    /// The same failure of a call that may only be repeated as `repetition` allows.
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

    /// Tells the watcher of the pause that is waited out before the next attempt, when the server named it.
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

    fn throttled(pause: Option<RequestedPause>) -> ExperienceCloudError {
        ExperienceCloudError::Throttled { call: "GET users page 2".to_owned(), pause }
    }

    #[test]
    fn page_0_is_repeated_only_when_it_was_not_served() {
        let verdict =
            |chance, retry_rule| FailedAttempt { error: throttled(None), chance }.under(retry_rule).retry_advice();
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
    fn a_refusal_names_the_call_and_the_time_at_which_the_pause_ends() {
        let until = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        let error = throttled(Some(RequestedPause { length: Duration::from_secs(3244), until }));
        let text = "GET users page 2: too many requests; Adobe asked for a pause until 2026-11-23T06:00:00Z";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.failure(), Failure::Throttled { retry_after: Some(Duration::from_secs(3244)) });
    }
}
