//! The connection to the server, whose events become inputs of the model.

use std::io;

use chatroom::wire::Framer;
use chatroom::wire::json::{self, JsonRequest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::decode::{MAX_LINE_BYTES, decode};
use crate::dial;
use crate::model::Input;
use crate::transport::{ConnectError, Connected, Security, explain};

/// An attempt to connect, and the connection that it makes. Dropping it closes the connection.
pub struct ServerConnection {
    inputs: mpsc::Receiver<Input>,
    requests: mpsc::UnboundedSender<JsonRequest>,
    task: JoinHandle<()>,
}

impl ServerConnection {
    /// Begins to connect. The first input says that it did, or why not; the last one why the connection
    /// ended.
    pub fn open(address: String, security: Security) -> ServerConnection {
        ServerConnection::over(async move { dial::connect(&address, security).await })
    }

    /// The same with another way to connect.
    pub fn over(
        connecting: impl Future<Output = Result<Connected, ConnectError>> + Send + 'static,
    ) -> ServerConnection {
        let (tell, inputs) = mpsc::channel(64);
        // Bounded, because the model limits the number of unacknowledged lines.
        let (requests, to_send) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let end = match run(connecting, &tell, to_send).await {
                Ok(why) | Err(ConnectError::Transient(why)) => Input::Disconnected(why),
                Err(ConnectError::Untrusted(why)) => Input::Untrusted(why),
                Err(ConnectError::WrongProtocol(why)) => Input::WrongProtocol(why),
            };
            // If the connection was dropped, no task waits for this.
            let _ = tell.send(end).await;
        });
        ServerConnection { inputs, requests, task }
    }

    /// Waits for the next event on this connection.
    pub async fn next(&mut self) -> Input {
        match self.inputs.recv().await {
            Some(input) => input,
            // The end was reported already.
            None => std::future::pending().await,
        }
    }

    /// Sends a request if the connection still exists. The model knows which lines have arrived.
    pub fn send(&self, request: JsonRequest) {
        let _ = self.requests.send(request);
    }
}

impl Drop for ServerConnection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects and serves the connection. Returns why it ended.
///
/// # Errors
/// Why it could not be made.
async fn run(
    connecting: impl Future<Output = Result<Connected, ConnectError>>,
    tell: &mpsc::Sender<Input>,
    to_send: mpsc::UnboundedReceiver<JsonRequest>,
) -> Result<String, ConnectError> {
    let Connected { stream, first, news } = connecting.await?;
    for input in news.map(Input::Trusted).into_iter().chain([Input::Connected]) {
        if tell.send(input).await.is_err() {
            return Ok(String::new());
        }
    }
    Ok(exchange(stream, &first, tell, to_send).await)
}

/// Reads and writes until the connection ends. Returns why it ended.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite,
    first: &[u8],
    tell: &mpsc::Sender<Input>,
    to_send: mpsc::UnboundedReceiver<JsonRequest>,
) -> String {
    let (reader, writer) = tokio::io::split(stream);
    // In a fixed order, so that a simulation can be repeated.
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
            Ok(0) => return "the server closed the connection".to_owned(),
            Ok(count) => framer.push(&buffer[..count], &mut frames),
            // A server that is killed does not close TLS properly.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return "the server closed the connection".to_owned();
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
        // It may contain a password.
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        json::push_line(&request, &mut line);
        let written = async {
            writer.write_all(&line).await?;
            // TLS keeps data back until it is flushed.
            writer.flush().await
        };
        if let Err(error) = written.await {
            return explain(&error);
        }
    }
    String::new()
}
