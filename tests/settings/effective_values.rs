//! The list of effective values.

use campaign_group_sync::settings::EffectiveValue;

use super::world::{CAMPAIGN_SECRET, LEAST, World, least_with};

fn table(world: &World) -> String {
    let line = |value: EffectiveValue| format!("{} = {}  [{}]\n", value.key, value.value, value.source);
    world.effective().into_iter().map(line).collect::<String>().replace(&world.folder_name(), "FOLDER")
}

#[test]
fn every_value_is_shown_with_its_source() {
    let native = "[instances.Acceptance]\nauthentication = \"native\"\nlogin = \"sync\"\npassword_file = \"FOLDER/missing\"\nprotected_groups = { ADMIN = { min_members = 3 } }\n";
    let world = World::new()
        .config(&format!("{LEAST}{native}"))
        .set(("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "9"))
        .set(("CAMPAIGN_GROUP_SYNC__STATE__URL", "postgres://sync:TOPSECRET@db/state"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__PROTECTED_OPERATORS", "ann@acme.com,bob@acme.com"));
    insta::assert_snapshot!(table(&world));
}

#[test]
fn values_are_shown_when_there_are_problems() {
    let world = World::new().unset(CAMPAIGN_SECRET).config(&least_with("guard", "max_removals = \"many\"\nmax = 1"));
    let shown = table(&world);
    assert!(world.problems().len() > 1);
    assert!(shown.contains("guard.max_removals = many  [FOLDER/config.toml, line 12]"), "{shown}");
    assert!(shown.contains("instances.production.client_secret = (not set)  []"), "{shown}");
}

#[test]
fn as_json_a_value_has_three_texts() {
    let values = World::new().config(LEAST).effective();
    let first = serde_json::to_value(&values[3]).expect("JSON");
    assert_eq!(
        first,
        serde_json::json!({"key": "experience_cloud.client_secret_file", "value": "(not set)", "source": ""})
    );
}
