//! Explains why a user is, or is not, a member of the operator groups of each instance.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;

use crate::{
    campaign::{Campaign, CampaignError, FoundOperators},
    domain::{
        AccessRecord, DesiredState, ExplainedInstance, Explanation, Finding, FoldedName, GroupSize, History,
        IncompleteRead, InstanceDecision, InstanceExplanation, MaskMatch, NoMatch, OperatorGroup, OperatorGroupName,
        OperatorLogin, OperatorQuery, OperatorSnapshot, Outcome, Policy, SourceCounts, Station, UnansweredPart,
        UserSnapshot, Verdict, desired_state, explained, groups_for_lookup, login_candidates, source_read,
        to_the_second, user_findings,
    },
    journal::{Journal, JournalError, KeepSetting},
    observability::Chain,
};

use super::{
    context::InstanceContext,
    decision::Decision,
    former_logins::remembered_holders,
    reconcile::InstanceOptions,
    run::SyncOptions,
    user_lookup::{UserAnswer, UserLookup},
};

/// How many recorded changes of a user the answer holds at most: the newest.
const PAST_CHANGES: usize = 1000;

/// Follows the decision from the user in the Admin Console to the last recorded change, for every group that the user
/// has, should have or had, and says what the next run would do. Costs one or two single-user calls from the share of
/// the call budget that lookups have, never a page 0, and two or three queries of each instance. Changes nothing. The
/// answer names what could not be found out. A pause that Adobe asks for is stored in `journal`, which is `None` where
/// no run was made yet.
pub async fn explain(
    options: &SyncOptions,
    journal: Option<&Journal>,
    user: &str,
    group: Option<&OperatorGroupName>,
) -> Explanation {
    let asked = user.trim();
    let mut explanation = Explanation {
        version: Explanation::VERSION,
        organization: options.experience_cloud.organization_id.to_string(),
        user: asked.to_owned(),
        at: Utc::now(),
        retry_at: None,
        findings: Vec::new(),
        instances: Vec::new(),
        unanswered: Vec::new(),
    };
    let (lookup, missing) = UserLookup::look_up(options, journal, asked).await;
    explanation.findings = user_findings(&lookup.subject(asked));
    if let Some(error) = missing {
        explanation.retry_at = error.retry_at();
        explanation.findings.push(unknown(Station::User, &error.to_string()));
        explanation.unanswered.extend(error.unanswered());
    }
    if lookup.listing.is_empty() {
        let text = "no run has read the product profiles yet: make a run first";
        explanation.findings.push(unknown(Station::Profile, text));
    }
    // A state that cannot be read is reported with each instance.
    if let Some(journal) = journal
        && let Ok(deleted) = journal.deleted_before().await
        && let Some(before) = deleted.changes
    {
        let text = format!(
            "changes and ended memberships before {} were deleted ({})",
            to_the_second(before),
            KeepSetting::KeepChanges.key()
        );
        explanation.findings.push(Finding { station: Station::LastChange, verdict: Verdict::Note, text });
    }
    for instance in &options.instances {
        let (explained, unanswered) =
            explain_instance(&InstanceQuestion { options, journal, instance, lookup: &lookup, asked, group }).await;
        explanation.instances.push(explained);
        explanation.unanswered.extend(unanswered);
    }
    explanation
}

fn unknown(station: Station, text: &str) -> Finding {
    Finding { station, verdict: Verdict::Unknown, text: text.to_owned() }
}

