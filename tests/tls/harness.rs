//! A sandbox with TLS, and the HTTP client of the program for it.

use campaign_group_sync::{
    sandbox::{Sandbox, Scenario, Tls},
    transport::{BaseUrl, ConnectionReuse, HttpClient, HttpOptions, HttpResponse, TransportError},
};

pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
}

impl Harness {
    pub(crate) async fn with(tls: Tls) -> Self {
        let mut scenario = Scenario::named("first_day").expect("built in");
        scenario.tls = Some(tls);
        Self { sandbox: crate::support::sandbox::start(scenario).await }
    }

    /// The address of the Campaign instance.
    pub(crate) fn campaign(&self) -> BaseUrl {
        let connection = self.sandbox.connection();
        BaseUrl::parse(&connection.instances.first().expect("an instance").url).expect("an address")
    }

    /// A client that trusts the authority of the sandbox.
    pub(crate) fn client(&self) -> HttpClient {
        let options =
            HttpOptions { trusted_authorities: self.sandbox.connection().authority, ..HttpOptions::default() };
        HttpClient::new(&self.campaign(), &options).expect("a client")
    }

    /// Sends one request to the instance.
    pub(crate) async fn ask(&self) -> Result<HttpResponse, TransportError> {
        let client = self.client();
        client.send(client.get(&self.campaign().join("/r/test")), ConnectionReuse::Allowed, async || Ok(())).await
    }
}
