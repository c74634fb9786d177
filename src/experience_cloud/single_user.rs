//! One user, by e-mail address: `organizations/{org}/users/{user}`.

use std::marker::PhantomData;

use serde::Deserialize;

use super::{
    Progress, direct_only,
    error::{ExperienceCloudError, Misread, Repetition},
    page_text::{self, Name},
    umapi::{Absence, Call, Umapi, path_segment},
    users_page::{self, SUCCESS},
};
use crate::{
    domain::{CallKind, Membership, OrganizationId, Person, ProductProfileName},
    transport::Answer,
};

/// The `result` of the one "not found" that says that there is no such user.
const NO_SUCH_USER: &str = "error.user.not_found";

/// What the single-user call says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRead {
    /// Who was found.
    pub person: Person,
    /// All names in `groups`, as they came: product profiles, user groups and groups of administrators alike.
    pub profiles: Vec<ProductProfileName>,
}

#[derive(Deserialize)]
struct UserAnswer<'a> {
    #[serde(borrow)]
    result: Option<Name<'a>>,
    user: Option<User<'a>>,
}

#[derive(Deserialize)]
struct User<'a> {
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
    progress: &dyn Fn(Progress),
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
        repetition: Repetition::Free,
        absence: Absence::Read,
    };
    umapi.get(&call, progress, read).await
}

fn read(answer: &Answer) -> Result<Option<UserRead>, Misread> {
    let body = page_text::read::<PhantomData<UserAnswer<'_>>>(&answer.body, PhantomData);
    if answer.status != reqwest::StatusCode::OK {
        let is_no_such_user = |body: &UserAnswer<'_>| {
            body.user.is_none() && body.result.as_ref().is_some_and(|result| result.as_str() == NO_SUCH_USER)
        };
        return match body {
            Ok(body) if is_no_such_user(&body) => Ok(None),
            // An address that is wrong, or a gateway, says "not found" as well.
            _ => Err(Misread::Unusable("not found, and not said that it is the user".to_owned())),
        };
    }
    let body = body?;
    let result = body.result.as_ref().map_or("", Name::as_str);
    if result != SUCCESS {
        return Err(Misread::Unusable(format!("the result is \"{result}\"")));
    }
    let user = body.user.ok_or_else(|| Misread::Unusable("the answer has no \"user\"".to_owned()))?;
    Ok(user.into_read())
}

impl User<'_> {
    /// `None` for an account out of use: the organization's listing leaves it out, too.
    fn into_read(self) -> Option<UserRead> {
        let profiles = self.groups.unwrap_or_default();
        users_page::is_in_use(self.status.as_ref()).then(|| UserRead {
            person: users_page::person(self.id.as_ref(), self.email.as_ref(), self.username.as_ref()),
            profiles: profiles.iter().map(|name| ProductProfileName::new(name.as_str())).collect(),
        })
    }
}
