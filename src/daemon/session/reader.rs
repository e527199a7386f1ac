//! Reads a connection: waits for bytes, and has each line carried out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chatroom::clean::without_mark;
use chatroom::handover::SavedInput;
use chatroom::names::{Name, NameProblem};
use chatroom::room::{EndReason, LINES_BEHIND, Refusal};
use chatroom::wire::greeting::{Foreign, strip_telnet, without_blanks};
use chatroom::wire::{Dialect, Frame};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroize;

use super::input::{Input, READ_BYTES};
use super::phase::Phase;
use super::requests::Requests;
use super::waiting::{Waited, readable};
use super::{ConnectionTask, broken, json, rate_limit, text};
use crate::client_connection::ClientConnection;
use crate::shared::Shared;

/// The number of lines of one connection after which other connections have their turn.
const TURN: u32 = 64;

/// The reason why a connection is no longer served.
pub(super) enum Stop {
    Ended(EndReason),
    /// It is to be handed over, with these lines, which were not handled.
    Frozen(Vec<Frame>),
}

/// The reading half of a connection.
pub(super) struct Reader<'c> {
    input: Input,
    requests: Requests<'c>,
}

impl<'c> Reader<'c> {
    pub(super) fn new(connection: &'c ConnectionTask) -> Self {
        let message_bytes = connection.shared.config().limits.message_bytes;
        let input = Input::new(Dialect::max_first_line_bytes(message_bytes));
        Reader { input, requests: Requests::new(connection) }
    }

