//! Why a person is, or is not, in the groups of each instance.

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
    user_lookup::{LookedUp, UserAnswer},
};

/// How many past changes of a person are told, the newest ones.
const PAST_CHANGES: usize = 1000;

/// Walks from the user to the last change, for every group that the person has, should have or had, and says what the next
/// run would do. Costs one or two calls for a single user, never a page 0, from the share of the budget that questions have,
/// and two or three queries of each instance; changes nothing. What could not be found out is said so. A pause that Adobe
/// asks for is remembered in `journal`, which is `None` where no run was made yet.
pub async fn explain(
    options: &SyncOptions,
    journal: Option<&Journal>,
    person: &str,
    group: Option<&OperatorGroupName>,
) -> Explanation {
    let asked = person.trim();
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
    let (person, missing) = LookedUp::look_up(options, journal, asked).await;
    explanation.findings = user_findings(&person.subject(asked));
    if let Some(error) = missing {
        explanation.retry_at = error.retry_at();
        explanation.findings.push(unknown(Station::User, &error.to_string()));
        explanation.unanswered.extend(error.unanswered());
    }
    if person.listing.is_empty() {
        let text = "no listing of the product profiles is remembered yet: make a run first";
        explanation.findings.push(unknown(Station::Profile, text));
    }
    // A state that cannot be read is named with each instance.
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
            explain_instance(&InstanceQuestion { options, journal, instance, person: &person, asked, group }).await;
        explanation.instances.push(explained);
        explanation.unanswered.extend(unanswered);
    }
    explanation
}

fn unknown(station: Station, text: &str) -> Finding {
    Finding { station, verdict: Verdict::Unknown, text: text.to_owned() }
}

/// Why a part of an instance's answer is missing.
#[derive(Debug, thiserror::Error)]
enum MissingPart {
    #[error("Campaign could not be asked")]
    Campaign(#[from] CampaignError),
    #[error("the state could not be read")]
    Journal(#[from] JournalError),
    #[error("the remembered listing of product profiles cannot be used")]
    Listing(#[from] IncompleteRead),
    #[error("nothing can be planned")]
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

/// A missing part, with what the reader can do about it.
pub(super) fn unanswered(part: &str, outcome: Outcome, why: &str) -> UnansweredPart {
    let remedy = match outcome {
        Outcome::Throttled => "ask again later",
        Outcome::Unavailable => "ask again later; where it lasts, `campaign-group-sync check` tells more",
        _ => "`campaign-group-sync check` tells what to correct",
    };
    let misconfigured = outcome == Outcome::Misconfigured;
    UnansweredPart { part: part.to_owned(), outcome, misconfigured, why: format!("{why}; {remedy}") }
}

/// One question, in one instance.
struct InstanceQuestion<'a> {
    options: &'a SyncOptions,
    journal: Option<&'a Journal>,
    instance: &'a InstanceOptions,
    person: &'a LookedUp,
    asked: &'a str,
    group: Option<&'a OperatorGroupName>,
}

/// What one instance says: Campaign's part and the decision, each of which may be missing.
struct InstanceAnswers {
    history: History,
    snapshot: Option<OperatorSnapshot>,
    decision: Result<Decision, String>,
}

impl InstanceAnswers {
    fn without_campaign(history: History, error: MissingPart, missing: &mut Vec<MissingPart>) -> Self {
        missing.push(error);
        let decision = Err("Campaign could not be asked".to_owned());
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
    let mut explained = explained(&question.person.subject(question.asked), &ground, question.group);
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
        Ok(History {
            login_holders: remembered_holders(journal, self.options).await?,
            ..journal.history(&self.policy().instance, Utc::now()).await?
        })
    }

    /// Asks Campaign, and decides where both sides are known.
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

    /// The operators that the person is, or may be. Of all others the answer needs no more than what the last run saw. Where a
    /// listing is remembered and no run has seen the operators, all are read; before the first read of the organization nothing
    /// is decided, and the operators of the very name are enough.
    async fn read_campaign(&self, campaign: &Campaign, history: &History) -> Result<CampaignRead, MissingPart> {
        let name = &self.policy().instance;
        let person = &self.person.person;
        let alike = match self.journal {
            Some(journal) => journal.operators_like(name, &login_candidates(person)).await?,
            None => None,
        };
        let alike = match alike {
            Some(alike) => alike,
            None if self.person.listing.is_empty() => Vec::new(),
            None => return Ok(CampaignRead::All(OperatorSnapshot::new(campaign.fetch_snapshot().await?))),
        };
        let sought = OperatorQuery::of(person, &history.identities, alike);
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

    /// The groups that Campaign has to tell of: those that the person should be in, and the one that was asked for.
    fn needed_groups(&self) -> BTreeSet<FoldedName> {
        let captured = |name: &str| match self.policy().mask.matches(name) {
            MaskMatch::Group(group) => Some(group),
            MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
        };
        let wanted = self.person.names().iter().filter_map(|name| captured(name.as_str()));
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
        // Only a change can concern the operator that the program itself works as: the usual question saves the call.
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
        let names = match &self.person.user {
            UserAnswer::NotAsked => return Err(Undecided::Known("what the organization wants could not be found out")),
            UserAnswer::NoUser => Vec::new(),
            UserAnswer::Active(user) => user.profiles.clone(),
        };
        if self.person.listing.is_empty() {
            return Err(Undecided::Known("no run has read the product profiles yet"));
        }
        let user = UserSnapshot::new(self.person.listing.clone(), [(self.person.person.clone(), names)])
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

    /// What is recorded of the person under each name that they have or had.
    async fn record(&self, answers: &InstanceAnswers) -> Result<AccessRecord, JournalError> {
        let Some(journal) = self.journal else { return Ok(AccessRecord::default()) };
        let mut logins: BTreeSet<FoldedName> = login_candidates(&self.person.person).into_iter().collect();
        logins.insert(FoldedName::new(self.asked));
        let identities = &answers.history.identities;
        logins.extend(identities.known(&self.person.person).and_then(|known| known.login.clone()));
        let logins: Vec<_> = logins.into_iter().filter(|login| !login.is_empty()).collect();
        journal.operator_record(&self.policy().instance, &logins, PAST_CHANGES).await
    }
}

/// What Campaign was asked for.
enum CampaignRead {
    /// Everything.
    All(OperatorSnapshot),
    /// One person.
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
    /// Said elsewhere already.
    Known(&'static str),
    /// A part of the answer is missing for it.
    Missing(MissingPart),
}

impl From<MissingPart> for Undecided {
    fn from(part: MissingPart) -> Self {
        Self::Missing(part)
    }
}
