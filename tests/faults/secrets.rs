//! Secrets that no output of a cell may have.

use campaign_group_sync::sandbox::{InstanceCredential, LoggedRequest, Sandbox};

use crate::support::secrets::Marked;

/// The token in answers that are faults.
const MARKED_TOKEN: &str = "token-4711";

/// What a sandbox and the requests to it have of secrets.
pub(super) fn secrets(sandbox: &Sandbox, requests: &[LoggedRequest]) -> Marked {
    let connection = sandbox.connection();
    let mut secrets = vec![MARKED_TOKEN.to_owned(), connection.client_secret];
    secrets.extend(connection.instances.into_iter().map(|instance| match instance.authentication {
        InstanceCredential::Native { password, .. } => password,
        InstanceCredential::Ims { client_secret, .. } => client_secret,
    }));
    for (name, value) in requests.iter().flat_map(|request| &request.headers) {
        match name.as_str() {
            "authorization" => secrets.push(value.trim_start_matches("Bearer ").to_owned()),
            "cookie" => secrets.push(value.trim_start_matches("__sessiontoken=").to_owned()),
            "x-security-token" => secrets.push(value.clone()),
            _ => {}
        }
    }
    Marked::with(secrets)
}
