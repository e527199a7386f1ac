//! What the client makes of what the server says.

use std::time::Duration;

use chatroom::room::RecordKind;
use chatroom::wire::json::{Event, Resume, Speech, Welcome};
use chatroom::wire::record_text;

use super::keeping::Change;
use super::{Absence, CatchingUp, Exit, Model, Output, Phase, Show};

/// A server that can be silent for longer is asked so often nevertheless.
const MAX_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

impl Model {
    pub(super) fn received(&mut self, event: Event<'static>, now: Duration) {
        self.heard = now;
        let place = event.stamp().map(|stamp| (stamp.epoch, stamp.seq));
        match event {
            Event::Welcome(welcome) => self.welcomed(&welcome, now),
            // Seen already: only its acknowledgement is news.
            Event::Message(Speech { id: Some(id), stamp, .. })
            | Event::Action(Speech { id: Some(id), stamp, .. }) => {
                self.stored(&id, &stamp.time, now);
            }
            Event::Direct { time, from, text, id, .. } => match id {
                Some(id) => self.stored(&id, &time, now),
                None => {
                    let (name, text) = (from.into_owned(), text.into_owned());
                    self.show(Show::Private { time: time.into_owned(), name, text });
                }
            },
            Event::Who { users, .. } => {
                self.status(&format!("Here: {}.", users.join(", ")));
            }
            Event::Gap { from, to, .. } => {
                let missed = to.saturating_sub(from).saturating_add(1);
                self.status(&format!("{missed} lines are missing: they are not kept any more."));
                self.see(None, to);
                // What one has said oneself may be among them; what is stored is not said twice.
                self.say_pending(now);
            }
            Event::Refused { id, code, message, retry_after_seconds } => match id.as_deref() {
                None if self.phase == Phase::Greeting => {
                    self.name_refused(&code, &message, retry_after_seconds, now);
                }
                id => self.refused(id, &message, now),
            },
            Event::Info { message, .. } => self.status(&message),
            Event::Closing { code, message, retry_after_seconds } => {
                self.closing(&code, &message, retry_after_seconds, now);
            }
            Event::History { id, records, more, .. } => self.history(id.as_deref(), &records, more),
            Event::Pong { .. } => {
                let sent = self.pinged.take();
                self.round_trip = sent.map(|sent| now.saturating_sub(sent)).or(self.round_trip);
            }
            Event::Unknown => {}
            record => {
                if let (Some(catching_up), Event::Message(_) | Event::Action(_)) =
                    (&mut self.catching_up, &record)
                {
                    catching_up.messages += 1;
                }
                self.show_record(&record);
            }
        }
        if let Some((epoch, seq)) = place {
            self.see(Some(epoch), seq);
            self.caught_up(now);
        }
    }

    pub(super) fn show_record(&mut self, record: &Event<'static>) {
        let Some((stamp, kind)) = record.record() else { return };
        let (time, earlier) = (stamp.time.to_string(), stamp.replayed);
        match &kind {
            // The user's own join: "You are ..." has said it already.
            RecordKind::Joined { name } if self.name.as_deref() == Some(name.as_str()) => return,
            RecordKind::Topic { text } if !earlier => self.topic.clone_from(text),
            RecordKind::Renamed { name, to }
                if !earlier && self.name.as_deref() == Some(name.as_str()) =>
            {
                self.name = Some(to.to_string());
            }
            _ => {}
        }
        self.show(match kind {
            RecordKind::Message { name, text } => {
                Show::Message { time, earlier, name: name.to_string(), text }
            }
            RecordKind::Action { name, text } => {
                Show::Action { time, earlier, name: name.to_string(), text }
            }
            RecordKind::Joined { name } => Show::Joined { time, earlier, name: name.to_string() },
            RecordKind::Left { name, how } => {
                Show::Left { time, earlier, name: name.to_string(), how }
            }
            RecordKind::Renamed { name, to } => {
                Show::Renamed { time, earlier, name: name.to_string(), to: to.to_string() }
            }
            kind @ (RecordKind::Notice { .. }
            | RecordKind::Topic { .. }
            | RecordKind::Redacted { .. }) => {
                Show::Room { time, earlier, text: record_text(&kind).to_string() }
            }
        });
    }

    /// Notes how far the room was seen, to go on from there.
    fn see(&mut self, epoch: Option<u32>, seq: u64) {
        if let Some(resume) = &mut self.resume {
            resume.epoch = epoch.unwrap_or(resume.epoch);
            resume.seq = resume.seq.max(seq);
            self.changed(Change::Seen);
        }
    }

    fn welcomed(&mut self, welcome: &Welcome<'_>, now: Duration) {
        if self.phase != Phase::Greeting {
            return;
        }
        self.phase = Phase::Joined;
        self.failed_attempts = 0;
        self.told_pause = None;
        (self.waiting_since, self.waits, self.told_wait) = (None, 0, None);
        self.is_session_over = false;
        self.gives_password = false;
        self.topic = welcome.topic.to_string();
        self.name = Some(welcome.name.to_string());
        self.message_bytes = Some(welcome.limits.message_bytes);
        let silence = Duration::from_secs(welcome.limits.silence_seconds).min(MAX_SILENCE);
        self.silence = Some(silence).filter(|silence| !silence.is_zero());
        let lost_at = self.lost_at.take();
        let after = match lost_at.map(|lost| now.saturating_sub(lost)) {
            Some(away) => Absence::Lost(away),
            None if self.recalled.take().is_some() && welcome.resumed => Absence::Ended,
            None => Absence::None,
        };
        self.show(Show::Here {
            room: welcome.room.to_string(),
            name: welcome.name.to_string(),
            users: welcome.users.iter().map(ToString::to_string).collect(),
        });
        if lost_at.is_none() {
            self.introduce(welcome);
        }
        if let Some((from, to)) = welcome.lost {
            let lost = to.saturating_sub(from).saturating_add(1);
            self.status(&format!("The server has lost the last {lost} lines that you have seen."));
        }
        self.was_joined = true;
        self.older.joined(welcome.epoch, welcome.next);
        let seq = welcome.next.saturating_sub(1);
        self.changed(Change::Session);
        self.resume = Some(Resume { token: welcome.token.to_string(), epoch: welcome.epoch, seq });
        self.catching_up = Some(CatchingUp { until: welcome.seq, messages: 0, after });
        self.caught_up(now);
    }

