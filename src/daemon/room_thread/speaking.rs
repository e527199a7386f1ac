//! What people say, to everybody and to each other; and who they are.

use chatroom::permission::Permission;
use chatroom::room::{Accepted, Found, NewRecord, Record, Refusal, Seq, SessionId};
use chatroom::wire::{Answer, Direct};
use jiff::Timestamp;

use super::RoomThread;

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
                self.accepted.push((session, id));
            }
            Ok(Accepted::Again(seq)) => {
                let room = self.window.room.clone();
                let answer = match self.find_record(seq) {
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

    /// Whether this session has said something with this id.
    fn was_said(&self, session: SessionId, id: Option<&str>) -> bool {
        let in_store = |session, id: &str| self.store.as_ref()?.seq_of(session, id).ok()?;
        self.room.said_before(session, id, in_store).is_some()
    }

    pub(super) fn apply(
        &mut self,
        new_record: NewRecord,
        now: Timestamp,
    ) -> Result<Accepted, Refusal> {
        let store = &self.store;
        self.room.apply(new_record, now, |session, id| store.as_ref()?.seq_of(session, id).ok()?)
    }

    /// A record that was accepted before, wherever it is.
    pub(super) fn find_record(&self, seq: Seq) -> Option<Record> {
        if let Some(record) = self.room.batch().iter().find(|record| record.seq == seq) {
            return Some(record.clone());
        }
        match self.window.at(seq) {
            Found::Batch(batch) => batch.records().iter().find(|record| record.seq == seq).cloned(),
            _ => self.store.as_ref()?.record(seq).ok()?,
        }
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
        match self.clients.get(&to.session) {
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
            self.extras.directs.extend(copy.id.clone().map(|id| (session, id)));
            if to.session != session {
                self.answer(to.session, Answer::Direct(copy.clone()));
            }
        }
        self.answer(session, Answer::Direct(Direct { own: true, ..copy }));
        Ok(())
    }
}
