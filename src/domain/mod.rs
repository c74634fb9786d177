//! The vocabulary and every decision. Pure: no input or output, no clock, no environment, nothing asynchronous.
//!
//! Two snapshots go in, a plan comes out: [`OrganizationSnapshot`] and [`CampaignSnapshot`] make a desired state,
//! that makes a plan, and a review splits the plan into what may be applied and what is held.

mod campaign_snapshot;
mod failure;
mod mask;
mod names;
mod organization_snapshot;

pub use campaign_snapshot::{CampaignSnapshot, LogOn, Operator, OperatorGroup};
pub use failure::Failure;
pub use mask::{AssociationMask, MaskError, MaskMatch};
pub use names::{
    InstanceName, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin, OrganizationId, ProductProfileId,
    ProductProfileName, RunId, fold,
};
pub use organization_snapshot::{
    IncompleteRead, OrganizationSnapshot, Person, ProductProfile, ReadKind, ReadProof, Tolerance, WalkEvidence,
};
