//! A sandbox with one instance, and clients for it.

use std::time::Duration;

use campaign_group_sync::campaign::{Campaign, CampaignError, CampaignOptions};
use campaign_group_sync::domain::{CampaignSnapshot, OperatorGroup};
use campaign_group_sync::sandbox::campaign::{
    Build, InstanceAuthentication, InstanceBehavior, InstanceWorld, Operator,
};
use campaign_group_sync::sandbox::{Effect, Fault, InstanceCredential, Sandbox, Scenario};
use campaign_group_sync::transport::RetryPolicy;

use crate::support::{captured_log::CapturedLog, options, sandbox};

/// A world with unusual names: quotes, backslashes, markup, other scripts, an error code, and a negative id.
const WORLD: &str = r#"
[campaign.production]
tenant = "acme"
association_mask = "Campaign - acme - (.*)"
authentication = "native"
password = "p&ss<\"'é/wörd"
operators = [
    { id = -12, name = "old-agent", label = "Agent" },
    { id = 2001, name = "Ann@acme.com", label = "Ann \"the <boss>\" & more", authentication = "ims" },
    { id = 2002, name = "o'brien@acme.com", label = "Zoë\n\tO'Brien", authentication = "ims" },
    { id = 2003, name = 'ACME\bob', label = '\' },
    { id = 2004, name = "XSV-350008 Session has expired", label = "XSV-350012 ]]> &amp;", authentication = "ims" },
    { id = 2005, name = "漢字@acme.com", label = "漢字 😀", authentication = "ims" },
]
groups = [
    { id = -3, name = "oldest", label = "" },
    { id = 3001, name = "delivery", label = "Delivery" },
    { id = 3002, name = "R&D <'\"\\>", label = "R&D" },
]
memberships = [
    ["Ann@acme.com", "delivery"],
    ["Ann@acme.com", "R&D <'\"\\>"],
    ["old-agent", "oldest"],
    ["o'brien@acme.com", "delivery"],
    ['ACME\bob', "oldest"],
    ["漢字@acme.com", "delivery"],
]
named_rights = [["Ann@acme.com", "export"], ["old-agent", "webapp"]]
"#;

thread_local! {
    /// The log of a test with all trace lines of the HTTP library.
    static LOG: CapturedLog = CapturedLog::start(|memory| {
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        log.with_writer(move || memory.clone()).finish()
    });
}

/// The log of this test so far.
fn logged() -> String {
    LOG.with(CapturedLog::text)
}

/// A running instance. When it is dropped, the log must not contain any of its secrets.
pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    /// Where its part of the log begins.
    logged_before: usize,
}

impl Harness {
    /// Serves the world on a build, with native sign-in where the build has it.
    pub(crate) async fn native(build: Build) -> Self {
        Self::to(build, |_| {}).await
    }

    /// Serves the world on a build, with technical accounts. The account is created by its first call.
    pub(crate) async fn ims(build: Build) -> Self {
        Self::serve(build, |world| world.authentication = InstanceAuthentication::Ims).await
    }

    /// Serves the world on a build, with a change and with native sign-in. Where the build has none, a technical account
    /// has the name of the service account, and exists from the beginning as that does.
    pub(crate) async fn to(build: Build, change: impl FnOnce(&mut InstanceWorld)) -> Self {
        Self::serve(build, |world| {
            if !world.behavior.native_sign_in {
                world.authentication = InstanceAuthentication::Ims;
                world.technical_account = world.login.clone();
                world.operators.push(Operator {
                    id: Some(1500),
                    name: world.login.clone(),
                    label: world.login.clone(),
                    authentication: "ims".to_owned(),
                    ..Operator::default()
                });
            }
            change(world);
        })
        .await
    }

    async fn serve(build: Build, change: impl FnOnce(&mut InstanceWorld)) -> Self {
        let logged_before = logged().len();
        let mut scenario = Scenario::from_toml(WORLD).unwrap();
        let world = scenario.campaign.get_mut("production").unwrap();
        world.behavior = InstanceBehavior::of(build);
        change(world);
        Self { sandbox: sandbox::start(scenario).await, logged_before }
    }

    /// The options of a client with three attempts for each call and without pauses.
    pub(crate) fn options(&self) -> CampaignOptions {
        let connection = self.sandbox.connection();
        let instance = connection.instances.first().unwrap();
        CampaignOptions {
            retry: RetryPolicy { attempts: 3, first_pause: Duration::ZERO, max_wait: Duration::from_secs(10) },
            ..options::campaign(&connection, instance)
        }
    }

    /// A client with the credentials of the instance.
    pub(crate) fn client(&self) -> Campaign {
        Campaign::new(self.options()).unwrap()
    }

    /// A client that requests `page_rows` rows at a time.
    pub(crate) fn client_with_pages_of(&self, page_rows: usize) -> Campaign {
        Campaign::new(CampaignOptions { page_rows, ..self.options() }).unwrap()
    }

    /// Reads everything with a new client.
    pub(crate) async fn read(&self) -> Result<CampaignSnapshot, CampaignError> {
        self.client().fetch_snapshot().await
    }

    /// Changes how the instance behaves from now on.
    pub(crate) fn adjust(&self, change: impl FnOnce(&mut InstanceBehavior)) {
        self.sandbox.world().instance_mut("production").unwrap().adjust(change);
    }

    pub(crate) fn inject(&self, call: &str, effect: Effect) {
        self.sandbox.inject(Fault::new(call, effect));
    }

    /// The number of requests of this kind: the sandbox's short name of a call, or a SOAP method.
    pub(crate) fn count(&self, call: &str) -> usize {
        let action = format!("#{call}");
        let requests = self.sandbox.requests();
        let is_action = |(name, value): &(String, String)| name == "soapaction" && value.ends_with(&action);
        requests.iter().filter(|request| request.call == call || request.headers.iter().any(is_action)).count()
    }

    /// The present state of the instance.
    pub(crate) fn instance(&self) -> InstanceWorld {
        self.sandbox.world().instance("production").unwrap().world()
    }

    /// The logins of the members of a group.
    pub(crate) fn members(&self, group: &str) -> Vec<String> {
        let memberships = self.instance().memberships;
        memberships.into_iter().filter(|(_, of)| of == group).map(|(login, _)| login).collect()
    }

    /// Everything that must never be shown: the password or client secret, and all tokens that were sent.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![match self.sandbox.connection().instances.remove(0).authentication {
            InstanceCredential::Native { password, .. } => password,
            InstanceCredential::Ims { client_secret, .. } => client_secret,
        }];
        for (name, value) in self.sandbox.requests().into_iter().flat_map(|request| request.headers) {
            match name.as_str() {
                "cookie" => secrets.extend(value.split('=').nth(1).map(str::to_owned)),
                "x-security-token" => secrets.push(value),
                "authorization" => secrets.extend(value.strip_prefix("Bearer ").map(str::to_owned)),
                _ => {}
            }
        }
        secrets
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let log = logged().split_off(self.logged_before);
        assert!(!log.is_empty(), "nothing was logged");
        for secret in self.secrets() {
            let lines: Vec<_> = log.lines().filter(|line| line.contains(&secret)).collect();
            assert!(lines.is_empty(), "logged: {lines:#?}");
        }
    }
}

/// Memberships as pairs of names.
pub(crate) fn named(snapshot: &CampaignSnapshot) -> Vec<(String, String)> {
    let named = |group: &OperatorGroup| {
        let members = snapshot.members(group.id);
        members.map(|operator| (operator.login.to_string(), group.name.to_string())).collect::<Vec<_>>()
    };
    snapshot.groups().iter().flat_map(named).collect()
}
