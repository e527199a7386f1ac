//! Handles the events of the server.

use std::time::Duration;

use chatroom::room::RecordKind;
use chatroom::wire::json::{Event, Resume, Speech, Welcome};
use chatroom::wire::text::end_of_history;

use super::typed::SEARCH_ID;
use super::waits::{Waits, means_wait, not_before};
use super::{Exit, Model, Phase, Show, older, records};

impl Model {
    pub(super) fn received(&mut self, event: Event<'static>, now: Duration) {
        self.liveness.heard(now);
        let place = event.stamp().map(|stamp| (stamp.epoch, stamp.seq));
        match event {
            Event::Welcome(welcome) => self.welcomed(&welcome, now),
            // The user has seen their own message. Only that it is stored is news.
            Event::Message(Speech { id: Some(id), stamp, .. })
            | Event::Action(Speech { id: Some(id), stamp, .. }) => {
                self.stored(&id, &stamp.time, now);
            }
            Event::Direct { time, id: Some(id), .. } => self.stored(&id, &time, now),
            Event::Direct { time, from, text, id: None, .. } => {
                let (time, name, text) = (time.into_owned(), from.into_owned(), text.into_owned());
                self.outputs.show(Show::Private { time, name, text });
            }
            Event::Who { users, .. } => {
                self.outputs.status(&format!("In the room: {}.", users.join(", ")));
            }
            Event::Gap { from, to, .. } => {
                let missed = to.saturating_sub(from).saturating_add(1);
                let sentence =
                    format!("{missed} lines are missing: the server does not have them any more.");
                self.outputs.status(&sentence);
                self.session.see(None, to);
                // The user's own lines may be among them. Those that are stored are not stored twice.
                self.send_pending(now);
            }
            Event::Refused { id, code, message, retry_after_seconds } => match id.as_deref() {
                None if self.phase == Phase::Greeting => {
                    self.hello_refused(&code, &message, retry_after_seconds, now);
                }
                id => self.refused(id, &message, now),
            },
            Event::Info { message, .. } => self.outputs.status(&message),
            Event::Closing { code, message, retry_after_seconds } => {
                self.closing(&code, &message, retry_after_seconds, now);
            }
            Event::History { id, records, more, .. } => {
                self.history(id.as_deref(), &records, more);
            }
            Event::Pong { .. } => self.liveness.ponged(now),
            Event::Unknown => {}
            record => {
                if matches!(record, Event::Message(_) | Event::Action(_)) {
                    self.catch_up.count_message();
                }
                if let Some(show) = self.record(&record) {
                    self.outputs.show(show);
                }
            }
        }
        if let Some((epoch, seq)) = place {
            self.session.see(Some(epoch), seq);
            self.catch_up(now);
        }
    }

    /// Notes what a record changes for the client. Returns how it is shown.
    fn record(&mut self, record: &Event<'static>) -> Option<Show> {
        let (stamp, kind) = record.record()?;
        let (is_new, me) = (!stamp.replayed, self.credentials.name());
        match &kind {
            // The user's own join: "You are ..." has said it already.
            RecordKind::Joined { name } if me == Some(name.as_str()) => return None,
            RecordKind::Topic { text } if is_new => self.topic.clone_from(text),
            RecordKind::Renamed { name, to } if is_new && me == Some(name.as_str()) => {
                self.credentials.rename(to.as_str());
            }
            _ => {}
        }
        Some(records::shown(stamp, kind))
    }

