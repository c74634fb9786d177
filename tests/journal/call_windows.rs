//! When which calls were, and may be, sent.

use std::{num::NonZeroU32, time::Duration};

use campaign_group_sync::{
    domain::{
        Approver, CallKind, CallPurpose, OrganizationId, PendingCall, ProductProfile, ProductProfileId,
        ProductProfileName, SystemUser,
    },
    journal::{CallWindows, CancelledPause, ListingKind, RememberedListing},
};
use chrono::TimeDelta;

use super::{fixture::JournalFixture, sample::at};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test]
async fn windows_survive_a_restart_and_each_organization_has_its_own() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let (ours, theirs) = (OrganizationId::new("ours@AdobeOrg"), OrganizationId::new("theirs@AdobeOrg"));
        assert_eq!(journal.call_windows(&ours, at(3)).await.expect("readable"), CallWindows::default());
        journal.set_first_page(&ours, ListingKind::Groups, Some(at(1))).await.expect("written");
        journal.set_first_page(&ours, ListingKind::Users, Some(at(2))).await.expect("written");
        journal.set_pause(&ours, seconds(6), at(3)).await.expect("written");
        drop(journal);

        let journal = fixture.open().await;
        let expected =
            CallWindows { users_first_page: Some(at(2)), groups_first_page: Some(at(1)), not_before: Some(at(9)) };
        assert_eq!(journal.call_windows(&ours, at(3)).await.expect("readable"), expected);
        assert_eq!(journal.call_windows(&theirs, at(3)).await.expect("readable"), CallWindows::default());
    }
}

#[tokio::test]
async fn a_first_page_that_was_not_sent_is_removed() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        journal.set_first_page(&ours, ListingKind::Users, Some(at(2))).await.expect("written");
        journal.set_first_page(&ours, ListingKind::Users, None).await.expect("taken back");
        assert_eq!(journal.call_windows(&ours, at(3)).await.expect("readable").users_first_page, None);
    }
}

#[tokio::test]
async fn a_pause_is_never_shortened() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        for (asked, expected) in [(9, 9), (5, 9), (12, 12)] {
            journal.set_pause(&ours, seconds(asked), at(0)).await.expect("written");
            assert_eq!(journal.call_windows(&ours, at(3)).await.expect("readable").not_before, Some(at(expected)));
        }
    }
}

#[tokio::test]
async fn the_last_complete_listing_of_groups_is_stored() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        journal.set_pause(&ours, seconds(6), at(3)).await.expect("written");
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

#[tokio::test]
async fn a_pause_of_years_is_stored_as_two_hours() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        journal.set_pause(&ours, seconds(1_000_000_000), at(0)).await.expect("written");
        let remembered = journal.call_windows(&ours, at(1)).await.expect("readable").not_before;
        assert_eq!(remembered, Some(at(2 * 3600)));
    }
}

#[tokio::test]
async fn a_pause_written_by_a_clock_that_was_ahead_lasts_as_long_as_adobe_requested() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        let years_ahead = at(0) + TimeDelta::days(9 * 365);
        journal.set_pause(&ours, seconds(600), years_ahead).await.expect("written");
        let remembered = journal.call_windows(&ours, at(0)).await.expect("readable").not_before;
        assert_eq!(remembered, Some(at(600)));
        journal.set_pause(&ours, seconds(900), at(0)).await.expect("written");
        let remembered = journal.call_windows(&ours, at(0)).await.expect("readable").not_before;
        assert_eq!(remembered, Some(at(900)));
    }
}

#[tokio::test]
async fn a_cancelled_pause_is_recorded_with_who_cancelled_it() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let ours = OrganizationId::new("ours@AdobeOrg");
        let user = SystemUser { uid: 1004, name: Some("carol".to_owned()) };
        let carol = Approver::claimed("carol").as_user(Some(user));
        let forget = async |second| journal.cancel_pause(&ours, "client", &carol, at(second)).await.expect("written");
        assert_eq!(forget(1).await, None);
        assert_eq!(journal.cancelled_pause_count(&ours).await.expect("readable"), 0);
        journal.set_pause(&ours, seconds(600), at(0)).await.expect("written");
        let forgotten = CancelledPause { until: at(600), at: at(1), approver: carol.clone() };
        assert_eq!(forget(1).await, Some(forgotten.clone()));
        assert_eq!(journal.call_windows(&ours, at(2)).await.expect("readable").not_before, None);
        assert_eq!(journal.cancelled_pause_count(&ours).await.expect("readable"), 1);
        assert_eq!(journal.cancelled_pause(&ours, at(2)).await.expect("readable"), Some(forgotten));
        // It is reported as long as it would last, and not to a clock that was set back.
        for second in [-1, 600] {
            assert_eq!(journal.cancelled_pause(&ours, at(second)).await.expect("readable"), None, "{second}");
        }
    }
}

#[tokio::test]
async fn the_calls_of_a_credential_are_counted_across_processes_and_each_credential_has_its_own() {
    for fixture in JournalFixture::all().await {
        let ours = OrganizationId::new("ours@AdobeOrg");
        let call = PendingCall {
            kind: CallKind::Users,
            purpose: CallPurpose::Run,
            per_minute: NonZeroU32::new(2).expect("not zero"),
            is_first_page: false,
        };
        for (second, expected) in [(0, Ok(())), (5, Ok(())), (6, Err(at(61))), (62, Ok(()))] {
            // As in another process: only the state is shared.
            let reserved =
                fixture.open().await.reserve_call("client", &ours, &call, at(second)).await.expect("written");
            assert_eq!(reserved, expected, "second {second}");
        }
        let journal = fixture.open().await;
        assert_eq!(journal.reserve_call("another", &ours, &call, at(62)).await.expect("written"), Ok(()));
        // After the clock was set back, times in its future count as now.
        assert_eq!(journal.reserve_call("client", &ours, &call, at(-9)).await.expect("written"), Err(at(52)));
    }
}
