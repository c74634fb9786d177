//! The scratch records of `probe`: one operator group and one operator, and what the state remembers of them until they
//! are removed.

use serde::{Deserialize, Serialize};

use super::all_variants::all_variants;

/// Internal name of the scratch operator group.
pub const SCRATCH_GROUP: &str = "zz_cgs_probe";

/// Login and e-mail address of the scratch operator. The domain is reserved (RFC 2606), so that no user of an
/// organization can have it.
pub const SCRATCH_OPERATOR: &str = "zz-cgs-probe@example.invalid";

/// A kind of scratch record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScratchKind {
    /// The operator group [`SCRATCH_GROUP`].
    Group,
    /// The operator [`SCRATCH_OPERATOR`].
    Operator,
}

impl ScratchKind {
    /// The kinds in the order in which they are created.
    pub const ALL: [Self; 2] = all_variants!(ScratchKind: Group, Operator);

    /// The name in the state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Operator => "operator",
        }
    }

    /// Internal name or login of the record.
    pub fn record_name(self) -> &'static str {
        match self {
            Self::Group => SCRATCH_GROUP,
            Self::Operator => SCRATCH_OPERATOR,
        }
    }

    /// Kind and name of the record, for a sentence.
    pub fn described(self) -> String {
        match self {
            Self::Group => format!("operator group {SCRATCH_GROUP}"),
            Self::Operator => format!("operator {SCRATCH_OPERATOR}"),
        }
    }
}

/// What the state remembers of one scratch record, from before it is created until its removal was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedScratch {
    /// Its kind.
    pub kind: ScratchKind,
    /// Its label, which no other record has: it contains the id of the probe.
    pub label: String,
    /// Its primary key; `None` until it was read back.
    pub id: Option<i64>,
}

impl RememberedScratch {
    /// Whether a record of Campaign is this one, or was made by the same probe: by the exact scratch name, and by its id
    /// or its label.
    pub fn is(&self, found: &FoundScratch) -> bool {
        let is_same_record = self.id == Some(found.id) || self.label == found.label;
        self.kind == found.kind && found.name == self.kind.record_name() && is_same_record
    }
}

/// A record of Campaign that has a scratch name, also in another letter case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundScratch {
    /// Its kind.
    pub kind: ScratchKind,
    /// Its primary key.
    pub id: i64,
    /// Its name in Campaign's spelling.
    pub name: String,
    /// Its label.
    pub label: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_recognized_by_its_name_with_its_label_or_its_id() {
        let found = |id, name: &str, label: &str| FoundScratch {
            kind: ScratchKind::Group,
            id,
            name: name.to_owned(),
            label: label.to_owned(),
        };
        let intended = RememberedScratch { kind: ScratchKind::Group, label: "probe 1".to_owned(), id: None };
        assert!(intended.is(&found(7, SCRATCH_GROUP, "probe 1")));
        assert!(!intended.is(&found(7, SCRATCH_GROUP, "made by hand")));
        assert!(!intended.is(&found(7, "ZZ_CGS_PROBE", "probe 1")), "Campaign knows it as another group");
        let created = RememberedScratch { id: Some(7), ..intended };
        assert!(created.is(&found(7, SCRATCH_GROUP, "label changed by an administrator")));
        assert!(created.is(&found(8, SCRATCH_GROUP, "probe 1")), "a second record of the same probe");
        assert!(!created.is(&found(8, SCRATCH_GROUP, "made by hand")));
        assert!(!RememberedScratch { kind: ScratchKind::Operator, ..created }.is(&found(7, SCRATCH_GROUP, "probe 1")));
    }
}
