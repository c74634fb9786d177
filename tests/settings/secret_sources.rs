//! The sources of secrets, files that are refused, and that no secret is shown.

use campaign_group_sync::{
    settings::{SecretFile, SecretFileOrigin, secret_files},
    transport::ExposeSecret as _,
};

use super::world::{CAMPAIGN_SECRET, CLOUD_SECRET, LEAST, World, ims_secret, least_with};

const CREDENTIALS: (&str, &str) = ("CREDENTIALS_DIRECTORY", "FOLDER/credentials");

/// The smallest configuration, with a file for the secret of the organization.
fn with_file(text: &str, mode: u32) -> World {
    World::new()
        .unset(CLOUD_SECRET)
        .config(&least_with("experience_cloud", "client_secret_file = \"FOLDER/secret\""))
        .file("secret", text, mode)
}

#[test]
fn a_secret_comes_from_the_environment_before_a_file_before_a_credential() {
    let cloud_secret =
        |world: &World| world.settings().experience_cloud.options.client_secret.expose_secret().to_owned();
    let world = with_file("from the file", 0o600)
        .set(CREDENTIALS)
        .file("credentials/experience_cloud.client_secret", "from the credential", 0o400)
        .set(CLOUD_SECRET);
    assert_eq!(cloud_secret(&world), CLOUD_SECRET.1);
    let world = world.unset(CLOUD_SECRET);
    assert_eq!(cloud_secret(&world), "from the file");
    let world = world.config(LEAST);
    assert_eq!(cloud_secret(&world), "from the credential");
}

#[test]
fn a_source_that_is_not_used_may_be_invalid() {
    let world = with_file("TOPSECRET", 0o644).set(CLOUD_SECRET);
    assert_eq!(world.settings().experience_cloud.options.client_secret.expose_secret(), CLOUD_SECRET.1);
}

#[test]
fn the_variable_may_name_the_file() {
    let variable = ("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_SECRET_FILE", "FOLDER/other");
    let world = with_file("one", 0o600).file("other", "two", 0o600).set(variable);
    assert_eq!(world.settings().experience_cloud.options.client_secret.expose_secret(), "two");
}

#[test]
fn credentials_of_instances_have_the_name_of_the_instance() {
    let native = "authentication = \"native\"\nlogin = \"sync\"";
    let text = LEAST.replace("client_id = \"campaign-id\"", native).replace("production", "Production");
    for name in ["instances.Production.password", "instances.production.password"] {
        let world = World::new().unset(CAMPAIGN_SECRET).set(CREDENTIALS).config(&text);
        let world = world.file(&format!("credentials/{name}"), "from the credential\n", 0o444);
        assert_eq!(world.settings().instances.len(), 1, "{name}");
    }
    let world = World::new().unset(CAMPAIGN_SECRET).set(CREDENTIALS).config(LEAST);
    let world = world.file("credentials/instances.production.client_secret", "TOPSECRET", 0o400);
    assert_eq!(ims_secret(&world.settings()), "TOPSECRET");
}

#[test]
fn line_ends_do_not_belong_to_a_secret_and_spaces_do() {
    for (text, expected) in [("s", "s"), ("s\n", "s"), ("s\r\n\n", "s"), (" s p \n", " s p ")] {
        let settings = with_file(text, 0o600).settings();
        assert_eq!(settings.experience_cloud.options.client_secret.expose_secret(), expected, "{text:?}");
    }
}

#[test]
fn a_secret_file_that_cannot_be_used_is_named_with_the_remedy() {
    let check = |world: &World, expected: &str| {
        let place = "experience_cloud.client_secret (FOLDER/secret, named by FOLDER/config.toml, line 3)";
        assert_eq!(world.problems(), [format!("{place}: {expected}")]);
    };
    for mode in [0o644, 0o604, 0o666] {
        let expected = format!(
            "everyone on this host may read the file (mode {mode:04o}) | if the file holds this secret and nothing else, give \
             it mode 0600, owned by the user who reads it; otherwise name the right file"
        );
        check(&with_file("TOPSECRET", mode), &expected);
    }
    check(&with_file("", 0o600), "is empty | put the secret there");
    check(&with_file("\n", 0o640), "is empty | put the secret there");
    let lines = "has more than one line, or control characters | put the secret there and nothing else";
    check(&with_file("TOP\nSECRET", 0o600), lines);
    let large = "is larger than 65536 bytes | name the file that holds the secret and nothing else";
    check(&with_file(&"x".repeat(65537), 0o600), large);
    let missing = with_file("x", 0o600);
    std::fs::remove_file(missing.path("secret")).expect("removed");
    let remedy = "name a file that holds the secret";
    check(&missing, &format!("there is no such file | correct the path, or create the file; {remedy}"));
    std::fs::create_dir(missing.path("secret")).expect("created");
    // The mode of a folder of the system must stay: the remedy does not mention chmod.
    for mode in [0o700, 0o755] {
        std::fs::set_permissions(missing.path("secret"), std::os::unix::fs::PermissionsExt::from_mode(mode))
            .expect("set");
        check(&missing, &format!("is a folder | {remedy}"));
    }
}

