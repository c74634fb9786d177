//! Two tables for one Campaign instance.

use super::world::{CAMPAIGN_SECRET, LEAST, World};

const OTHER_SECRET: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__INSTANCES__SECOND__CLIENT_SECRET", "TOPSECRET-second");

/// The smallest configuration, and a second table with this address.
fn with_second(url: &str) -> World {
    let second = format!(
        "{LEAST}\n[instances.second]\nurl = \"{url}\"\nassociation_mask = \"Campaign - emea - (.*)\"\nclient_id = \"id\"\n"
    );
    World::new().set(CAMPAIGN_SECRET).set(OTHER_SECRET).config(&second)
}

#[test]
fn incident_42_two_tables_with_one_address_are_refused() {
    for url in [
        "https://acme.campaign.adobe.com",
        "https://acme.campaign.adobe.com/",
        "https://ACME.Campaign.Adobe.COM",
        "https://acme.campaign.adobe.com:443",
        "https://acme.campaign.adobe.com./",
        "HTTPS://acme.campaign.adobe.com//",
        "https://acme.campaign.adobe.com/x/..",
    ] {
        let problems = with_second(url).problems();
        let [problem] = problems.as_slice() else { panic!("{url}: {problems:?}") };
        let parts = ["instances.second.url", "config.toml, line ", "[instances.production]", "[instances.second]"];
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
}

#[test]
fn incident_42_other_hosts_ports_and_paths_are_other_instances() {
    for url in [
        "https://emea.campaign.adobe.com",
        "https://acme.campaign.adobe.com:8443",
        "https://acme.campaign.adobe.com/emea",
    ] {
        assert_eq!(with_second(url).settings().instances.len(), 2, "{url}");
    }
}

#[test]
fn incident_42_the_address_of_all_instances_counts_as_well() {
    let text = LEAST.replace("url = \"https://acme.campaign.adobe.com\"\n", "")
        + "\n[instances.\"*\"]\nurl = \"https://acme.campaign.adobe.com\"\nassociation_mask = \"x\"\nclient_id = \"id\"\n\
           [instances.second]\ntenant = \"emea\"\n";
    let problems = World::new().set(OTHER_SECRET).config(&text).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("have the same address"), "{problems:?}");
}
