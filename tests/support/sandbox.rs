//! A sandbox in this process.

use campaign_group_sync::sandbox::{Sandbox, SandboxOptions, Scenario};

/// Serves a scenario on a free port of loopback.
pub(crate) async fn start(scenario: Scenario) -> Sandbox {
    let listen = "127.0.0.1:0".parse().expect("an address");
    Sandbox::start(SandboxOptions { listen, scenario }).await.expect("a sandbox")
}
