//! The matrix of the Campaign suite: every test of it is listed for the builds it runs on, and its cells are counted.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use campaign_group_sync::sandbox::campaign::{Build, DisabledColumn, GroupStorage, InstanceBehavior};

/// Whether a list has the builds with this behavior.
type Accepts = fn(&InstanceBehavior) -> bool;

/// The lists that `tests/campaign/builds.rs` defines, and the builds of each.
const LISTS: [(&str, Accepts); 4] = [
    ("on_each_build", |_| true),
    ("with_native_sign_in", |behavior| behavior.native_sign_in),
    ("with_a_disabled_column", |behavior| behavior.disabled_column != DisabledColumn::None),
    ("with_groups_as_operators", |behavior| behavior.groups != GroupStorage::GroupTable),
];

/// The names in all lists of this kind in a text.
fn listed<'t>(text: &'t str, list: &str) -> Vec<&'t str> {
    let start = format!("\n{list}![");
    let lists: Vec<&str> = text.split(&start).skip(1).collect();
    let names = lists.into_iter().filter_map(|rest| rest.split(']').next()).flat_map(|names| names.split(','));
    names.map(str::trim).filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_test_of_the_campaign_suite_runs_on_its_builds_and_the_cells_are_printed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/campaign");
    let builds = fs::read_to_string(folder.join("builds.rs")).expect("the lists");
    let cells_of = |list: &str, accepts: Accepts| {
        let definition = builds.split(&format!("macro_rules! {list} {{")).nth(1).unwrap_or_default();
        let definition = definition.split("\n}").next().unwrap_or_default();
        let cells: Vec<Build> = Build::ALL.into_iter().filter(|build| accepts(&InstanceBehavior::of(*build))).collect();
        for build in Build::ALL {
            let is_named = definition.contains(&format!(" = {build:?}"));
            assert_eq!(is_named, cells.contains(&build), "{list} and {}", build.name());
        }
        cells.len()
    };
    let (mut tests, mut cells) = (0, 0);
    for path in super::files(&folder).into_iter().filter(|path| !path.ends_with("builds.rs")) {
        let text = fs::read_to_string(&path).expect("a readable file");
        assert!(!text.contains("::test]"), "{}: a test that is in no list", path.display());
        // Clippy names a test in no list: nothing calls it.
        for (list, accepts) in LISTS {
            let names = listed(&text, list);
            tests += names.len();
            cells += names.len() * cells_of(list, accepts);
        }
    }
    assert!(tests > 50, "{tests} tests");
    // Not by a macro that prints: the output of a test that passes would not be shown.
    let counted = format!("Campaign suite: {tests} tests on {} builds, {cells} cells\n", Build::ALL.len());
    io::stderr().write_all(counted.as_bytes()).expect("standard error");
}