/// Why a part of the answer about an instance is missing.
#[derive(Debug, thiserror::Error)]
enum MissingPart {
    #[error("Campaign could not be read")]
    Campaign(#[from] CampaignError),
    #[error("the state could not be read")]
    Journal(#[from] JournalError),
    #[error("the stored listing of product profiles cannot be used")]
    Listing(#[from] IncompleteRead),
    #[error("the plan cannot be computed")]
    NoMatch(#[from] NoMatch),
}

impl MissingPart {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Campaign(error) => error.failure().into(),
            Self::Journal(_) => Outcome::Failed,
            Self::Listing(_) | Self::NoMatch(_) => Outcome::Incomplete,
        }
    }

    fn to_unanswered(&self, instance: &InstanceOptions) -> UnansweredPart {
        unanswered(instance.policy.instance.as_str(), self.outcome(), &Chain(self).to_string())
    }
}

/// A missing part, with what the administrator can do about it.
pub(super) fn unanswered(part: &str, outcome: Outcome, why: &str) -> UnansweredPart {
    let remedy = match outcome {
        Outcome::Throttled => "retry later",
        Outcome::Unavailable => "retry later; if the problem stays, run `campaign-group-sync check`",
        _ => "`campaign-group-sync check` shows what to correct",
    };
    let misconfigured = outcome == Outcome::Misconfigured;
    UnansweredPart { part: part.to_owned(), outcome, misconfigured, why: format!("{why}; {remedy}") }
}

/// What one instance is read for.
struct InstanceQuestion<'a> {
    options: &'a SyncOptions,
    journal: Option<&'a Journal>,
    instance: &'a InstanceOptions,
    lookup: &'a UserLookup,
    asked: &'a str,
    group: Option<&'a OperatorGroupName>,
}

/// What is known of one instance: the operators in Campaign and the decision, each of which may be missing.
struct InstanceAnswers {
    history: History,
    snapshot: Option<OperatorSnapshot>,
    decision: Result<Decision, String>,
}

impl InstanceAnswers {
    fn without_campaign(history: History, error: MissingPart, missing: &mut Vec<MissingPart>) -> Self {
        missing.push(error);
        let decision = Err("Campaign could not be read".to_owned());
        Self { history, snapshot: None, decision }
    }
}

async fn explain_instance(question: &InstanceQuestion<'_>) -> (InstanceExplanation, Vec<UnansweredPart>) {
    let mut missing = Vec::new();
    let history = question.history().await.unwrap_or_else(|error| {
        missing.push(MissingPart::from(error));
        History::default()
    });
    let answers = question.answers(history, &mut missing).await;
    let record = question.record(&answers).await.unwrap_or_else(|error| {
        missing.push(error.into());
        AccessRecord::default()
    });
    let ground = ExplainedInstance {
        policy: question.policy(),
        mode: question.instance.mode,
        campaign: answers.snapshot.as_ref().map(OperatorSnapshot::for_lookup),
        history: &answers.history,
        decided: answers.decision.as_ref().map_err(String::as_str).map(|decision| InstanceDecision {
            desired: &decision.desired,
            plan: &decision.plan,
            review: &decision.review,
        }),
        record: &record,
    };
    let mut explained = explained(&question.lookup.subject(question.asked), &ground, question.group);
    if record.is_cut {
        let text = format!(
            "only the last {PAST_CHANGES} recorded changes are shown here; `campaign-group-sync history --user LOGIN` lists all"
        );
        explained.findings.push(Finding { station: Station::Operator, verdict: Verdict::Note, text });
    }
    let unanswered: Vec<_> = missing.iter().map(|part| part.to_unanswered(question.instance)).collect();
    explained.findings.extend(unanswered.iter().map(|part| unknown(Station::Operator, &part.why)));
    (explained, unanswered)
}

impl InstanceQuestion<'_> {
    fn policy(&self) -> &Policy {
        &self.instance.policy
    }

    async fn history(&self) -> Result<History, JournalError> {
        let Some(journal) = self.journal else { return Ok(History::default()) };
        // The identity of another user has no effect on this one.
        let user = FoldedName::new(self.lookup.user.id().unwrap_or_default());
        Ok(History {
            login_holders: remembered_holders(journal, self.options).await?,
            ..journal.history_for_user(&self.policy().instance, Utc::now(), &user).await?
        })
    }

    /// Reads Campaign, and decides where the user and Campaign are known.
    async fn answers(&self, history: History, missing: &mut Vec<MissingPart>) -> InstanceAnswers {
        let campaign = match Campaign::new(self.instance.campaign.clone()) {
            Ok(campaign) => campaign,
            Err(error) => return InstanceAnswers::without_campaign(history, error.into(), missing),
        };
        let answers = match self.read_campaign(&campaign, &history).await {
            Ok(found) => self.decided(&campaign, found, history, missing).await,
            Err(error) => InstanceAnswers::without_campaign(history, error, missing),
        };
        campaign.sign_out_after_logon().await;
        answers
    }

    /// Reads the operators that belong, or may belong, to the user; of the others, the answer uses what the last run
    /// saw. Reads all operators where a listing is stored and no run has seen the operators. Before the first read of
    /// the organization nothing is decided, and the operators with exactly this name are enough.
    async fn read_campaign(&self, campaign: &Campaign, history: &History) -> Result<CampaignRead, MissingPart> {
        let name = &self.policy().instance;
        let user = &self.lookup.user;
        let alike = match self.journal {
            Some(journal) => journal.operators_like(name, &login_candidates(user)).await?,
            None => None,
        };
        let alike = match alike {
            Some(alike) => alike,
            None if self.lookup.listing.is_empty() => Vec::new(),
            None => return Ok(CampaignRead::All(OperatorSnapshot::new(campaign.fetch_snapshot().await?))),
        };
        let sought = OperatorQuery::of(user, &history.identities, alike);
        let read = campaign.look_up_operators(&sought).await?;
        let settled = read.groups().and_then(|live| groups_for_lookup(&history.known, live, &self.needed_groups()));
        let groups = match settled {
            Some(groups) => groups,
            None => campaign.fetch_groups().await?,
        };
        let sizes = match self.journal {
            Some(journal) => journal.group_sizes(name).await?,
            None => BTreeMap::new(),
        };
        Ok(CampaignRead::User { read, groups, sizes })
    }

