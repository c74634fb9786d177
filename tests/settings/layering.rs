//! The precedence of the layers, and the types of the values.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use campaign_group_sync::{
    domain::{InstanceMode, Membership, MissingPolicy, OperatorLogin},
    experience_cloud::ReadChoice,
    observability::LogFormat,
    observability::LogLevel,
    settings::{
        Http, InstanceAuthentication, OrganizationName, PersonLookup, Sources, StateLocation, effective_values, load,
        load_partial, schema,
    },
    sync::Confirmation,
    transport::ExposeSecret as _,
};

use super::world::{CAMPAIGN_SECRET, CLOUD_SECRET, LEAST, World, ims_secret, least_with};

#[test]
fn the_defaults_complete_the_least_configuration() {
    let settings = World::new().config(LEAST).settings();
    let cloud = &settings.experience_cloud;
    assert_eq!(cloud.options.organization_id.as_str(), "0123456789ABCDEF01234567@AdobeOrg");
    assert_eq!(cloud.options.client_secret.expose_secret(), CLOUD_SECRET.1);
    assert_eq!(cloud.options.umapi_url.to_string(), "https://usermanagement.adobe.io/v2/usermanagement");
    assert_eq!(cloud.options.scopes, "openid,AdobeID,user_management_sdk");
    assert_eq!((cloud.options.membership, cloud.options.read), (Membership::Effective, ReadChoice::Auto));
    assert_eq!((cloud.options.users_per_minute.get(), cloud.options.groups_per_minute.get()), (25, 5));
    assert_eq!(
        (cloud.first_page_interval, cloud.options.retry.max_wait),
        (Duration::from_hours(2), Duration::from_mins(2))
    );
    assert!((cloud.options.tolerance.share - 0.01).abs() < f64::EPSILON);

    assert_eq!(settings.instances.len(), 1);
    let production = &settings.instances[0];
    assert_eq!(production.name().as_str(), "production");
    assert_eq!((production.access.mode, production.access.tenant.as_deref()), (InstanceMode::Observe, None));
    assert_eq!(production.policy.missing_group, MissingPolicy::Skip);
    let [admin] = production.policy.protected_groups.as_slice() else { panic!("one protected group") };
    assert_eq!((admin.name.as_str(), admin.min_members, admin.required.len()), ("admin", 2, 0));
    assert_eq!(ims_secret(&settings), CAMPAIGN_SECRET.1);

    assert_eq!(settings.guard.limits.max_removals, 50);
    assert_eq!(settings.guard.removal_confirmation, Confirmation::Reread);
    assert_eq!(settings.schedule.schedule.to_string(), "0 0 */2 * * * UTC");
    assert_eq!(settings.schedule.jitter, Duration::from_mins(5));
    assert!(
        matches!(&settings.state.url, StateLocation::Sqlite(path) if path.ends_with("campaign-group-sync/state.db"))
    );
    assert_eq!(
        settings.http,
        Http { listen: Some("127.0.0.1:9464".parse().expect("an address")), person_lookup: PersonLookup::On }
    );
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Info, LogFormat::Auto));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn values_at_the_limits_are_valid() {
    let zero = r#"users_per_minute = 4294967295
        first_page_interval = "0s"
        max_wait = "0"
        unlisted_accounts = "0.5%""#;
    let settings = World::new()
        .config(&least_with("experience_cloud", zero))
        .set(("CAMPAIGN_GROUP_SYNC__GUARD__APPROVAL_TTL", "0s"))
        .set(("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "0"))
        .set(("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS_PERCENT", "100"))
        .set(("CAMPAIGN_GROUP_SYNC__SCHEDULE__CRON", "off"))
        .set(("CAMPAIGN_GROUP_SYNC__SCHEDULE__JITTER", "0s"))
        .set(("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "off"))
        .settings();
    assert_eq!(settings.experience_cloud.options.users_per_minute.get(), u32::MAX);
    assert_eq!(settings.experience_cloud.first_page_interval, Duration::ZERO);
    assert_eq!(settings.experience_cloud.options.retry.max_wait, Duration::ZERO);
    assert!((settings.experience_cloud.options.tolerance.share - 0.005).abs() < f64::EPSILON);
    assert_eq!(settings.guard.approval_ttl, Duration::ZERO);
    assert_eq!((settings.guard.limits.max_removals, settings.guard.limits.max_removals_percent), (0, 100));
    assert_eq!(settings.schedule.schedule.to_string(), "off");
    assert_eq!(settings.http.listen, None);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let world = World::new().config(&least_with("guard", "max_removals = 7\nmax_new_groups = 3"));
    let guard = world.set(("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "9")).settings().guard;
    assert_eq!((guard.limits.max_removals, guard.limits.max_new_groups, guard.limits.max_new_operators), (9, 3, 25));
}

#[test]
fn an_id_of_digits_keeps_its_zeros() {
    let world = World::new().config(LEAST);
    let settings = world.set(("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_ID", "00123")).settings();
    assert_eq!(settings.experience_cloud.options.client_id, "00123");
}

#[test]
fn names_of_instances_are_compared_without_case_and_keep_their_spelling() {
    let settings = World::new()
        .config(&LEAST.replace("production", "Production"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__MODE", "observe"))
        .settings();
    assert_eq!(settings.instances.len(), 1);
    assert_eq!(settings.instances[0].name().as_str(), "Production");
    assert_eq!(settings.instances[0].access.mode, InstanceMode::Observe);
    assert_eq!(ims_secret(&settings), CAMPAIGN_SECRET.1);
}

#[test]
fn an_instance_may_be_configured_by_the_environment_only() {
    let settings = World::new()
        .config(LEAST)
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__ACCEPTANCE__URL", "http://127.0.0.1:8080/"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__ACCEPTANCE__ASSOCIATION_MASK", "Test - (.*)"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__ACCEPTANCE__AUTHENTICATION", "native"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__ACCEPTANCE__LOGIN", "sync"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__ACCEPTANCE__PASSWORD", "TOPSECRET"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__ACCEPTANCE__PROTECTED_OPERATORS", "ann@acme.com, bob@acme.com"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__ACCEPTANCE__PROTECTED_GROUPS__ADMIN__MIN_MEMBERS", "5"))
        .settings();
    let names: Vec<&str> = settings.instances.iter().map(|instance| instance.name().as_str()).collect();
    assert_eq!(names, ["acceptance", "production"]);
    let acceptance = &settings.instances[0];
    assert_eq!(acceptance.access.url.to_string(), "http://127.0.0.1:8080");
    let protected: Vec<&str> = acceptance.policy.protected_operators.iter().map(OperatorLogin::as_str).collect();
    assert_eq!(protected, ["ann@acme.com", "bob@acme.com"]);
    assert_eq!(acceptance.policy.protected_groups[0].min_members, 5);
    assert_eq!(settings.instances[1].policy.protected_groups[0].min_members, 2);
    assert!(matches!(&acceptance.access.authentication, InstanceAuthentication::Native { login, password }
        if login.as_str() == "sync" && password.expose_secret() == "TOPSECRET"));
}

#[test]
fn protected_groups_are_added_to_those_of_all_instances() {
    let groups = r#"protected_groups = { Admin = { required = ["ann@acme.com"] }, ops = { min_members = 1 } }"#;
    let settings = World::new().config(&least_with("instances.production", groups)).settings();
    let groups: Vec<_> = settings.instances[0].policy.protected_groups.iter().collect();
    assert_eq!(groups.len(), 2);
    assert_eq!((groups[0].min_members, groups[0].required[0].as_str()), (2, "ann@acme.com"));
    assert_eq!((groups[1].name.as_str(), groups[1].min_members), ("ops", 1));
}

#[test]
fn defaults_of_all_instances_can_be_changed_in_the_file() {
    let text = least_with("instances.\"*\"", "mode = \"observe\"\nlogin = \"for native instances\"");
    let settings = World::new().config(&text).settings();
    assert_eq!(settings.instances[0].access.mode, InstanceMode::Observe);
}

#[test]
fn the_named_file_is_read_instead_of_the_file_of_the_system() {
    let world =
        World::new().file("a.toml", LEAST, 0o644).file("b.toml", LEAST, 0o644).file("config.toml", "x = 1", 0o644);
    let world = world.set(("CAMPAIGN_GROUP_SYNC_CONFIG", "FOLDER/a.toml"));
    assert!(load(&world.sources()).is_ok());
    let both = Sources { file: Some(world.path("missing.toml")), ..world.sources() };
    let message = load(&both).expect_err("refused").to_string();
    assert!(message.contains("missing.toml (named by --config): there is no such file"), "{message}");
    let world = world.set(("CAMPAIGN_GROUP_SYNC_CONFIG", "FOLDER/missing.toml"));
    assert!(world.problems()[0].contains("(named by CAMPAIGN_GROUP_SYNC_CONFIG): there is no such file"));
    let world = world.set(("CAMPAIGN_GROUP_SYNC_CONFIG", "FOLDER"));
    assert!(world.problems()[0].starts_with("FOLDER (named by CAMPAIGN_GROUP_SYNC_CONFIG): is a folder"));
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_accepted() {
    let text = format!("\u{feff}{}", LEAST.replace('\n', "\r\n"));
    assert_eq!(World::new().config(&text).settings().instances.len(), 1);
}

#[test]
fn without_a_file_the_environment_may_set_every_key() {
    let settings = World::new()
        .set(("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__ORGANIZATION_ID", "0123456789abcdef01234567@AdobeOrg"))
        .set(("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_ID", "cloud-id"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__URL", "https://acme.campaign.adobe.com"))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__ASSOCIATION_MASK", "Campaign - acme - "))
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__CLIENT_ID", "campaign-id"))
        .settings();
    assert_eq!(settings.instances[0].name().as_str(), "production");
}

#[test]
fn every_file_in_config_loads() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["default.toml", "example.toml"]);
    let example = fs::read_to_string(folder.join("example.toml")).expect("readable");
    let settings = World::new()
        .unset(CLOUD_SECRET)
        .unset(CAMPAIGN_SECRET)
        .config(&example.replace("/etc/campaign-group-sync", "FOLDER"))
        .file("experience_cloud.client_secret", "one\n", 0o600)
        .file("production.client_secret", "two\n", 0o640)
        .settings();
    assert_eq!(
        (settings.experience_cloud.options.client_secret.expose_secret(), ims_secret(&settings)),
        ("one", "two")
    );
    assert_eq!(settings.warnings, Vec::<String>::new());
    // As the configuration file, default.toml changes nothing; the keys that are required are missing.
    let defaults = fs::read_to_string(folder.join("default.toml")).expect("readable");
    let world = World::new().unset(CAMPAIGN_SECRET).config(&defaults);
    let subjects: Vec<String> = world.error().problems.into_iter().map(|problem| problem.subject).collect();
    assert_eq!(subjects, ["experience_cloud.organization_id", "experience_cloud.client_id", "instances"]);
}

#[test]
fn a_day_is_written_with_or_without_quotes() {
    for day in ["\"2027-03-31\"", "2027-03-31"] {
        let line = format!("client_secret_expires = {day}");
        let settings = World::new().config(&least_with("experience_cloud", &line)).settings();
        let read = settings.experience_cloud.client_secret_expires.map(|day| day.to_string());
        assert_eq!(read.as_deref(), Some("2027-03-31"));
    }
}

#[test]
fn valid_sections_are_loaded_when_others_have_problems() {
    let text = format!("{LEAST}[instances.stage]\nmode = 1\n[http]\nlisten = 1\n[guard]\nmax = 1\n");
    let read = load_partial(&World::new().config(&text).sources());
    assert!(read.experience_cloud.is_some() && read.guard.is_some() && read.state.is_some(), "{read:#?}");
    assert!(read.http.is_none() && read.has_all_layers, "{read:#?}");
    let usable: Vec<_> =
        read.instances.iter().map(|one| (one.name.as_str(), one.access.is_some(), one.policy.is_some())).collect();
    assert_eq!(usable, [("production", true, true), ("stage", false, false)]);
    let mut narrowed = read.clone();
    assert_eq!(narrowed.keep_instances(&["STAGE".to_owned()]), Ok(()));
    assert_eq!(narrowed.instances.len(), 1);
    let unknown = "there is no instance \"x\"; the configuration has: production, stage".to_owned();
    assert_eq!(read.clone().keep_instances(&["x".to_owned()]), Err(unknown));
}

#[test]
fn without_the_file_only_names_of_instances_are_known() {
    let world = World::new().config("[guard").set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__MODE", "observe"));
    let mut read = load_partial(&world.sources());
    assert!(!read.has_all_layers && read.state.is_none() && read.control.is_none() && read.ims_url.is_none());
    assert!(read.instances.iter().all(|one| one.name.as_str() == "production" && one.access.is_none()), "{read:#?}");
    // The file may contain any other instance.
    assert_eq!(read.keep_instances(&["stage".to_owned()]), Ok(()));
}

#[test]
fn every_key_is_read() {
    let mut keys = 0;
    for section in &schema().sections {
        let table = section.heading.trim_matches(['[', ']']).replace("\"*\"", "production");
        for key in section.keys.iter().map(|key| key.name) {
            keys += 1;
            // `true` is an invalid value of every key but this one.
            let wrong = if key == "webhook_people" { "1" } else { "true" };
            let lines = LEAST.lines().filter(|line| !line.starts_with(&format!("{key} =")));
            let text = lines.collect::<Vec<_>>().join("\n") + "\n";
            let heading = format!("[{table}]\n");
            let text = if text.contains(&heading) { text } else { format!("{text}{heading}") };
            let text = text.replace(&heading, &format!("{heading}{key} = {wrong}\n"));
            let native = "authentication = \"native\"\n";
            let is_native = matches!(key, "login" | "password" | "password_file");
            let text = if is_native { text.replace("client_id = \"campaign-id\"", native) } else { text };
            let world = World::new().config(&text).unset(CAMPAIGN_SECRET);
            let world = if table == "experience_cloud" { world.unset(CLOUD_SECRET) } else { world };
            let subject = format!("{table}.{}", key.trim_end_matches("_file"));
            let problems = world.problems();
            assert!(problems.iter().any(|problem| problem.starts_with(&subject)), "{subject}: {problems:#?}");
        }
    }
    assert_eq!(keys, 16 + 20 + 8 + 2 + 3 + 3 + 2 + 1 + 8 + 2);
}

#[test]
fn an_organization_has_a_file_a_state_and_a_socket_of_its_own() {
    let world = World::new().file("acme.toml", LEAST, 0o644).file("config.toml", "x = 1", 0o644);
    let by_option = Sources { organization: Some("acme".parse().expect("a name")), ..world.sources() };
    let world = world.set(("CAMPAIGN_GROUP_SYNC_ORGANIZATION", "acme"));
    for sources in [by_option, world.sources()] {
        let settings = load(&sources).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(settings.organization.as_ref().map(OrganizationName::as_str), Some("acme"));
        assert_eq!(settings.control.socket, PathBuf::from("/run/campaign-group-sync-acme/control.sock"));
        assert!(matches!(settings.state.url, StateLocation::Sqlite(path)
            if path == Path::new("/var/lib/campaign-group-sync-acme/state.db")));
        let shown = effective_values(&sources).into_iter().find(|value| value.key == "control.socket").expect("shown");
        assert_eq!(shown.source, "default of organization acme");
    }
    let named = Sources { file: Some(world.path("acme.toml")), ..world.sources() };
    let settings = load(&named).unwrap_or_else(|error| panic!("{error}"));
    assert!(settings.organization.is_none(), "--config names a file, whatever the variable says");
}

#[test]
fn an_organization_that_cannot_be_meant_is_refused() {
    let missing = World::new().set(("CAMPAIGN_GROUP_SYNC_ORGANIZATION", "globex")).problems();
    assert_eq!(
        missing[0],
        "FOLDER/globex.toml (named by CAMPAIGN_GROUP_SYNC_ORGANIZATION): there is no such file | correct the path, or create the file; name a \
         TOML file"
    );
    let wrong = World::new().set(("CAMPAIGN_GROUP_SYNC_ORGANIZATION", "../acme")).problems();
    assert!(wrong[0].starts_with("environment variable CAMPAIGN_GROUP_SYNC_ORGANIZATION: a name of an"), "{wrong:?}");
    let both = World::new().file("a.toml", LEAST, 0o644).set(("CAMPAIGN_GROUP_SYNC_CONFIG", "FOLDER/a.toml"));
    let both = both.set(("CAMPAIGN_GROUP_SYNC_ORGANIZATION", "acme")).problems();
    assert!(both[0].contains("is set beside CAMPAIGN_GROUP_SYNC_CONFIG"), "{both:?}");
}
