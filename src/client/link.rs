//! The connection to the server: what happens on it becomes inputs of the model.

use std::io;

use chatroom::fingerprint::Fingerprint;
use chatroom::wire::Framer;
use chatroom::wire::json::{self, JsonRequest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::decode::{MAX_LINE_BYTES, decode};
use crate::dial;
use crate::model::Input;
use crate::secure::Failure;

/// What protects a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    None,
    Tls {
        /// The certificate that the server has, where somebody has said so.
        told: Option<Fingerprint>,
    },
}

/// One attempt to connect, and what comes of it. Dropping it closes the connection.
pub struct Link {
    inputs: mpsc::Receiver<Input>,
    requests: mpsc::UnboundedSender<JsonRequest>,
    task: JoinHandle<()>,
}

impl Link {
    /// Begins to connect. The first input is that it did, or why not; the last is why it ended.
    pub fn open(address: String, security: Security) -> Link {
        Link::over(async move { dial::connect(&address, security).await })
    }

    /// The same, however one connects.
    pub fn over(
        connecting: impl Future<Output = Result<Connected, Failure>> + Send + 'static,
    ) -> Link {
        let (tell, inputs) = mpsc::channel(64);
        // Bounded by what the model lets be unacknowledged.
        let (requests, to_send) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let end = match run(connecting, &tell, to_send).await {
                Ok(why) | Err(Failure::Passing(why)) => Input::Disconnected(why),
                Err(Failure::Untrusted(why)) => Input::Untrusted(why),
                Err(Failure::Misdirected(why)) => Input::Misdirected(why),
            };
            // Nobody waits for it where the link was dropped.
            let _ = tell.send(end).await;
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
    pub fn send(&self, request: JsonRequest) {
        let _ = self.requests.send(request);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What goes over a connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection on which the server has spoken.
pub struct Connected {
    pub stream: Box<dyn Stream>,
    /// What has come on it already.
    pub first: Vec<u8>,
    /// What was learned of the server, if it is news.
    pub news: Option<String>,
}

/// Connects and serves the connection; gives why it ended.
///
/// # Errors
/// Why there was none.
async fn run(
    connecting: impl Future<Output = Result<Connected, Failure>>,
    tell: &mpsc::Sender<Input>,
    to_send: mpsc::UnboundedReceiver<JsonRequest>,
) -> Result<String, Failure> {
    let Connected { stream, first, news } = connecting.await?;
    for input in news.map(Input::Trusted).into_iter().chain([Input::Connected]) {
        if tell.send(input).await.is_err() {
            return Ok(String::new());
        }
    }
    Ok(exchange(stream, &first, tell, to_send).await)
}

/// Reads and writes until the connection ends; gives why.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite,
    first: &[u8],
    tell: &mpsc::Sender<Input>,
    to_send: mpsc::UnboundedReceiver<JsonRequest>,
) -> String {
    let (reader, writer) = tokio::io::split(stream);
    // In this order, so that a simulation does the same each time.
    tokio::select! {
        biased;
        why = read_all(reader, first, tell) => why,
        why = write_all(writer, to_send) => why,
    }
}

async fn read_all(
    mut reader: impl AsyncRead + Unpin,
    first: &[u8],
    tell: &mpsc::Sender<Input>,
) -> String {
    let mut framer = Framer::new(MAX_LINE_BYTES);
    let (mut buffer, mut frames) = (vec![0; 16 * 1024], Vec::new());
    framer.push(first, &mut frames);
    loop {
        for frame in frames.drain(..) {
            if let Some(input) = decode(&frame)
                && tell.send(input).await.is_err()
            {
                return String::new();
            }
        }
        match reader.read(&mut buffer).await {
            Ok(0) => return "the server closed it".to_owned(),
            Ok(count) => framer.push(&buffer[..count], &mut frames),
            // A server that is killed does not end TLS properly.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return "the server closed it".to_owned();
            }
            Err(error) => return explain(&error),
        }
    }
}

async fn write_all(
    mut writer: impl AsyncWrite + Unpin,
    mut to_send: mpsc::UnboundedReceiver<JsonRequest>,
) -> String {
    while let Some(request) = to_send.recv().await {
        // There may be a password in it.
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        json::push_line(&request, &mut line);
        let written = async {
            writer.write_all(&line).await?;
            // TLS keeps back what is not asked for.
            writer.flush().await
        };
        if let Err(error) = written.await {
            return explain(&error);
        }
    }
    String::new()
}

/// An error of the system in words that say more to a person.
pub fn explain(error: &io::Error) -> String {
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
