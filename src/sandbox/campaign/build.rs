//! The builds of Campaign that the sandbox can play: what is documented of each, and what is assumed where nothing is.

use serde::{Deserialize, Serialize};

use super::instance_behavior::{
    AbsentDelete, CompiledSchemas, DisabledColumn, GroupStorage, InstanceBehavior, RelationKey, WriteCollectionMode,
};

/// A build of Campaign, as `build` in the table `[variants]` of a scenario.
///
/// The documented traits are facts of a source that names the build or its version. The assumed ones are possible by
/// everything that is published, and differ between the builds on purpose: a client must work with all of them.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Build {
    /// Campaign Classic v7 on premises.
    ///
    /// Documented: its installation creates the tables of operators, relations and rights and none of groups (public
    /// log of an installation), so groups are rows of `xtk:operator`; an exhausted `xtkNewId` goes on from
    /// -2,147,483,648 (Campaign documentation, "Application objects").
    ///
    /// Assumed: `xtk:group` shows all those rows, named rights too; its schemas keep references, and links have no
    /// `join`; its sequence is exhausted; the build number.
    #[serde(rename = "v7.3.4")]
    V7_3_4,
    /// Campaign Classic v7 with the last releases.
    ///
    /// Documented: version and build number, faults with HTTP status 200, and pages by `startLine` that repeat a row
    /// (notes of a public client that was tested with 7.4.3, build 9396). Native sign-in is possible unless an
    /// administrator turns it off (technical note on the migration to IMS).
    ///
    /// Assumed: the memberships have a key `@id` of their own.
    #[serde(rename = "v7.4")]
    V7_4,
    /// Campaign v8, hosted by Adobe.
    ///
    /// Documented: `GetEntityIfMoreRecent` refused with HTTP status 500 (issue 112 of acc-js-sdk, version 8.6.3); no
    /// native sign-in (technical note on the migration to IMS: mandatory from 8.6 on); a table of groups (the v8 data
    /// model names `xtkGroup`).
    ///
    /// Assumed: all faults have HTTP status 500; groups are in that table alone; `@disabled` stands in the operator
    /// itself; a collection stops at the first row that fails; the build number.
    #[serde(rename = "v8.6")]
    V8_6,
    /// Adobe Campaign v6 or older.
    ///
    /// Documented: responses in ISO-8859-1 (samples of the older documentation); `userInfo` without `login` (test data
    /// of a public client, build 8601).
    ///
    /// Assumed: the version; empty attributes are omitted; no column says that an operator is disabled; the delete of
    /// an absent row is a fault.
    #[serde(rename = "old")]
    Old,
}

impl Build {
    /// Every build.
    pub const ALL: [Self; 4] = [Self::V7_3_4, Self::V7_4, Self::V8_6, Self::Old];

    /// The name in a scenario.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V7_3_4 => "v7.3.4",
            Self::V7_4 => "v7.4",
            Self::V8_6 => "v8.6",
            Self::Old => "old",
        }
    }
}

impl InstanceBehavior {
    /// The behavior of a build.
    #[must_use]
    pub fn of(build: Build) -> Self {
        let reported = |version: &str, build_number: &str| Self {
            version: version.to_owned(),
            build_number: build_number.to_owned(),
            ..Self::default()
        };
        match build {
            Build::V7_3_4 => Self {
                groups: GroupStorage::Unfiltered,
                schema_ref: true,
                link_joins: false,
                negative_ids: true,
                ..reported("7.3.4", "9364")
            },
            Build::V7_4 => Self { relation_key: RelationKey::Id, page_overlap: true, ..reported("7.4.3", "9396") },
            Build::V8_6 => Self {
                compiled_schemas: CompiledSchemas::Refused,
                fault_status: 500,
                native_sign_in: false,
                groups: GroupStorage::GroupTable,
                disabled_column: DisabledColumn::Own,
                write_collection: WriteCollectionMode::StopAtFirstError,
                ..reported("8.6.3", "9660")
            },
            Build::Old => Self {
                iso_8859_1: true,
                user_info_login: false,
                omit_empty: true,
                disabled_column: DisabledColumn::None,
                absent_delete: AbsentDelete::Fault,
                ..reported("6.1.0", "8601")
            },
        }
    }
}
