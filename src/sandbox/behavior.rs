//! How UMAPI and IMS behave: page sizes, call limits, tokens, and what Adobe's documentation leaves open.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The behavior of UMAPI and IMS. A scenario sets it, and a change can replace keys of it while the world is served.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behavior {
    /// Page sizes.
    pub pages: PageSizes,
    /// Call limits; off unless given.
    pub throttle: CallLimits,
    /// The tokens of IMS.
    pub tokens: TokenBehavior,
    /// What Adobe's documentation leaves open.
    pub quirks: Quirks,
}

impl Behavior {
    /// Checks the values; the error names the wrong one.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.pages.users == 0 || self.pages.groups == 0 {
            return Err("a page must hold at least one entry".to_owned());
        }
        if !self.throttle.time_scale.is_finite() || self.throttle.time_scale <= 0.0 {
            return Err(format!("throttle.time_scale is {}; it must be above 0", self.throttle.time_scale));
        }
        Ok(())
    }

    /// Replaces the given keys of the given sections; null turns a limit off.
    pub(super) fn change(&mut self, sections: &Map<String, Value>) -> Result<(), String> {
        let mut present = serde_json::to_value(&*self).map_err(|error| error.to_string())?;
        for (name, keys) in sections {
            let Value::Object(keys) = keys else {
                return Err(format!("the section {name:?} must be a table of keys, like {{\"users\": 2}}"));
            };
            match present.get_mut(name) {
                Some(Value::Object(section)) => section.extend(keys.clone()),
                _ => return Err(format!("unknown section {name:?}; the sections are pages, throttle, tokens, quirks")),
            }
        }
        let changed: Self = serde_json::from_value(present).map_err(|error| error.to_string())?;
        changed.check()?;
        *self = changed;
        Ok(())
    }
}

/// Entries on a page, by listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PageSizes {
    /// Users on a page; the default is Adobe's maximum since 2021.
    pub users: usize,
    /// Groups on a page; the default is Adobe's maximum since 2020.
    pub groups: usize,
}

impl Default for PageSizes {
    fn default() -> Self {
        Self { users: 2000, groups: 400 }
    }
}

/// Call limits of the user management API; each is off when absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallLimits {
    /// Calls for users, members of a group and single users together, in a fixed window of a minute; Adobe's limit is
    /// 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_per_minute: Option<u32>,
    /// Calls for groups in a fixed window of a minute; Adobe's limit is 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups_per_minute: Option<u32>,
    /// Action calls in a fixed window of a minute; Adobe's limit is 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_per_minute: Option<u32>,
    /// Least seconds between two calls for page 0 of one of the organization's listings; Adobe advises 7200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_page_interval: Option<u64>,
    /// Seconds for which every call is refused after an early call for page 0.
    pub lockout: u64,
    /// How many times faster than real time the clock of the limits runs; `Retry-After` is in real seconds.
    pub time_scale: f64,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            users_per_minute: None,
            groups_per_minute: None,
            actions_per_minute: None,
            first_page_interval: None,
            lockout: 2400,
            time_scale: 1.0,
        }
    }
}

/// The tokens of IMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenBehavior {
    /// Lifetime of a token in seconds, as in `expires_in`.
    pub expires_in: u64,
}

impl Default for TokenBehavior {
    fn default() -> Self {
        Self { expires_in: 86_399 }
    }
}

/// Behavior that Adobe's documentation leaves open or contradicts; the defaults are what was observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// What the groups listing returns past its end.
    pub groups_past_the_end: PastTheEnd,
    /// Which members `memberCount` counts.
    pub member_count: MemberCount,
    /// Which profiles the single-user call shows.
    pub single_user: SingleUser,
    /// Whether a group name in the path is cut at its last dot, as production did (umapi-documentation, issue 53).
    pub cut_names_at_dot: bool,
    /// Whether each call lists in another order; paged reads then return some users twice and miss others.
    pub shuffle: bool,
    /// Whether responses stay uncompressed even for a client that accepts compression.
    pub uncompressed: bool,
}

/// What the groups listing returns past its end; Adobe's documentation says both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PastTheEnd {
    /// The last page again.
    #[default]
    Clamp,
    /// `{"lastPage": true, "result": "Not found"}`.
    NotFound,
}

/// Which members `memberCount` counts; Adobe does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberCount {
    /// Also members through a user group.
    #[default]
    Effective,
    /// Only direct members.
    Direct,
}

/// Which profiles the single-user call shows; its documentation does not mention `directOnly`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleUser {
    /// As `directOnly` says; the user's own profiles when it is absent, as in the listings.
    #[default]
    AsAsked,
    /// The user's own profiles, whatever `directOnly` says.
    Direct,
    /// Also profiles through a user group, whatever `directOnly` says.
    Effective,
}
