//! Names that nearly match, and ambiguous names.

use campaign_group_sync::{
    check::{Finding, MatchKind, Verdict, match_names},
    domain::AssociationMask,
    sandbox::{UmapiGroup, campaign::Operator},
};

use super::harness::{Checked, Harness};

fn finding<'a>(checked: &'a Checked, id: &str) -> &'a Finding {
    checked.report.findings.iter().find(|one| one.id == id).expect(id)
}

#[tokio::test]
async fn check_and_mask_report_the_same_near_matches() {
    let mask = AssociationMask::parse("Campaign - acme - (.*)").expect("a mask");
    for name in [
        "Campaign – acme - content",
        "Campaign - acme -content",
        "Campaing - acme - content",
        "Саmpaign - acme - content",
        "Campaign - acme\u{202e} - content",
        "Campaign - acme-stage - content",
        "Campaign - acme2 - content",
        "Campaign - other - content",
        "Photoshop",
    ] {
        let near = match_names(&mask, [name], None).iter().any(|one| one.matching == MatchKind::NearlyMatched);
        let mut harness = Harness::sound();
        harness.scenario.organization.groups.push(UmapiGroup::profile(61_900, name));
        let checked = harness.check().await;
        let found = finding(&checked, "names.look_alikes");
        assert_eq!(found.verdict == Verdict::Warning, near, "{name}: {found:#?}");
    }
}

#[tokio::test]
async fn a_mask_that_matches_nothing_gets_the_remedy_for_its_reason() {
    for (names, evidence, remedy) in [
        (
            ["campaign - acme_mkt_prod1 - delivery"],
            "there are profiles that begin with campaign - acme_mkt_prod1 - ",
            "--try='campaign - acme_mkt_prod1 - (.*)'",
        ),
        (["Photoshop"], "none of 1 product profiles", "compare the mask"),
    ] {
        let mut harness = Harness::sound();
        let groups = names.iter().zip(61_900..).map(|(name, id)| UmapiGroup::profile(id, name));
        harness.scenario.organization.groups = groups.collect();
        harness.scenario.organization.users.iter_mut().for_each(|user| user.groups.clear());
        let checked = harness.check().await;
        let found = finding(&checked, "names.matches");
        assert_eq!(found.verdict, Verdict::Failed, "{found:#?}");
        assert!(found.evidence.ends_with(evidence) && found.remedy.contains(remedy), "{found:#?}");
    }
}

#[tokio::test]
async fn operators_are_ambiguous_when_a_run_could_not_choose_one() {
    let with = |authentication: &str, more: &str| {
        let mut harness = Harness::sound();
        let (name, authentication) = ("ANN@acme.com".to_owned(), authentication.to_owned());
        harness.campaign().operators.push(Operator { name, authentication, ..Operator::default() });
        harness.edit("[instances.production]\n", &format!("[instances.production]\n{more}"));
        harness
    };
    for (harness, expected) in [
        (with("ims", ""), Verdict::Warning),
        // Only the operator that signs in through IMS is managed.
        (with("", ""), Verdict::Ok),
        (with("", "manage = \"all\"\n"), Verdict::Warning),
    ] {
        let checked = harness.check().await;
        let found = finding(&checked, "names.ambiguous");
        assert_eq!(found.verdict, expected, "{found:#?}");
    }
}
