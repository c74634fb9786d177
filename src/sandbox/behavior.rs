//! How the simulated vendors behave: page sizes, limits, tokens, and what their documentation leaves open.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All dials; a scenario sets them, and they may be turned while the world is served.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behavior {
    /// Page sizes.
    pub pages: PageSizes,
    /// Call limits; off unless given.
    pub throttle: CallLimits,
    /// What the identity service issues.
    pub tokens: TokenBehavior,
    /// What the vendor's documentation leaves open.
    pub quirks: Quirks,
}

impl Behavior {
    /// Says what is wrong with the dials, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.pages.users == 0 || self.pages.groups == 0 {
            return Err("a page must have room for at least one entry".to_owned());
        }
        if !self.throttle.time_scale.is_finite() || self.throttle.time_scale <= 0.0 {
            return Err(format!("throttle.time_scale is {}; it must be above 0", self.throttle.time_scale));
        }
        Ok(())
    }

    /// Replaces the given keys of the given sections; a limit set to null is off.
    pub(super) fn turn(&mut self, sections: &Map<String, Value>) -> Result<(), String> {
        let mut present = serde_json::to_value(&*self).map_err(|error| error.to_string())?;
        for (name, keys) in sections {
            let Value::Object(keys) = keys else {
                return Err(format!("the dial {name:?} must be a table of keys, like {{\"users\": 2}}"));
            };
            match present.get_mut(name) {
                Some(Value::Object(section)) => section.extend(keys.clone()),
                _ => return Err(format!("there is no dial {name:?}, only pages, throttle, tokens, quirks")),
            }
        }
        let turned: Self = serde_json::from_value(present).map_err(|error| error.to_string())?;
        turned.check()?;
        *self = turned;
        Ok(())
    }
}

/// Entries on a page, by listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PageSizes {
    /// Users on a page; the vendor's maximum since 2021 is the default.
    pub users: usize,
    /// Groups on a page; the vendor's maximum since 2020 is the default.
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
    /// Calls for users, members of a group and single users together, in a fixed window of a minute; the vendor's is 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_per_minute: Option<u32>,
    /// Calls for groups in a fixed window of a minute; the vendor's is 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups_per_minute: Option<u32>,
    /// Action calls in a fixed window of a minute; the vendor's is 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_per_minute: Option<u32>,
    /// Least seconds between two calls for page 0 of one of the organization's listings; the vendor advises 7200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_page_interval: Option<u64>,
    /// Seconds for which everything is refused after page 0 was asked for too early.
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

/// What the identity service issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenBehavior {
    /// Life of a token in seconds, as announced in `expires_in`.
    pub expires_in: u64,
}

impl Default for TokenBehavior {
    fn default() -> Self {
        Self { expires_in: 86_399 }
    }
}

/// Behaviour that the vendor's documentation leaves open or contradicts; the defaults are what was observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// What the groups listing answers past its end.
    pub groups_past_the_end: PastTheEnd,
    /// Whose membership `memberCount` counts.
    pub member_count: MemberCount,
    /// Which profiles the single-user call shows.
    pub single_user: SingleUser,
    /// Whether a group name in the path is cut at its last dot, as production did (umapi-documentation, issue 53).
    pub cut_names_at_dot: bool,
    /// Whether each call lists in another order; a walk then meets people twice and misses others.
    pub shuffle: bool,
    /// Whether answers are left uncompressed even for a client that takes them compressed.
    pub uncompressed: bool,
}

/// What the groups listing answers past its end; the vendor's page says both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PastTheEnd {
    /// The last page again.
    #[default]
    Clamp,
    /// `{"lastPage": true, "result": "Not found"}`.
    NotFound,
}

/// Whose membership `memberCount` counts; the vendor does not say.
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
    /// As `directOnly` says, and like the listings only those given to the person where it is absent.
    #[default]
    AsAsked,
    /// Those given to the person, whatever is asked.
    Direct,
    /// Also those that come through a user group, whatever is asked.
    Effective,
}
