//! Refused values, and the messages about them.

use super::world::{CAMPAIGN_SECRET, CLOUD_SECRET, LEAST, World, least_with};

/// A line in a table, and its only problem: what is wrong, and what to do.
fn check(table: &str, line: &str, what: &str, remedy: &str) {
    let world = World::new().config(&least_with(table, line));
    let problems = world.error().problems;
    let [problem] = problems.as_slice() else { panic!("[{table}] {line}: {problems:#?}") };
    assert_eq!((problem.what.as_str(), problem.remedy.as_str()), (what, remedy), "[{table}] {line}");
    // In tables of the smallest configuration the line is below the heading; other tables follow at its end.
    let text = std::fs::read_to_string(world.path("config.toml")).expect("readable");
    let number = text.lines().position(|of| of == line).expect("a line") + 1;
    let key = line.split(" = ").next().unwrap_or_default();
    assert_eq!(problem.subject, format!("{table}.{key}"));
    assert_eq!(problem.place, Some(format!("{}/config.toml, line {number}", world.folder_name())));
}

#[test]
fn a_number_is_whole_and_in_range() {
    let any = "write a whole number, 0 or more";
    check("guard", "max_removals = -1", "-1 is out of range", any);
    check("guard", "max_removals = 4294967296", "4294967296 is out of range", any);
    check("guard", "max_removals = 1.9", "1.9 is not a whole number", any);
    check("guard", "max_removals = true", "true is not a whole number", any);
    check("guard", "max_new_groups = \"many\"", "\"many\" is not a whole number", any);
    let percent = "write a whole number from 0 to 100";
    check("guard", "max_removals_percent = 101", "101 is out of range", percent);
    check("guard", "max_source_shrink_percent = \"20%\"", "\"20%\" is not a whole number", percent);
    check("experience_cloud", "users_per_minute = 0", "0 is out of range", "write a whole number, 1 or more");
}

#[test]
fn a_duration_has_a_unit_and_an_end() {
    let remedy = "write it like \"2h\", \"90s\" or \"1h 30m\", ten years at most";
    check("guard", "approval_ttl = 24", "must be a string in quotes, not 24", remedy);
    let what = "\"24\" is not a valid duration: time unit needed, for example 24sec or 24ms";
    check("guard", "approval_ttl = \"24\"", what, remedy);
    check("schedule", "jitter = \"-1h\"", "\"-1h\" is not a valid duration: expected number at 0", remedy);
    check("experience_cloud", "max_wait = \"100y\"", "\"100y\" is too long", remedy);
}

#[test]
fn a_choice_is_one_of_its_words() {
    check(
        "instances.production",
        "mode = \"Apply\"",
        "\"Apply\" is not a valid value",
        "write one of \"apply\", \"observe\"",
    );
    check(
        "experience_cloud",
        "read = \"all\"",
        "\"all\" is not a valid value",
        "write one of \"auto\", \"organization\", \"profiles\"",
    );
    check(
        "instances.production",
        "authentication = \"saml\"",
        "\"saml\" is not a valid value",
        "write one of \"ims\", \"native\"",
    );
    check(
        "log",
        "format = \"\"",
        "\"\" is not a valid value",
        "write one of \"auto\", \"text\", \"json\", \"journald\"",
    );
}

#[test]
fn an_address_is_https_without_user_and_query() {
    let remedy = "write an address such as \"https://host.example\"; http is allowed on this host only";
    let what = "\"http://ims.example\" would send secrets unencrypted";
    check("experience_cloud", "ims_url = \"http://ims.example\"", what, remedy);
    let what = "\"https://…@ims.example\" contains a user, a password, a query or a fragment";
    check("experience_cloud", "ims_url = \"https://user:TOPSECRET@ims.example\"", what, remedy);
    let what = "\"ims.example\" is not a valid address: relative URL without a base";
    check("experience_cloud", "umapi_url = \"ims.example\"", what, remedy);
}

#[test]
fn a_state_is_a_file_or_a_database_without_password() {
    let remedy = "write \"sqlite:///absolute/path\" or \"postgres://user@host/database\"";
    let what = "is neither the address of a SQLite file nor that of a PostgreSQL database";
    check("state", "url = \"mysql://root:TOPSECRET@db/x\"", what, remedy);
    check("state", "url = \"sqlite://state.db\"", "is not sqlite:// followed by the absolute path of a file", remedy);
    check("state", "url = \"/var/state.db\"", "is not an address", remedy);
    let what = "a password must not be in the configuration file";
    let remedy = "remove the line and set CAMPAIGN_GROUP_SYNC__STATE__URL";
    check("state", "url = \"postgres://sync:TOPSECRET@db/x\"", what, remedy);
    check("state", "url = \"postgres://sync@db/x?password=TOPSECRET\"", what, remedy);
}

