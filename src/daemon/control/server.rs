//! The server of the control socket. A connection sends one request after the other, and cannot disturb other
//! connections.

use std::{io, rc::Rc, sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedReadHalf, unix::OwnedWriteHalf},
    sync::{Mutex, mpsc, oneshot, watch},
    task::spawn_local,
    time::timeout,
};

use crate::{
    domain::{Approver, Digest, OperatorGroupName, RunReport, SystemUser},
    journal::Journal,
    observability::Chain,
    settings::{Settings, login_user, system_user},
    sync::Stop,
};

use super::{
    super::{
        ApprovalOutcome, DaemonState, ExplainRequest, NextRun, ReviewQuery, ReviewScope, ServiceState, UnpauseOutcome,
        approve,
        connection_limit::{BusyFlag, ConnectionLimit},
        next_run::RunReason,
        record_review, review, unpause,
    },
    addressee::Addressee,
    messages::{
        AddressedRequest, ControlRequest, ControlResponse, RefusalReason, ReviewDone, RunAfterApproval, RunOrder,
    },
    socket::SocketFile,
};

/// The longest line that is read, in bytes: enough for more than a thousand names.
const LONGEST_LINE: u64 = 256 * 1024;

/// The most connections at one time.
const MOST_CONNECTIONS: usize = 64;

/// How long a client may take to send its first line; the command line sends it at once.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a client may take to send a further line or to receive one; then the connection is closed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request to the loop.
#[derive(Debug)]
pub(in super::super) enum LoopRequest {
    /// A run.
    Run(RequestedRun),
    /// The next run over everything, at once where Adobe's limits allow it; the answer says when it begins.
    AtOnce(RunReason, oneshot::Sender<NextRun>),
}

/// A run that a client requested.
#[derive(Debug)]
pub(in super::super) struct RequestedRun {
    pub(in super::super) order: RunOrder,
    /// The user of the client process.
    pub(in super::super) approver: Approver,
    /// Receives the report, or the sentence that says what is wrong with the request.
    pub(in super::super) reply: oneshot::Sender<Result<RunReport, String>>,
}

/// The values that responses need.
pub(in super::super) struct ControlContext {
    pub(in super::super) daemon_state: DaemonState,
    pub(in super::super) journal: Journal,
    pub(in super::super) settings: watch::Receiver<Arc<Settings>>,
    pub(in super::super) requests: mpsc::Sender<LoopRequest>,
    /// Receives requests to explain the memberships of a user.
    pub(in super::super) explain_requests: mpsc::Sender<ExplainRequest>,
    /// Held while a review is made and sent: many at a time would fill the memory.
    pub(in super::super) reviewing: Mutex<()>,
    /// Closes idle connections when the daemon ends.
    pub(in super::super) stop: Stop,
}

