//! The real room with a store, a window and readers around it, beside the reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use chatroom::names::Name;
use chatroom::room::{
    Accepted, Departure, Found, Log, Member, NewRecord, Policy, Position, REDACTED, Record,
    RecordKind, Refusal, Room, Seq, SessionId,
};
use jiff::Timestamp;
use proptest::sample::Index;

use crate::Step;
use crate::reference::{Line, MAX_BYTES, Outcome, Reference, Said};

/// A small window, so that readers fall out of it.
const WINDOW_BYTES: usize = 2000;

/// Somebody who reads the log from where they came.
struct Reader {
    next: Seq,
    /// The records that they were shown.
    seen: Vec<(u64, Line)>,
}

pub struct World {
    room: Room,
    window: Log<Vec<Record>>,
    /// The contents of the disk: the records and the members.
    store: Vec<Record>,
    stored_members: Vec<Member>,
    readers: Vec<Reader>,
    /// Since when a session has no connection. What cannot be stored does not change it.
    away: BTreeMap<u64, bool>,
    asked: Reference,
    /// The reference as of the last stored batch.
    committed: Reference,
    /// How much was said since then, which only memory knows.
    uncommitted: usize,
    sessions: u64,
    seconds: i64,
}

fn policy() -> Policy {
    Policy { message_bytes: MAX_BYTES }
}