    /// Shows records from the history: above all others if they were requested by scrolling up.
    fn history(&mut self, id: Option<&str>, records: &[Event<'static>], more: bool) {
        let first = records.first().and_then(Event::stamp).map(|stamp| stamp.seq);
        let shows: Vec<Show> = records.iter().filter_map(|record| self.record(record)).collect();
        if older::is_page(id) {
            self.older.received(first, more);
            return self.outputs.show(Show::Older(shows));
        }
        shows.into_iter().for_each(|show| self.outputs.show(show));
        self.outputs.status(&end_of_history(records.len(), id == Some(SEARCH_ID), more));
    }

    fn welcomed(&mut self, welcome: &Welcome<'_>, now: Duration) {
        if self.phase != Phase::Greeting {
            return;
        }
        self.phase = Phase::Joined;
        self.attempts.joined();
        self.waits = Waits::default();
        self.credentials.withhold_password();
        self.credentials.rename(&welcome.name);
        self.topic = welcome.topic.to_string();
        self.pending.set_max_bytes(welcome.limits.message_bytes);
        self.liveness.joined(welcome.limits.silence_seconds);
        self.older.joined(welcome.epoch, welcome.next);
        let (token, epoch) = (welcome.token.to_string(), welcome.epoch);
        let seq = welcome.next.saturating_sub(1);
        let was_loaded = self.session.joined(Resume { token, epoch, seq });
        let was_ended = was_loaded && welcome.resumed;
        let was_disconnected = self.catch_up.begin(welcome.seq, was_ended, now);
        self.outputs.show(Show::Here {
            room: welcome.room.to_string(),
            name: welcome.name.to_string(),
            users: welcome.users.iter().map(ToString::to_string).collect(),
        });
        if !was_disconnected {
            self.introduce(welcome);
        }
        if let Some((from, to)) = welcome.lost {
            let lost = to.saturating_sub(from).saturating_add(1);
            let sentence = format!("The server has lost the last {lost} lines that you had seen.");
            self.outputs.status(&sentence);
        }
        self.was_joined = true;
        self.catch_up(now);
    }

    fn introduce(&mut self, welcome: &Welcome<'_>) {
        let others = match welcome.users.len().saturating_sub(1) {
            0 => "Nobody else is here yet.".to_owned(),
            1 => "1 other person is here.".to_owned(),
            others => format!("{others} others are here."),
        };
        let (name, room) = (&welcome.name, &welcome.room);
        self.outputs.status(&format!("You are {name} in the room {room}. {others}"));
        if !welcome.topic.is_empty() {
            self.outputs.status(&format!("Topic: {}", welcome.topic));
        }
        if self.settings.interactive {
            self.outputs.status("Type a message and press Enter. /help lists the commands.");
        }
    }

    /// Ends catching up once all that was missed has been seen.
    fn catch_up(&mut self, now: Duration) {
        let finished = self.catch_up.finish(self.session.seen(), self.pending.len());
        let Some(sentence) = finished else { return };
        if !sentence.is_empty() {
            self.outputs.status(&sentence);
        }
        // Lines that were not acknowledged on the connection before are sent again. Those that were
        // stored nevertheless have been acknowledged by the records that were just seen.
        self.send_pending(now);
        self.leave_if_done(now);
    }

    fn refused(&mut self, id: Option<&str>, message: &str, now: Duration) {
        self.any_refused = true;
        self.outputs.status(message);
        if let Some(id) = id {
            self.outputs.show(Show::NotStored { id: id.to_owned() });
            self.acknowledged(id, now);
        }
    }

    fn hello_refused(&mut self, code: &str, message: &str, seconds: Option<u64>, now: Duration) {
        match code {
            // An earlier pipe may still hold the name.
            "name-taken" if self.session.use_spare() => return self.greet(),
            "name-taken" if self.was_joined => return self.name_lost(now),
            "password-needed" => return self.password_needed(message),
            "password-wrong" => return self.password_wrong(message),
            code if means_wait(code) => {
                let stays = code != "shutting-down";
                return self.told_to_wait(message, seconds, stays, now);
            }
            _ => {}
        }
        self.any_refused = true;
        self.outputs.status(message);
        if self.settings.interactive && code.starts_with("name-") {
            self.settings.default_name = None;
            self.ask_name(true);
        } else {
            self.session.end();
            self.exit(Exit::Refused);
        }
    }

    /// The name of a user who was in the room is taken.
    fn name_lost(&mut self, now: Duration) {
        // A server that does not know the session any more may hold the name for the lost connection,
        // until it notices the loss.
        let lost_at = self.catch_up.lost_at().unwrap_or(now);
        if now.saturating_sub(lost_at) < self.liveness.detection_time() {
            return self.pause("The name is still held for the lost connection.", now);
        }
        self.attempt_failed("another user has the name", now);
    }

    /// The server says why it is about to close the connection, or does not let the client in.
    fn closing(&mut self, code: &str, message: &str, seconds: Option<u64>, now: Duration) {
        match (code, self.phase) {
            ("quit", Phase::Leaving { .. }) => self.session.end(),
            (_, Phase::Leaving { .. }) => {}
            ("removed" | "banned" | "replaced" | "taken-over", _) => {
                self.session.end();
                self.outputs.status(message);
                self.end(Exit::Refused);
            }
            // The end of the connection follows, and is reported then.
            ("quit", _) => {}
            (code, Phase::Greeting) if means_wait(code) => {
                self.told_to_wait(message, seconds, false, now);
            }
            _ => self.disconnected(message.trim_end_matches('.'), now),
        }
        if let (Some(seconds), Phase::Pausing { until, .. }) = (seconds, &mut self.phase) {
            *until = (*until).max(not_before(seconds, now));
        }
    }

    /// A line of the user was sent back by the server, which shows that it is stored.
    fn stored(&mut self, id: &str, time: &str, now: Duration) {
        self.outputs.show(Show::Stored { id: id.to_owned(), time: Some(time.to_owned()) });
        self.acknowledged(id, now);
    }
}
