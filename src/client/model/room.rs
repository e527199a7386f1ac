//! What the client makes of what the server says.

use std::time::Duration;

use chatroom::wire::json::{Event, Limits};

use super::{Exit, Model, Output, Phase, Show};

impl Model {
    pub(super) fn received(&mut self, event: Event<'static>, now: Duration) {
        self.heard = now;
        match event {
            Event::Welcome { name, room, topic, users, limits, .. } => {
                let others = users.len().saturating_sub(1);
                self.welcomed(&name, &room, &topic, others, &limits, now);
            }
            Event::Message(speech) => match speech.id {
                Some(id) => self.acknowledged(&id, now),
                None => {
                    let (name, text) = (speech.name.into_owned(), speech.text.into_owned());
                    self.show(Show::Message { time: speech.stamp.time.into_owned(), name, text });
                }
            },
            Event::Action(speech) => match speech.id {
                Some(id) => self.acknowledged(&id, now),
                None => {
                    let (name, text) = (speech.name.into_owned(), speech.text.into_owned());
                    self.show(Show::Action { time: speech.stamp.time.into_owned(), name, text });
                }
            },
            Event::Direct { time, from, text, id, .. } => match id {
                Some(id) => self.acknowledged(&id, now),
                None => {
                    let (name, text) = (from.into_owned(), text.into_owned());
                    self.show(Show::Private { time: time.into_owned(), name, text });
                }
            },
            Event::Joined { stamp, name } => self.room(&stamp.time, format!("{name} joined")),
            Event::Left { stamp, name, how, reason } => {
                let what = match how.as_ref() {
                    "quit" => "left",
                    "removed" => "was removed by the operator",
                    _ => "lost the connection",
                };
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                self.room(&stamp.time, format!("{name} {what}{reason}"));
            }
            Event::Notice { stamp, text } => self.room(&stamp.time, format!("SERVER: {text}")),
            Event::Who { users, .. } => {
                self.status(&format!("Here: {}.", users.join(", ")));
            }
            Event::Gap { from, to, .. } => {
                let missed = to.saturating_sub(from) + 1;
                self.status(&format!("The connection was too slow: {missed} lines are missing."));
            }
            Event::Refused { id, code, message } => {
                self.refused(id.as_deref(), &code, &message, now);
            }
            Event::Closing { code, message } => self.closing(&code, &message, now),
            Event::Pong { .. } | Event::Unknown => {}
        }
    }

    fn welcomed(
        &mut self,
        name: &str,
        room: &str,
        topic: &str,
        others: usize,
        limits: &Limits,
        now: Duration,
    ) {
        if self.phase != Phase::Greeting {
            return;
        }
        self.phase = Phase::Joined;
        self.failed_attempts = 0;
        self.silence = Some(limits.silence_seconds).filter(|&s| s > 0).map(Duration::from_secs);
        match self.lost_at.take() {
            Some(lost) => {
                let seconds = now.saturating_sub(lost).as_secs();
                let kept = match self.pending.len() {
                    0 => String::new(),
                    1 => " 1 kept line is sent now.".to_owned(),
                    lines => format!(" {lines} kept lines are sent now."),
                };
                self.status(&format!("Connected again after {seconds} s.{kept}"));
            }
            None => {
                let company = match others {
                    0 => "Nobody else is here yet.".to_owned(),
                    1 => "1 other person is here.".to_owned(),
                    others => format!("{others} others are here."),
                };
                self.status(&format!("You are {name} in the room {room}. {company}"));
            }
        }
        if !topic.is_empty() && !self.was_joined {
            self.status(&format!("Topic: {topic}"));
        }
        if self.settings.interactive && !self.was_joined {
            self.status("Type something and press Enter. !help shows what else you can do.");
        }
        self.was_joined = true;
        // What was not acknowledged on the connection before is said again, in its order.
        let requests: Vec<_> = self.pending.iter().map(|pending| pending.request.clone()).collect();
        requests.into_iter().for_each(|request| self.send(request, now));
        self.leave_if_done(now);
    }

    fn acknowledged(&mut self, id: &str, now: Duration) {
        self.pending.retain(|pending| pending.id != id);
        self.leave_if_done(now);
    }

    fn refused(&mut self, id: Option<&str>, code: &str, message: &str, now: Duration) {
        if self.phase == Phase::Greeting && id.is_none() {
            return self.name_refused(code, message, now);
        }
        self.any_refused = true;
        self.status(message);
        if let Some(id) = id {
            self.acknowledged(id, now);
        }
    }

    fn name_refused(&mut self, code: &str, message: &str, now: Duration) {
        if self.was_joined && code == "name-taken" {
            // The server has not noticed yet that the connection of before is gone.
            return self.attempt_failed("the name is still held by the lost connection", now);
        }
        self.status(message);
        if self.settings.interactive && code.starts_with("name-") {
            self.settings.default_name = None;
            self.ask_name(true);
        } else {
            self.exit(Exit::Refused);
        }
    }

    /// The server says why it is about to close the connection.
    fn closing(&mut self, code: &str, message: &str, now: Duration) {
        match (code, self.phase) {
            (_, Phase::Leaving { .. }) => {}
            ("removed", _) => {
                self.status(message);
                self.tell_unsent();
                self.exit(Exit::Refused);
            }
            // What follows is the end of the connection, which is said then.
            ("quit", _) => {}
            _ => {
                let why = message.trim_end_matches('.').to_owned();
                self.disconnected(&why, now);
            }
        }
    }

    fn room(&mut self, time: &str, text: String) {
        self.show(Show::Room { time: time.to_owned(), text });
    }

    fn show(&mut self, show: Show) {
        self.outputs.push(Output::Show(show));
    }
}
