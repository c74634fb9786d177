//! Simulated vendors over real HTTP on loopback, from one world read from a scenario.
//!
//! One server plays Adobe's identity service (`/ims/token`), its user management API (`/v2/usermanagement`) and any
//! number of Campaign instances (`/campaign/NAME/nl/jsp/soaprouter.jsp`). The world behind them can be looked at and
//! disturbed while it is served, in process ([`Sandbox::world`]) or over HTTP (`/sandbox`). Nothing here is shared
//! with the clients: a wrong field name must not be wrong on both sides.
//!
//! | file | what lives there |
//! |---|---|
//! | `scenario`, `mistakes`, `built_in` | the document a world is built from, and the built-in ones |
//! | `dials` | how the vendors behave |
//! | `generate` | the large organization, made from a seed |
//! | `organization`, `membership` | groups, users and who is in what |
//! | `world`, `change` | the living world, and what may be done to it |
//! | `connection` | what a client must be configured with |
//! | `server`, `line`, `request_log` | HTTP: one handler, connections that can be cut, what was asked |
//! | `tls`, `listener` | https: the certificate, and who is let in |
//! | `ims`, `umapi`, `throttle` | Experience Cloud |
//! | `campaign` | Campaign's SOAP router |
//! | `fault`, `disturb` | the dial of faults, and what a fault does to an answer |
//! | `control` | `/sandbox`: the world, the faults and the log over HTTP |

mod built_in;
pub mod campaign;
mod change;
mod connection;
mod control;
mod dials;
mod disturb;
mod error;
mod fault;
mod generate;
mod ims;
mod line;
mod listener;
mod membership;
mod mistakes;
mod organization;
mod received;
mod request_log;
mod scenario;
mod server;
mod throttle;
mod tls;
mod umapi;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use change::{Change, OrganizationChange};
pub use connection::{Connection, InstanceConnection, InstanceCredential};
pub use dials::{Dials, MemberCount, Pages, PastTheEnd, Quirks, SingleUser, Throttle, Tokens};
pub use error::SandboxError;
pub use fault::{Always, Effect, Fault, InjectedFault, Times};
pub use generate::Generate;
pub use mistakes::{MistakenFile, Mistakes};
pub use organization::{Group, Organization, User};
pub use request_log::LoggedRequest;
pub use scenario::Scenario;
pub use tls::{Tls, Vendor};
pub use world::World;

use listener::CuttableListener;
use server::Shared;
use tls::Identity;

/// Longest wait for requests in flight when the sandbox is stopped; what is left then is cut off.
const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen: a loopback address; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The world to serve.
    pub scenario: Scenario,
}

/// A running sandbox; dropping it ends the server.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// Binds the address and serves the scenario until stopped or dropped.
    ///
    /// # Errors
    ///
    /// [`SandboxError::NotLoopback`] for an address others could reach, [`SandboxError::Listen`] when it cannot be
    /// bound, [`SandboxError::World`] when the scenario contradicts itself, [`SandboxError::Certificate`] when it names
    /// a host for which there can be no certificate.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let Options { listen, mut scenario } = options;
        if !listen.ip().is_loopback() {
            return Err(SandboxError::NotLoopback { address: listen });
        }
        let faults = std::mem::take(&mut scenario.faults);
        let unbound = |source| SandboxError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        let world = World::new(scenario)?;
        let identity = world.tls().map(|tls| Identity::new(tls, address.ip())).transpose()?;
        let (acceptor, authority) = identity.map(|identity| (identity.acceptor, identity.authority)).unzip();
        let shared = Arc::new(Shared::new(world, authority));
        for fault in faults {
            shared.faults().inject(fault);
        }
        let (stop, stopped) = watch::channel(());
        let listener = CuttableListener::new(listener, acceptor);
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, shared, stop, task })
    }

    /// The address the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL, without a slash at the end: plain http, which is answered beside https.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a client must be configured with to use this sandbox.
    pub fn connection(&self) -> Connection {
        Connection::of(&self.address.to_string(), &self.world(), self.shared.authority())
    }

    /// The world, to look at and to disturb; requests wait while the guard is held.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    /// Every request since the start or the last [`Sandbox::clear_requests`], in the order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log().requests().to_vec()
    }

    /// Forgets the requests seen so far.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// Disturbs calls from now on.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults().inject(fault);
    }

    /// The injected faults with what they have met, so that a test can tell whether its fault was met.
    pub fn faults(&self) -> Vec<InjectedFault> {
        self.shared.faults().injected().to_vec()
    }

    /// Forgets the injected faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Stops accepting, cuts off what still waits, and returns when the server has ended, after two seconds at most.
    pub async fn stop(self) {
        let Self { stop, mut task, .. } = self;
        drop(stop);
        if tokio::time::timeout(STOP_DEADLINE, &mut task).await.is_err() {
            task.abort();
        }
    }
}
