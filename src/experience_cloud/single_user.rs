//! One user, by e-mail address: `organizations/{org}/users/{user}`.

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
    transport::HttpResponse,
};

/// The `result` of the one "not found" that says that there is no such user.
const NO_SUCH_USER: &str = "error.user.not_found";

/// What the single-user call says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRead {
    /// Who was found.
    pub person: AdobeUser,
    /// All names in `groups`, as they came: product profiles, user groups and groups of administrators alike.
    pub profiles: Vec<ProductProfileName>,
}

/// An answer with a `U`: a user, or a record that may be one.
#[derive(Deserialize)]
struct UserAnswer<'a, U> {
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

/// Reads one user; `None` when there is none in use.
pub(super) async fn fetch(
    umapi: &Umapi,
    organization: &OrganizationId,
    name: &str,
    membership: Membership,
) -> Result<Option<UserRead>, ExperienceCloudError> {
    let name = name.trim();
    // As a segment of a path these lead elsewhere, and nobody has such an address.
    if matches!(name, "" | "." | "..") {
        return Ok(None);
    }
    let call = Call {
        name: format!("GET user {name}"),
        // `directOnly` is not documented for this call. Sent all the same: it does no harm where it is not known, and
        // where it is, the default of the listings would hide inherited profiles.
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

fn read(answer: &HttpResponse) -> Result<Option<UserRead>, PageError> {
    let body = page_text::read(&answer.body, PhantomData::<UserAnswer<'_, SingleUser<'_>>>);
    if answer.status != reqwest::StatusCode::OK {
        let is_no_such_user = |body: &UserAnswer<'_, SingleUser<'_>>| {
            body.user.is_none() && body.result.as_ref().is_some_and(|result| result.as_str() == NO_SUCH_USER)
        };
        return match body {
            Ok(body) if is_no_such_user(&body) => Ok(None),
            // An address that is wrong, or a gateway, says "not found" as well.
            _ => Err(PageError::Unusable("not found, and not said that it is the user".to_owned())),
        };
    }
    if let Ok(body) = body {
        return Ok(body.user()?.into_read());
    }
    let text = page_text::repaired(&answer.body);
    let record = page_text::read_text(&text, PhantomData::<UserAnswer<'_, Value>>)?.user()?;
    SingleUser::of_record(&record).map(SingleUser::into_read).map_err(PageError::Unusable)
}

impl<U> UserAnswer<'_, U> {
    fn user(self) -> Result<U, PageError> {
        let result = self.result.as_ref().map_or("", Name::as_str);
        if result != SUCCESS {
            return Err(PageError::Unusable(format!("the result is \"{result}\"")));
        }
        self.user.ok_or_else(|| PageError::Unusable("the answer has no \"user\"".to_owned()))
    }
}

impl<'v> SingleUser<'v> {
    /// The user of a record that could not be read in one go. A name of a group that cannot be used is no profile's.
    fn of_record(record: &'v Value) -> Result<Self, String> {
        let name = |text| Name(Cow::Borrowed(text));
        let text = |field| Ok::<_, String>(TextField::of(record, field).usable(field)?.map(name));
        let groups = match record.get("groups") {
            None | Some(Value::Null) => None,
            Some(Value::Array(groups)) => {
                let texts: Option<Vec<&str>> = groups.iter().map(Value::as_str).collect();
                let texts = texts.ok_or("its \"groups\" are not all texts")?.into_iter();
                Some(texts.filter(|text| matches!(TextField::judged(text), TextField::Usable(_))).map(name).collect())
            }
            Some(_) => return Err("its \"groups\" are no list".to_owned()),
        };
        if !record.is_object() {
            return Err("\"user\" is no record".to_owned());
        }
        let (id, email) = (text("id")?, text("email")?);
        Ok(Self { id, email, username: text("username")?, status: text("status")?, groups })
    }
}

impl SingleUser<'_> {
    /// `None` for an account out of use: the organization's listing leaves it out, too.
    fn into_read(self) -> Option<UserRead> {
        let profiles = self.groups.unwrap_or_default();
        users_page::is_in_use(self.status.as_ref()).then(|| UserRead {
            person: users_page::domain_user(self.id.as_ref(), self.email.as_ref(), self.username.as_ref()),
            profiles: profiles.iter().map(|name| ProductProfileName::new(name.as_str())).collect(),
        })
    }
}
