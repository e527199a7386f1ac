//! Reading a connection: from its bytes to requests to the room.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chatroom::names::Name;
use chatroom::room::{EndReason, Refusal};
use chatroom::wire::json::Resume;
use chatroom::wire::{Answer, Dialect, Frame, Framer, Framing, History};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::broken;
use crate::outlet::Outlet;
use crate::room_thread::Submission;
use crate::shared::Shared;
use crate::store::past::Selection;

/// How long the first input may stand alone without a line end before it is taken for a piece of
/// the older script client, which sends none.
const PIECE_DECISION: Duration = Duration::from_millis(200);

/// After so many lines of one connection the others have their turn.
const TURN: u32 = 64;

/// How much is read at a time.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// Reading never waits, so that one buffer a thread is enough, and an idle connection has none.
    static BUFFER: RefCell<Box<[u8; READ_BYTES]>> = RefCell::new(Box::new([0; READ_BYTES]));
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was said yet; the first line decides the dialect.
    New,
    /// No name was accepted yet.
    Naming,
    Joined,
    /// The end is on its way; nothing more is listened to.
    Over,
}

/// What waiting has brought.
enum Received {
    Bytes,
    /// Nothing more came, which shows that what has come is a piece.
    Decision,
    End,
}

/// The reading half of a connection.
pub(super) struct Reader<'s> {
    stream: &'s TcpStream,
    pub(super) outlet: &'s Arc<Outlet>,
    pub(super) shared: &'s Arc<Shared>,
    pub(super) stage: Stage,
    /// The name under which the person is or was in the room.
    pub(super) name: Option<Name>,
    framer: Framer,
    accepted: Instant,
    /// When the last bytes came.
    heard: Instant,
    /// For how long nothing may come; what the welcome has said, whatever was configured since.
    silence: Duration,
}

impl<'s> Reader<'s> {
    pub(super) fn new(
        stream: &'s TcpStream,
        outlet: &'s Arc<Outlet>,
        shared: &'s Arc<Shared>,
    ) -> Self {
        let now = Instant::now();
        let framer = Framer::new(json_line_bytes(shared));
        let (stage, name) = (Stage::New, None);
        let silence = shared.config().timeouts.silence;
        Reader { stream, outlet, shared, stage, name, framer, accepted: now, heard: now, silence }
    }

    /// Reads and asks until the connection is broken. In all other cases the outlet knows the
    /// reason for the end, and its writer finishes.
    pub(super) async fn run(&mut self) -> EndReason {
        while self.is_listening() {
            let received = self.receive().await;
            if self.is_past_naming() {
                self.end(EndReason::NoName);
                break;
            }
            match received {
                Ok(Received::End) => self.end(EndReason::Closed),
                Ok(Received::Bytes | Received::Decision) => self.handle_frames().await,
                Err(reason @ EndReason::Broken(_)) => return reason,
                Err(reason) => self.end(reason),
            }
        }
        std::future::pending().await
    }

    fn is_listening(&self) -> bool {
        self.stage != Stage::Over && !self.outlet.is_ending()
    }

    async fn handle_frames(&mut self) {
        let mut handled = 0;
        while let Some(frame) = self.framer.next_frame() {
            // Reading and much of handling never have to wait, so that a flood of lines would
            // keep the others from their turn.
            handled += 1;
            if handled % TURN == 0 {
                tokio::task::yield_now().await;
            }
            // Who does not read the answers is not listened to.
            self.outlet.until_space().await;
            if !self.is_listening() {
                return;
            }
            // What an idle connection does not need is not part of it: what a line does is kept apart,
            // and so is waiting with a time limit.
            Box::pin(self.handle(frame)).await;
        }
    }

