//! Names compared with masks, without network.

use campaign_group_sync::{
    check::{MatchKind, match_names},
    domain::{AssociationMask, MaskMatch},
};
use proptest::prelude::*;

fn any_mask() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Campaign - acme - (.*)",
        "Campaign - acme - ",
        "Campaign - (.*) - x",
        "^Campaign - acme - ([a-z]+)$",
        r"Campaign \(acme\) - (\w.*)",
        "(.*) - acme",
        "A|B - (.*)",
        " Campaign - (.*)",
        "Campaigns? - (.*)",
        "Campaign [acme",
    ])
}

/// A name that matches some mask, with a few characters removed, added or replaced.
fn any_name() -> impl Strategy<Value = String> {
    let whole = prop::sample::select(vec![
        "Campaign - acme - delivery",
        "Campaign - acme2 - a - b",
        "Campaign - ops - x",
        "Campaign (acme) - ops",
        "ops - acme",
        "Campaign [acme ops",
        "Photoshop",
        "",
    ]);
    let sign = prop::sample::select("aA-–— \u{a0}\u{200b}аС19x日()".chars().collect::<Vec<_>>());
    let edit = (any::<prop::sample::Index>(), 0..3_u8, sign);
    (whole, prop::collection::vec(edit, 0..5)).prop_map(|(whole, edits)| {
        let mut signs: Vec<char> = whole.chars().collect();
        for (at, what, sign) in edits {
            let at = at.index(signs.len() + 1);
            if what == 0 || at == signs.len() {
                signs.insert(at, sign);
            } else if what == 1 {
                signs.remove(at);
            } else if let Some(place) = signs.get_mut(at) {
                *place = sign;
            }
        }
        signs.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_name_is_one_of_the_three_and_a_near_one_matches_once_it_is_mended(
        text in any_mask(),
        names in prop::collection::vec(any_name(), 0..6),
    ) {
        let mask = AssociationMask::parse(text).expect("a mask");
        let found = match_names(&mask, names.iter().map(String::as_str), None);
        let mut answered: Vec<_> = found.iter().map(|one| one.profile.clone()).collect();
        let mut asked = names.clone();
        answered.sort();
        asked.sort();
        prop_assert_eq!(answered, asked);
        for one in &found {
            let is_matched = matches!(mask.matches(&one.profile), MaskMatch::Group(_));
            prop_assert_eq!(one.matching == MatchKind::Matched, is_matched, "{:?}", one);
            prop_assert_eq!(one.matching == MatchKind::NearlyMatched, !one.differences.is_empty(), "{:?}", one);
            prop_assert_eq!(one.matching == MatchKind::Unmatched, one.group.is_none() && one.reason.is_some(), "{:?}", one);
            if one.matching != MatchKind::NearlyMatched {
                continue;
            }
            let group = MaskMatch::Group(campaign_group_sync::domain::OperatorGroupName::new(
                one.group.clone().expect("the group it would be"),
            ));
            prop_assert_eq!(mask.matches(one.corrected.as_deref().expect("corrected")), group, "{:?}", one);
            for difference in &one.differences {
                let there = one.profile.chars().skip(difference.position - 1);
                let there: String = there.take(difference.found.chars().count()).collect();
                prop_assert_eq!(&there, &difference.found, "{:?}", one);
                prop_assert_ne!(&difference.found, &difference.expected, "{:?}", one);
            }
            if let Some(corrected) = &one.corrected_mask {
                let corrected = AssociationMask::parse(corrected).expect("a mask");
                prop_assert!(matches!(corrected.matches(&one.profile), MaskMatch::Group(_)), "{:?}", one);
            }
        }
    }
}
