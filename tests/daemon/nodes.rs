//! Several daemons on one database of a real PostgreSQL, and a way to cut one of them off.

use std::{
    env, fs, io,
    net::{Shutdown, TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    harness::{Daemon, Finished, Harness, Started, get, run},
    process::DEADLINE,
};

static SCHEMAS: AtomicUsize = AtomicUsize::new(0);

/// The status that a leader sends to systemd before its first run.
pub(crate) const LEADS: &str = "STATUS=starting: no run has ended since this node became the leader";

/// A sandbox, a configuration and a database for several nodes.
pub(crate) struct Nodes {
    pub(crate) harness: Harness,
    server: String,
    schema: String,
}

impl Nodes {
    /// `None`, with a printed word, where no server is named. `more` is added to the configuration.
    pub(crate) fn of(scenario: &str, more: &str) -> Option<Self> {
        let Ok(server) = env::var("TEST_POSTGRES_URL") else {
            println!("skipped: TEST_POSTGRES_URL is not set (tests/journal/with_postgres sets it)");
            return None;
        };
        let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
        let schema = format!("nodes_{}_{number}", std::process::id());
        let nodes = Self { harness: Harness::of(scenario, ""), server, schema };
        nodes.execute(format!("create schema {}", nodes.schema));
        nodes.configure(more);
        Some(nodes)
    }

    /// Writes the configuration of all nodes again.
    pub(crate) fn configure(&self, more: &str) {
        self.harness.configure(more);
        let text = fs::read_to_string(self.harness.configuration()).expect("readable");
        let state = format!("url = \"{}\"", self.address(&self.server));
        let lines = text.lines().map(|line| if line.contains("sqlite://") { state.as_str() } else { line });
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        fs::write(self.harness.configuration(), text).expect("written");
    }

    /// The database of these nodes on a server.
    fn address(&self, server: &str) -> String {
        format!("{server}?options=-c%20search_path%3D{}", self.schema)
    }

    /// Starts a node and waits until systemd would call it started.
    pub(crate) fn node(&self, name: &str) -> Node<'_> {
        self.start(name, &self.server)
    }

    /// The same behind a gate.
    pub(crate) fn node_behind(&self, name: &str, gate: &Gate) -> Node<'_> {
        let (_, place) = self.server.split_once('@').expect("a user");
        let (_, database) = place.split_once('/').expect("a database");
        let user = self.server.split_once('@').expect("a user").0;
        self.start(name, &format!("{user}@127.0.0.1:{}/{database}", gate.port))
    }

    fn start(&self, name: &str, server: &str) -> Node<'_> {
        let socket = self.harness.path(name).join("control.sock").display().to_string();
        let environment = [
            ("CAMPAIGN_GROUP_SYNC__CONTROL__SOCKET", socket.as_str()),
            ("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0"),
            ("CAMPAIGN_GROUP_SYNC__STATE__URL", &self.address(server)),
        ];
        let mut daemon = self.harness.named_daemon(name, &environment);
        daemon.hear("READY=1");
        Node { nodes: self, daemon, socket }
    }

    /// A leader and a follower.
    pub(crate) fn leader_and_follower(&self) -> (Node<'_>, Node<'_>) {
        let mut leader = self.node("a");
        leader.daemon.hear(LEADS);
        let mut follower = self.node("b");
        follower.hear_following();
        (leader, follower)
    }

    /// All runs began two hours earlier.
    pub(crate) fn set_back(&self) {
        self.execute(format!("update {}.runs set started_at = started_at - 7200000", self.schema));
    }

    /// Changes the version of the schema, as a newer version of the program does when it migrates the tables.
    pub(crate) fn migrate_by(&self, steps: i32) {
        self.execute(format!("update {}.campaign_group_sync_schema set version = version + {steps}", self.schema));
    }

    /// How many events the state has.
    pub(crate) fn events(&self) -> i64 {
        let (mut events, sql) = (0, format!("select position from {}.event_head", self.schema));
        self.ask(async |server| {
            events = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(server).await.expect("a number");
        });
        events
    }

    /// Has the server end the session that makes a node lead, and waits until that is done.
    pub(crate) fn cut_the_leaders_session(&self) {
        let view = format!("{}.leader_lock", self.schema);
        self.ask(async |server| {
            let sql = "select pg_terminate_backend(pid, 10000) from pg_locks where locktype = 'relation' and granted
                       and mode = 'ExclusiveLock' and relation = to_regclass($1)::oid";
            let ended: bool = sqlx::query_scalar(sql).bind(view).fetch_one(server).await.expect("a node that leads");
            assert!(ended);
        });
    }

    fn execute(&self, sql: String) {
        self.ask(async |server| {
            sqlx::query(AssertSqlSafe(sql)).execute(server).await.expect("done");
        });
    }

    fn ask(&self, work: impl AsyncFnOnce(&mut PgConnection)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut server = PgConnection::connect(&self.server).await.expect("a server");
            work(&mut server).await;
        });
    }
}