#[test]
fn a_schedule_has_six_fields_and_a_zone() {
    let remedy = "write six fields, seconds first, such as \"0 0 */2 * * *\", or \"off\"";
    let what = "\"0 0 3 31 2 *\" is never due: it names a day that does not exist";
    check("schedule", "cron = \"0 0 3 31 2 *\"", what, remedy);
    let what = "\"0 61 3 * * *\" is not a valid cron expression: Component error: Number out of bounds.";
    check("schedule", "cron = \"0 61 3 * * *\"", what, remedy);
    let what = "\"Europe/Berln\" is not a time zone of the IANA database; the most similar name is \"Europe/Berlin\"";
    check("schedule", "timezone = \"Europe/Berln\"", what, "write a name such as \"Europe/Berlin\" or \"UTC\"");
}

#[test]
fn other_values_have_their_forms() {
    let what = "\"localhost:9464\" is not an IP address with a port";
    let remedy = "write an IP address and a port, such as \"127.0.0.1:9464\" or \"[::1]:9464\", or \"off\"";
    check("http", "listen = \"localhost:9464\"", what, remedy);
    let remedy = "write an absolute path of at most 107 bytes";
    check("control", "socket = \"control.sock\"", "\"control.sock\" is not an absolute path", remedy);
    let remedy = "write it like \"2027-03-31\"";
    check("experience_cloud", "client_secret_expires = \"31.3.2027\"", "\"31.3.2027\" is not a valid date", remedy);
    check(
        "instances.production",
        "client_secret_expires = \"2027-02-30\"",
        "\"2027-02-30\" is not a valid date",
        remedy,
    );
    let remedy = "write a share from \"0%\" to \"100%\"";
    check("experience_cloud", "unlisted_accounts = \"101%\"", "\"101%\" is not a percentage", remedy);
    check("experience_cloud", "unlisted_accounts = \"NaN%\"", "\"NaN%\" is not a percentage", remedy);
    check("experience_cloud", "unlisted_accounts = \"5\"", "\"5\" is not a percentage", remedy);
    check("experience_cloud", "scopes = \"\"", "is empty", "remove the line to use the default scopes");
    check("instances.production", "tenant = \" \"", "is empty", "set a value that is not empty");
    let remedy = "write it like [\"one\", \"two\"]; in a variable: one,two";
    check("instances.production", "protected_operators = [1]", "is not a list of strings", remedy);
}

#[test]
fn an_organization_id_has_its_form() {
    for (id, shown) in [
        ("0123456789ABCDEF01234567", "\"0123456789ABCDEF01234567\""),
        ("0123456789ABCDEF0123456@AdobeOrg", "\"0123456789ABCDEF0123456@AdobeOrg\""),
        ("0123456789ABCDEFG1234567@AdobeOrg", "\"0123456789ABCDEFG1234567@AdobeOrg\""),
    ] {
        let world = World::new().config(&LEAST.replace("0123456789ABCDEF01234567@AdobeOrg", id));
        let what = format!("{shown} is not 24 hexadecimal digits followed by @AdobeOrg");
        let problem = format!(
            "experience_cloud.organization_id (FOLDER/config.toml, line 3): {what} | copy it from the Admin Console"
        );
        assert_eq!(world.problems(), [problem]);
    }
}

#[test]
fn an_invalid_mask_is_refused_and_a_doubtful_one_draws_a_warning() {
    let with_mask = |mask: &str| World::new().config(&LEAST.replace("Campaign - acme - (.*)", mask));
    let place = "instances.production.association_mask (FOLDER/config.toml, line 8)";
    let remedy = "write one such as \"Campaign - acme - (.*)\"";
    let unclosed = format!(
        "{place}: the association mask \"Campaign (.*\" is not a valid regular expression: unclosed group | {remedy}"
    );
    assert_eq!(with_mask("Campaign (.*").problems(), [unclosed]);
    let two = "the association mask \"(.*) - (.*)\" has 2 capture groups and needs exactly one; write (?:…) for those that only group";
    assert_eq!(with_mask("(.*) - (.*)").problems(), [format!("{place}: {two} | {remedy}")]);
    let warnings = with_mask("Campaign - .*").settings().warnings;
    assert!(
        warnings[0].starts_with("instances.production.association_mask: the association mask \"Campaign - .*\" has no")
    );
}

