//! Whether the daemon does its work: judged by the last success, never by being alive. A run that holds something is a success:
//! a decision that waits for an administrator is no outage.
//!
//! Where several nodes share the state, the work is done once, by the node that leads. A node that follows is ready when it
//! could take over, so when it reaches the database, and when the work is being done: the last success of any node is
//! not too old. Its own credentials have not been needed; like a daemon that has just started, it has to prove them when it
//! leads, and is not ready until then. A node that neither leads nor follows is not ready.

use chrono::{DateTime, TimeDelta, Utc};

use crate::daemon::{DaemonFacts, NodeRole};

/// Why the daemon is not ready at this time; `None` when it is.
pub(super) fn why_not_ready(facts: &DaemonFacts, now: DateTime<Utc>) -> Option<String> {
    if facts.role == NodeRole::Unknown {
        return Some(format!("this node neither leads nor follows; {}", facts.status.reason));
    }
    if !facts.credentials_proven && facts.role != NodeRole::Follower {
        return Some(format!("no run has proven the credentials since the start; {}", facts.status.reason));
    }
    let Some(last_success) = facts.status.last_success else {
        return Some(format!("no run has succeeded yet; {}", facts.status.reason));
    };
    // More than a time can hold is for ever.
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
    fn a_node_that_follows_is_ready_while_the_work_is_done() {
        let now = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        let mut facts = DaemonFacts { ready_within: Duration::from_secs(600), ..DaemonFacts::default() };
        facts.status.last_success = Some(now);
        facts.role = NodeRole::Follower;
        assert_eq!(why_not_ready(&facts, now), None);
        assert!(why_not_ready(&facts, now + TimeDelta::seconds(601)).is_some_and(|why| why.contains("10 minutes old")));
        facts.role = NodeRole::Leader;
        assert!(why_not_ready(&facts, now).is_some_and(|why| why.contains("credentials")));
        (facts.role, facts.credentials_proven) = (NodeRole::Unknown, true);
        assert!(why_not_ready(&facts, now).is_some_and(|why| why.contains("neither leads nor follows")));
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
        assert_eq!(why_not_ready(&facts, now), None, "nothing is asked of a daemon without a schedule");
    }
}
