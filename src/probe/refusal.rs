//! Why an instance is not probed.

use std::fmt;

use crate::{
    domain::{FoundScratch, InstanceMode, InstanceName, ScratchKind},
    sync::InstanceOptions,
};

/// What says that an instance is production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductionSign {
    /// The name of the instance in the configuration.
    ConfiguredName,
    /// The host of its address.
    Host,
    /// The name that the instance reports.
    ReportedName,
}

impl fmt::Display for ProductionSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfiguredName => "its name in the configuration",
            Self::Host => "the host of its address",
            Self::ReportedName => "the name that it reports for itself",
        })
    }
}

/// Why an instance is not probed. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Runs write to this instance.
    #[error(
        "instances.{instance} has mode = \"apply\": runs write to it; probe a test instance, with mode = \"observe\" in \
         its table"
    )]
    ApplyMode {
        /// The name of the instance.
        instance: InstanceName,
    },
    /// The instance is production, by what this says.
    #[error(
        "{instance} is a production instance: {sign} is \"{value}\", which has a word that begins with \"prod\"; probe a \
         test instance of the same build"
    )]
    Production {
        /// The name of the instance.
        instance: InstanceName,
        /// What says so.
        sign: ProductionSign,
        /// Its value.
        value: String,
    },
    /// Records with a scratch name exist that this state did not create.
    #[error(
        "{instance} has {}, and this state has no record that a probe created it: probe does not touch it; find out who \
         made it, and delete it in the Campaign console if it is not needed",
        listed(records)
    )]
    ForeignRecords {
        /// The name of the instance.
        instance: InstanceName,
        /// The records.
        records: Vec<FoundScratch>,
    },
}

fn listed(records: &[FoundScratch]) -> String {
    let one = |record: &FoundScratch| {
        let kind = match record.kind {
            ScratchKind::Group => "an operator group",
            ScratchKind::Operator => "an operator",
        };
        format!("{kind} {} with id {} and label \"{}\"", record.name, record.id, record.label)
    };
    records.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// Why the configuration alone forbids to probe an instance; `None` if it does not.
pub fn refuse_configured(instance: &InstanceOptions) -> Option<Refusal> {
    let name = &instance.policy.instance;
    if instance.mode == InstanceMode::Apply {
        return Some(Refusal::ApplyMode { instance: name.clone() });
    }
    refuse_production(name, ProductionSign::ConfiguredName, name.as_str())
        .or_else(|| refuse_production(name, ProductionSign::Host, &instance.campaign.url.host_and_port()))
}

/// Why the name that an instance reports forbids to probe it; `None` if it does not.
pub(super) fn refuse_reported(instance: &InstanceName, reported: &str) -> Option<Refusal> {
    refuse_production(instance, ProductionSign::ReportedName, reported)
}

fn refuse_production(instance: &InstanceName, sign: ProductionSign, value: &str) -> Option<Refusal> {
    let refusal = || Refusal::Production { instance: instance.clone(), sign, value: value.to_owned() };
    has_production_word(value).then(refusal)
}

/// Whether a word of the text begins with `prod`. Everything but letters separates words.
fn has_production_word(text: &str) -> bool {
    let mut words = text.split(|character: char| !character.is_alphabetic());
    words.any(|word| word.to_lowercase().starts_with("prod"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_begins_with_prod_says_production() {
        for text in [
            "production",
            "Prod",
            "acme-prod2",
            "acme_mkt_prod1",
            "PROD",
            "eu.prod.campaign.adobe.com:443",
            "stage production",
            "4prod",
            "product-test",
        ] {
            assert!(has_production_word(text), "{text}");
        }
        for text in ["stage", "preprod", "acme-dev2", "reproduction", "p-rod", "localhost:443", "", "127.0.0.1"] {
            assert!(!has_production_word(text), "{text}");
        }
    }
}
