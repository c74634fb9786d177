//! An HTTP server with a state and a journal, and a plain HTTP client that sends exactly the bytes of a test.

use std::{net::SocketAddr, time::Duration};

use campaign_group_sync::{
    daemon::{self, DaemonState, ExplainRequest, HttpState},
    journal::{self, Journal},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// The length of the queue of explain requests, as in the daemon.
const QUESTIONS: usize = 4;

/// A server with its state and its journal.
pub(crate) struct Harness {
    pub(crate) daemon_state: DaemonState,
    pub(crate) journal: Journal,
    pub(crate) address: SocketAddr,
    pub(crate) explain_requests: mpsc::Receiver<ExplainRequest>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<std::io::Result<()>>,
    _folder: Option<TempDir>,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let location = journal::JournalLocation::Sqlite(folder.path().join("state.db"));
        let journal = Journal::open(&journal::JournalOptions { location, watch: None }).await.expect("a journal");
        Self { _folder: Some(folder), ..Self::with(journal).await }
    }

    /// Serves what this journal holds.
    pub(crate) async fn with(journal: Journal) -> Self {
        let daemon_state = DaemonState::new(Duration::from_secs(600), Some("node-1".to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, explain_requests) = mpsc::channel(QUESTIONS);
        let state =
            HttpState { daemon_state: daemon_state.clone(), journal: journal.clone(), explain_requests: sender };
        let (stop, stopped) = oneshot::channel();
        let until = async {
            // A dropped sender stops the server as well.
            drop(stopped.await);
        };
        let served = tokio::spawn(daemon::serve(listener, state, until));
        Self { daemon_state, journal, address, explain_requests, stop, served, _folder: None }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        ask(self.address, method, path, headers).await
    }
}

/// Asks once over a connection of its own.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request.extend(["Host: ", &address.to_string(), "\r\n"]);
    }
    for (name, value) in headers {
        request.extend([*name, ": ", *value, "\r\n"]);
    }
    send(address, (request + "\r\n").as_bytes()).await
}

/// Sends bytes and reads until the server closes; a reset ends the answer as well.
pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // A server that has seen enough closes before everything is sent.
    drop(stream.write_all(request).await);
    receive(stream).await
}

/// The same, and says that nothing more will come.
pub(crate) async fn send_all(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    drop(stream.write_all(request).await);
    drop(stream.shutdown().await);
    receive(stream).await
}

async fn receive(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
    Answer::parse(&String::from_utf8_lossy(&bytes))
}

/// What came back; status 0 when the server closed without an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Self { status: status.unwrap_or(0), headers, body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}