    /// The groups that Campaign is read for: those that the user should be in, and the requested one.
    fn needed_groups(&self) -> BTreeSet<FoldedName> {
        let captured = |name: &str| match self.policy().mask.matches(name) {
            MaskMatch::Group(group) => Some(group),
            MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
        };
        let wanted = self.lookup.names().iter().filter_map(|name| captured(name.as_str()));
        let asked = self.group.map(|group| captured(group.as_str()).unwrap_or_else(|| group.clone()));
        wanted.chain(asked).map(|group| group.folded()).collect()
    }

    async fn decided(
        &self,
        campaign: &Campaign,
        found: CampaignRead,
        history: History,
        missing: &mut Vec<MissingPart>,
    ) -> InstanceAnswers {
        let own = match &found {
            CampaignRead::All(_) => None,
            CampaignRead::User { .. } => campaign.known_own_operator().await.ok().flatten(),
        };
        let is_own_known = own.is_some() || matches!(found, CampaignRead::All(_));
        let snapshot = found.snapshot(own.map(|own| own.login));
        let decided = self.decide(&snapshot, &history);
        // The program's own operator matters only to a change: without one, the call is saved.
        let needs_own = decided.as_ref().is_ok_and(|decision| !decision.plan.changes.is_empty()) && !is_own_known;
        let (snapshot, decided) = if needs_own {
            match campaign.own_operator().await {
                Ok(own) => {
                    let snapshot = found.snapshot(Some(own.login));
                    let decided = self.decide(&snapshot, &history);
                    (snapshot, decided)
                }
                Err(error) => (snapshot, Err(Undecided::Missing(error.into()))),
            }
        } else {
            (snapshot, decided)
        };
        let decision = decided.map_err(|undecided| match undecided {
            Undecided::Known(why) => why.to_owned(),
            Undecided::Missing(part) => {
                let why = Chain(&part).to_string();
                missing.push(part);
                why
            }
        });
        InstanceAnswers { history, snapshot: Some(snapshot), decision }
    }

    fn decide(&self, snapshot: &OperatorSnapshot, history: &History) -> Result<Decision, Undecided> {
        let names = match &self.lookup.answer {
            UserAnswer::NotAsked => {
                return Err(Undecided::Known("the user could not be looked up in the Admin Console"));
            }
            UserAnswer::NoUser => Vec::new(),
            UserAnswer::Active(user) => user.profiles.clone(),
        };
        if self.lookup.listing.is_empty() {
            return Err(Undecided::Known("no run has read the product profiles yet"));
        }
        let user = UserSnapshot::new(self.lookup.listing.clone(), [(self.lookup.user.clone(), names)])
            .map_err(MissingPart::from)?;
        let source = user.matched_by(&self.policy().mask);
        let snapshot = snapshot.for_lookup();
        let desired: DesiredState =
            desired_state(&source, snapshot, self.policy(), history).map_err(MissingPart::from)?;
        let context = InstanceContext {
            instance: self.instance,
            limits: &self.options.limits,
            counts: SourceCounts::Proven,
            snapshot: snapshot.clone(),
            history: history.clone(),
            at: Utc::now(),
        };
        let read = source_read(&source, self.policy(), self.options.membership());
        Ok(Decision::of(&context, desired, Some(read)))
    }

    /// What is recorded of the user under each login that they have or had.
    async fn record(&self, answers: &InstanceAnswers) -> Result<AccessRecord, JournalError> {
        let Some(journal) = self.journal else { return Ok(AccessRecord::default()) };
        let mut logins: BTreeSet<FoldedName> = login_candidates(&self.lookup.user).into_iter().collect();
        logins.insert(FoldedName::new(self.asked));
        let identities = &answers.history.identities;
        logins.extend(identities.known(&self.lookup.user).and_then(|known| known.login).map(FoldedName::stored));
        let logins: Vec<_> = logins.into_iter().filter(|login| !login.is_empty()).collect();
        journal.operator_record(&self.policy().instance, &logins, PAST_CHANGES).await
    }
}

/// What was read from Campaign.
enum CampaignRead {
    /// All operators.
    All(OperatorSnapshot),
    /// The operators of one user.
    User { read: FoundOperators, groups: Vec<OperatorGroup>, sizes: BTreeMap<FoldedName, GroupSize> },
}

impl CampaignRead {
    fn snapshot(&self, own: Option<OperatorLogin>) -> OperatorSnapshot {
        match self {
            Self::All(snapshot) => snapshot.clone(),
            Self::User { read, groups, sizes } => {
                let own = own.unwrap_or_else(|| OperatorLogin::new(""));
                read.clone().into_snapshot(groups.clone(), own).with_sizes(sizes)
            }
        }
    }
}

/// Why nothing was decided.
enum Undecided {
    /// The reason; another finding reports it.
    Known(&'static str),
    /// A part that the decision needs is missing.
    Missing(MissingPart),
}

impl From<MissingPart> for Undecided {
    fn from(part: MissingPart) -> Self {
        Self::Missing(part)
    }
}
