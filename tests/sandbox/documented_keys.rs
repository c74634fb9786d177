//! `docs/sandbox.md` lists every key of an instance's behavior with its values, every build, and every effect of a fault.

use campaign_group_sync::sandbox::campaign::{Build, InstanceBehavior};
use campaign_group_sync::sandbox::{Fault, Scenario};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../docs/sandbox.md");

/// The cells of the rows between a heading line and the end of its table.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, rows) = DOCUMENT.split_once(heading).expect("the table");
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The parts of a cell between backticks.
fn quoted(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn scenario(variants: &str) -> Result<Scenario, String> {
    let text = format!("based_on = \"first_day\"\n[variants]\n{variants}\n");
    Scenario::from_toml(&text).map_err(|error| error.to_string())
}

#[test]
fn every_key_is_documented_with_its_default_first_and_values_that_are_accepted() {
    let Value::Object(defaults) = serde_json::to_value(InstanceBehavior::default()).unwrap() else {
        panic!("a table of keys")
    };
    let mut documented = Vec::new();
    for row in table("| key | values | effect |") {
        let (keys, values) = (quoted(row[0]), quoted(row[1]));
        if keys.len() == 1 {
            let key = keys[0];
            assert_eq!(defaults[key], serde_json::from_str::<Value>(values[0]).unwrap(), "the default of {key}");
            for value in values.iter().filter(|value| **value != "\"operator_email\"") {
                scenario(&format!("{key} = {value}")).unwrap_or_else(|error| panic!("{key} = {value}: {error}"));
            }
        }
        documented.extend(keys);
    }
    documented.sort_unstable();
    let mut keys: Vec<&str> = defaults.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(documented, keys);
}

#[test]
fn every_value_of_a_key_with_names_is_documented() {
    for row in table("| key | values | effect |") {
        let (keys, values) = (quoted(row[0]), quoted(row[1]));
        if keys.len() != 1 || !values[0].starts_with('"') || values.len() < 2 {
            continue;
        }
        // The error of an unknown value lists the known ones.
        let error = scenario(&format!("{} = \"no such value\"", keys[0])).unwrap_err();
        let (names, _) = error.split_once(" in `").unwrap_or((&error, ""));
        let known: Vec<&str> = names.split('`').skip(3).step_by(2).collect();
        let documented: Vec<&str> = values.iter().map(|value| value.trim_matches('"')).collect();
        assert_eq!(documented, known, "{}: {error}", keys[0]);
    }
}

#[test]
fn every_effect_of_a_fault_is_documented() {
    let unknown = serde_json::json!({"call": "any", "effect": {"type": "no such effect"}});
    // The error of an unknown effect lists the known ones.
    let error = serde_json::from_value::<Fault>(unknown).unwrap_err().to_string();
    let mut known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    let mut documented: Vec<&str> = table("| effect | what happens |").iter().map(|row| quoted(row[0])[0]).collect();
    known.sort_unstable();
    documented.sort_unstable();
    assert_eq!(documented, known);
}

#[test]
fn every_build_is_documented() {
    let documented: Vec<&str> = table("| build | documented | assumed |").iter().map(|row| quoted(row[0])[0]).collect();
    assert_eq!(documented, Build::ALL.map(Build::name));
}

#[test]
fn the_example_of_variants_is_a_scenario() {
    let (_, example) = DOCUMENT.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let production = &Scenario::from_toml(example).unwrap().campaign["production"].behavior;
    assert_eq!((production.version.as_str(), production.show_errors), ("8.6.3", false));
}