#[test]
fn the_keys_of_the_other_kind_of_authentication_are_refused() {
    let what = "belongs to authentication = \"native\"";
    let remedy = "remove it, or write authentication = \"native\"";
    check("instances.production", "login = \"sync\"", what, remedy);
    check("instances.production", "password_file = \"/x\"", what, remedy);
    let native = World::new().config(&least_with("instances.production", "authentication = \"native\""));
    let ims = "belongs to authentication = \"ims\" | remove it, or write authentication = \"ims\"";
    assert_eq!(
        native.problems(),
        [
            format!("instances.production.client_id (FOLDER/config.toml, line 10): {ims}"),
            format!("instances.production.client_secret (environment variable {}): {ims}", CAMPAIGN_SECRET.0),
            "instances.production.login: is required and not set | write login under [instances.production], or set CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__LOGIN".to_owned(),
            "instances.production.password: is required and not set | write password_file under [instances.production], or set CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__PASSWORD, or give the service a systemd credential instances.production.password".to_owned(),
        ]
    );
}

#[test]
fn a_protected_group_says_how_it_is_protected() {
    let check = |value: &str, expected: &[&str]| {
        let line = format!("protected_groups = {value}");
        let problems = World::new().config(&least_with("instances.production", &line)).problems();
        let prefix = "instances.production.protected_groups";
        let expected: Vec<String> = expected.iter().map(|text| format!("{prefix}{text}")).collect();
        assert_eq!(problems, expected, "{value}");
    };
    let at = "(FOLDER/config.toml, line 7)";
    check(
        "{ ops = {} }",
        &[&format!(
            ".ops {at}: has no key that says how the group is protected | write min_members, required, or both"
        )],
    );
    let nearest =
        "there is no such key | the nearest known key is instances.production.protected_groups.ops.min_members";
    check("{ ops = { minimum = 1 } }", &[&format!(".ops.minimum {at}: {nearest}")]);
    check(
        "{ ops = { min_members = -1, required = 3 } }",
        &[
            &format!(".ops.min_members {at}: -1 is not a number of members | write a whole number, 0 or more"),
            &format!(".ops.required {at}: is not a list of logins | write it like [\"ann@acme.com\"]"),
        ],
    );
    let same = "is the same as instances.production.protected_groups.OPS: upper and lower case make no difference | keep one of the two";
    check("{ ops = { min_members = 1 }, OPS = { min_members = 1 } }", &[&format!(".ops {at}: {same}")]);
    let table = "is a table and cannot have a value | write the heading [instances.production.protected_groups] and keys below it";
    check("[\"ops\"]", &[&format!(" {at}: {table}")]);
}

#[test]
fn names_of_instances_are_ascii_and_differ_by_more_than_case() {
    let check = |table: &str, expected: &str| {
        let problems = World::new().config(&least_with(table, "url = \"https://x.example\"")).problems();
        assert_eq!(problems, [expected], "{table}");
    };
    let remedy = "use ASCII letters, digits, \"-\" and single \"_\", and begin with a letter or a digit";
    check(
        "instances.a__b",
        &format!(
            "instances.a__b (FOLDER/config.toml, line 11): \"a__b\" is not a valid name of an instance | {remedy}"
        ),
    );
    check(
        "instances.\"a b\"",
        &format!(
            "instances.\"a b\" (FOLDER/config.toml, line 11): \"a b\" is not a valid name of an instance | {remedy}"
        ),
    );
    check(
        "instances.Production",
        "instances.Production (FOLDER/config.toml, line 11): is the same as instances.production: upper and lower case make no difference | keep one of the two",
    );
    check(
        "instances",
        "instances.url (FOLDER/config.toml, line 12): is a table and cannot have a value | choose a name for the instance and write its keys below [instances.NAME]",
    );
}

