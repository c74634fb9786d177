//! Why a person is, or is not, in a group.

use std::{collections::BTreeMap, error::Error};

use chrono::{DateTime, Utc};

use crate::{
    campaign::Campaign,
    domain::{
        CallPurpose, Explanation, Finding, FoldedName, Ground, History, InstanceExplanation, OperatorGroupName,
        OperatorSnapshot, PastChange, Person, ProductProfile, SoughtOperators, SourceCounts, Station, Subject,
        UserSnapshot, Verdict, Watcher, desired_state, explained, operator_names, source_read, to_the_second,
        user_findings,
    },
    experience_cloud::{AskedPause, ExperienceCloudError, Membership, UserRead},
    journal::{Journal, JournalError},
    observability::Chain,
};

use super::{
    context::InstanceContext, decision::Decision, former_logins::remembered, pauses::UNPAUSE,
    reconcile::InstanceOptions, run::Options,
};

/// How many past changes of a person are looked through for the last one of each group.
const PAST_CHANGES: usize = 1000;

/// Walks from the user to the last change and says what the next run would do. Costs two calls for a single user, never a
/// page 0, from the share of the budget that questions have, and changes nothing; what cannot be found out is said so. A pause that the vendor asks for is remembered in
/// `journal`, which is `None` where no run was made yet.
pub async fn explain(
    options: &Options,
    journal: Option<&Journal>,
    person: &str,
    group: Option<&OperatorGroupName>,
) -> Explanation {
    let mut explanation = Explanation {
        person: person.to_owned(),
        at: Utc::now(),
        ask_again_at: None,
        findings: Vec::new(),
        instances: Vec::new(),
    };
    let known = match Known::of(options, journal, person).await {
        Ok(known) => known,
        Err(error) => {
            explanation.ask_again_at = error.ask_again_at();
            explanation.findings.push(unknown(Station::User, "Experience Cloud could not be asked", &error));
            return explanation;
        }
    };
    explanation.findings = user_findings(&known.subject(person));
    if known.listing.is_empty() {
        let text = "no listing of the product profiles is remembered yet: make a run first".to_owned();
        explanation.findings.push(Finding { station: Station::Profile, verdict: Verdict::Unknown, text });
        return explanation;
    }
    for instance in &options.instances {
        explanation.instances.push(match of_instance(options, journal, instance, &known, person, group).await {
            Ok(explained) => explained,
            Err(error) => InstanceExplanation {
                name: instance.policy.instance.to_string(),
                findings: vec![unknown(Station::Operator, "this instance could not be looked at", &*error)],
                groups: Vec::new(),
            },
        });
    }
    explanation
}

fn unknown(station: Station, what: &str, error: &dyn Error) -> Finding {
    Finding { station, verdict: Verdict::Unknown, text: format!("{what}: {}", Chain(error)) }
}

/// Why the user could not be looked up.
#[derive(Debug, thiserror::Error)]
enum LookUpError {
    #[error(transparent)]
    ExperienceCloud(#[from] ExperienceCloudError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("Adobe asked for a pause until {}; ask again after that, or {UNPAUSE}", to_the_second(*.0))]
    NotBefore(DateTime<Utc>),
}

impl LookUpError {
    /// When the question may be asked again, where a call is not to be sent before.
    fn ask_again_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::NotBefore(at)
            | Self::ExperienceCloud(
                ExperienceCloudError::UsedUp { until: at, .. }
                | ExperienceCloudError::Throttled { pause: Some(AskedPause { until: at, .. }), .. },
            ) => Some(*at),
            Self::ExperienceCloud(_) | Self::Journal(_) => None,
        }
    }
}

/// What Experience Cloud and the journal say about the person.
struct Known {
    person: Person,
    effective: Option<UserRead>,
    direct: Option<UserRead>,
    listing: Vec<ProductProfile>,
}

