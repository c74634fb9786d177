//! The location of the journal of a test: a folder of its own, or a schema of its own on a server.

use std::{
    env,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use campaign_group_sync::journal::{Journal, JournalLocation, JournalOptions, WriteStep};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

static SCHEMAS: AtomicUsize = AtomicUsize::new(0);

/// The location of one journal; dropping the value deletes it.
pub(crate) struct JournalFixture {
    pub(crate) options: JournalOptions,
    folder: Option<TempDir>,
    steps: Arc<[AtomicUsize; 2]>,
}

impl JournalFixture {
    pub(crate) fn in_a_folder() -> Self {
        let folder = TempDir::new().expect("a folder");
        let location = JournalLocation::Sqlite(folder.path().join("state").join("state.db"));
        Self::new(location, Some(folder))
    }

    async fn on_the_server(address: &str) -> Self {
        let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
        let schema = format!("journal_{}_{number}", std::process::id());
        let mut connection = PgConnection::connect(address).await.expect("a server");
        let sql = AssertSqlSafe(format!("create schema {schema}"));
        sqlx::query(sql).execute(&mut connection).await.expect("a schema");
        let address = format!("{address}?options=-c%20search_path%3D{schema}");
        Self::new(JournalLocation::Postgres(address.into()), None)
    }

    /// All kinds of locations that this environment has.
    pub(crate) async fn all() -> Vec<Self> {
        let mut fixtures = vec![Self::in_a_folder()];
        fixtures.extend(Self::shared().await);
        fixtures
    }

    /// A location that several nodes share; `None`, with a printed note, if no server is configured.
    pub(crate) async fn shared() -> Option<Self> {
        if let Ok(address) = env::var("TEST_POSTGRES_URL") {
            return Some(Self::on_the_server(&address).await);
        }
        println!("skipped for PostgreSQL: TEST_POSTGRES_URL is not set (tests/journal/with_postgres sets it)");
        None
    }

    fn new(location: JournalLocation, folder: Option<TempDir>) -> Self {
        let steps = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let counted = Arc::clone(&steps);
        let watch = move |step: WriteStep| {
            let _ = counted[usize::from(step == WriteStep::After)].fetch_add(1, Ordering::SeqCst);
        };
        Self { options: JournalOptions { location, watch: Some(Arc::new(watch)) }, folder, steps }
    }

    pub(crate) async fn open(&self) -> Journal {
        Journal::open(&self.options).await.expect("a journal")
    }

    /// The state file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.as_ref().expect("a place in a folder").path().join("state").join("state.db")
    }

    /// The number of transactions that were begun, and of those that were committed.
    pub(crate) fn steps(&self) -> (usize, usize) {
        (self.steps[0].load(Ordering::SeqCst), self.steps[1].load(Ordering::SeqCst))
    }
}