    fn introduce(&mut self, welcome: &Welcome<'_>) {
        let company = match welcome.users.len().saturating_sub(1) {
            0 => "Nobody else is here yet.".to_owned(),
            1 => "1 other person is here.".to_owned(),
            others => format!("{others} others are here."),
        };
        let (name, room) = (&welcome.name, &welcome.room);
        self.status(&format!("You are {name} in the room {room}. {company}"));
        if !welcome.topic.is_empty() {
            self.status(&format!("Topic: {}", welcome.topic));
        }
        if self.settings.interactive {
            self.status("Type something and press Enter. /help shows what else you can do.");
        }
    }

    /// Goes over to what happens now, once all that was missed has been seen.
    fn caught_up(&mut self, now: Duration) {
        let seen = self.resume.as_ref().map_or(0, |resume| resume.seq);
        let Some(CatchingUp { messages, after, .. }) =
            self.catching_up.take_if(|catching_up| seen >= catching_up.until)
        else {
            return;
        };
        let came_back = match after {
            Absence::None => None,
            Absence::Lost(away) => Some(format!("Reconnected after {} s", away.as_secs())),
            Absence::Ended => Some("Back where you were".to_owned()),
        };
        if let Some(came_back) = came_back {
            let missed = match messages {
                0 => "nothing was said meanwhile".to_owned(),
                1 => "1 message while away".to_owned(),
                messages => format!("{messages} messages while away"),
            };
            let kept = match self.pending.len() {
                0 => String::new(),
                1 => "; 1 kept line is sent now".to_owned(),
                lines => format!("; {lines} kept lines are sent now"),
            };
            self.status(&format!("{came_back}, {missed}{kept}."));
        }
        // What was not acknowledged on the connection before is said again, in its order. What
        // was stored nevertheless has been acknowledged by what was just seen.
        self.say_pending(now);
        self.leave_if_done(now);
    }

    fn refused(&mut self, id: Option<&str>, message: &str, now: Duration) {
        self.any_refused = true;
        self.status(message);
        if let Some(id) = id {
            self.show(Show::NotStored { id: id.to_owned() });
            self.acknowledged(id, now);
        }
    }

    fn name_refused(&mut self, code: &str, message: &str, seconds: Option<u64>, now: Duration) {
        if code == "name-taken" {
            if let Some(spare) = self.spare.take() {
                // It may be held for the pipe before, of which only the session is left.
                self.resume = Some(spare);
                return self.greet();
            }
            if self.was_joined {
                return self.name_lost(now);
            }
        }
        match code {
            "password-needed" | "password-wrong" => return self.password_refused(code, message),
            _ if Model::means_wait(code) => {
                let stays = code != "shutting-down";
                return self.told_to_wait(message, seconds, stays, now);
            }
            _ => {}
        }
        self.any_refused = true;
        self.status(message);
        if self.settings.interactive && code.starts_with("name-") {
            self.settings.default_name = None;
            self.ask_name(true);
        } else {
            self.is_session_over = true;
            self.exit(Exit::Refused);
        }
    }

    /// Somebody has the name under which one comes back.
    fn name_lost(&mut self, now: Duration) {
        // A server that does not know this session any more may hold the name for the lost
        // connection, until it notices that that is gone.
        let lost = self.lost_at.unwrap_or(now);
        if now.saturating_sub(lost) < self.silence.unwrap_or_default() * 2 {
            return self.pause("The name is still held for the lost connection.", now);
        }
        self.attempt_failed("somebody else has the name", now);
    }

    /// The server says why it is about to close the connection, or has not let one in.
    pub(super) fn closing(
        &mut self,
        code: &str,
        message: &str,
        seconds: Option<u64>,
        now: Duration,
    ) {
        match (code, self.phase) {
            (_, Phase::Leaving { .. }) => self.is_session_over |= code == "quit",
            ("removed" | "banned" | "replaced" | "taken-over", _) => {
                self.is_session_over = true;
                self.status(message);
                self.tell_unsent();
                self.exit(Exit::Refused);
            }
            // What follows is the end of the connection, which is said then.
            ("quit", _) => {}
            (_, Phase::Greeting) if Model::means_wait(code) => {
                self.told_to_wait(message, seconds, false, now);
            }
            _ => {
                let why = message.trim_end_matches('.').to_owned();
                self.disconnected(&why, now);
            }
        }
        self.not_before(seconds, now);
    }

    /// What one has said oneself came back, which shows that it is stored.
    fn stored(&mut self, id: &str, time: &str, now: Duration) {
        self.show(Show::Stored { id: id.to_owned(), time: Some(time.to_owned()) });
        self.acknowledged(id, now);
    }

    pub(super) fn show(&mut self, show: Show) {
        self.outputs.push(Output::Show(show));
    }
}
