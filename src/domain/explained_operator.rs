//! Findings about the operator of a user.

use super::{
    AdobeUser, CampaignSnapshot, Finding, Operator, Policy, Station, UserKnowledge, Verdict,
    folded_name::spelled_out,
    identity::{Identity, display_name},
    look_alikes::spellings,
    protection::Protection,
    unusable::unusable_operator_of,
};

/// What is known of the operator of one user.
pub(super) struct OperatorFacts<'a> {
    pub(super) user: &'a AdobeUser,
    pub(super) knowledge: UserKnowledge<'a>,
    pub(super) policy: &'a Policy,
    pub(super) campaign: &'a CampaignSnapshot,
    pub(super) identity: &'a Identity<'a>,
}

/// Which operator the user is, and what prevents runs from changing it.
pub(super) fn operator_findings(facts: &OperatorFacts<'_>) -> Vec<Finding> {
    let (verdict, text) = facts.identified();
    let mut findings = vec![finding(verdict, text)];
    if let Identity::Operator(operator) | Identity::Renamed(operator) = facts.identity {
        findings.extend(facts.more_about(operator));
    }
    findings
}

impl OperatorFacts<'_> {
    fn identified(&self) -> (Verdict, String) {
        match self.identity {
            Identity::Operator(operator) => {
                let state = if operator.disabled { ", which is disabled" } else { "" };
                (Verdict::Yes, format!("is operator \"{}\"{state}", operator.login))
            }
            Identity::Renamed(operator) => {
                (Verdict::Yes, format!("was operator \"{}\" before a change of login, and still is", operator.login))
            }
            Identity::Undecided(operator) => {
                let text = format!(
                    "was operator \"{}\" before a change of login; whether another active user has that login now is not \
                     known yet, and the next run asks",
                    operator.login
                );
                (Verdict::Unknown, text)
            }
            Identity::Reassigned(operator) => {
                let text = format!(
                    "was operator \"{}\" before a change of login; another active user has that login now, so the operator \
                     is that user's",
                    operator.login
                );
                (Verdict::No, text)
            }
            Identity::NotManaged(operator) => {
                let text = format!("operator \"{}\" does not sign in through Adobe: never changed", operator.login);
                (Verdict::No, text)
            }
            Identity::Ambiguous(operators) => {
                let logins = operators.iter().map(|operator| format!("\"{}\"", operator.login)).collect::<Vec<_>>();
                (Verdict::No, format!("matches several operators: {}; none of them is changed", logins.join(", ")))
            }
            Identity::LookAlike(operators) => {
                let logins: Vec<_> = operators.iter().map(|operator| operator.login.as_str()).collect();
                let text = format!(
                    "no operator has this login, {}; {} looks the same and is not taken for it",
                    spelled_out(&display_name(self.user)),
                    spellings(&logins)
                );
                (Verdict::No, text)
            }
            Identity::Unknown => (Verdict::No, self.no_operator()),
            Identity::NoLogin => (Verdict::No, "the user has neither e-mail address nor user name".to_owned()),
        }
    }

    fn no_operator(&self) -> String {
        if let Some(unusable) = unusable_operator_of(self.user, self.campaign) {
            return format!(
                "the operator of this login has a record that cannot be used ({}): never changed",
                unusable.what
            );
        }
        match self.knowledge {
            UserKnowledge::Active { .. } => "no operator has this login: the first sign-in creates it".to_owned(),
            UserKnowledge::NoUser | UserKnowledge::NotAsked => "no operator has this login".to_owned(),
        }
    }

    fn more_about(&self, operator: &Operator) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(why) = Protection::new(self.policy, self.campaign).of_operator(operator) {
            findings.push(finding(Verdict::Note, format!("protected: never changed ({why})")));
        } else if matches!(self.knowledge, UserKnowledge::NoUser) {
            let text = "a leaver: Adobe has no active user of this login, so the operator belongs in no managed group";
            findings.push(finding(Verdict::Note, text.to_owned()));
        }
        findings
    }
}

fn finding(verdict: Verdict, text: String) -> Finding {
    Finding { station: Station::Operator, verdict, text }
}