#[test]
fn an_unknown_key_names_its_place_and_the_nearest_known_key() {
    let unknown = |nearest: &str| format!("there is no such key | the nearest known key is {nearest}");
    let check = |table: &str, lines: &str, expected: &str| {
        assert_eq!(World::new().config(&least_with(table, lines)).problems(), [expected], "[{table}] {lines}");
    };
    check(
        "guard",
        "max_removal = 1",
        &format!("guard.max_removal (FOLDER/config.toml, line 12): {}", unknown("guard.max_removals")),
    );
    check("gaurd", "max_removals = 1", &format!("gaurd (FOLDER/config.toml, line 11): {}", unknown("guard")));
    let expected = format!("experience_cloud.cron (FOLDER/config.toml, line 3): {}", unknown("schedule.cron"));
    check("experience_cloud", "cron = \"off\"", &expected);
    let check = |name: &str, expected: &str| {
        assert_eq!(World::new().config(LEAST).set((name, "1")).problems(), [expected], "{name}");
    };
    check(
        "CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVAL",
        &format!(
            "guard.max_removal (environment variable CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVAL): {}",
            unknown("guard.max_removals")
        ),
    );
    check(
        "CAMPAIGN_GROUP_SYNC__INSTANCE__PRODUCTION__URI",
        &format!(
            "instance.production.uri (environment variable CAMPAIGN_GROUP_SYNC__INSTANCE__PRODUCTION__URI): {}",
            unknown("instances.production.url")
        ),
    );
    check(
        "CAMPAIGN_GROUP_SYNC__GUARD",
        "guard (environment variable CAMPAIGN_GROUP_SYNC__GUARD): is a table and cannot have a value | add two underscores and a key: CAMPAIGN_GROUP_SYNC__GUARD__KEY",
    );
}

#[test]
fn variables_that_cannot_be_used_are_named() {
    let world = World::new().config(LEAST);
    let world =
        world.set(("CAMPAIGN_GROUP_SYNC__LOG__LEVEL", "info")).set(("CAMPAIGN_GROUP_SYNC__LOG__level", "debug"));
    let world = world
        .set(("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "\u{fffd}"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__*__MODE", "apply"));
    assert_eq!(
        world.problems(),
        [
            "environment variable CAMPAIGN_GROUP_SYNC__HTTP__LISTEN: the value is not UTF-8 | set a value in UTF-8",
            "instances.\"*\".mode (environment variable CAMPAIGN_GROUP_SYNC__INSTANCES__*__MODE): \"*\" is not a valid name of an instance | use ASCII letters, digits, \"-\" and single \"_\", and begin with a letter or a digit",
            "environment variable CAMPAIGN_GROUP_SYNC__LOG__level: sets the same key as CAMPAIGN_GROUP_SYNC__LOG__LEVEL | keep one of the two",
        ]
    );
}

#[test]
fn a_variable_that_lacks_an_underscore_draws_a_warning() {
    let world = World::new().config(LEAST).set(("CAMPAIGN_GROUP_SYNC_LOG_LEVEL", "debug"));
    let world = world.set(("CAMPAIGN_GROUP_SYNC_SERVICE_HOST", "10.0.0.1"));
    assert_eq!(
        world.settings().warnings,
        [
            "the environment variable CAMPAIGN_GROUP_SYNC_LOG_LEVEL is ignored; write two underscores before the section and before the key: CAMPAIGN_GROUP_SYNC__LOG__LEVEL"
        ]
    );
}

#[test]
fn syntax_errors_are_reported_by_line_without_the_content_of_the_line() {
    let text = format!("{LEAST}\n[guard]\nmax_removals =\n[log]\nlevel = TOPSECRET\n");
    let remedy = "correct this line; strings, durations and addresses are written in quotes";
    assert_eq!(
        World::new().config(&text).problems(),
        [
            format!(
                "FOLDER/config.toml (line 12): not valid TOML: string values must be quoted, expected literal string | {remedy}"
            ),
            format!("FOLDER/config.toml (line 14): not valid TOML: invalid boolean, expected `true` | {remedy}"),
        ]
    );
}

#[test]
fn missing_keys_are_not_reported_while_a_file_cannot_be_read() {
    let world = World::new().unset(CLOUD_SECRET).unset(CAMPAIGN_SECRET).config("[guard");
    assert_eq!(world.problems().len(), 1, "{:?}", world.problems());
}

#[test]
fn all_problems_are_reported_at_once() {
    let world = World::new().unset(CLOUD_SECRET).unset(CAMPAIGN_SECRET).config(
        r#"client_id = "x"
[experience_cloud]
organization_id = "acme"
max_waits = "2m"
[instances.production]
association_mask = "Campaign - acme - (.*"
missing_group = "make"
client_id = "a b"
[gaurd]
[schedule]
cron = "0 3 * * *"
"#,
    );
    let text = world.error().to_string().replace(&world.folder_name(), "FOLDER");
    insta::assert_snapshot!(text);
}

#[test]
fn without_any_key_the_required_keys_are_reported() {
    let world = World::new().unset(CLOUD_SECRET).unset(CAMPAIGN_SECRET);
    insta::assert_snapshot!(world.error().to_string().replace(&world.folder_name(), "FOLDER"));
}
