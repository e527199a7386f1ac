//! The connection to the server: what happens on it becomes inputs of the model.

use std::io;
use std::time::Duration;

use chatroom::wire::json::{self, Event, Request};
use chatroom::wire::{Frame, Framer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::model::Input;

/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// The longest line that is taken from a server, in bytes.
pub const MOST_LINE_BYTES: usize = 8 << 20;

/// One attempt to connect, and what comes of it. Dropping it closes the connection.
pub struct Link {
    inputs: mpsc::Receiver<Input>,
    requests: mpsc::UnboundedSender<Request>,
    task: JoinHandle<()>,
}

impl Link {
    /// Begins to connect. The first input is that it did, or why not; the last is why it ended.
    pub fn open(address: String) -> Link {
        let (tell, inputs) = mpsc::channel(64);
        // Bounded by what the model lets be unacknowledged.
        let (requests, to_send) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let why = run(&address, &tell, to_send).await;
            // Nobody waits for it where the link was dropped.
            let _ = tell.send(Input::Disconnected(why)).await;
        });
        Link { inputs, requests, task }
    }

    /// What happened next on this connection.
    pub async fn next(&mut self) -> Input {
        match self.inputs.recv().await {
            Some(input) => input,
            // The end was told already.
            None => std::future::pending().await,
        }
    }

    /// Sends a request, if there is still a connection; the model knows what arrived.
    pub fn send(&self, request: Request) {
        let _ = self.requests.send(request);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects and serves the connection; gives why it ended.
async fn run(
    address: &str,
    tell: &mpsc::Sender<Input>,
    to_send: mpsc::UnboundedReceiver<Request>,
) -> String {
    let stream = match timeout(CONNECT_TIME, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return explain(&error),
        Err(_) => return format!("no answer within {} s", CONNECT_TIME.as_secs()),
    };
    if let Err(error) = stream.set_nodelay(true) {
        return explain(&error);
    }
    if tell.send(Input::Connected).await.is_err() {
        return String::new();
    }
    let (reader, writer) = stream.into_split();
    tokio::select! {
        why = read_all(&reader, tell) => why,
        why = write_all(writer, to_send) => why,
    }
}

async fn read_all(reader: &OwnedReadHalf, tell: &mpsc::Sender<Input>) -> String {
    let mut framer = Framer::new(MOST_LINE_BYTES);
    let (mut buffer, mut frames) = (vec![0; 16 * 1024], Vec::new());
    loop {
        let received = match reader.readable().await {
            Ok(()) => reader.try_read(&mut buffer),
            Err(error) => Err(error),
        };
        match received {
            Ok(0) => return "the server closed it".to_owned(),
            Ok(count) => framer.push(&buffer[..count], &mut frames),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return explain(&error),
        }
        for frame in frames.drain(..) {
            if let Some(input) = understand(&frame)
                && tell.send(input).await.is_err()
            {
                return String::new();
            }
        }
    }
}

/// What a line says. What is broken is passed over.
pub fn understand(frame: &Frame) -> Option<Input> {
    let Frame::Line(line) = frame else { return None };
    if line.starts_with(b"{") {
        return serde_json::from_slice::<Event<'static>>(line).ok().map(Input::Event);
    }
    let line = String::from_utf8_lossy(line);
    line.strip_prefix("[SERVER]: ").map(|line| Input::Text(line.to_owned()))
}

async fn write_all(
    mut writer: OwnedWriteHalf,
    mut to_send: mpsc::UnboundedReceiver<Request>,
) -> String {
    while let Some(request) = to_send.recv().await {
        let mut line = Vec::new();
        json::push_line(&request, &mut line);
        if let Err(error) = writer.write_all(&line).await {
            return explain(&error);
        }
    }
    String::new()
}

/// An error of the system in words that say more to a person.
fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        io::ErrorKind::ConnectionReset => "it was reset".to_owned(),
        io::ErrorKind::TimedOut => "the network does not answer".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "the network does not reach it".to_owned()
        }
        _ => match error.to_string().split_once(" (os error") {
            Some((sentence, _)) => sentence.to_lowercase(),
            None => error.to_string(),
        },
    }
}
