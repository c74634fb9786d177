//! The outcomes of the prerequisites so far, and the report made of them.

use super::{
    Network,
    prerequisites::{Applicability, PREREQUISITES, Prerequisite},
    report::{CheckReport, CheckSection, FailureCause, Finding, Verdict},
};

/// The outcome of one prerequisite.
#[derive(Clone, Debug)]
pub(super) struct CheckOutcome {
    verdict: Verdict,
    cause: Option<FailureCause>,
    waits_for: Option<&'static str>,
    /// Whether the refusal may concern the secret of a credential.
    refuses_secret: bool,
    evidence: String,
    remedy: String,
}

impl CheckOutcome {
    pub(super) fn ok(evidence: impl Into<String>) -> Self {
        Self::of(Verdict::Ok, None, evidence, "")
    }

    pub(super) fn warning(evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Verdict::Warning, None, evidence, remedy)
    }

    pub(super) fn failed(cause: FailureCause, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Verdict::Failed, Some(cause), evidence, remedy)
    }

    /// A failure whose reason may be a wrong secret of a credential.
    pub(super) fn refused_secret(evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { refuses_secret: true, ..Self::failed(FailureCause::Refused, evidence, remedy) }
    }

    pub(super) fn not_checked(reason: impl Into<String>) -> Self {
        Self::of(Verdict::NotChecked, None, reason, "")
    }

    /// Not checked, because another prerequisite failed and has to be fixed first.
    pub(super) fn blocked_by(root: &'static str) -> Self {
        Self { waits_for: Some(root), ..Self::not_checked(format!("waits for {root}")) }
    }

    fn of(
        verdict: Verdict,
        cause: Option<FailureCause>,
        evidence: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (evidence, remedy) = (evidence.into(), remedy.into());
        Self { verdict, cause, waits_for: None, refuses_secret: false, evidence, remedy }
    }
}

/// The outcomes so far.
#[derive(Debug)]
pub(super) struct Findings {
    network: Network,
    instances: Vec<String>,
    outcomes: Vec<(&'static str, Option<String>, CheckOutcome)>,
}

impl Findings {
    pub(super) fn new(network: Network, instances: Vec<String>) -> Self {
        Self { network, instances, outcomes: Vec::new() }
    }

    /// Records the outcome of a prerequisite that is checked once.
    pub(super) fn record(&mut self, id: &'static str, outcome: CheckOutcome) {
        self.outcomes.push((id, None, outcome));
    }

    /// Records the outcome of a prerequisite of one instance.
    pub(super) fn record_for(&mut self, instance: &str, id: &'static str, outcome: CheckOutcome) {
        self.outcomes.push((id, Some(instance.to_owned()), outcome));
    }

    /// Whether the prerequisite failed, for this instance or for all.
    pub(super) fn has_failed(&self, instance: &str, id: &str) -> bool {
        self.outcomes(id, Some(instance)).any(|outcome| outcome.verdict == Verdict::Failed)
    }

    /// The evidence of a failure whose reason may be a wrong secret.
    pub(super) fn refusal_of_secret(&self, instance: Option<&str>, id: &str) -> Option<String> {
        let refusal = self.outcomes(id, instance).find(|outcome| outcome.refuses_secret);
        refusal.map(|outcome| outcome.evidence.clone())
    }

    /// Replaces a failure that another one explains: it waits for that one.
    pub(super) fn defer(&mut self, instance: Option<&str>, id: &str, root: &'static str) {
        let explained = self.outcomes.iter_mut().filter(|(at, of, _)| *at == id && of.as_deref() == instance);
        for (_, _, outcome) in explained {
            *outcome = CheckOutcome::blocked_by(root);
        }
    }

    /// Whether the prerequisite cannot be checked yet: it failed itself, or waits for another one.
    pub(super) fn is_blocked(&self, id: &str) -> bool {
        let blocks = |outcome: &CheckOutcome| outcome.verdict == Verdict::Failed || outcome.waits_for.is_some();
        self.outcomes(id, None).any(blocks)
    }

    /// The report: every prerequisite in its order. One without an outcome waits for the failed one that it needs.
    pub(super) fn report(self) -> CheckReport {
        let mut findings = Vec::new();
        let (host, general): (Vec<_>, Vec<_>) = PREREQUISITES
            .iter()
            .filter(|one| one.applies == Applicability::Once)
            .partition(|one| one.section == CheckSection::Host);
        for one in general {
            findings.extend(self.findings(one, None));
        }
        for instance in &self.instances {
            let each = PREREQUISITES.iter().filter(|one| one.applies == Applicability::PerInstance);
            for one in each {
                findings.extend(self.findings(one, Some(instance)));
            }
        }
        for one in host {
            findings.extend(self.findings(one, None));
        }
        for one in PREREQUISITES.iter().filter(|one| one.applies == Applicability::IfConfigured) {
            findings.extend(self.findings(one, None));
        }
        CheckReport { version: 1, findings }
    }

    fn findings(&self, one: &Prerequisite, instance: Option<&str>) -> Vec<Finding> {
        let finding = |outcome: CheckOutcome| Finding {
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
        if !found.is_empty() || one.applies == Applicability::IfConfigured {
            return found;
        }
        vec![finding(match (self.root_failure(one, instance), self.network) {
            (Some(root), _) => CheckOutcome::blocked_by(root),
            (None, Network::Offline) => CheckOutcome::not_checked("needs the network, and --offline was given"),
            (None, Network::Online) => CheckOutcome::not_checked("depends on something that was not checked"),
        })]
    }

    /// The failed prerequisite that this one needs, directly or through others.
    fn root_failure(&self, one: &Prerequisite, instance: Option<&str>) -> Option<&'static str> {
        one.needs.iter().find_map(|id| {
            let mut outcomes = self.outcomes(id, instance).peekable();
            if outcomes.peek().is_some() {
                let root = |outcome: &CheckOutcome| (outcome.verdict == Verdict::Failed).then_some(*id);
                return outcomes.find_map(|outcome| root(outcome).or(outcome.waits_for));
            }
            let need = PREREQUISITES.iter().find(|other| other.id == *id)?;
            self.root_failure(need, instance)
        })
    }

    fn outcomes<'a>(&'a self, id: &'a str, instance: Option<&'a str>) -> impl Iterator<Item = &'a CheckOutcome> {
        let concerns = move |of: &Option<String>| of.is_none() || of.as_deref() == instance;
        self.outcomes.iter().filter(move |(at, of, _)| *at == id && concerns(of)).map(|(_, _, outcome)| outcome)
    }
}
