//! `POST action/{org}`: commands that change users, groups and memberships.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::organization::{Organization, USER_GROUP, UmapiGroup, User};
use super::super::request::{HttpResponse, IncomingRequest, json};
use super::super::world::World;
use super::error;
use super::user::{Prefer, find};

/// Most commands that UMAPI accepts in one request.
const MOST_COMMANDS: usize = 10;

/// One command: steps for one user or one user group.
#[derive(Debug, Deserialize)]
struct Command {
    user: Option<String>,
    usergroup: Option<String>,
    domain: Option<String>,
    #[serde(default, rename = "useAdobeID")]
    use_adobe_id: bool,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    #[serde(rename = "do")]
    steps: Vec<Map<String, Value>>,
}

/// The outcome of a request.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    completed: usize,
    not_completed: usize,
    completed_in_test_mode: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<StepError>,
    result: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StepError {
    index: usize,
    step: usize,
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    error_code: &'static str,
}

/// Why a step failed: UMAPI's key and a sentence.
type Refusal = (&'static str, String);

/// Carries out a batch of commands; a failed step ends its command; the other commands are carried out.
pub(super) fn act(world: &mut World, received: &IncomingRequest) -> HttpResponse {
    let malformed = |message: &str| error(StatusCode::BAD_REQUEST, "error.command.malformed", message);
    let commands: Vec<Command> = match serde_json::from_slice(received.body()) {
        Ok(commands) => commands,
        Err(reason) => return malformed(&reason.to_string()),
    };
    if commands.is_empty() || commands.len() > MOST_COMMANDS {
        return malformed(&format!("a request holds 1 to {MOST_COMMANDS} commands"));
    }
    if received.flag("testOnly").unwrap_or(false) {
        let mut rehearsal = world.organization().clone();
        let outcome = run(&mut rehearsal, &commands);
        return json(StatusCode::OK, &Outcome { completed: 0, completed_in_test_mode: outcome.completed, ..outcome });
    }
    json(StatusCode::OK, &run(world.organization_mut(), &commands))
}

fn run(organization: &mut Organization, commands: &[Command]) -> Outcome {
    let mut outcome = Outcome::default();
    for (index, command) in commands.iter().enumerate() {
        match command.run(organization) {
            Ok(()) => outcome.completed += 1,
            Err((step, (error_code, message))) => {
                outcome.not_completed += 1;
                let (request_id, user) = (command.request_id.clone(), command.user.clone());
                outcome.errors.push(StepError { index, step, request_id, message, user, error_code });
            }
        }
    }
    outcome.result = match (outcome.completed, outcome.not_completed) {
        (_, 0) => "success",
        (0, _) => "error",
        _ => "partial",
    };
    outcome
}

impl Command {
    fn run(&self, organization: &mut Organization) -> Result<(), (usize, Refusal)> {
        for (place, step) in self.steps.iter().enumerate() {
            for (name, details) in step {
                let outcome = match (&self.user, &self.usergroup) {
                    (Some(user), None) => self.user_step(organization, user, name, details),
                    (None, Some(group)) => group_step(organization, group, name, details),
                    _ => Err(("error.command.user_usergroup.missing", "Command has no user or usergroup".to_owned())),
                };
                outcome.map_err(|refusal| (place, refusal))?;
            }
        }
        Ok(())
    }

    fn user_step(
        &self,
        organization: &mut Organization,
        name: &str,
        step: &str,
        details: &Value,
    ) -> Result<(), Refusal> {
        let prefer = if self.use_adobe_id { Prefer::AdobeId } else { Prefer::Directory };
        let found = find(organization, name, self.domain.as_deref(), prefer);
        if let Some(kind) = created_kind(step) {
            if found.is_none() {
                organization.users.push(self.new_user(name, kind, details));
            }
            return Ok(());
        }
        let user = found.ok_or_else(|| ("error.user.nonexistent", format!("User Id does not exist: {name}")))?;
        match step {
            "add" => {
                for group in named_groups(organization, details)? {
                    organization.put(user, group);
                }
            }
            "remove" if details.as_str() == Some("all") => organization.take_out_of_all(user),
            "remove" => {
                for group in named_groups(organization, details)? {
                    organization.take_out(user, group);
                }
            }
            "removeFromOrg" => drop(organization.users.remove(user)),
            "update" => update(organization, user, details),
            other => return Err(unknown_step(other)),
        }
        Ok(())
    }

    fn new_user(&self, name: &str, kind: &str, details: &Value) -> User {
        let detail = |key: &str| details.get(key).and_then(Value::as_str).map(str::to_owned);
        let email = detail("email").unwrap_or_else(|| name.to_owned());
        let domain = self.domain.clone().or_else(|| email.rsplit_once('@').map(|(_, domain)| domain.to_owned()));
        User {
            domain,
            email: Some(email),
            username: Some(name.to_owned()),
            firstname: detail("firstname"),
            lastname: detail("lastname"),
            country: detail("country"),
            kind: Some(kind.to_owned()),
            status: Some("active".to_owned()),
            ..User::default()
        }
    }
}

fn created_kind(step: &str) -> Option<&'static str> {
    match step {
        "addAdobeID" => Some("adobeID"),
        "createEnterpriseID" => Some("enterpriseID"),
        "createFederatedID" => Some("federatedID"),
        _ => None,
    }
}