/// One daemon of several.
pub(crate) struct Node<'a> {
    nodes: &'a Nodes,
    pub(crate) daemon: Daemon,
    socket: String,
}

impl Node<'_> {
    /// Runs a command against this node's control socket.
    pub(crate) fn command(&self, arguments: &[&str]) -> Finished {
        run(&mut self.prepared(arguments))
    }

    /// Starts such a command.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Started {
        Started::of(&mut self.prepared(arguments))
    }

    fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = self.nodes.harness.prepared(arguments);
        command.env("CAMPAIGN_GROUP_SYNC__CONTROL__SOCKET", &self.socket);
        command
    }

    pub(crate) fn status(&self) -> Value {
        self.command(&["status", "--output", "json"]).json()
    }

    /// Waits until the node reports that it is a follower.
    pub(crate) fn hear_following(&mut self) -> String {
        self.daemon.hear(" is a follower; ")
    }

    /// Reloads the configuration.
    pub(crate) fn reload(&mut self) {
        self.daemon.signal("-HUP");
        self.daemon.hear("RELOADING=1");
        self.daemon.hear("READY=1");
    }

    /// Status and body of what it answers over HTTP.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let log = self.daemon.log();
        let url = log.split("status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next());
        get(&format!("{}{path}", url.expect("told")))
    }

    /// Asks until it is ready.
    pub(crate) fn await_ready(&self) {
        let begin = Instant::now();
        while self.get("readyz").0 != 200 {
            assert!(begin.elapsed() < DEADLINE, "{:?}", self.get("readyz"));
        }
    }

    /// Whether its metrics say that it is the leader.
    pub(crate) fn leads(&self) -> bool {
        let metrics = self.get("metrics").1;
        let line = metrics.lines().find(|line| line.starts_with("campaign_group_sync_leader ")).expect("there");
        line.ends_with(" 1")
    }
}

/// A way to the server that can be shut: then what goes through it is cut, and nothing new gets through.
pub(crate) struct Gate {
    port: u16,
    is_open: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Gate {
    /// A gate that is shut.
    pub(crate) fn new(nodes: &Nodes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let gate = Self {
            port: listener.local_addr().expect("an address").port(),
            is_open: Arc::default(),
            streams: Arc::default(),
        };
        let place = nodes.server.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("a host").to_owned();
        let (is_open, streams) = (Arc::clone(&gate.is_open), Arc::clone(&gate.streams));
        thread::spawn(move || {
            for node in listener.incoming() {
                // What comes to a shut gate is closed at once.
                let Ok(node) = node else { break };
                let mut kept = streams.lock().expect("whole");
                if is_open.load(Ordering::SeqCst)
                    && let Ok(server) = TcpStream::connect(&place)
                {
                    copy(&node, &server);
                    copy(&server, &node);
                    kept.extend([node, server]);
                }
            }
        });
        gate
    }

    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }

    pub(crate) fn shut(&self) {
        let mut kept = self.streams.lock().expect("whole");
        self.is_open.store(false, Ordering::SeqCst);
        for stream in kept.drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Copies until one of the ends is closed, and closes the other.
fn copy(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
