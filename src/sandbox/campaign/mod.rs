//! A simulated Adobe Campaign instance: the SOAP router, its sessions, its tables.
//!
//! [`Instance::answer`] maps a request to a response and does no input or output. The server around it speaks HTTP and
//! injects the faults of a connection. Where no public source says what Campaign does, there is a key of
//! [`InstanceBehavior`], or the response says that it is the sandbox's own wording.

mod build;
mod change;
mod compiled_schema;
mod draft;
mod expression;
mod external_account;
mod ims_logon;
mod instance_behavior;
mod logon;
mod population;
mod query;
mod router;
mod schema;
mod select;
mod sessions;
mod soap;
mod soap_fault;
mod tables;
mod world;
mod write;
mod xml;

pub use build::Build;
pub use change::InstanceChange;
pub(in crate::sandbox) use external_account::AccountDefaults;
pub use external_account::ExternalAccount;
pub use ims_logon::LogonSync;
pub use instance_behavior::{
    AbsentDelete, CompiledSchemas, DisabledColumn, GroupStorage, InstanceBehavior, JoinForm, LeaveForm, RelationKey,
    RepeatedJoin, SchemaPart, WriteCollectionMode,
};
pub use router::TokenStatus;
pub(in crate::sandbox) use soap::envelope;
pub(in crate::sandbox) use soap_fault::SoapFault;
pub use world::{InstanceAuthentication, InstanceWorld, Operator, OperatorGroup};

pub(in crate::sandbox) use xml::latin_1;

use sessions::Sessions;
use tables::{Membership, OwnerKind, Tables};

/// The named right for everything.
const ADMIN_RIGHT: &str = "admin";

/// The named right for `xtk:operator` and `xtk:group` (from 8.3.8 on).
const OPERATOR_WRITE_RIGHT: &str = "operatorWrite";

/// One simulated Campaign instance.
#[derive(Debug)]
pub struct Instance {
    /// The world without its rows, which are in the tables.
    definition: InstanceWorld,
    tables: Tables,
    sessions: Sessions,
    /// The number of queries so far: each has another order for rows without an `orderBy`.
    queries: u64,
}

impl Instance {
    fn grant(&mut self, holder: i64, right: &str) {
        if let Some(right) = self.tables.id_of(OwnerKind::NamedRight, right) {
            self.join(Membership { operator_id: holder, group_id: right });
        }
    }

    /// Adds a membership unless it exists.
    fn join(&mut self, membership: Membership) {
        // The only error is that it exists.
        drop(self.tables.insert_membership(membership));
    }

    fn membership(&self, login: &str, group: &str) -> Result<Membership, String> {
        Ok(Membership { operator_id: self.operator_id(login)?, group_id: self.group_id(group)? })
    }

    fn operator_id(&self, login: &str) -> Result<i64, String> {
        self.tables.id_of(OwnerKind::Operator, login).ok_or_else(|| format!("there is no operator '{login}'"))
    }

    fn group_id(&self, name: &str) -> Result<i64, String> {
        self.tables.id_of(OwnerKind::Group, name).ok_or_else(|| format!("there is no operator group '{name}'"))
    }
}
