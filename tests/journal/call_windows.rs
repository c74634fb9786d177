//! When which calls were, and may be, sent.

use campaign_group_sync::{
    domain::{OrganizationId, ProductProfile, ProductProfileId, ProductProfileName},
    journal::{CallWindows, Listing, RememberedListing},
};

use crate::{place::Place, sample::at};

#[tokio::test]
async fn windows_survive_a_restart_and_each_organization_has_its_own() {
    for place in Place::all().await {
        let journal = place.open().await;
        let (ours, theirs) = (OrganizationId::new("ours@AdobeOrg"), OrganizationId::new("theirs@AdobeOrg"));
        assert_eq!(journal.call_windows(&ours).await.expect("readable"), CallWindows::default());
        journal.set_first_page(&ours, Listing::Groups, Some(at(1))).await.expect("written");
        journal.set_first_page(&ours, Listing::Users, Some(at(2))).await.expect("written");
        journal.set_not_before(&ours, at(9)).await.expect("written");
        drop(journal);

        let journal = place.open().await;
        let expected =
            CallWindows { users_first_page: Some(at(2)), groups_first_page: Some(at(1)), not_before: Some(at(9)) };
        assert_eq!(journal.call_windows(&ours).await.expect("readable"), expected);
        assert_eq!(journal.call_windows(&theirs).await.expect("readable"), CallWindows::default());
    }
}

#[tokio::test]
async fn a_first_page_that_was_not_sent_is_taken_back() {
    for place in Place::all().await {
        let journal = place.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        journal.set_first_page(&ours, Listing::Users, Some(at(2))).await.expect("written");
        journal.set_first_page(&ours, Listing::Users, None).await.expect("taken back");
        assert_eq!(journal.call_windows(&ours).await.expect("readable").users_first_page, None);
    }
}

#[tokio::test]
async fn a_silence_is_never_shortened() {
    for place in Place::all().await {
        let journal = place.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        for (asked, expected) in [(9, 9), (5, 9), (12, 12)] {
            journal.set_not_before(&ours, at(asked)).await.expect("written");
            assert_eq!(journal.call_windows(&ours).await.expect("readable").not_before, Some(at(expected)));
        }
    }
}

#[tokio::test]
async fn the_last_complete_groups_listing_is_remembered() {
    for place in Place::all().await {
        let journal = place.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        journal.set_not_before(&ours, at(9)).await.expect("written");
        assert_eq!(journal.listing(&ours).await.expect("readable"), None);
        let profile = |id: Option<i64>, name: &str| ProductProfile {
            id: id.map(ProductProfileId),
            name: ProductProfileName::new(name),
            member_count: None,
        };
        for profiles in [vec![profile(Some(1), "a")], vec![profile(None, "b"), profile(Some(-2), "ü")]] {
            let listing = RememberedListing { read_at: at(3), profiles };
            journal.remember_listing(&ours, &listing).await.expect("written");
            assert_eq!(journal.listing(&ours).await.expect("readable"), Some(listing));
        }
    }
}
