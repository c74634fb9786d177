//! What has been found so far, and the report that it becomes.

use super::{
    catalogue::{Asked, CONFIGURATION, ORGANIZATION_ID, PREREQUISITES, Prerequisite},
    verdict::{Cause, CheckReport, Finding, Section, Verdict},
};

/// What became of one prerequisite.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    verdict: Verdict,
    cause: Option<Cause>,
    evidence: String,
    remedy: String,
}

impl Outcome {
    pub(super) fn ok(evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, cause: None, evidence: evidence.into(), remedy: String::new() }
    }

    pub(super) fn warning(evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, cause: None, evidence: evidence.into(), remedy: remedy.into() }
    }

    pub(super) fn failed(cause: Cause, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, cause: Some(cause), evidence: evidence.into(), remedy: remedy.into() }
    }

    pub(super) fn not_checked(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotChecked, cause: None, evidence: reason.into(), remedy: String::new() }
    }
}

/// Why prerequisites are left open that nothing failed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing leaves this host.
    Offline,
    /// The vendors are asked.
    Online,
}

/// The outcomes so far.
#[derive(Debug)]
pub(super) struct Board {
    reach: Reach,
    instances: Vec<String>,
    settled: Vec<(&'static str, Option<String>, Outcome)>,
}

impl Board {
    pub(super) fn new(reach: Reach, instances: Vec<String>) -> Self {
        Self { reach, instances, settled: Vec::new() }
    }

    /// Notes what became of a prerequisite that is asked once.
    pub(super) fn settle(&mut self, id: &'static str, outcome: Outcome) {
        self.settled.push((id, None, outcome));
    }

    /// Notes what became of a prerequisite of one instance.
    pub(super) fn settle_of(&mut self, instance: &str, id: &'static str, outcome: Outcome) {
        self.settled.push((id, Some(instance.to_owned()), outcome));
    }

    /// Whether the prerequisite failed, for this instance or for all.
    pub(super) fn has_failed(&self, instance: &str, id: &str) -> bool {
        self.outcomes(id, Some(instance)).any(|outcome| outcome.verdict == Verdict::Failed)
    }

    /// Every prerequisite in its place; those that nobody came to wait for the one that failed.
    pub(super) fn report(self) -> CheckReport {
        let mut findings = Vec::new();
        let (host, general): (Vec<_>, Vec<_>) =
            PREREQUISITES.iter().filter(|one| one.asked == Asked::Once).partition(|one| one.section == Section::Host);
        for one in general {
            findings.extend(self.findings(one, None));
        }
        for instance in &self.instances {
            let each = PREREQUISITES.iter().filter(|one| one.asked == Asked::OfEachInstance);
            for one in each {
                findings.extend(self.findings(one, Some(instance)));
            }
        }
        for one in host {
            findings.extend(self.findings(one, None));
        }
        CheckReport { version: 1, findings }
    }

    fn findings(&self, one: &Prerequisite, instance: Option<&str>) -> Vec<Finding> {
        let finding = |outcome: Outcome, waits_for| Finding {
            section: one.section,
            instance: instance.map(str::to_owned),
            id: one.id,
            title: one.title.to_owned(),
            verdict: outcome.verdict,
            cause: outcome.cause,
            waits_for,
            evidence: outcome.evidence,
            remedy: outcome.remedy,
        };
        let found: Vec<Finding> =
            self.outcomes(one.id, instance).map(|outcome| finding(outcome.clone(), None)).collect();
        if !found.is_empty() {
            return found;
        }
        let awaited = self.awaited(one, instance).or_else(|| self.unconfigured());
        vec![match (awaited, self.reach) {
            (Some(id), _) => finding(Outcome::not_checked(format!("waits for {id}")), Some(id)),
            (None, Reach::Offline) => finding(Outcome::not_checked("needs the network, and --offline was given"), None),
            (None, Reach::Online) => finding(Outcome::not_checked("depends on something that was not looked at"), None),
        }]
    }

    /// The failure at the root of a chain of needs.
    fn awaited(&self, one: &Prerequisite, instance: Option<&str>) -> Option<&'static str> {
        one.needs.iter().find_map(|id| {
            let mut outcomes = self.outcomes(id, instance).peekable();
            if outcomes.peek().is_some() {
                return outcomes.any(|outcome| outcome.verdict == Verdict::Failed).then_some(*id);
            }
            let need = PREREQUISITES.iter().find(|other| other.id == *id)?;
            self.awaited(need, instance)
        })
    }

    /// What is wrong with the configuration, where nothing could be looked at without one.
    fn unconfigured(&self) -> Option<&'static str> {
        let is_failed = |id: &&'static str| self.outcomes(id, None).any(|outcome| outcome.verdict == Verdict::Failed);
        [CONFIGURATION, ORGANIZATION_ID].into_iter().find(|id| is_failed(id))
    }

    fn outcomes<'a>(&'a self, id: &'a str, instance: Option<&'a str>) -> impl Iterator<Item = &'a Outcome> {
        let concerns = move |of: &Option<String>| of.is_none() || of.as_deref() == instance;
        self.settled.iter().filter(move |(at, of, _)| *at == id && concerns(of)).map(|(_, _, outcome)| outcome)
    }
}
