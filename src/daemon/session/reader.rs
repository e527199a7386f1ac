//! Reading a connection: from its bytes to requests to the room.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::clean::without_mark;
use chatroom::handover::Stage;
use chatroom::names::Name;
use chatroom::room::{EndReason, Refusal};
use chatroom::throttle::Bucket;
use chatroom::wire::greeting::{Foreign, Telnet, strip_telnet, without_blanks};
use chatroom::wire::{Answer, Dialect, Frame, Framer, History};
use tokio::time::Instant;
use zeroize::Zeroize;

use super::waiting::Waited;
use super::{ConnectionTask, broken};
use crate::client_connection::ClientConnection;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use crate::store::history_reader::{MAX_PAGE_BYTES, MAX_SEARCH_BYTES, Selection, Unread};

/// After so many lines of one connection the others have their turn.
const TURN: u32 = 64;

/// How much is read at a time.
pub(super) const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// Reading never waits, so that one buffer a thread is enough, and an idle connection has none.
    static BUFFER: RefCell<Box<[u8; READ_BYTES]>> = RefCell::new(Box::new([0; READ_BYTES]));
}

/// Why a connection is not served any more.
pub(super) enum Stop {
    Ended(EndReason),
    /// It is to be handed over, with these lines that were not looked at.
    Frozen(Vec<Frame>),
}

/// The reading half of a connection.
pub(super) struct Reader<'c> {
    pub(super) connection: &'c ConnectionTask,
    pub(super) stage: Stage,
    /// The name under which the person is or was in the room; before that, the one that needs the
    /// password which comes next.
    pub(super) name: Option<Name>,
    /// What has come of the first line, until it is known whether it is for us.
    pub(super) first_line: Option<Vec<u8>>,
    pub(super) telnet: Telnet,
    pub(super) framer: Framer,
    /// Whether the line that was handled last was refused as a name.
    pub(super) is_name_refused: bool,
    /// When the last bytes came.
    pub(super) heard: Instant,
    /// For how many seconds nothing may come; what the welcome has said, whatever was configured
    /// since.
    pub(super) silence: u32,
    /// What was sent lately, and whether the person knows that they are slowed.
    pub(super) sent: Bucket,
    pub(super) is_told: bool,
}

impl<'c> Reader<'c> {
    pub(super) fn new(connection: &'c ConnectionTask) -> Self {
        let message_bytes = connection.shared.config().limits.message_bytes;
        let framer = Framer::new(Dialect::max_first_line_bytes(message_bytes));
        let silence = silence_seconds(&connection.shared);
        let heard = Instant::now();
        Reader {
            connection,
            stage: Stage::New,
            name: None,
            first_line: Some(Vec::new()),
            telnet: Telnet::Text,
            framer,
            is_name_refused: false,
            heard,
            silence,
            sent: Bucket::default(),
            is_told: false,
        }
    }

