//! Page 0 of a listing of users, read before it is decided whether the rest of the listing is read.

use std::time::Instant;

use super::{
    error::{ExperienceCloudError, PageError},
    umapi::Umapi,
    users_page::UsersPage,
    users_walk::{ReceivedPage, UsersListing},
};

/// Page 0 of a listing. [`walk`](super::users_walk::walk) continues with page 1; a page that is dropped abandons the
/// walk.
pub(super) struct FirstPage {
    pub(super) received: ReceivedPage,
    /// When the page was requested.
    pub(super) begin: Instant,
}

impl FirstPage {
    /// Requests page 0, and fails for one that cannot begin a complete read, whether the walk is continued or not. The
    /// rest of the walk must use the same `read`, so that the keys of the users agree.
    pub(super) async fn read(
        umapi: &Umapi,
        listing: &UsersListing,
        read: &dyn Fn(&[u8]) -> Result<UsersPage, PageError>,
    ) -> Result<Self, ExperienceCloudError> {
        let begin = Instant::now();
        let received = listing.fetch(umapi, 0, read).await?;
        listing.check(&listing.call(0).name, &received)?;
        Ok(Self { received, begin })
    }
}
