//! Names and keys of the Admin Console and of Campaign, each with its own type.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{FoldedName, SharedText};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(SharedText);

        impl $type {
            /// Wraps a name in its original spelling.
            pub fn new(name: impl Into<SharedText>) -> Self {
                Self(name.into())
            }

            /// The name in its original spelling.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The name in its original spelling, as text that shares its memory.
            pub fn to_shared(&self) -> SharedText {
                self.0.clone()
            }

            /// The strict key, by which names are compared.
            pub fn folded(&self) -> FoldedName {
                FoldedName::of(&self.0)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

name! {
    /// The id of an organization in the Admin Console: `0123456789ABCDEF01234567@AdobeOrg`.
    OrganizationId
}
name! {
    /// The name of a product profile in the Admin Console: `Campaign - acme - delivery`.
    ProductProfileName
}
name! {
    /// The login of an operator, `xtk:operator/@name`; the e-mail address for operators that sign in through IMS.
    OperatorLogin
}
name! {
    /// The internal name of an operator group, `xtk:group/@name`.
    OperatorGroupName
}
name! {
    /// The name of a Campaign instance in the configuration.
    InstanceName
}
name! {
    /// The id of a run in logs, reports and history: a ULID, which sorts by time.
    RunId
}

/// `groupId` of a product profile; a rename does not change it.
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
