//! Reads one user by e-mail address: `organizations/{org}/users/{user}`.

use std::{borrow::Cow, marker::PhantomData};

use serde::Deserialize;
use serde_json::Value;

use super::{
    direct_only,
    error::{ExperienceCloudError, PageError, RetryRule},
    page_text::{self, Name},
    text_field::TextField,
    umapi::{Call, OnNotFound, Umapi, path_segment},
    users_page::{self, SUCCESS},
};
use crate::{
    domain::{AdobeUser, CallKind, Membership, OrganizationId, ProductProfileName},
    transport::{HttpResponse, JsonObject},
};

/// The `result` of a response with status 404 that says that there is no such user.
const NO_SUCH_USER: &str = "error.user.not_found";

/// One user as the single-user call returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRead {
    /// The user.
    pub user: AdobeUser,
    /// All names in `groups`, unchanged: product profiles, user groups and administrator groups.
    pub profiles: Vec<ProductProfileName>,
}

/// A response with a user `U`, or with an unparsed record.
#[derive(Deserialize)]
struct UserResponse<'a, U> {
    #[serde(borrow)]
    result: Option<Name<'a>>,
    user: Option<U>,
}

#[derive(Deserialize)]
struct SingleUser<'a> {
    #[serde(borrow)]
    id: Option<Name<'a>>,
    email: Option<Name<'a>>,
    username: Option<Name<'a>>,
    status: Option<Name<'a>>,
    groups: Option<Vec<Name<'a>>>,
}

/// Reads one user; `None` if there is no active one.
pub(super) async fn fetch(
    umapi: &Umapi,
    organization: &OrganizationId,
    name: &str,
    membership: Membership,
) -> Result<Option<UserRead>, ExperienceCloudError> {
    let name = name.trim();
    // As segments of a path these would name another resource, and no user has such an address.
    if matches!(name, "" | "." | "..") {
        return Ok(None);
    }
    let call = Call {
        name: format!("GET user {name}"),
        // Adobe does not document `directOnly` for this call. It is sent all the same: if UMAPI knows it, the default
        // of the listings would hide inherited profiles.
        path: format!(
            "/organizations/{}/users/{}?directOnly={}",
            path_segment(organization.as_str()),
            path_segment(name),
            direct_only(membership)
        ),
        kind: CallKind::Users,
        retry_rule: RetryRule::Always,
        on_not_found: OnNotFound::Read,
    };
    umapi.get(&call, read).await
}

fn read(response: &HttpResponse) -> Result<Option<UserRead>, PageError> {
    let body = page_text::read(&response.body, PhantomData::<JsonObject<UserResponse<'_, JsonObject<SingleUser<'_>>>>>);
    if response.status != reqwest::StatusCode::OK {
        let is_no_such_user = |JsonObject(body): &JsonObject<UserResponse<'_, JsonObject<SingleUser<'_>>>>| {
            body.user.is_none() && body.result.as_ref().is_some_and(|result| result.as_str() == NO_SUCH_USER)
        };
        return match body {
            Ok(body) if is_no_such_user(&body) => Ok(None),
            // A wrong base address, or a gateway, also returns "not found".
            _ => Err(PageError::Unusable(
                "not found, but the response does not say that there is no such user".to_owned(),
            )),
        };
    }
    if let Ok(JsonObject(body)) = body {
        return Ok(body.user()?.0.into_read());
    }
    let text = page_text::repaired(&response.body);
    let JsonObject(body) = page_text::read_text(&text, PhantomData::<JsonObject<UserResponse<'_, Value>>>)?;
    let record = body.user()?;
    SingleUser::of_record(&record).map(SingleUser::into_read).map_err(PageError::Unusable)
}

impl<U> UserResponse<'_, U> {
    fn user(self) -> Result<U, PageError> {
        let result = self.result.as_ref().map_or("", Name::as_str);
        if result != SUCCESS {
            return Err(PageError::Unusable(format!("the result is \"{result}\"")));
        }
        self.user.ok_or_else(|| PageError::Unusable("the response has no \"user\"".to_owned()))
    }
}

impl<'v> SingleUser<'v> {
    /// The user of a record that could not be parsed as a whole. No profile has a group name that cannot be used.
    fn of_record(record: &'v Value) -> Result<Self, String> {
        let name = |text| Name(Cow::Borrowed(text));
        let text = |field| Ok::<_, String>(TextField::of(record, field).usable(field)?.map(name));
        let groups = match record.get("groups") {
            None | Some(Value::Null) => None,
            Some(Value::Array(groups)) => {
                let texts: Option<Vec<&str>> = groups.iter().map(Value::as_str).collect();
                let texts = texts.ok_or("its \"groups\" are not all strings")?.into_iter();
                Some(texts.filter(|text| matches!(TextField::judged(text), TextField::Usable(_))).map(name).collect())
            }
            Some(_) => return Err("its \"groups\" is not a list".to_owned()),
        };
        if !record.is_object() {
            return Err("\"user\" is not an object".to_owned());
        }
        let (id, email) = (text("id")?, text("email")?);
        Ok(Self { id, email, username: text("username")?, status: text("status")?, groups })
    }
}

impl SingleUser<'_> {
    /// `None` for an inactive account: the organization's listing omits it as well.
    fn into_read(self) -> Option<UserRead> {
        let profiles = self.groups.unwrap_or_default();
        users_page::is_active(self.status.as_ref()).then(|| UserRead {
            user: users_page::domain_user(self.id.as_ref(), self.email.as_ref(), self.username.as_ref()),
            profiles: profiles.iter().map(|name| ProductProfileName::new(name.as_str())).collect(),
        })
    }
}