/// Serves until the daemon ends and every client has received its response.
pub(super) async fn serve(listener: UnixListener, file: SocketFile, context: ControlContext) {
    let (context, file) = (Rc::new(context), Rc::new(file));
    let mut connections = ConnectionLimit::new(MOST_CONNECTIONS);
    loop {
        tokio::select! {
            biased;
            () = context.stop.requested() => break,
            () = connections.one_closed() => {}
            peer = listener.accept() => match peer {
                Ok((stream, _)) => {
                    let (file, context) = (file.clone(), context.clone());
                    connections.admit(|tasks, busy| tasks.spawn_local(connection(stream, file, context, busy)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the control socket could not be accepted");
                    // Without a free file descriptor the next attempt would fail at once as well.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    connections.all_closed().await;
}

async fn connection(stream: UnixStream, file: Rc<SocketFile>, context: Rc<ControlContext>, busy: BusyFlag) {
    let credentials = stream.peer_cred().ok();
    let is_admitted = credentials.as_ref().is_some_and(|peer| file.admits(peer));
    let user = credentials.map(|peer| system_user(peer.uid()));
    // Read before the first request: while the connection is new, the id still belongs to the process that opened it.
    let login = credentials.and_then(|peer| login_user(u32::try_from(peer.pid()?).ok()?));
    let (read, write) = stream.into_split();
    let mut peer = Peer { read: BufReader::new(read), write, user, login };
    let outcome = if is_admitted {
        peer.serve_requests(&context, &busy).await
    } else {
        peer.send(&ControlResponse::refused(
            RefusalReason::Forbidden,
            "only members of the group of the socket may use it",
        ))
        .await
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection to the control socket ended");
    }
}

struct Peer {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    /// The user of the client process, as the kernel reports it (`SO_PEERCRED`).
    user: Option<SystemUser>,
    /// The user that signed in on the host and started that process.
    login: Option<SystemUser>,
}

/// A line from a client, or the end of its lines.
enum Line {
    Complete(Vec<u8>),
    TooLong,
    End,
}

impl Peer {
    async fn serve_requests(&mut self, context: &ControlContext, busy: &BusyFlag) -> io::Result<()> {
        let mut patience = FIRST_LINE_TIMEOUT;
        loop {
            let line = tokio::select! {
                biased;
                line = timeout(patience, self.line()) => line??,
                () = context.stop.requested() => return Ok(()),
            };
            patience = TIMEOUT;
            let line = match line {
                Line::Complete(line) => line,
                Line::End => return Ok(()),
                Line::TooLong => {
                    let message = format!("a line has at most {LONGEST_LINE} bytes");
                    return self.send(&ControlResponse::refused(RefusalReason::NotUnderstood, message)).await;
                }
            };
            match serde_json::from_slice::<AddressedRequest>(&line) {
                Ok(AddressedRequest { request, to }) => {
                    let served = Addressee::from(&**context.settings.borrow());
                    match to.difference(&served) {
                        None => busy.during(self.answer(request, context)).await?,
                        Some(other) => self.send(&ControlResponse::refused(RefusalReason::OtherDaemon, other)).await?,
                    }
                }
                Err(error) => {
                    self.send(&ControlResponse::refused(RefusalReason::NotUnderstood, error.to_string())).await?;
                }
            }
        }
    }

    async fn line(&mut self) -> io::Result<Line> {
        let mut line = Vec::new();
        let length = (&mut self.read).take(LONGEST_LINE + 1).read_until(b'\n', &mut line).await?;
        Ok(match line.last() {
            Some(b'\n') => Line::Complete(line),
            _ if length as u64 > LONGEST_LINE => Line::TooLong,
            _ => Line::End,
        })
    }

    /// The requester, under the name that the client gives.
    fn approver(&self, name: &str) -> Approver {
        Approver::claimed(name).as_user(self.user.clone()).signed_in_as(self.login.clone())
    }

    async fn answer(&mut self, request: ControlRequest, context: &ControlContext) -> io::Result<()> {
        match request {
            ControlRequest::Status => {
                self.send(&ControlResponse::Status { status: Box::new(context.daemon_state.facts().status) }).await
            }
            ControlRequest::Approve { digest, approver, run } => {
                let approver = self.approver(&approver);
                let answer = approved(&digest, &approver, run, context).await;
                self.send(&answer).await
            }
            ControlRequest::Unpause { approver } => {
                let approver = self.approver(&approver);
                let answer = unpaused(&approver, context).await;
                self.send(&answer).await
            }
            ControlRequest::Explain { user, group } => {
                let answer = explained(user, group, context).await;
                self.send(&answer).await
            }
            ControlRequest::Review { since, instance, done } => {
                let reviewer = self.approver(done.as_ref().map_or("", |done| &done.reviewer));
                let _turn = context.reviewing.lock().await;
                let answer = reviewed(ReviewQuery { since, instance }, done.as_ref(), &reviewer, context).await;
                self.send(&answer).await
            }
            ControlRequest::SyncNow { order } => self.sync_now(order, context).await,
        }
    }

    /// Requests the run from the loop and sends its progress. The run continues when the client disconnects.
    async fn sync_now(&mut self, order: RunOrder, context: &ControlContext) -> io::Result<()> {
        let (reply, mut report) = oneshot::channel();
        let mut changes = context.daemon_state.changes();
        let approver = self.approver(&order.approver);
        let ordered = RequestedRun { order, approver, reply };
        if context.requests.send(LoopRequest::Run(ordered)).await.is_err() {
            return self.send(&ControlResponse::refused(RefusalReason::Failed, "the daemon is stopping")).await;
        }
        let mut shown = String::new();
        let answer = loop {
            tokio::select! {
                biased;
                report = &mut report => break match report {
                    Ok(Ok(report)) => ControlResponse::Report { report: Box::new(report) },
                    Ok(Err(message)) => ControlResponse::refused(RefusalReason::Usage, message),
                    Err(_) => ControlResponse::refused(RefusalReason::Failed, "the run ended without a report; the log says why"),
                },
                Ok(()) = changes.changed() => {}
            }
            let text = context.daemon_state.facts().progress;
            if !text.is_empty() && text != shown {
                shown.clone_from(&text);
                self.send(&ControlResponse::Progress { text }).await?;
            }
        };
        self.send(&answer).await
    }

    async fn send(&mut self, answer: &ControlResponse) -> io::Result<()> {
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        timeout(TIMEOUT, self.write.write_all(&line)).await?
    }
}

async fn approved(
    digest: &str,
    approver: &Approver,
    run: RunAfterApproval,
    context: &ControlContext,
) -> ControlResponse {
    let Some(digest) = Digest::parse(digest) else {
        return ControlResponse::refused(RefusalReason::Usage, "a digest has 16 hexadecimal digits");
    };
    let ttl = context.settings.borrow().guard.approval_ttl;
    match approve(Some(&context.journal), &digest, approver, ttl).await {
        Ok(mut approval) => {
            if approval.outcome == ApprovalOutcome::Approved {
                tracing::info!(plan.digest = %digest, %approver, "{}", approval.message);
                let holds = context.daemon_state.facts().status.holds;
                // Only the status depends on this read: the approval itself is recorded.
                if context.journal.are_approved(&holds, Utc::now()).await.unwrap_or(false) {
                    context.daemon_state.all_holds_approved();
                }
                let next = match run {
                    // The held changes of an undo are made by the undo, not by a run of the daemon.
                    _ if approval.undo_of.is_some() => None,
                    RunAfterApproval::AtOnce => at_once(RunReason::Approved(digest), context).await,
                    RunAfterApproval::AsScheduled => {
                        Some(NextRun::scheduled(context.daemon_state.facts().status.next_run, ""))
                    }
                };
                if let Some(next) = next {
                    approval.add_next_run(next);
                }
            }
            ControlResponse::Approval { approval: Box::new(approval) }
        }
        Err(error) => ControlResponse::refused(RefusalReason::Failed, Chain(&error).to_string()),
    }
}

/// Has the request answered after those before it, because each costs calls.
async fn explained(user: String, group: Option<String>, context: &ControlContext) -> ControlResponse {
    let (reply, answered) = oneshot::channel();
    let request = ExplainRequest { user, group: group.map(OperatorGroupName::new), reply };
    if context.explain_requests.send(request).await.is_err() {
        return ControlResponse::refused(RefusalReason::Failed, "the daemon is stopping");
    }
    match answered.await {
        Ok(explanation) => ControlResponse::Explanation { explanation: Box::new(explanation) },
        Err(_) => ControlResponse::refused(RefusalReason::Failed, "the daemon is stopping"),
    }
}

/// Makes the review, and records it where it is done.
async fn reviewed(
    query: ReviewQuery,
    done: Option<&ReviewDone>,
    reviewer: &Approver,
    context: &ControlContext,
) -> ControlResponse {
    let scope = ReviewScope::from(&**context.settings.borrow());
    let journal = Some(&context.journal);
    let made = match done {
        Some(done) => record_review(journal, &scope, &query, done.digest.as_deref(), reviewer).await,
        None => review(journal, &scope, &query, Utc::now()).await,
    };
    match made {
        Ok(review) => ControlResponse::Review { review: Box::new(review) },
        Err(error) => {
            let reason = if error.is_usage() { RefusalReason::Usage } else { RefusalReason::Failed };
            ControlResponse::refused(reason, Chain(&error).to_string())
        }
    }
}

/// Forgets the pause, and requests the run that the pause prevented. A run that waits for the pause notices it by
/// itself.
async fn unpaused(approver: &Approver, context: &ControlContext) -> ControlResponse {
    let settings = Arc::clone(&context.settings.borrow());
    match unpause(Some(&context.journal), &settings, approver).await {
        Ok(mut answer) => {
            if answer.outcome == UnpauseOutcome::Forgotten {
                let before = context.daemon_state.pause_forgotten(&format!("{approver} had the pause forgotten"));
                let keeps_the_schedule = context.daemon_state.facts().role.keeps_the_schedule();
                let next = match before {
                    ServiceState::Starting | ServiceState::Idle | ServiceState::Blocked | ServiceState::Failing
                        if keeps_the_schedule =>
                    {
                        Some(NextRun::scheduled(context.daemon_state.facts().status.next_run, ""))
                    }
                    _ => at_once(RunReason::Unpaused, context).await,
                };
                if let Some(next) = next {
                    answer.add_next_run(next);
                }
            }
            ControlResponse::Unpause { unpause: Box::new(answer) }
        }
        Err(error) => ControlResponse::refused(RefusalReason::Failed, Chain(&error).to_string()),
    }
}

/// Requests a run at once from the loop; `None` where the daemon is stopping.
async fn at_once(wanted: RunReason, context: &ControlContext) -> Option<NextRun> {
    let (reply, next) = oneshot::channel();
    context.requests.send(LoopRequest::AtOnce(wanted, reply)).await.ok()?;
    next.await.ok()
}

/// The server as a task of its own.
pub(in super::super) struct Server(tokio::task::JoinHandle<()>);

impl Server {
    /// Serves from now on.
    pub(in super::super) fn start((listener, file): (UnixListener, SocketFile), context: ControlContext) -> Self {
        Self(spawn_local(serve(listener, file, context)))
    }

    /// Waits until every client has received its response, for `patience` at most. The socket file is removed then.
    pub(in super::super) async fn finish(mut self, patience: Duration) {
        if timeout(patience, &mut self.0).await.is_err() {
            self.0.abort();
            // The error says that the task was aborted.
            let _ = self.0.await;
        }
    }
}
