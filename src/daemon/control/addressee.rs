//! Which daemon a client means. Two configurations can name one socket by mistake; then the daemon of one of them must not
//! act for the other.

use std::{fs::canonicalize, path::Path};

use serde::{Deserialize, Serialize};

use crate::settings::{PartialSettings, Settings, State};

/// What a client knows of the daemon that it means; `None` for what it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressee {
    /// The id of the organization.
    #[serde(default)]
    pub organization_id: Option<String>,
    /// The organization on this host, where it serves several.
    #[serde(default)]
    pub organization: Option<String>,
    /// The path of the state, or its database and server, where the configuration names one: the daemon may have the
    /// address from its environment, which a client does not have.
    #[serde(default)]
    pub state: Option<String>,
}

impl Addressee {
    /// What differs from `daemon`, in a sentence; `None` if this daemon is meant.
    pub(super) fn difference(&self, daemon: &Self) -> Option<String> {
        let organization = differing(self.organization_id.as_ref(), daemon.organization_id.as_ref(), |one, other| {
            one.eq_ignore_ascii_case(other)
        });
        let name = differing(self.organization.as_ref(), daemon.organization.as_ref(), |one, other| one == other);
        let state = differing(self.state.as_ref(), daemon.state.as_ref(), is_same_place);
        let (what, (wanted, served)) = [("organization", organization), ("organization", name), ("the state", state)]
            .into_iter()
            .find_map(|(what, difference)| Some((what, difference?)))?;
        Some(format!(
            "the daemon at this socket serves {what} {served}, and this configuration is for {what} {wanted}; nothing was done; \
             give each configuration a control.socket of its own"
        ))
    }
}

/// Both values, where they are known and are not the same.
fn differing<'a>(
    wanted: Option<&'a String>,
    served: Option<&'a String>,
    is_same: impl Fn(&str, &str) -> bool,
) -> Option<(&'a str, &'a str)> {
    let (wanted, served) = (wanted?.as_str(), served?.as_str());
    (!is_same(wanted, served)).then_some((wanted, served))
}

/// Whether two texts may name one state. One file may have several paths, and one database several addresses: those of a
/// pooler and of the server, for example.
fn is_same_place(one: &str, other: &str) -> bool {
    let is_file = |place: &str| Path::new(place).is_absolute();
    match (is_file(one), is_file(other)) {
        (true, true) => {
            one == other || matches!((canonicalize(one), canonicalize(other)), (Ok(one), Ok(other)) if one == other)
        }
        (false, false) => true,
        _ => false,
    }
}

impl From<&Settings> for Addressee {
    fn from(settings: &Settings) -> Self {
        Self {
            organization_id: Some(settings.experience_cloud.options.organization_id.to_string()),
            organization: settings.organization.as_ref().map(ToString::to_string),
            state: given_place(&settings.state),
        }
    }
}

impl From<&PartialSettings> for Addressee {
    fn from(settings: &PartialSettings) -> Self {
        Self {
            organization_id: settings.organization_id.as_ref().map(ToString::to_string),
            organization: settings.organization.as_ref().map(ToString::to_string),
            state: settings.state.as_ref().and_then(given_place),
        }
    }
}

/// The place of a state that a layer above the defaults names.
fn given_place(state: &State) -> Option<String> {
    if state.is_default { None } else { state.url.journal_location().place().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addressee(id: &str, name: Option<&str>, state: Option<&str>) -> Addressee {
        Addressee {
            organization_id: Some(id.to_owned()),
            organization: name.map(str::to_owned),
            state: state.map(str::to_owned),
        }
    }

    #[test]
    fn what_one_side_does_not_know_is_no_difference() {
        let daemon = addressee("ABC@AdobeOrg", Some("acme"), Some("/a/state.db"));
        for meant in [
            Addressee::default(),
            daemon.clone(),
            addressee("abc@adobeorg", None, None),
            addressee("ABC@AdobeOrg", Some("acme"), None),
        ] {
            assert_eq!(meant.difference(&daemon), None, "{meant:?}");
        }
    }

    #[test]
    fn one_database_may_have_several_addresses_and_is_no_file() {
        let [server, pooler, file] = ["database cgs on db:5432", "database cgs on localhost:6432", "/a/state.db"]
            .map(|state| addressee("ABC@AdobeOrg", None, Some(state)));
        assert_eq!(pooler.difference(&server), None);
        assert!(file.difference(&server).is_some() && server.difference(&file).is_some());
    }

    #[test]
    fn each_difference_is_named_with_both_values() {
        let daemon = addressee("ABC@AdobeOrg", Some("acme"), Some("/a/state.db"));
        for (meant, words) in [
            (
                addressee("DEF@AdobeOrg", None, None),
                "serves organization ABC@AdobeOrg, and this configuration is for organization DEF@AdobeOrg",
            ),
            (
                addressee("ABC@AdobeOrg", Some("delta"), None),
                "serves organization acme, and this configuration is for organization delta",
            ),
            (
                addressee("ABC@AdobeOrg", None, Some("/b/state.db")),
                "serves the state /a/state.db, and this configuration is for the state /b/state.db",
            ),
        ] {
            let difference = meant.difference(&daemon).unwrap_or_default();
            assert!(difference.contains(words), "{difference}");
        }
    }
}
