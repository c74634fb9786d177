//! Faults: the calls that each disturbs, and how often.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::request_log::CallDescription;

/// A disturbance of certain calls. All faults that match a call act on it, in the order of their injection.
///
/// A call that the gateway refuses (credentials, call limits) matches no fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `token`, `users`, `groups`, `members`, `user`, `action`, `logon`, `query`, `write`, `schema`, a SOAP method's
    /// name, or `any`.
    pub call: String,
    /// Only this page of a listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Only listings of the members of this group, as the call names it: by its id or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Only this Campaign instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Only SOAP calls that address this schema, like `xtk:operatorGroup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Only calls whose body contains this text, such as `operator-id="1001"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How many matching calls pass before the first that is disturbed.
    #[serde(default)]
    pub skip: u32,
    /// How many are disturbed then; one by default.
    #[serde(default)]
    pub times: Times,
    /// The effect on them.
    pub effect: Effect,
}

/// How often a fault acts: a number, or `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Times {
    /// This number of times.
    Count(u32),
    /// Always.
    Always(Always),
}

/// The word for always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Always {
    /// `"forever"`
    Forever,
}

impl Default for Times {
    fn default() -> Self {
        Self::Count(1)
    }
}

impl Fault {
    /// Disturbs the next call of this name.
    pub fn new(call: &str, effect: Effect) -> Self {
        Self {
            call: call.to_owned(),
            page: None,
            group: None,
            instance: None,
            schema: None,
            body: None,
            skip: 0,
            times: Times::default(),
            effect,
        }
    }

    /// Only this page of a listing.
    #[must_use]
    pub fn page(self, page: u64) -> Self {
        Self { page: Some(page), ..self }
    }

    /// Only listings of the members of this group, as the call names it.
    #[must_use]
    pub fn group(self, address: &str) -> Self {
        Self { group: Some(address.to_owned()), ..self }
    }

    /// Only this Campaign instance.
    #[must_use]
    pub fn instance(self, name: &str) -> Self {
        Self { instance: Some(name.to_owned()), ..self }
    }

    /// Only SOAP calls that address this schema.
    #[must_use]
    pub fn schema(self, name: &str) -> Self {
        Self { schema: Some(name.to_owned()), ..self }
    }

    /// Only calls whose body contains this text.
    #[must_use]
    pub fn body(self, text: &str) -> Self {
        Self { body: Some(text.to_owned()), ..self }
    }

    /// Lets this number of matching calls pass first.
    #[must_use]
    pub fn skip(self, calls: u32) -> Self {
        Self { skip: calls, ..self }
    }

    /// Acts this number of times.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Times::Count(times), ..self }
    }

    /// Acts always.
    #[must_use]
    pub fn forever(self) -> Self {
        Self { times: Times::Always(Always::Forever), ..self }
    }

    fn matches(&self, call: &CallDescription, body: &str) -> bool {
        let is = |wanted: &Option<String>, own: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| own.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(wanted)))
        };
        let method = call.soap_method.as_deref().unwrap_or_default();
        let named = ["any", &call.name, method].iter().any(|name| name.eq_ignore_ascii_case(&self.call));
        let paged = self.page.is_none_or(|page| call.page == Some(page));
        let holds = self.body.as_ref().is_none_or(|text| body.contains(text.as_str()));
        named
            && paged
            && holds
            && is(&self.group, &call.group)
            && is(&self.instance, &call.instance)
            && is(&self.schema, &call.schema)
    }
}

/// A fault with its counters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InjectedFault {
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// The number of calls that matched so far, skipped ones included.
    pub matched: u32,
    /// The number of them that it disturbed.
    pub disturbed: u32,
}

/// All injected faults.
#[derive(Debug, Default)]
pub(super) struct InjectedFaults(Vec<InjectedFault>);

impl InjectedFaults {
    pub(super) fn inject(&mut self, fault: Fault) {
        self.0.push(InjectedFault { fault, matched: 0, disturbed: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn injected(&self) -> &[InjectedFault] {
        &self.0
    }

    /// The effects on a call; counts it.
    pub(super) fn take(&mut self, call: &CallDescription, body: &str) -> Vec<Effect> {
        let matching = self.0.iter_mut().filter(|injected| injected.fault.matches(call, body));
        matching.filter_map(InjectedFault::meet).collect()
    }
}

impl InjectedFault {
    fn meet(&mut self) -> Option<Effect> {
        self.matched = self.matched.saturating_add(1);
        let acts = match self.fault.times {
            Times::Count(times) => self.disturbed < times,
            Times::Always(Always::Forever) => true,
        };
        if self.matched <= self.fault.skip || !acts {
            return None;
        }
        self.disturbed = self.disturbed.saturating_add(1);
        Some(self.fault.effect.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn users(page: u64) -> CallDescription {
        CallDescription { page: Some(page), ..CallDescription::named("users") }
    }

    #[test]
    fn a_fault_skips_calls_acts_and_ends() {
        let mut faults = InjectedFaults::default();
        faults.inject(Fault::new("users", Effect::status(504)).page(1).skip(1).times(2));
        let disturbed: Vec<bool> = (0..5).map(|_| !faults.take(&users(1), "").is_empty()).collect();
        assert_eq!(disturbed, [false, true, true, false, false]);
        assert!(faults.take(&users(0), "").is_empty(), "another page");
        assert!(
            faults.take(&CallDescription { page: Some(1), ..CallDescription::named("members") }, "").is_empty(),
            "another call"
        );
    }

    #[test]
    fn a_soap_call_is_matched_by_its_short_name_or_its_method() {
        let write = CallDescription {
            soap_method: Some("WriteCollection".to_owned()),
            instance: Some("production".to_owned()),
            schema: Some("xtk:operatorGroup".to_owned()),
            ..CallDescription::named("write")
        };
        let met = |fault: Fault| fault.matches(&write, "<row operator-id='5'/>");
        assert!(met(Fault::new("write", Effect::Reset)));
        assert!(met(Fault::new("WriteCollection", Effect::Reset).instance("production")));
        assert!(met(Fault::new("any", Effect::Reset).schema("xtk:operatorGroup")));
        assert!(!met(Fault::new("Write", Effect::Reset).schema("xtk:group")));
        assert!(!met(Fault::new("query", Effect::Reset)));
        assert!(met(Fault::new("write", Effect::Reset).body("operator-id='5'")));
        assert!(!met(Fault::new("write", Effect::Reset).body("operator-id='6'")));
    }

    #[test]
    fn faults_are_read_from_json() {
        let fault: Fault = serde_json::from_value(json!({
            "call": "users", "page": 2, "times": "forever",
            "effect": {"type": "set_value", "pointer": "/lastPage", "value": "no"}
        }))
        .unwrap();
        assert_eq!(fault, Fault::new("users", Effect::set_value("/lastPage", "no")).page(2).forever());
        let unknown = json!({"call": "users", "effect": {"type": "delay", "ms": 1, "why": 1}});
        assert!(serde_json::from_value::<Fault>(unknown).is_err());
    }
}
