//! Domain types and every decision. Pure: no input or output, no clock, no environment, no asynchronous code.
//!
//! The input is two snapshots and the output is a plan: [`desired_state()`] computes a [`DesiredState`] from an
//! [`OrganizationSnapshot`] and a [`CampaignSnapshot`], [`plan()`] computes the [`Plan`], and [`review`] splits the
//! plan into the changes that may be applied and those that are held.
//!
//! | file | contents |
//! |---|---|
//! | `names`, `folded_name`, `shared_text` | names and keys, how names are compared, and the text that they share |
//! | `policy`, `history` | the rules of one instance, and what earlier runs read and decided |
//! | `mask` | the association mask: which profile maps to which operator group |
//! | `organization_snapshot`, `user_snapshot`, `campaign_snapshot`, `adobe_user` | the results of reads |
//! | `profile_read`, `unlisted_accounts`, `unusable` | what makes a read doubtful or a record unusable |
//! | `roster`, `matched_source` | profiles and their users from any read, and the mask matched for it |
//! | `claims`, `orphans`, `known_profiles`, `profile_changes` | which profile maps to which group, now and before |
//! | `identity`, `operator_ids`, `login_index`, `look_alikes`, `former_logins` | which operator belongs to a user |
//! | `placement`, `desired_state`, `narrowing` | computes the desired state, and narrows it to users and groups |
//! | `plan`, `protection` | the plan of an instance; protected operators and groups |
//! | `guard` | which changes may be applied, and which are held |
//! | `confirmation`, `settling` | what a second read confirms, and outcomes that a later read determines |
//! | `undo` | the desired state of an undo |
//! | `skipped`, `warnings` | what is skipped and why, and warnings for the reader of a report |
//! | `outcome`, `summary`, `report` | how a run ends, its numbers, and its report |
//! | `run_event`, `progress` | the events of a run, and the watcher that receives them |
//! | `instance_answers`, `scratch_record` | what `probe` learned about an instance, and the records that it creates for that |
//! | `notification` | notifications for administrators |
//! | `approver` | who approved a held plan |
//! | `explain`, `explanation`, `explained_operator`, `access_record` | why a user is in a group or not |
//! | `access_review`, `review_record` | an access review as a document, and how it is made from the record |
//! | `operator_query` | the operators that a lookup of one user reads |
//! | `seen_operator` | the operators of an instance as a run leaves them |
//! | `call_budget` | Adobe's call limits |
//! | `all_variants` | a list of all variants of an enum |
//! | `printable`, `error_chain` | text of any origin, and errors with their causes, on one line |

mod access_record;
mod access_review;
mod adobe_user;
mod all_variants;
mod approver;
mod call_budget;
mod campaign_snapshot;
mod claims;
mod confirmation;
mod desired_state;
mod error_chain;
mod explain;
mod explained_operator;
mod explanation;
mod folded_name;
mod former_logins;
mod guard;
mod history;
mod identity;
mod instance_answers;
mod known_profiles;
mod login_index;
mod look_alikes;
mod mask;
mod matched_source;
mod names;
mod narrowing;
mod notification;
mod operator_ids;
mod operator_query;
mod organization_snapshot;
mod orphans;
mod outcome;
mod placement;
mod plan;
mod policy;
mod printable;
mod profile_changes;
mod profile_read;
mod progress;
mod protection;
mod report;
mod review_record;
mod roster;
mod run_event;
mod scratch_record;
mod seen_operator;
mod settling;
mod shared_text;
mod skipped;
mod summary;
mod undo;
mod unlisted_accounts;
mod unusable;
mod user_snapshot;
mod warnings;

