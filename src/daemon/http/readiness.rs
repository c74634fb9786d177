//! Decides whether the daemon is ready: by the age of the last success. A run that holds changes is a success: a plan that
//! waits for an administrator is not an outage.
//!
//! Where several nodes share the state, a follower is ready while it reaches the database and the last success of any node is
//! recent enough. It has not used its own credentials: when it becomes the leader, it is not ready until a run has proven them,
//! like a daemon that has just started. A node that is neither the leader nor a follower is not ready.

use chrono::{DateTime, TimeDelta, Utc};

use crate::daemon::{DaemonFacts, NodeRole};

/// Why the daemon is not ready; `None` when it is.
pub(super) fn why_not_ready(facts: &DaemonFacts, now: DateTime<Utc>) -> Option<String> {
    if facts.role == NodeRole::Unknown {
        return Some(format!("this node is neither the leader nor a follower; {}", facts.status.reason));
    }
    if !facts.credentials_proven && facts.role != NodeRole::Follower {
        return Some(format!("no run has proven the credentials since the start; {}", facts.status.reason));
    }
    let Some(last_success) = facts.status.last_success else {
        return Some(format!("no run has succeeded yet; {}", facts.status.reason));
    };
    // A span that is too long for the type is unlimited.
    let ready_within = TimeDelta::from_std(facts.ready_within).unwrap_or(TimeDelta::MAX);
    let age = now - last_success;
    (age > ready_within).then(|| {
        let minutes = age.num_minutes();
        format!("the last success is {minutes} minutes old; {}", facts.status.reason)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_follower_is_ready_while_the_last_success_is_recent() {
        let now = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        let mut facts = DaemonFacts { ready_within: Duration::from_secs(600), ..DaemonFacts::default() };
        facts.status.last_success = Some(now);
        facts.role = NodeRole::Follower;
        assert_eq!(why_not_ready(&facts, now), None);
        assert!(why_not_ready(&facts, now + TimeDelta::seconds(601)).is_some_and(|why| why.contains("10 minutes old")));
        facts.role = NodeRole::Leader;
        assert!(why_not_ready(&facts, now).is_some_and(|why| why.contains("credentials")));
        (facts.role, facts.credentials_proven) = (NodeRole::Unknown, true);
        assert!(why_not_ready(&facts, now).is_some_and(|why| why.contains("neither the leader nor a follower")));
    }

    #[test]
    fn only_a_recent_success_with_proven_credentials_is_ready() {
        let now = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        let mut facts = DaemonFacts { ready_within: Duration::from_secs(600), ..DaemonFacts::default() };
        let reason = |facts: &DaemonFacts| why_not_ready(facts, now).unwrap_or_default();
        assert!(reason(&facts).contains("credentials"), "{}", reason(&facts));
        facts.credentials_proven = true;
        assert!(reason(&facts).contains("no run has succeeded"), "{}", reason(&facts));
        facts.status.last_success = Some(now - TimeDelta::seconds(600));
        assert_eq!(why_not_ready(&facts, now), None);
        facts.status.last_success = Some(now - TimeDelta::seconds(601));
        assert!(reason(&facts).contains("10 minutes old"), "{}", reason(&facts));
        facts.ready_within = Duration::MAX;
        assert_eq!(why_not_ready(&facts, now), None, "a daemon without a schedule is always recent enough");
    }
}
