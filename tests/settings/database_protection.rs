//! Warnings about addresses of databases whose server is not verified.

use super::world::{LEAST, World};

#[test]
fn incident_40_an_address_without_a_verified_server_draws_a_warning() {
    let warnings = |address: &str| {
        World::new().config(LEAST).set(("CAMPAIGN_GROUP_SYNC__STATE__URL", address)).settings().warnings
    };
    for address in [
        "postgres://sync:TOPSECRET@db.acme.com/state",
        "postgres://sync:TOPSECRET@db.acme.com/state?sslmode=verify-full",
        "postgres://sync:TOPSECRET@localhost/state?sslmode=disable",
    ] {
        assert_eq!(warnings(address), Vec::<String>::new(), "{address}");
    }
    for mode in ["disable", "prefer", "require", "verify-ca"] {
        let warnings = warnings(&format!("postgres://sync:TOPSECRET@db.acme.com/state?sslmode={mode}"));
        let [warning] = warnings.as_slice() else { panic!("{mode}: {warnings:?}") };
        assert!(warning.contains("state.url") && warning.contains("verify-full"), "{warning}");
        assert!(!warning.contains("TOPSECRET"), "{warning}");
    }
}