#[test]
fn an_empty_variable_is_named() {
    let world = World::new().config(LEAST).set((CLOUD_SECRET.0, ""));
    let expected = format!(
        "experience_cloud.client_secret (environment variable {}): is empty | put the secret there",
        CLOUD_SECRET.0
    );
    assert_eq!(world.problems(), [expected]);
}

#[test]
fn a_secret_in_the_configuration_file_is_refused_once() {
    let world = World::new().unset(CLOUD_SECRET).unset(CAMPAIGN_SECRET);
    let text = least_with("experience_cloud", "client_secret = \"TOPSECRET\"");
    let world = world
        .config(&text.replace("[instances.production]\n", "[instances.production]\nclient_secret = 'TOPSECRET'\n"));
    let what = "a secret must not be in the configuration file | put it into a file of its own";
    assert_eq!(
        world.problems(),
        [
            format!(
                "experience_cloud.client_secret (FOLDER/config.toml, line 3): {what} and set experience_cloud.client_secret_file, or set {}",
                CLOUD_SECRET.0
            ),
            format!(
                "instances.production.client_secret (FOLDER/config.toml, line 8): {what} and set instances.production.client_secret_file, or set {}",
                CAMPAIGN_SECRET.0
            ),
        ]
    );
}

#[test]
fn no_secret_is_ever_shown() {
    let state = ("CAMPAIGN_GROUP_SYNC__STATE__URL", "postgres://sync:TOPSECRET@db/state?password=TOPSECRET");
    let good = World::new().config(LEAST).set(state);
    let mut shown = vec![format!("{:?}{:?}{:?}", good.settings(), good.sources(), good.effective())];
    let bad = [
        World::new().config(&least_with("experience_cloud", "client_secret = \"TOPSECRET\"")),
        World::new().config(&least_with("experience_cloud", "client_secret = TOPSECRET")),
        World::new().config(&least_with("experience_cloud", "client_secrets = \"TOPSECRET\"")),
        World::new().config(&least_with("instances.production", "password = \"TOPSECRET\"")),
        World::new().config(&least_with("instances.production", "ims_url = \"https://a:TOPSECRET@h\"")),
        World::new().config(LEAST).set(("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_SECRT", "TOPSECRET")),
        World::new().config(LEAST).set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__PASSWORD", "TOPSECRET")),
        World::new().config(LEAST).set((CLOUD_SECRET.0, "TOPSECRET\nTOPSECRET")),
        World::new().config(LEAST).set((state.0, "postgres:/sync:TOPSECRET@db")),
        World::new().config(LEAST).set((state.0, "mysql://sync:TOPSECRET@db")),
        with_file("TOPSECRET", 0o644),
    ];
    for world in bad {
        let error = world.error();
        shown.push(format!("{error}{error:?}{:?}", world.effective()));
    }
    for text in shown {
        assert_eq!(text.find("TOPSECRET").and_then(|at| text.get(at.saturating_sub(100)..at)), None);
    }
}

#[test]
fn the_files_of_secrets_are_known_when_other_keys_have_problems() {
    let world = World::new()
        .unset(CLOUD_SECRET)
        .unset(CAMPAIGN_SECRET)
        .file("credentials/experience_cloud.client_secret", "one", 0o600)
        .set(CREDENTIALS)
        .set(("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__CLIENT_SECRET_FILE", "FOLDER/two"));
    let expected = [
        SecretFile {
            path: world.path("credentials/experience_cloud.client_secret"),
            origin: SecretFileOrigin::Credential,
        },
        SecretFile { path: world.path("two"), origin: SecretFileOrigin::Key },
    ];
    let world = world.config(LEAST);
    assert_eq!(secret_files(&world.sources()), expected);
    let world = world.config("[guard");
    assert_eq!(secret_files(&world.sources()), expected);
    let world = world.set(CLOUD_SECRET).set(CAMPAIGN_SECRET);
    assert_eq!(secret_files(&world.sources()), []);
}