    fn client(&self) -> &'c Arc<ClientConnection> {
        self.requests.client()
    }

    /// Handles these lines, and then everything that comes, until the connection is broken or is to be
    /// handed over. In all other cases the client connection knows the reason for the end, and the
    /// writer stops.
    pub(super) async fn run(&mut self, unread: Vec<Frame>) -> Stop {
        if !unread.is_empty()
            && let Some(stop) = Box::pin(self.handle_frames(unread)).await
        {
            return stop;
        }
        while self.is_listening() {
            let waited = self.until_readable().await;
            // Boxed, because an idle connection does not need it.
            if let Some(stop) = Box::pin(self.on_waited(waited)).await {
                return stop;
            }
        }
        std::future::pending().await
    }

    fn is_listening(&self) -> bool {
        !matches!(self.requests.phase, Phase::Over) && !self.client().is_ending()
    }

    /// Waits for bytes, for as long as this connection can be silent.
    async fn until_readable(&self) -> Waited {
        let connection = self.requests.connection;
        let Some((deadline, over)) = self.deadline() else {
            return readable(connection).await;
        };
        Box::pin(timeout_at(deadline, readable(connection))).await.unwrap_or(over)
    }

    /// The time until which input must arrive, and the meaning of its absence.
    fn deadline(&self) -> Option<(Instant, Waited)> {
        let decision = self.input.decision_time().map(|time| (time, Waited::Decision));
        match self.requests.phase {
            Phase::New | Phase::Naming | Phase::Password(_) => {
                let named = self.client().traffic.start + naming_time(self.requests.shared());
                decision.filter(|&(time, _)| time < named).or(Some((named, Waited::NoName)))
            }
            Phase::Joined { silence } if self.client().dialect().requires_keep_alive() => decision
                .or_else(|| {
                    let silence = Duration::from_secs(silence.into());
                    Some((self.input.heard + silence, Waited::Silent))
                }),
            Phase::Joined { .. } | Phase::Over => decision,
        }
    }

    /// Handles the result of waiting.
    async fn on_waited(&mut self, waited: Waited) -> Option<Stop> {
        let mut frames = Vec::new();
        let received = match waited {
            Waited::Readable => self.receive(&mut frames),
            Waited::Decision => {
                let outcome = self.input.decide(&mut frames);
                self.end_if_foreign(outcome);
                Ok(true)
            }
            Waited::Broken(error) => Err(error),
            Waited::Freezing => return Some(Stop::Frozen(frames)),
            Waited::Silent => {
                self.requests.end(EndReason::Silent);
                return None;
            }
            Waited::NoName => Ok(true),
        };
        match received {
            _ if self.is_past_naming() => self.requests.end(EndReason::NoName),
            Ok(true) => return self.handle_frames(frames).await,
            Ok(false) => self.requests.end(EndReason::Closed),
            Err(error) => return Some(Stop::Ended(broken(&error))),
        }
        None
    }

    /// Reads the available input. Returns false if the other side has closed.
    fn receive(&mut self, frames: &mut Vec<Frame>) -> io::Result<bool> {
        // Data that the old script client sends together must not be read in two parts.
        let max = match self.input.has_pieces() {
            true => READ_BYTES,
            false => {
                let config = self.requests.shared().config();
                rate_limit::max_read_bytes(&config.limits, &self.client().source)
            }
        };
        // A password can be in it.
        let secret = !self.requests.phase.is_joined();
        match self.input.read(&self.requests.connection.transport, max, secret, frames) {
            Ok((count, outcome)) => {
                self.client().traffic.bytes_in.fetch_add(count as u64, Relaxed);
                self.end_if_foreign(outcome);
                Ok(count > 0)
            }
            Err(error) if is_transient(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn end_if_foreign(&mut self, outcome: Result<(), Foreign>) {
        if let Err(foreign) = outcome {
            self.requests.end(EndReason::Foreign(foreign.as_str()));
        }
    }

    /// Whether the time to give a name is over, even if the client keeps sending.
    fn is_past_naming(&self) -> bool {
        self.requests.phase.is_login()
            && self.client().traffic.start.elapsed() >= naming_time(self.requests.shared())
    }

    /// Handles these lines, until the connection is to end. If it is to be handed over, the lines that
    /// are left go with it.
    async fn handle_frames(&mut self, frames: Vec<Frame>) -> Option<Stop> {
        // Input that never ends must not keep other connections from their turn.
        tokio::task::yield_now().await;
        let mut frames = frames.into_iter();
        for handled in 1.. {
            // Handling most lines does not wait for anything, so a flood of them would not, either.
            if handled % TURN == 0 {
                tokio::task::yield_now().await;
            }
            // A client that does not read its answers is not read.
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
            if self.requests.is_name_refused {
                self.check_lines_behind(frames.as_slice());
            }
        }
        None
    }

    async fn handle(&mut self, frame: Frame) {
        self.requests.is_name_refused = false;
        let has_joined = self.requests.phase.is_joined();
        let Frame::Line(mut line) = frame else { return self.refuse_long_line() };
        // The previous process may have left it as it came.
        strip_telnet(&mut line);
        let Ok(mut line) = String::from_utf8(line) else {
            self.requests.is_name_refused = !has_joined;
            return self.requests.refuse(Refusal::NotUtf8, None);
        };
        let is_nameless = matches!(self.requests.phase, Phase::New | Phase::Naming);
        let request = if is_nameless { without_blanks(&line) } else { without_mark(&line) };
        if is_nameless && !self.is_ours(request) {
            return;
        }
        let dialect = self.client().dialect();
        // The configuration can have changed.
        let message_bytes = self.requests.shared().config().limits.message_bytes;
        self.input.framer.set_limit(dialect.max_line_bytes(message_bytes));
        match dialect {
            Dialect::Text => text::handle(&mut self.requests, request).await,
            // Boxed, so that text clients do not have its state while they join.
            Dialect::Json => Box::pin(json::handle(&mut self.requests, request)).await,
        }
        // A password can be in it.
        if !has_joined {
            line.zeroize();
        }
    }

    fn refuse_long_line(&mut self) {
        // Neither a name nor a request before it can be this long.
        if matches!(self.requests.phase, Phase::New) {
            return self.requests.end(EndReason::Foreign(Foreign::TooLong.as_str()));
        }
        self.requests.is_name_refused = !self.requests.phase.is_joined();
        let limit = self.requests.shared().config().limits.message_bytes;
        self.requests.refuse(Refusal::TooLong { limit }, None);
    }

    /// Whether a line before there is a name is to be handled. The first line decides the dialect. If
    /// the line is not to be handled, the client was told.
    fn is_ours(&mut self, line: &str) -> bool {
        if !self.client().dialect().has_login_dialogue() {
            return true;
        }
        if let Some(foreign) = Foreign::of_line(line) {
            self.requests.end(EndReason::Foreign(foreign.as_str()));
            return false;
        }
        if matches!(self.requests.phase, Phase::New) {
            if line.is_empty() {
                // An empty line does not decide the dialect.
                self.input.expect_first_line();
                self.requests.refuse(Refusal::BadName(NameProblem::TooShort), None);
                return false;
            }
            self.requests.phase = Phase::Naming;
            let framing = self.input.framer.framing();
            self.client().set_dialect(Dialect::of_first_line(line, framing));
        }
        true
    }

    /// Ends the connection if more lines came together with a name that was refused. The sender cannot
    /// have read the refusal, so these lines are not meant as another name.
    fn check_lines_behind(&mut self, behind: &[Frame]) {
        let has_content = |frame: &Frame| match frame {
            Frame::Line(line) => !line.trim_ascii().is_empty(),
            Frame::TooLong => true,
        };
        if self.requests.phase.is_login()
            && self.client().dialect().has_login_dialogue()
            && (self.input.framer.has_rest() || behind.iter().any(has_content))
        {
            self.requests.end(EndReason::Foreign(LINES_BEHIND));
        }
    }

    /// Saves the input state for the next process. These lines were not handled.
    pub(super) fn save(self, frames: Vec<Frame>) -> (Arc<ClientConnection>, SavedInput) {
        let client = self.client().clone();
        let (Input { first_line, telnet, framer, .. }, requests) = (self.input, self.requests);
        let (stage, silence) = (requests.phase.save(), silence_seconds(requests.shared()));
        let (name, silence) = match requests.phase {
            Phase::Password(name) => (Some(name), silence),
            Phase::Joined { silence } => (client.name(), silence),
            Phase::New | Phase::Naming | Phase::Over => (None, silence),
        };
        let name = name.as_ref().map(Name::to_string);
        let saved = SavedInput { stage, name, framer, first_line, telnet, frames, silence };
        (client, saved)
    }

    /// Continues where the previous process has stopped. Returns the lines that it has not handled.
    pub(super) fn restore(&mut self, saved: SavedInput) -> Vec<Frame> {
        let name = saved.name.as_deref().map(Name::from_store);
        self.requests.phase = Phase::restore(saved.stage, name.clone(), saved.silence);
        if let Some(name) = name.filter(|_| self.requests.phase.is_joined()) {
            self.client().set_name(name);
        }
        let SavedInput { first_line, telnet, framer, frames, .. } = saved;
        self.input = Input { first_line, telnet, framer, heard: self.input.heard };
        frames
    }
}

/// Whether reading only has to be tried again.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The time within which a client has to give a name, and a password if the name requires one.
fn naming_time(shared: &Shared) -> Duration {
    shared.config().timeouts.name
}

/// For how many seconds a client that joins now can be silent.
pub(super) fn silence_seconds(shared: &Shared) -> u32 {
    u32::try_from(shared.config().timeouts.silence.as_secs()).unwrap_or(u32::MAX)
}