    pub(super) fn client(&self) -> &'c Arc<ClientConnection> {
        &self.connection.client
    }

    pub(super) fn shared(&self) -> &'c Shared {
        &self.connection.shared
    }

    /// Reads and asks until the connection is broken, or to be handed over. In all other cases the
    /// client connection knows the reason for the end, and its writer finishes.
    pub(super) async fn run(&mut self) -> Stop {
        while self.is_listening() {
            let outcome = self.until_readable().await;
            // What an idle connection does not need is kept apart from it.
            if let Some(stop) = Box::pin(self.on_waited(outcome)).await {
                return stop;
            }
        }
        std::future::pending().await
    }

    /// Does what the waiting has brought. Gives the reason why this is no more, if it is not.
    async fn on_waited(&mut self, outcome: Waited) -> Option<Stop> {
        let mut frames = Vec::new();
        let received = match outcome {
            Waited::Readable => self.receive(&mut frames),
            Waited::Decision => {
                self.decide(&mut frames);
                Ok(true)
            }
            Waited::Broken(error) => Err(error),
            Waited::Freezing => return Some(Stop::Frozen(frames)),
            Waited::Silent => {
                self.end(EndReason::Silent);
                return None;
            }
            Waited::NoName => Ok(true),
        };
        match received {
            _ if self.is_past_naming() => self.end(EndReason::NoName),
            Ok(true) => return self.handle_frames(frames).await,
            Ok(false) => self.end(EndReason::Closed),
            Err(error) => return Some(Stop::Ended(broken(&error))),
        }
        None
    }

    fn is_listening(&self) -> bool {
        self.stage != Stage::Over && !self.client().is_ending()
    }

    /// Does what these lines ask for, until the connection is to end. Where it is to be handed over,
    /// what is left of them goes with it.
    pub(super) async fn handle_frames(&mut self, frames: Vec<Frame>) -> Option<Stop> {
        // Whose input never ends does not keep the others from their turn.
        tokio::task::yield_now().await;
        let mut frames = frames.into_iter();
        for handled in 1.. {
            // Reading and much of handling never have to wait, so that a flood of lines would
            // keep the others from their turn.
            if handled % TURN == 0 {
                tokio::task::yield_now().await;
            }
            // Who does not read the answers is not listened to.
            self.client().until_space().await;
            if !self.is_listening() {
                break;
            }
            if self.client().is_freezing() {
                return Some(Stop::Frozen(frames.collect()));
            }
            match frames.next() {
                Some(frame) => self.handle(frame).await,
                None => break,
            }
            if self.is_name_refused {
                self.check_lines_behind(frames.as_slice());
            }
        }
        None
    }

    /// Feeds what has come to the framer. Gives false if the other side has closed.
    fn receive(&mut self, frames: &mut Vec<Frame>) -> io::Result<bool> {
        let most = self.bytes_at_a_time();
        let received = BUFFER.with_borrow_mut(|buffer| {
            let received = self.connection.transport.try_read(&mut buffer[..most])?;
            let bytes = &buffer[..received];
            self.take_in(bytes, frames);
            if self.stage != Stage::Joined {
                buffer[..received].zeroize();
            }
            Ok(received)
        });
        match received {
            Ok(received) => {
                self.heard = Instant::now();
                self.client().traffic.bytes_in.fetch_add(received as u64, Relaxed);
                Ok(received > 0)
            }
            Err(error) if is_passing(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether the time to give a name is over, also for who goes on sending without an end.
    fn is_past_naming(&self) -> bool {
        !matches!(self.stage, Stage::Joined | Stage::Over)
            && self.client().traffic.start.elapsed() >= self.naming_time()
    }

    async fn handle(&mut self, frame: Frame) {
        self.is_name_refused = false;
        let has_joined = self.stage == Stage::Joined;
        let Frame::Line(mut line) = frame else {
            // Neither a name nor a request that comes before there is one is so long.
            if self.stage == Stage::New {
                return self.end(EndReason::Foreign(Foreign::TooLong.as_str()));
            }
            self.is_name_refused = !has_joined;
            let limit = self.shared().config().limits.message_bytes;
            return self.refuse(Refusal::TooLong { limit }, None);
        };
        // As another process has left it, perhaps.
        strip_telnet(&mut line);
        let Ok(mut line) = String::from_utf8(line) else {
            self.is_name_refused = !has_joined;
            return self.refuse(Refusal::NotUtf8, None);
        };
        let is_nameless = matches!(self.stage, Stage::New | Stage::Naming);
        let text = if is_nameless { without_blanks(&line) } else { without_mark(&line) };
        if is_nameless && !self.is_ours(text) {
            return;
        }
        // The configuration may have changed meanwhile.
        let dialect = self.client().dialect();
        self.framer.set_limit(dialect.max_line_bytes(self.shared().config().limits.message_bytes));
        match dialect {
            Dialect::Text => self.handle_text(text).await,
            // Not in the place that every text client has for it while it joins.
            Dialect::Json => Box::pin(self.handle_json(text)).await,
        }
        // It may have a password in it.
        if !has_joined {
            line.zeroize();
        }
    }

    /// Sends a request to the room when this connection has not too many on their way there, nor too
    /// much to be answered with.
    pub(super) async fn submit(&self, request: RoomRequest) {
        self.client().traffic.touch();
        self.client().begin_request(request.answer_bytes()).await;
        self.shared().room.submit(request);
    }

    /// Shows the person what was said before.
    pub(super) async fn show_history(&self, selection: Selection, id: Option<String>) {
        self.client().traffic.touch();
        let room = self.shared().window.room.clone();
        let is_search = selection.grep.is_some();
        let selection = Selection { max_bytes: MAX_PAGE_BYTES, ..selection };
        let (dialect, zone) = (self.client().dialect(), self.shared().window.zone.clone());
        let of = id.clone();
        let encode = move |(records, more)| {
            let history = History { room, id: of, is_search, records, more, zone };
            dialect.encode_answer(&Answer::History(history))
        };
        match self.shared().history_reader.select(selection, encode).await {
            Ok(bytes) => self.client().answer_encoded(bytes),
            Err(unread) => self.refuse(
                match unread {
                    Unread::Busy => Refusal::SearchesBusy,
                    Unread::TooLong => Refusal::SearchTooLong { limit: MAX_SEARCH_BYTES },
                    // What failed is for the operator to know.
                    Unread::Failed(_) => Refusal::HistoryUnreadable,
                },
                id,
            ),
        }
    }

    /// Tells the person that something was not accepted.
    pub(super) fn refuse(&self, refusal: Refusal, id: Option<String>) {
        self.shared().room.counts().refusals.count(refusal.code());
        self.client().answer(&Answer::Refused { refusal, id });
    }

    /// Ends the connection, behind everything that it has asked for.
    pub(super) fn end(&mut self, reason: EndReason) {
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        if stage == Stage::Joined {
            let client = self.client().clone();
            self.shared().room.submit(RoomRequest::End { client, reason });
        } else {
            self.name = None;
            self.client().close(self.shared().window.last(), reason);
        }
    }
}

/// Whether reading only has to be tried again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

pub(super) fn silence_seconds(shared: &Shared) -> u32 {
    u32::try_from(shared.config().timeouts.silence.as_secs()).unwrap_or(u32::MAX)
}
