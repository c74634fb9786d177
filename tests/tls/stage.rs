//! A sandbox that encrypts, and the program's own HTTP client towards it.

use campaign_group_sync::{
    sandbox::{Sandbox, Scenario, Tls},
    transport::{BaseUrl, ConnectionReuse, HttpClient, HttpOptions, HttpResponse, TransportError},
};

pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
}

impl Stage {
    pub(crate) async fn with(tls: Tls) -> Self {
        let mut scenario = Scenario::named("first_day").expect("built in");
        scenario.tls = Some(tls);
        Self { sandbox: crate::support::sandbox::start(scenario).await }
    }

    /// Where the Campaign instance is.
    pub(crate) fn campaign(&self) -> BaseUrl {
        let connection = self.sandbox.connection();
        BaseUrl::parse(&connection.instances.first().expect("an instance").url).expect("an address")
    }

    /// A client that trusts whom the sandbox names.
    pub(crate) fn client(&self) -> HttpClient {
        let options =
            HttpOptions { trusted_authorities: self.sandbox.connection().authority, ..HttpOptions::default() };
        HttpClient::new(&self.campaign(), &options).expect("a client")
    }

    /// Asks the instance how it is.
    pub(crate) async fn ask(&self) -> Result<HttpResponse, TransportError> {
        let client = self.client();
        client.send(client.get(&self.campaign().join("/r/test")), ConnectionReuse::Allowed, async || Ok(())).await
    }
}
