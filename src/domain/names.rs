//! The keys of both worlds, each a type of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FoldedName;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// Takes a name as its owner spells it.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as its owner spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The form for comparing.
            pub fn folded(&self) -> FoldedName {
                FoldedName::new(&self.0)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The organization in Adobe's Admin Console: `0123456789ABCDEF01234567@AdobeOrg`.
    OrganizationId
}
name! {
    /// What the Admin Console shows for a product profile: `Campaign - acme - delivery`.
    ProductProfileName
}
name! {
    /// The login of an operator, `xtk:operator/@name`; the e-mail address where operators log on through IMS.
    OperatorLogin
}
name! {
    /// The internal name of an operator group, `xtk:group/@name`.
    OperatorGroupName
}
name! {
    /// The name a Campaign instance has in the configuration.
    InstanceName
}
name! {
    /// Names one run in logs, reports and history; sorts by time (a ULID).
    RunId
}

/// `groupId` of a product profile; survives renames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductProfileId(pub i64);

/// Primary key of an operator, `xtk:operator/@id`. Any operator may have a negative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(pub i64);

/// Primary key of an operator group, `xtk:group/@id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorGroupId(pub i64);

impl fmt::Display for ProductProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for OperatorGroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
