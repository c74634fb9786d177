//! What has been found so far, and the report that it becomes.

use super::{
    catalogue::{Asked, PREREQUISITES, Prerequisite},
    verdict::{Cause, CheckReport, Finding, Section, Verdict},
};

/// What became of one prerequisite.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    verdict: Verdict,
    cause: Option<Cause>,
    waits_for: Option<&'static str>,
    /// Whether what was refused may be the secret of a credential.
    refuses_secret: bool,
    evidence: String,
    remedy: String,
}

impl Outcome {
    pub(super) fn ok(evidence: impl Into<String>) -> Self {
        Self::of(Verdict::Ok, None, evidence, "")
    }

    pub(super) fn warning(evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Verdict::Warning, None, evidence, remedy)
    }

    pub(super) fn failed(cause: Cause, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Verdict::Failed, Some(cause), evidence, remedy)
    }

    /// A failure because the secret of a credential may be the wrong one.
    pub(super) fn refused_secret(evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { refuses_secret: true, ..Self::failed(Cause::Refused, evidence, remedy) }
    }

    pub(super) fn not_checked(reason: impl Into<String>) -> Self {
        Self::of(Verdict::NotChecked, None, reason, "")
    }

    /// Not looked at until the failure of another prerequisite is mended.
    pub(super) fn waiting(root: &'static str) -> Self {
        Self { waits_for: Some(root), ..Self::not_checked(format!("waits for {root}")) }
    }

    fn of(verdict: Verdict, cause: Option<Cause>, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (evidence, remedy) = (evidence.into(), remedy.into());
        Self { verdict, cause, waits_for: None, refuses_secret: false, evidence, remedy }
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

    /// What was said where a secret may have been refused.
    pub(super) fn refusal_of_secret(&self, instance: Option<&str>, id: &str) -> Option<String> {
        let refusal = self.outcomes(id, instance).find(|outcome| outcome.refuses_secret);
        refusal.map(|outcome| outcome.evidence.clone())
    }

    /// Takes a failure back that another one explains: it waits for that one.
    pub(super) fn explain(&mut self, instance: Option<&str>, id: &str, root: &'static str) {
        let explained = self.settled.iter_mut().filter(|(at, of, _)| *at == id && of.as_deref() == instance);
        for (_, _, outcome) in explained {
            *outcome = Outcome::waiting(root);
        }
    }

    /// Whether nobody can look at the prerequisite before something is mended: it failed itself, or waits.
    pub(super) fn is_out_of_sight(&self, id: &str) -> bool {
        let stands_still = |outcome: &Outcome| outcome.verdict == Verdict::Failed || outcome.waits_for.is_some();
        self.outcomes(id, None).any(stands_still)
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
        for one in PREREQUISITES.iter().filter(|one| one.asked == Asked::WhereConfigured) {
            findings.extend(self.findings(one, None));
        }
        CheckReport { version: 1, findings }
    }

    fn findings(&self, one: &Prerequisite, instance: Option<&str>) -> Vec<Finding> {
        let finding = |outcome: Outcome| Finding {
            section: one.section,
            instance: instance.map(str::to_owned),
            id: one.id,
            title: one.title.to_owned(),
            verdict: outcome.verdict,
            cause: outcome.cause,
            waits_for: outcome.waits_for,
            evidence: outcome.evidence,
            remedy: outcome.remedy,
        };
        let found: Vec<Finding> = self.outcomes(one.id, instance).cloned().map(finding).collect();
        if !found.is_empty() || one.asked == Asked::WhereConfigured {
            return found;
        }
        vec![finding(match (self.awaited(one, instance), self.reach) {
            (Some(root), _) => Outcome::waiting(root),
            (None, Reach::Offline) => Outcome::not_checked("needs the network, and --offline was given"),
            (None, Reach::Online) => Outcome::not_checked("depends on something that was not looked at"),
        })]
    }

    /// The failure at the root of a chain of needs.
    fn awaited(&self, one: &Prerequisite, instance: Option<&str>) -> Option<&'static str> {
        one.needs.iter().find_map(|id| {
            let mut outcomes = self.outcomes(id, instance).peekable();
            if outcomes.peek().is_some() {
                let root = |outcome: &Outcome| (outcome.verdict == Verdict::Failed).then_some(*id);
                return outcomes.find_map(|outcome| root(outcome).or(outcome.waits_for));
            }
            let need = PREREQUISITES.iter().find(|other| other.id == *id)?;
            self.awaited(need, instance)
        })
    }

    fn outcomes<'a>(&'a self, id: &'a str, instance: Option<&'a str>) -> impl Iterator<Item = &'a Outcome> {
        let concerns = move |of: &Option<String>| of.is_none() || of.as_deref() == instance;
        self.settled.iter().filter(move |(at, of, _)| *at == id && concerns(of)).map(|(_, _, outcome)| outcome)
    }
}
