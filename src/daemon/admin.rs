//! The admin socket: what `chatctl` asks for.

mod accounts;
mod commands;
mod history;
mod idle;
mod note;
mod redaction;
mod socket;
mod watch;

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use chatroom::admin::{MOST_REQUEST_BYTES, RefusalCode, Reply, Request};
use chatroom::wire::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::warn;
use zeroize::Zeroizing;

use crate::access::By;

pub use commands::Operator;
use idle::Idle;
use note::Asked;
pub use socket::AdminSocket;

/// So many may talk to the admin socket at a time. For one more, who says nothing has to go.
const MOST_AT_A_TIME: usize = 32;

/// How long an operator's connection may say nothing, or take in nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the admin socket until it is cancelled.
pub async fn serve_all(listener: UnixListener, operator: Operator) {
    let operator = Arc::new(operator);
    let permits = Arc::new(Semaphore::new(MOST_AT_A_TIME));
    let idle = Arc::new(Idle::default());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let permit = idle.make_room(&permits).await;
                let (operator, idle) = (operator.clone(), idle.clone());
                tokio::spawn(async move {
                    serve(stream, &operator, &idle, permit).await;
                });
            }
            Err(error) => {
                warn!(event = "accept-failed", %error, "cannot accept a connection of chatctl: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one connection: a line is a request, and each gets a line back.
async fn serve(
    stream: UnixStream,
    operator: &Operator,
    idle: &Idle,
    permit: Option<OwnedSemaphorePermit>,
) {
    // The system knows who that is; what the other side says of itself is not asked.
    let (uid, pid) = match stream.peer_cred() {
        Ok(peer) => (peer.uid(), peer.pid().unwrap_or(0)),
        Err(error) => {
            return warn!(
                event = "admin-refused",
                %error,
                "refused an operator whose user the system does not tell: {error}"
            );
        }
    };
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    loop {
        // There may be a password in it.
        let mut line = Zeroizing::new(Vec::new());
        let mut limited = (&mut input).take(MOST_REQUEST_BYTES as u64);
        let read = tokio::select! {
            read = timeout(PATIENCE, limited.read_until(b'\n', &mut line)) => read,
            () = idle.wait() => return,
        };
        match read {
            Ok(Ok(1..)) => {}
            _ => return,
        }
        let (reply, attachment) = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => {
                let asked = Asked::log(&request, uid, pid);
                if let Request::Watch { .. } = request {
                    // However long that is, it takes the place of nobody who has something to ask.
                    drop(permit);
                    return operator.watch(&request, &mut input, output).await;
                }
                let answer = operator.carry_out(By::Operator { uid, pid }, request).await;
                asked.log_refusal(&answer.0);
                answer
            }
            Err(error) => {
                let code = RefusalCode::BadRequest;
                let message = format!("chatroomd does not understand the request: {error}");
                (Reply::Refused { code, message }, None)
            }
        };
        // A reply can be long: encoding it is nothing for the thread that serves everybody.
        let Ok(bytes) = spawn_blocking(move || encode(&reply)).await else { return };
        match timeout(PATIENCE, output.write_all(&bytes)).await {
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

/// Sends a file behind an answer. Its end is known from the answer.
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