    /// Waits for bytes and feeds them to the framer.
    async fn receive(&mut self) -> Result<Received, EndReason> {
        loop {
            if !self.until_readable().await? {
                self.framer.decide_for_pieces();
                return Ok(Received::Decision);
            }
            let received = BUFFER.with_borrow_mut(|buffer| {
                let received = self.stream.try_read(&mut buffer[..])?;
                self.framer.push(&buffer[..received]);
                io::Result::Ok(received)
            });
            match received {
                Ok(0) => return Ok(Received::End),
                Ok(received) => {
                    self.heard = Instant::now();
                    self.outlet.traffic.bytes_in.fetch_add(received as u64, Relaxed);
                    tokio::task::yield_now().await;
                    return Ok(Received::Bytes);
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    /// Waits for bytes, as long as this connection may go without. Gives false if that time is
    /// over and decides for pieces.
    async fn until_readable(&mut self) -> Result<bool, EndReason> {
        let Some((deadline, reason)) = self.deadline() else {
            return self.stream.readable().await.map(|()| true).map_err(|error| broken(&error));
        };
        let readable = Box::pin(timeout_at(deadline, self.stream.readable())).await;
        match (readable, reason) {
            (Ok(readable), _) => readable.map(|()| true).map_err(|error| broken(&error)),
            (Err(_), Some(reason)) => Err(reason),
            (Err(_), None) => Ok(false),
        }
    }

    /// Until when something has to come, and the reason to end if it does not. Without a reason,
    /// the time decides for pieces.
    fn deadline(&self) -> Option<(Instant, Option<EndReason>)> {
        let decision = self.heard + PIECE_DECISION;
        match (self.stage, self.outlet.dialect()) {
            (Stage::New | Stage::Naming, _) => {
                let named = self.accepted + self.shared.config().timeouts.name;
                match self.framer.is_waiting_for_decision() && decision < named {
                    true => Some((decision, None)),
                    false => Some((named, Some(EndReason::NoName))),
                }
            }
            _ if self.framer.is_waiting_for_decision() => Some((decision, None)),
            (Stage::Joined, Dialect::Json) => {
                Some((self.heard + self.silence, Some(EndReason::Silent)))
            }
            // The system notices for text connections; nobody has to type to stay.
            (Stage::Joined, Dialect::Text) | (Stage::Over, _) => None,
        }
    }

    /// Whether the time to give a name is over, also for who goes on sending without an end.
    fn is_past_naming(&self) -> bool {
        matches!(self.stage, Stage::New | Stage::Naming)
            && self.accepted.elapsed() >= self.shared.config().timeouts.name
    }

    async fn handle(&mut self, frame: Frame) {
        let Frame::Line(line) = frame else {
            let limit = self.shared.config().limits.message_bytes;
            return self.refuse(Refusal::TooLong { limit }, None);
        };
        let Ok(line) = String::from_utf8(line) else {
            return self.refuse(Refusal::NotUtf8, None);
        };
        if self.stage == Stage::New {
            self.stage = Stage::Naming;
            if line.starts_with('{') && self.framer.framing() == Framing::Lines {
                self.outlet.set_dialect(Dialect::Json);
            }
        }
        // The configuration may have changed meanwhile.
        self.framer.set_limit(match self.outlet.dialect() {
            Dialect::Text => text_line_bytes(self.shared),
            Dialect::Json => json_line_bytes(self.shared),
        });
        match self.outlet.dialect() {
            Dialect::Text => self.handle_text(&line).await,
            Dialect::Json => self.handle_json(&line).await,
        }
    }

    /// Asks the room to let this person in, and tells them if it does not.
    pub(super) async fn join(&mut self, name: &str, resume: Option<Resume>) {
        let joined = match Name::new(name) {
            Err(problem) => Err(problem.into()),
            Ok(name) => {
                let outlet = self.outlet.clone();
                let join = |reply| Submission::Join { outlet, name, resume, reply };
                self.shared.room.ask(join).await.unwrap_or(Err(Refusal::ShuttingDown))
            }
        };
        match joined {
            Ok(name) => {
                info!(
                    event = "joined",
                    name = name.as_str(),
                    address = self.outlet.peer.to_string(),
                    dialect = self.outlet.dialect().as_str(),
                    "joined the room"
                );
                self.outlet.traffic.touch();
                self.silence = self.shared.config().timeouts.silence;
                (self.stage, self.name) = (Stage::Joined, Some(name));
            }
            Err(refusal) => self.refuse(refusal, None),
        }
    }

    /// Sends a request to the room when this connection has not too many on their way there.
    pub(super) async fn submit(&self, submission: Submission) {
        self.outlet.traffic.touch();
        if let Ok(permit) = self.outlet.in_flight.acquire().await {
            // The room gives it back.
            permit.forget();
            self.shared.room.submit(submission);
        }
    }

    /// Shows the person what was said before.
    pub(super) async fn show_history(&self, selection: Selection, id: Option<String>) {
        self.outlet.traffic.touch();
        let room = self.shared.window.room.clone();
        match self.shared.past.select(selection).await {
            Ok((records, more)) => {
                let zone = self.shared.window.zone.clone();
                let history = History { room, id, records, more, zone };
                self.outlet.answer(&Answer::History(history));
            }
            Err(problem) => self.refuse(Refusal::BadRequest(problem), id),
        }
    }

    /// Tells the person that something was not accepted.
    pub(super) fn refuse(&self, refusal: Refusal, id: Option<String>) {
        self.outlet.answer(&Answer::Refused { refusal, id });
    }

    /// Ends the connection, behind everything that it has asked for.
    pub(super) fn end(&mut self, reason: EndReason) {
        if std::mem::replace(&mut self.stage, Stage::Over) == Stage::Joined {
            let outlet = self.outlet.clone();
            self.shared.room.submit(Submission::End { outlet, reason });
        } else {
            self.outlet.close(self.shared.window.last(), reason);
        }
    }
}

/// Whether reading only has to be tried again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The longest line of text: a message, its command and a name.
fn text_line_bytes(shared: &Shared) -> usize {
    shared.config().limits.message_bytes + chatroom::names::MOST_BYTES + 64
}

/// The longest line of JSON: a message of which every byte is escaped, and what is around it.
fn json_line_bytes(shared: &Shared) -> usize {
    6 * shared.config().limits.message_bytes + 4096
}