impl World {
    pub fn new() -> World {
        World {
            room: Room::new(Position::START, policy()),
            window: Log::new(Seq(1), WINDOW_BYTES),
            store: Vec::new(),
            stored_members: Vec::new(),
            readers: Vec::new(),
            away: BTreeMap::new(),
            asked: Reference::default(),
            committed: Reference::default(),
            uncommitted: 0,
            sessions: 0,
            seconds: 0,
        }
    }

    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Join { name } => self.join(name),
            Step::Say { who, action, text, id } => {
                let id = id.map(|id| id.to_string());
                self.say(self.pick(who), *action, text, id);
            }
            Step::SayMuch { who, count } => {
                let session = self.pick(who);
                for number in 0..*count {
                    self.say(
                        session,
                        false,
                        "much",
                        Some(format!("{}-{number}", self.asked.log.len())),
                    );
                }
            }
            Step::Leave { who } => self.leave(self.pick(who), Departure::Quit, "quit"),
            Step::Evict { who } => {
                self.leave(self.pick(who), Departure::Removed { reason: None }, "removed");
            }
            Step::Lose { who } => self.lose(self.pick(who)),
            Step::Resume { who } => self.resume(self.pick(who)),
            Step::Rename { who, to } => self.rename(self.pick(who), to),
            Step::Topic { text } => {
                let outcome = self.apply(NewRecord::Topic { text: (*text).to_owned() });
                assert_eq!(outcome, self.asked.topic(text));
            }
            Step::Redact { seq } => self.redact(seq),
            Step::Ban { name, seconds } => {
                let until = seconds.map(|seconds| self.seconds + i64::from(seconds));
                self.asked.bans.insert((*name).to_owned(), until);
                self.committed.bans.clone_from(&self.asked.bans);
            }
            Step::Unban { name } => {
                self.asked.bans.remove(*name);
                self.committed.bans.clone_from(&self.asked.bans);
            }
            Step::Commit => self.commit(),
            Step::Fail => {
                self.room.roll_back();
                self.asked = self.committed.clone();
                self.uncommitted = 0;
            }
            Step::Read { who, batches } => {
                if !self.readers.is_empty() {
                    let reader = who.index(self.readers.len());
                    (0..*batches).for_each(|_| self.read(reader));
                }
            }
            Step::Restart => self.restart(),
            Step::Seconds(seconds) => self.seconds += i64::from(*seconds),
        }
        self.check();
    }

    /// Everybody reads to the end: then all have seen the same, from where they came.
    pub fn finish(mut self) {
        self.commit();
        for reader in 0..self.readers.len() {
            while self.readers[reader].next <= self.room.position().seq {
                self.read(reader);
            }
            for (number, (seq, line)) in self.readers[reader].seen.iter().enumerate() {
                let first = self.readers[reader].seen[0].0;
                assert_eq!(*seq, first + number as u64, "a gap or a double");
                assert!(is_same(line, &self.asked.log[*seq as usize - 1]), "{seq}: {line:?}");
            }
        }
    }

    /// One of all the sessions that there were: also of those that are gone, and one that never was.
    fn pick(&self, who: &Index) -> u64 {
        who.index(self.sessions as usize + 1) as u64
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds).unwrap()
    }

    fn apply(&mut self, new_record: NewRecord) -> Outcome {
        let stored = |session: SessionId, id: &str| {
            let is_it = |record: &&Record| {
                record.author.as_ref().is_some_and(|author| {
                    author.session == session && author.id.as_deref() == Some(id)
                })
            };
            self.store.iter().find(is_it).map(|record| record.seq)
        };
        let now = Timestamp::from_second(self.seconds).unwrap();
        match self.room.apply(new_record, now, stored) {
            Ok(Accepted::New(seq) | Accepted::Duplicate(seq)) => Ok(seq.0),
            Err(refusal) => Err(refusal.code()),
        }
    }

    fn join(&mut self, name: &str) {
        self.sessions += 1;
        // Banned users do not get as far as the room.
        if self.asked.is_banned(name, self.seconds) {
            return;
        }
        let (session, checked) = (self.sessions, Name::new(name).unwrap());
        let joined = self.room.join(SessionId(session), &checked, false, self.now());
        let outcome = joined.map(|admission| admission.position.seq.0);
        let outcome = outcome.map_err(|refusal: Refusal| refusal.code());
        assert_eq!(outcome, self.asked.join(session, name));
        if let Ok(seq) = outcome {
            self.away.insert(session, false);
            // They see what comes behind their own joining.
            self.readers.push(Reader { next: Seq(seq + 1), seen: Vec::new() });
        }
    }

    fn say(&mut self, session: u64, action: bool, text: &str, id: Option<String>) {
        // A session has a few requests on their way at a time, and memory knows more than these.
        if self.uncommitted >= 200 {
            self.commit();
        }
        self.uncommitted += 1;
        let new_record = NewRecord::Speech {
            session: SessionId(session),
            action,
            text: text.to_owned(),
            id: id.clone(),
        };
        assert_eq!(self.apply(new_record), self.asked.say(session, action, text, id));
    }

    fn leave(&mut self, session: u64, how: Departure, shown: &'static str) {
        let outcome = self.apply(NewRecord::Leave { session: SessionId(session), how });
        assert_eq!(outcome, self.asked.leave(session, shown));
    }

    fn lose(&mut self, session: u64) {
        let is_here = self.asked.members.iter().any(|(other, _)| *other == session);
        assert_eq!(self.room.detach(SessionId(session), self.now()), is_here);
        if is_here {
            self.away.insert(session, true);
        }
    }

    fn resume(&mut self, session: u64) {
        let name = self.asked.members.iter().find(|(other, _)| *other == session);
        let admission = self.room.resume(SessionId(session));
        let resumed = admission.map(|it| (it.name.to_string(), it.position.seq.0));
        let expected = name.map(|(_, name)| (name.clone(), self.asked.log.len() as u64));
        assert_eq!(resumed, expected);
        if resumed.is_some() {
            self.away.insert(session, false);
        }
    }

    fn rename(&mut self, session: u64, to: &str) {
        let new_record =
            NewRecord::Rename { session: SessionId(session), to: Name::new(to).unwrap() };
        assert_eq!(self.apply(new_record), self.asked.rename(session, to));
    }

    fn redact(&mut self, seq: &Index) {
        // Only what is stored can be taken away.
        if self.store.is_empty() {
            return;
        }
        let seq = seq.index(self.store.len()) as u64 + 1;
        let outcome = self.apply(NewRecord::Redaction { targets: vec![Seq(seq)] });
        assert_eq!(outcome, self.asked.redact(seq));
    }

    fn commit(&mut self) {
        let batch = self.room.take_batch();
        for record in &batch {
            if let RecordKind::Redacted { targets } = &record.kind {
                targets.iter().for_each(|seq| self.store[seq.0 as usize - 1].redact());
                self.window.replace(|records| redacted(records, targets));
            }
        }
        self.store.extend(batch.iter().cloned());
        self.stored_members = self.room.roster().iter().cloned().collect();
        if !batch.is_empty() {
            let (count, weight) = (batch.len(), batch.iter().map(Record::weight).sum());
            self.window.push(Arc::new(batch), count, weight);
        }
        self.committed = self.asked.clone();
        self.uncommitted = 0;
    }

    /// A reader takes in what stands at the cursor: from the window, else from the store.
    fn read(&mut self, reader: usize) {
        let reader = &mut self.readers[reader];
        let records: Vec<Record> = match self.window.at(reader.next) {
            Found::End => return,
            Found::Batch(batch) => {
                batch.iter().filter(|record| record.seq >= reader.next).cloned().collect()
            }
            Found::Missed(first) => {
                self.store[reader.next.0 as usize - 1..first.0 as usize - 1].to_vec()
            }
        };
        assert!(!records.is_empty(), "nothing stands at {}", reader.next);
        for record in records {
            reader.next = record.seq.next();
            reader.seen.push((record.seq.0, line(&record)));
        }
    }

    fn restart(&mut self) {
        // Records that were not stored are gone, and no reader has seen them.
        self.asked = self.committed.clone();
        self.uncommitted = 0;
        let last = Position { epoch: 1, seq: Seq(self.store.len() as u64) };
        self.room = Room::new(last, policy());
        self.window = Log::new(last.seq.next(), WINDOW_BYTES);
        for member in self.stored_members.clone() {
            self.away.insert(member.session.0, true);
            let detached_since = Some(self.now());
            self.room.restore(Member { detached_since, ..member }).unwrap();
        }
        let last = last.seq;
        // Users whose join was not stored join again.
        self.readers.retain(|reader| reader.next <= last.next());
    }

    fn check(&self) {
        let mut expected = self.asked.members.clone();
        expected.sort();
        let roster = self.room.roster();
        let mut here: Vec<(u64, String)> =
            roster.iter().map(|it| (it.session.0, it.name.to_string())).collect();
        here.sort();
        assert_eq!(here, expected);
        assert_eq!(roster.len(), expected.len());
        for (session, name) in &expected {
            assert_eq!(roster.by_name(name).unwrap().session.0, *session);
            let away = roster.by_session(SessionId(*session)).unwrap().detached_since.is_some();
            assert_eq!(away, self.away[session], "{name}");
        }
        assert_eq!(self.room.position().seq.0, self.asked.log.len() as u64);
        let all: Vec<Line> = self.store.iter().chain(self.room.batch()).map(line).collect();
        assert_eq!(all.len(), self.asked.log.len());
        let same = all.iter().zip(&self.asked.log).all(|(real, asked)| is_same(real, asked));
        assert!(same, "{all:?}\n{:?}", self.asked.log);
        assert!(self.window.bytes() <= WINDOW_BYTES || self.window.first() != self.window.next());
    }
}