impl Known {
    async fn of(options: &Options, journal: Option<&Journal>, person: &str) -> Result<Self, LookUpError> {
        let organization = &options.experience_cloud.organization_id;
        let mut listing = Vec::new();
        if let Some(journal) = journal {
            if let Some(until) =
                journal.call_windows(organization, Utc::now()).await?.not_before.filter(|at| *at > Utc::now())
            {
                return Err(LookUpError::NotBefore(until));
            }
            listing = journal.listing(organization).await?.map(|listing| listing.profiles).unwrap_or_default();
        }
        let experience_cloud = options.clients.client(
            options.experience_cloud.clone(),
            journal,
            CallPurpose::Question,
            &Watcher::none(),
        )?;
        let read = async |membership| experience_cloud.fetch_user(person, membership).await;
        let effective = read(Membership::Effective).await?;
        // That the single user call minds the way of a membership is not documented: without an answer nothing is said.
        let direct = match &effective {
            Some(_) => read(Membership::Direct).await.ok().flatten(),
            None => None,
        };
        let nobody = || Person { email: Some(person.to_owned()), ..Person::default() };
        let person = effective.as_ref().map_or_else(nobody, |user| user.person.clone());
        Ok(Self { person, effective, direct, listing })
    }

    fn subject<'a>(&'a self, asked: &'a str) -> Subject<'a> {
        Subject {
            asked,
            person: &self.person,
            names: self.effective.as_ref().map(|user| user.profiles.as_slice()),
            direct: self.direct.as_ref().map(|user| user.profiles.as_slice()),
            listing: &self.listing,
        }
    }
}

async fn of_instance(
    options: &Options,
    journal: Option<&Journal>,
    instance: &InstanceOptions,
    known: &Known,
    asked: &str,
    group: Option<&OperatorGroupName>,
) -> Result<InstanceExplanation, Box<dyn Error>> {
    let policy = &instance.policy;
    let history = match journal {
        Some(journal) => History {
            login_holders: remembered(journal, options).await?,
            ..journal.history(&policy.instance, Utc::now()).await?
        },
        None => History::default(),
    };
    let operators = operators_of(journal, instance, &known.person, &history).await?;
    let snapshot = operators.for_a_question();
    let names = known.effective.as_ref().map(|user| user.profiles.clone()).unwrap_or_default();
    let user = UserSnapshot::new(known.listing.clone(), [(known.person.clone(), names)])?;
    let source = user.matched_by(&policy.mask);
    let desired = desired_state(&source, snapshot, policy, &history)?;
    let counts = SourceCounts::Proven;
    let context = InstanceContext {
        instance,
        limits: &options.limits,
        counts,
        snapshot: snapshot.clone(),
        history,
        at: Utc::now(),
    };
    let read = source_read(&source, policy, options.membership());
    let decision = Decision::of(&context, desired, Some(read));
    let ground = Ground {
        policy,
        campaign: &context.snapshot,
        history: &context.history,
        desired: &decision.desired,
        plan: &decision.plan,
        review: &decision.review,
        past: &past(journal, instance, known, asked).await?,
    };
    Ok(explained(&known.subject(asked), &ground, group))
}

/// The operators that the person is, or may be. Of all others the answer needs no more than what the last run saw; where no run
/// has seen any, all are read.
async fn operators_of(
    journal: Option<&Journal>,
    instance: &InstanceOptions,
    person: &Person,
    history: &History,
) -> Result<OperatorSnapshot, Box<dyn Error>> {
    let name = &instance.policy.instance;
    let seen = match journal {
        Some(journal) => {
            let alike = journal.operators_like(name, &operator_names(person)).await?;
            alike.zip(Some(journal.group_sizes(name).await?))
        }
        None => None,
    };
    let campaign = Campaign::new(instance.campaign.clone())?;
    let operators = match seen {
        Some((alike, sizes)) => {
            let sought = SoughtOperators::of(person, &history.identities, alike);
            campaign.fetch_operators(&sought).await.map(|operators| operators.with_sizes(&sizes))
        }
        None => campaign.fetch_snapshot().await.map(OperatorSnapshot::new),
    };
    campaign.log_off().await;
    Ok(operators?)
}

/// The last change of each group, by folded name.
async fn past(
    journal: Option<&Journal>,
    instance: &InstanceOptions,
    known: &Known,
    asked: &str,
) -> Result<BTreeMap<FoldedName, PastChange>, JournalError> {
    let mut last = BTreeMap::new();
    let Some(journal) = journal else { return Ok(last) };
    let names = [Some(asked), known.person.email.as_deref(), known.person.user_name.as_deref()];
    for name in names.into_iter().flatten() {
        for past in journal.last_changes(&instance.policy.instance, name, PAST_CHANGES).await? {
            if let Some(group) = past.change.group.as_deref().map(FoldedName::new) {
                last.entry(group).or_insert(past);
            }
        }
    }
    Ok(last)
}