pub use access_record::{AccessRecord, CurrentHold, MembershipPeriod};
pub use access_review::{
    AccessReview, DisabledOperator, MembershipCause, MembershipOrigin, ReviewNote, ReviewedChange, ReviewedGroup,
    ReviewedInstance, ReviewedMember, ReviewedRead, SinceOrigin, UnusedProfile, WithoutProfile,
};
pub use adobe_user::AdobeUser;
pub(crate) use all_variants::all_variants;
pub use approver::{ApprovalNote, Approver, SystemUser};
pub use call_budget::{CALL_WINDOW, CallKind, CallPurpose, LONGEST_PAUSE, PendingCall, SentCall};
pub use campaign_snapshot::{
    CampaignSnapshot, GroupSize, Operator, OperatorGroup, OperatorSnapshot, SignInMethod, UnusableOperator,
};
pub use claims::NoMatch;
pub use confirmation::{SecondRead, confirmed_removals, operators_to_write, profiles_to_confirm, with_same_logins};
pub use desired_state::{DesiredState, ManagedGroup, NewOperator, PendingDisablement};
pub use error_chain::Chain;
pub use explain::{ExplainedInstance, ExplainedUser, InstanceDecision, UserKnowledge, explained, user_findings};
pub use explanation::{
    Explanation, Finding, GroupExplanation, InstanceExplanation, NextRun, NextRunAction, PastChange, RecordedEvent,
    RecordedKind, Station, UnansweredPart, Verdict,
};
pub use folded_name::{FoldedName, LooseName};
pub use former_logins::{LoginHolder, LoginHolders, LoginSet};
pub use guard::{
    ApprovedPlan, Digest, HeldChange, HeldPlan, Limits, Release, Review, ReviewContext, SourceCounts, review,
};
pub use history::{
    Approval, ApprovalState, ApprovedChange, EarlierHold, FollowedGroup, History, Identities, KnownOperator, Memory,
    SourceRead, StoredOperator, UnfinishedDisablement,
};
pub use identity::{IdentitiesSeen, ambiguous_operators, identities_seen, unsettled_logins};
pub use instance_answers::{
    AbsentRow, CollectionBehavior, InstanceAnswers, JoinForm, Learned, LeaveForm, RepeatedJoin,
};
pub use known_profiles::{KnownProfiles, groups_for_lookup};
pub use look_alikes::LookAlike;
pub use mask::{AssociationMask, MaskError, MaskMatch};
pub use matched_source::MatchedSource;
pub use names::{
    InstanceName, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin, OrganizationId, ProductProfileId,
    ProductProfileName, RunId,
};
pub use narrowing::Scope;
pub use notification::{
    FindingKind, FindingTopic, Notification, NotificationKind, NotificationTarget, WantedNotifications, findings,
};
pub use operator_ids::OperatorIds;
pub use operator_query::{OperatorQuery, login_candidates};
pub use organization_snapshot::{
    IncompleteRead, OrganizationSnapshot, ProductProfile, ReadKind, ReadProof, Tolerance, WalkEvidence,
};
pub use orphans::{OrphanGroup, source_read};
pub use outcome::{Failure, Outcome};
pub use placement::desired_state;
pub use plan::{Action, Change, ChangeKey, ChangeKind, Plan, plan};
pub use policy::{Manage, Membership, MissingPolicy, OrphanedGroup, Policy, ProtectedGroup, WithoutGroups};
pub use printable::{is_printable, name_shown, printable, shell_word};
pub use profile_read::{MembersListing, MembersQuery, ProfileDoubt, ProfileRead};
pub use progress::{Progress, RunStep, Watcher, WatcherUpdate};
pub use protection::is_agent_label;
pub use report::{
    ChangeOutcome, ChangeReport, InstanceMode, InstanceReport, MatchedProfile, Orphan, RunMode, RunReport, SourceKind,
    SourceReport, rfc3339, rfc3339_or_null, to_the_second,
};
pub use review_record::{
    GrantRecord, GroupRecord, MemberRecord, OperatorsRecord, PeriodRecord, ReadRecord, ReviewRecord, access_digest,
};
pub use run_event::{
    AfterPlan, BegunApproval, Evidence, GroupObservation, HeldRecord, HeldState, InstancePlan, ObservedGroups,
    RunEvent, RunStart, Sending, SentChange, SettledChanges, UndoHold,
};
pub use scratch_record::{FoundScratch, RememberedScratch, SCRATCH_GROUP, SCRATCH_OPERATOR, ScratchKind};
pub use seen_operator::{SeenOperator, operators_after};
pub use settling::settled_by;
pub use shared_text::SharedText;
pub use skipped::{SkipReason, Skipped};
pub use summary::Summary;
pub use undo::undo_desired_state;
pub use unlisted_accounts::UnlistedAccounts;
pub use unusable::{KnownName, UnusableProfiles};
pub use user_snapshot::UserSnapshot;
pub use warnings::{opens_control_panel, warnings};