fn redacted(records: &[Record], targets: &[Seq]) -> Option<Vec<Record>> {
    let mut changed = records.to_vec();
    let of_these = |record: &&mut Record| targets.contains(&record.seq);
    changed.iter_mut().filter(of_these).for_each(Record::redact);
    (changed != records).then_some(changed)
}

/// A text that was taken away is the same record.
fn is_same(real: &Line, asked: &Line) -> bool {
    let text = |line: &Line| match &line.said {
        Said::Message(_, text) | Said::Action(_, text) | Said::Topic(text) => text.clone(),
        _ => String::new(),
    };
    let bare = |line: &Line| {
        let mut line = line.clone();
        if let Said::Message(_, text) | Said::Action(_, text) | Said::Topic(text) = &mut line.said {
            text.clear();
        }
        line
    };
    bare(real) == bare(asked) && (text(real) == text(asked) || text(real) == REDACTED)
}

fn line(record: &Record) -> Line {
    let said = match &record.kind {
        RecordKind::Message { name, text } => Said::Message(name.to_string(), text.clone()),
        RecordKind::Action { name, text } => Said::Action(name.to_string(), text.clone()),
        RecordKind::Joined { name } => Said::Joined(name.to_string()),
        RecordKind::Left { name, how: Departure::Quit } => Said::Left(name.to_string(), "quit"),
        RecordKind::Left { name, how: Departure::Removed { .. } } => {
            Said::Left(name.to_string(), "removed")
        }
        RecordKind::Left { name, how: Departure::Lost } => Said::Left(name.to_string(), "lost"),
        RecordKind::Topic { text } => Said::Topic(text.clone()),
        RecordKind::Renamed { name, to } => Said::Renamed(name.to_string(), to.to_string()),
        RecordKind::Redacted { targets } => {
            Said::Redacted(targets.iter().map(|seq| seq.0).collect())
        }
        RecordKind::Notice { .. } => unreachable!("nothing is announced here"),
    };
    let session = record.author.as_ref().map(|author| author.session.0);
    Line { said, session, id: record.author.as_ref().and_then(|author| author.id.clone()) }
}
