//! Simulated Adobe endpoints over real HTTP on loopback, from one world read from a scenario.
//!
//! One server plays IMS (`/ims/token`), UMAPI (`/v2/usermanagement`) and any number of Campaign instances
//! (`/campaign/NAME/nl/jsp/soaprouter.jsp`). The world can be read and changed while it is served, in process
//! ([`Sandbox::world`]) or over HTTP (`/sandbox`). The clients share no code with it: a wrong field name must not be
//! wrong on both sides.
//!
//! | file | contents |
//! |---|---|
//! | `scenario`, `built_in_scenarios` | the document that a world is built from, and the built-in ones |
//! | `misconfiguration` | errors in the configuration of the sandbox's client |
//! | `behavior` | page sizes, call limits, tokens, and what Adobe's documentation leaves open |
//! | `generate`, `random` | the large organization, made from a seed |
//! | `organization`, `membership` | groups, users and their memberships |
//! | `world`, `change` | the current world, and the changes that can be applied to it |
//! | `connection_parameters` | what a client must be configured with |
//! | `server`, `request`, `connection`, `request_log` | HTTP: one handler, connections that can be cut, the log of requests |
//! | `tls`, `listener` | HTTPS: the certificate, and the accepted connections |
//! | `ims`, `umapi`, `call_limits` | Experience Cloud |
//! | `campaign` | Campaign's SOAP router |
//! | `fault`, `effect`, `fault_effects` | injected faults, their effects, and how these change a response |
//! | `replay`, `replay_file`, `replay_request` | serves a transcript of another system |
//! | `control` | `/sandbox`: the world, the faults and the request log over HTTP |
//! | `fuzzing` | entrances for the fuzz targets |

mod behavior;
mod built_in_scenarios;
mod call_limits;
pub mod campaign;
mod change;
mod connection;
mod connection_parameters;
mod control;
mod effect;
mod error;
mod fault;
mod fault_effects;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod generate;
mod ims;
mod listener;
mod membership;
mod misconfiguration;
mod organization;
mod random;
mod replay;
mod replay_file;
mod replay_request;
mod request;
mod request_log;
mod scenario;
mod server;
mod tls;
mod umapi;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use behavior::{Behavior, CallLimits, MemberCount, PageSizes, PastTheEnd, Quirks, SingleUser, TokenBehavior};
pub use change::{Change, OrganizationChange};
pub use connection_parameters::{ConnectionParameters, InstanceCredential, InstanceParameters};
pub use effect::{Charset, Effect};
pub use error::SandboxError;
pub use fault::{Always, Fault, InjectedFault, Times};
pub use generate::Generate;
pub use misconfiguration::{Misconfiguration, MisconfiguredFile};
pub use organization::{Organization, UmapiGroup, User};
pub use replay::Replay;
pub use replay_file::{ReplayFile, ReplayFileError};
pub use request_log::LoggedRequest;
pub use scenario::Scenario;
pub use tls::{Endpoint, Tls};
pub use world::World;

use listener::SandboxListener;
use server::Shared;
use tls::Identity;

/// Longest wait for requests in flight when the sandbox is stopped; the rest is reset then.
const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// The options of a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
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
    /// [`SandboxError::NotLoopback`] for an address that other machines can connect to, [`SandboxError::Listen`] when
    /// it cannot be bound, [`SandboxError::World`] when the scenario is inconsistent, [`SandboxError::Certificate`]
    /// when no certificate can be made for the host it names.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let SandboxOptions { listen, mut scenario } = options;
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
        let listener = SandboxListener::new(listener, acceptor);
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, shared, stop, task })
    }

    /// The address the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL without a trailing slash: plain HTTP, which is served beside HTTPS.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a client must be configured with to use this sandbox.
    pub fn connection(&self) -> ConnectionParameters {
        ConnectionParameters::of(&self.address.to_string(), &self.world(), self.shared.authority())
    }

    /// The world, to read and to change; requests wait while the guard is held.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    /// Every request since the start or the last [`Sandbox::clear_requests`], in the order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log().requests().to_vec()
    }

    /// Clears the log of requests.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// Injects a fault.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults().inject(fault);
    }

    /// The injected faults with the number of calls that matched, so that a test can prove that its fault acted.
    pub fn faults(&self) -> Vec<InjectedFault> {
        self.shared.faults().injected().to_vec()
    }

    /// Waits until the fault with this position in [`Self::faults`] has acted on a call.
    pub async fn until_disturbed(&self, position: usize) {
        self.shared.until_disturbed(position).await;
    }

    /// Removes the injected faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Stops accepting connections, resets those in flight, and returns when the server has stopped, after two seconds
    /// at most.
    pub async fn stop(self) {
        let Self { stop, mut task, .. } = self;
        drop(stop);
        if tokio::time::timeout(STOP_DEADLINE, &mut task).await.is_err() {
            task.abort();
        }
    }
}