fn update(organization: &mut Organization, user: usize, details: &Value) {
    let Some(user) = organization.users.get_mut(user) else { return };
    let fields = [
        ("email", &mut user.email),
        ("username", &mut user.username),
        ("firstname", &mut user.firstname),
        ("lastname", &mut user.lastname),
    ];
    for (key, field) in fields {
        if let Some(value) = details.get(key).and_then(Value::as_str) {
            *field = Some(value.to_owned());
        }
    }
}

fn group_step(organization: &mut Organization, name: &str, step: &str, details: &Value) -> Result<(), Refusal> {
    let found = organization.group_position(name);
    if step == "createUserGroup" {
        if found.is_none() {
            let next = organization.groups.iter().map(|group| group.group_id).max().unwrap_or_default() + 1;
            organization.groups.push(UmapiGroup::user_group(next, name, &[]));
        }
        return Ok(());
    }
    let group = found.ok_or_else(|| group_not_found(name))?;
    match step {
        "add" | "remove" => {
            for user in names(details, "user") {
                let user = find(organization, user, None, Prefer::Directory)
                    .ok_or_else(|| ("error.user.nonexistent", format!("User Id does not exist: {user}")))?;
                if step == "add" { organization.put(user, group) } else { organization.take_out(user, group) }
            }
            for profile in names(details, "productConfiguration") {
                let profile = organization.group_position(profile).ok_or_else(|| group_not_found(profile))?;
                if step == "add" { organization.give(group, profile) } else { organization.withhold(group, profile) }
            }
        }
        "updateUserGroup" => {
            if let Some(to) = details.get("name").and_then(Value::as_str) {
                organization.rename_group(group, to);
            }
        }
        "deleteUserGroup"
            if organization.groups.get(group).is_some_and(|group| group.kind.as_deref() == Some(USER_GROUP)) =>
        {
            organization.remove_group(group);
        }
        other => return Err(unknown_step(other)),
    }
    Ok(())
}

/// The groups of `add` or `remove`; `product` and `productConfiguration` are other names for the list.
fn named_groups(organization: &Organization, details: &Value) -> Result<Vec<usize>, Refusal> {
    let lists = ["group", "product", "productConfiguration"].into_iter().flat_map(|key| names(details, key));
    lists.map(|name| organization.group_position(name).ok_or_else(|| group_not_found(name))).collect()
}

fn names<'a>(details: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    details.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn group_not_found(name: &str) -> Refusal {
    ("error.group.not_found", format!("Group {name} was not found"))
}

fn unknown_step(name: &str) -> Refusal {
    ("error.command.step.unknown", format!("Unknown step: {name}"))
}
