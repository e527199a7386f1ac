//! The admin socket, which serves `chatctl`.

mod accounts;
mod commands;
mod history;
mod idle;
mod redaction;
mod request_log;
mod socket;
mod watch;

use std::fs::File;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chatroom::admin::{AdminRequest, MAX_REQUEST_BYTES, RefusalCode, Reply};
use chatroom::config::Config;
use chatroom::wire::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::warn;
use zeroize::Zeroizing;

use crate::access::Actor;
use crate::backoff::Backoff;
use crate::faults::Part;
use crate::files;
use crate::recovery::PendingStart;

pub use commands::Operator;
use idle::Idle;
use request_log::RequestLog;
use socket::AdminSocket;

/// The maximum number of connections to the admin socket. For one more, the one that has been idle
/// longest is closed.
const MAX_AT_A_TIME: usize = 32;

/// The time for which a connection may send nothing, or read nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time for which the shutdown waits until replies are written.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Answers requests: about the room once it is open, and before that about the pending start.
pub struct AdminService {
    pub pending_start: PendingStart,
    operator: OnceLock<Operator>,
    /// The number of requests that are not answered yet.
    in_progress: tokio::sync::watch::Sender<usize>,
}

impl AdminService {
    /// The room is not open yet.
    pub fn new(pending_start: PendingStart) -> AdminService {
        AdminService {
            pending_start,
            operator: OnceLock::new(),
            in_progress: tokio::sync::watch::Sender::new(0),
        }
    }

    /// The room is open.
    pub fn open(&self, operator: Operator) {
        // It is opened once.
        let _ = self.operator.set(operator);
    }

    /// Waits, for a bounded time, until all requests are answered.
    pub async fn until_answered(&self) {
        let mut in_progress = self.in_progress.subscribe();
        // A client that does not read is not waited for.
        let _ = timeout(LAST_ANSWERS, in_progress.wait_for(|&count| count == 0)).await;
    }

    async fn handle(&self, by: Actor, request: AdminRequest) -> (Reply, Option<File>) {
        match self.operator.get() {
            Some(operator) => operator.handle(by, request).await,
            None => (self.pending_start.handle(request).await, None),
        }
    }
}

/// A request until it is answered.
struct InProgress<'d>(&'d AdminService);

impl<'d> InProgress<'d> {
    fn begin(service: &'d AdminService) -> InProgress<'d> {
        service.in_progress.send_modify(|count| *count += 1);
        InProgress(service)
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.in_progress.send_modify(|count| *count -= 1);
    }
}

/// Opens the admin socket where the configuration has it.
///
/// # Errors
/// As [`AdminSocket::open`].
pub fn open(config: &Config) -> anyhow::Result<(AdminSocket, UnixListener)> {
    AdminSocket::open(&files::admin_socket(config)?)
}

/// Serves the admin socket until it is cancelled. If it could not be opened, it is tried again, because
/// the room does not need it.
pub async fn serve(
    mut opened: anyhow::Result<(AdminSocket, UnixListener)>,
    config: Arc<Config>,
    service: Arc<AdminService>,
) {
    let faults = service.pending_start.faults.clone();
    let mut backoff = Backoff::while_running();
    loop {
        match opened {
            Ok((_socket, listener)) => {
                faults.clear(&Part::AdminSocket);
                return serve_all(listener, service).await;
            }
            Err(problem) => {
                let problem = format!("chatctl is not served: {problem:#}");
                if faults.set(Part::AdminSocket, &problem) {
                    warn!(event = "no-admin-socket", "{problem}; trying again");
                }
                faults.pause(backoff.next()).await;
                opened = open(&config);
            }
        }
    }
}

/// Serves the admin socket until it is cancelled.
async fn serve_all(listener: UnixListener, service: Arc<AdminService>) {
    let permits = Arc::new(Semaphore::new(MAX_AT_A_TIME));
    let idle = Arc::new(Idle::default());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let permit = idle.make_room(&permits).await;
                let (service, idle) = (service.clone(), idle.clone());
                tokio::spawn(async move {
                    serve_one(stream, &service, &idle, permit).await;
                });
            }
            Err(error) => {
                warn!(event = "accept-failed", %error, "cannot accept a connection of chatctl: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one connection: each line is a request, and gets a line in reply.
async fn serve_one(
    stream: UnixStream,
    service: &AdminService,
    idle: &Idle,
    permit: Option<OwnedSemaphorePermit>,
) {
    // The system identifies the client.
    let (uid, pid) = match stream.peer_cred() {
        Ok(peer) => (peer.uid(), peer.pid().unwrap_or(0)),
        Err(error) => {
            return warn!(
                event = "admin-refused",
                %error,
                "refused a connection to the admin socket, whose user the kernel does not report: {error}"
            );
        }
    };
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    loop {
        // It may contain a password.
        let mut line = Zeroizing::new(Vec::new());
        let mut limited = (&mut input).take(MAX_REQUEST_BYTES as u64);
        let read = tokio::select! {
            read = timeout(PATIENCE, limited.read_until(b'\n', &mut line)) => read,
            () = idle.wait() => return,
        };
        match read {
            Ok(Ok(1..)) => {}
            _ => return,
        }
        let in_progress = InProgress::begin(service);
        let (reply, attachment) = match serde_json::from_slice::<AdminRequest>(&line) {
            Ok(request) => {
                let asked = RequestLog::log(&request, uid, pid);
                if let (AdminRequest::Watch { .. }, Some(operator)) =
                    (&request, service.operator.get())
                {
                    // A watcher stays for long, so it does not count against the limits.
                    drop((permit, in_progress));
                    return operator.watch(&request, &mut input, output).await;
                }
                let answer = service.handle(Actor::Administrator { uid, pid }, request).await;
                asked.log_refusal(&answer.0);
                answer
            }
            Err(error) => {
                let code = RefusalCode::BadRequest;
                let message = format!("chatroomd does not understand the request: {error}");
                (Reply::Refused { code, message }, None)
            }
        };
        // Encoding a long reply would delay the clients that this thread serves.
        let Ok(bytes) = spawn_blocking(move || encode(&reply)).await else { return };
        let written = timeout(PATIENCE, output.write_all(&bytes)).await;
        drop(in_progress);
        match written {
            Ok(Ok(())) if line.ends_with(b"\n") => {}
            _ => return,
        }
        if let Some(file) = attachment
            && send_file(file, &mut output).await.is_err()
        {
            return;
        }
    }
}

fn encode(reply: &Reply) -> Vec<u8> {
    let mut bytes = Vec::new();
    json::push_line(reply, &mut bytes);
    bytes
}

/// Sends a file after a reply that contains its length.
async fn send_file(file: File, output: &mut OwnedWriteHalf) -> std::io::Result<()> {
    let mut file = file;
    loop {
        // Reading waits for the disk.
        let read = spawn_blocking(move || read_piece(file)).await;
        let piece;
        (file, piece) = read.map_err(std::io::Error::other)??;
        if piece.is_empty() {
            return Ok(());
        }
        timeout(PATIENCE, output.write_all(&piece)).await??;
    }
}

/// The next piece of a file; an empty one is its end.
fn read_piece(mut file: File) -> std::io::Result<(File, Vec<u8>)> {
    let mut piece = vec![0; 256 * 1024];
    let length = file.read(&mut piece)?;
    piece.truncate(length);
    Ok((file, piece))
}
