//! Messages, to the room and to one member.

use chatroom::permission::Permission;
use chatroom::room::{Accepted, NewRecord, Refusal, Seq, SessionId};
use chatroom::wire::{Answer, Direct};
use jiff::Timestamp;

use super::RoomThread;
use super::redacting::find_record;

impl RoomThread {
    pub(super) fn speak(
        &mut self,
        session: SessionId,
        action: bool,
        text: String,
        id: Option<String>,
        now: Timestamp,
    ) {
        if let Err(refusal) = self.may(session, Permission::Speak, now)
            && !self.was_said(session, id.as_deref())
        {
            return self.answer(session, Answer::Refused { refusal, id });
        }
        match self.apply(NewRecord::Speech { session, action, text, id: id.clone() }, now) {
            Ok(Accepted::New(_)) => {
                self.note_said(session, now);
                self.effects.note_speech(session, id);
            }
            Ok(Accepted::Duplicate(seq)) => {
                let room = self.window.room.clone();
                let found = find_record(seq, &self.room, &self.window, &self.storage);
                let answer = match found.ok().flatten() {
                    Some(record) => Answer::Repeated { room, record: Box::new(record) },
                    None => {
                        let problem = "That id was used before, for something else.".to_owned();
                        Answer::Refused { refusal: Refusal::BadRequest(problem), id }
                    }
                };
                self.answer(session, answer);
            }
            Err(refusal) => self.answer(session, Answer::Refused { refusal, id }),
        }
    }

    /// Whether this session has sent a message with this id before.
    fn was_said(&self, session: SessionId, id: Option<&str>) -> bool {
        let stored = |session, id: &str| self.storage.seq_of(session, id);
        self.room.said_before(session, id, stored).is_some()
    }

    pub(super) fn apply(
        &mut self,
        new_record: NewRecord,
        now: Timestamp,
    ) -> Result<Accepted, Refusal> {
        self.room.apply(new_record, now, |session, id| self.storage.seq_of(session, id))
    }

    pub(super) fn direct(
        &mut self,
        session: SessionId,
        to: &str,
        text: &str,
        id: Option<String>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.may(session, Permission::Direct, now)?;
        let (from, to, text) = self.room.direct(session, to, text)?;
        let is_repeated = self.was_said(session, id.as_deref());
        match self.clients.get(to.session) {
            _ if is_repeated || to.session == session => {}
            None => return Err(Refusal::Detached(to.name)),
            Some(client) if !client.reserve(text.len()) => return Err(Refusal::Busy(to.name)),
            Some(_) => {}
        }
        let room = self.window.room.clone();
        let copy = Direct { room, time: now, from: from.name, to: to.name, text, own: false, id };
        if !is_repeated {
            self.note_said(session, now);
            self.room.note_id(session, copy.id.as_deref(), Seq(0));
            self.storage.extras.directs.extend(copy.id.clone().map(|id| (session, id)));
            if to.session != session {
                self.answer(to.session, Answer::Direct(copy.clone()));
            }
        }
        self.answer(session, Answer::Direct(Direct { own: true, ..copy }));
        Ok(())
    }
}
