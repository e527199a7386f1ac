//! A minimal server around the real room and the real wire format. It stores before it shows, and can be
//! crashed at any point without losing what is on its disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatroom::names::Name;
use chatroom::room::{
    Accepted, Departure, Member, NewRecord, Policy, Position, Record, Room, Seq, SessionId,
};
use chatroom::wire::json::{
    Event, JsonRequest, Limits, Resume, Welcome, parse_request, push_line, record_event,
};
use chatroom::wire::{Frame, Framer, PROTOCOL};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use turmoil::net::{TcpListener, TcpStream};

pub const PORT: u16 = 53000;

/// A client that sends nothing for this long counts as gone.
const SILENCE: Duration = Duration::from_secs(10);

/// The time for which the place of a lost client is held.
const HOLD: Duration = Duration::from_secs(20);

const LIMITS: Limits = Limits { message_bytes: 4096, silence_seconds: SILENCE.as_secs() };

/// The state that survives a crash.
#[derive(Default)]
pub struct Disk {
    pub records: Vec<Record>,
    pub members: Vec<Member>,
    tokens: BTreeMap<String, SessionId>,
}

/// Takes a lock, even a poisoned one: the test fails anyway.
pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Server {
    room: Room,
    disk: Arc<Mutex<Disk>>,
    /// The connection that serves each session.
    owners: BTreeMap<SessionId, u64>,
    connections: u64,
    /// There are new records. (A `watch` would wake its receivers in random order.)
    news: Arc<Notify>,
}

type Shared = Arc<Mutex<Server>>;

/// Serves until it is crashed.
pub async fn serve(disk: Arc<Mutex<Disk>>) -> turmoil::Result {
    let server = Arc::new(Mutex::new(Server::start(disk)));
    let members: Vec<SessionId> = lock(&server).room.roster().iter().map(|it| it.session).collect();
    for session in members {
        tokio::spawn(give_up_later(server.clone(), session, 0));
    }
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(server.clone(), stream));
    }
}

impl Server {
    fn start(disk: Arc<Mutex<Disk>>) -> Server {
        let stored = lock(&disk);
        let last = Position { epoch: 1, seq: Seq(stored.records.len() as u64) };
        let mut room = Room::new(last, Policy { message_bytes: LIMITS.message_bytes });
        for member in &stored.members {
            room.restore(member.clone()).unwrap();
        }
        drop(stored);
        Server { room, disk, owners: BTreeMap::new(), connections: 0, news: Arc::default() }
    }

    /// A repeatable time: the number of the next record.
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.room.position().seq.0 as i64).unwrap()
    }

    /// Stores the accepted records, and then shows them.
    fn commit(&mut self) {
        let batch = self.room.take_batch();
        let mut disk = lock(&self.disk);
        disk.records.extend(batch);
        disk.members = self.room.roster().iter().cloned().collect();
        self.news.notify_waiters();
    }

    /// Lets a client join or resume. Returns its session, the next record for it, and the welcome; none
    /// if the name is taken.
    fn enter(&mut self, name: &str, resume: Option<&Resume>) -> Option<(SessionId, u64, Vec<u8>)> {
        let name = Name::new(name).unwrap();
        let mut disk = lock(&self.disk);
        let before = resume.and_then(|it| Some((*disk.tokens.get(&it.token)?, it.seq + 1)));
        let session = before.map_or(SessionId(disk.tokens.len() as u64 + 1), |it| it.0);
        let token = format!("token-{}", session.0);
        disk.tokens.insert(token.clone(), session);
        drop(disk);
        let resumed = before.is_some() && self.room.resume(session).is_some();
        if !resumed {
            self.room.join(session, &name, before.is_some(), self.now()).ok()?;
            self.commit();
        }
        let position = self.room.position();
        let next = before.map_or(position.seq.0, |it| it.1);
        let users: Vec<String> = self.room.roster().iter().map(|it| it.name.to_string()).collect();
        let welcome = Event::Welcome(Welcome {
            protocol: PROTOCOL,
            name: name.as_str().into(),
            room: "lobby".into(),
            topic: "".into(),
            epoch: position.epoch,
            seq: position.seq.0,
            next,
            users: users.into_iter().map(Into::into).collect(),
            token: token.into(),
            resumed,
            lost: None,
            limits: LIMITS,
        });
        let mut bytes = Vec::new();
        push_line(&welcome, &mut bytes);
        Some((session, next, bytes))
    }

    /// Accepts a message. Returns an answer if it was accepted before.
    fn say(&mut self, session: SessionId, text: String, id: Option<String>) -> Vec<u8> {
        let disk = self.disk.clone();
        let stored = |session: SessionId, id: &str| {
            let disk = lock(&disk);
            let is_it = |record: &&Record| {
                let author = record.author.as_ref();
                author.is_some_and(|it| it.session == session && it.id.as_deref() == Some(id))
            };
            disk.records.iter().find(is_it).map(|record| record.seq)
        };
        let draft = NewRecord::Speech { session, action: false, text, id };
        let accepted = self.room.apply(draft, self.now(), stored).unwrap();
        self.commit();
        match accepted {
            Accepted::New(_) => Vec::new(),
            Accepted::Duplicate(seq) => self.records(session, seq.0, seq.0 + 1, u64::MAX),
        }
    }

    fn leave(&mut self, session: SessionId, how: Departure) {
        // The session may be over already.
        let _ = self.room.apply(NewRecord::Leave { session, how }, self.now(), |_, _| None);
        self.commit();
    }

    /// These records as events; those up to `before` are marked as replayed.
    fn records(&self, session: SessionId, from: u64, to: u64, before: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in &lock(&self.disk).records[from as usize - 1..to as usize - 1] {
            let author = record.author.as_ref().filter(|author| author.session == session);
            let id = author.and_then(|author| author.id.as_deref());
            push_line(&record_event("lobby", record, id, record.seq.0 <= before), &mut bytes);
        }
        bytes
    }
}

/// Ends a session that is not resumed in time.
async fn give_up_later(server: Shared, session: SessionId, owner: u64) {
    sleep(HOLD).await;
    let mut server = lock(&server);
    if server.owners.get(&session).copied().unwrap_or(0) == owner {
        server.leave(session, Departure::Lost);
    }
}

/// A connection: its session, and the next record for it.
struct SimulatedConnection {
    server: Shared,
    number: u64,
    session: Option<SessionId>,
    cursor: u64,
    /// The last record from before it joined.
    before: u64,
}

async fn connection(server: Shared, mut stream: TcpStream) {
    let number = {
        let mut server = lock(&server);
        server.connections += 1;
        server.connections
    };
    let mut connection =
        SimulatedConnection { server: server.clone(), number, session: None, cursor: 0, before: 0 };
    let quit = connection.run(&mut stream).await;
    let Some(session) = connection.session.filter(|_| connection.is_owner()) else { return };
    if quit {
        return lock(&server).leave(session, Departure::Quit);
    }
    let mut locked = lock(&server);
    let now = locked.now();
    locked.room.detach(session, now);
    drop(locked);
    tokio::spawn(give_up_later(server, session, number));
}

impl SimulatedConnection {
    /// Whether no other connection has resumed the session.
    fn is_owner(&self) -> bool {
        let server = lock(&self.server);
        self.session.is_none_or(|session| server.owners.get(&session) == Some(&self.number))
    }

    /// Serves the connection until it ends. Returns whether the client has quit.
    async fn run(&mut self, stream: &mut TcpStream) -> bool {
        let news_come = lock(&self.server).news.clone();
        let (mut framer, mut frames, mut buffer) = (Framer::new(8192), Vec::new(), [0; 4096]);
        let mut heard = tokio::time::Instant::now();
        loop {
            let mut come = std::pin::pin!(news_come.notified());
            come.as_mut().enable();
            let news = self.news();
            if !self.is_owner() || stream.write_all(&news).await.is_err() {
                return false;
            }
            tokio::select! {
                biased;
                read = timeout(SILENCE.saturating_sub(heard.elapsed()), stream.read(&mut buffer)) => {
                    let Ok(Ok(count @ 1..)) = read else { return false };
                    heard = tokio::time::Instant::now();
                    framer.push(&buffer[..count], &mut frames);
                }
                () = come => {}
            }
            for frame in frames.drain(..) {
                let Some(answer) = self.handle(&frame) else { return true };
                if stream.write_all(&answer).await.is_err() {
                    return false;
                }
            }
        }
    }

    /// The records that were not sent yet.
    fn news(&mut self) -> Vec<u8> {
        let Some(session) = self.session else { return Vec::new() };
        let server = lock(&self.server);
        let end = lock(&server.disk).records.len() as u64 + 1;
        let from = std::mem::replace(&mut self.cursor, end);
        server.records(session, from, end, self.before)
    }

    /// Handles a line. Returns the immediate answer; none at `quit`.
    fn handle(&mut self, frame: &Frame) -> Option<Vec<u8>> {
        let Frame::Line(line) = frame else { panic!("the client has sent too long a line") };
        let request = parse_request(std::str::from_utf8(line).unwrap()).unwrap();
        let mut answer = Vec::new();
        match (request, self.session) {
            (JsonRequest::Hello { name, resume, .. }, None) => {
                let mut server = lock(&self.server);
                match server.enter(&name, resume.as_ref()) {
                    Some((session, next, welcome)) => {
                        server.owners.insert(session, self.number);
                        (self.session, self.cursor) = (Some(session), next);
                        self.before = server.room.position().seq.0;
                        answer = welcome;
                    }
                    None => push_line(&refusal("name-taken"), &mut answer),
                }
            }
            (JsonRequest::Say { text, id, .. }, Some(session)) if self.is_owner() => {
                answer = lock(&self.server).say(session, text, id);
            }
            (JsonRequest::Ping { id }, _) => {
                push_line(&Event::Pong { id: id.map(Into::into) }, &mut answer);
            }
            (JsonRequest::Quit, _) => return None,
            // Another connection has resumed the session.
            (JsonRequest::Say { .. }, Some(_)) => {}
            (other, _) => panic!("not expected: {other:?}"),
        }
        Some(answer)
    }
}

fn refusal(code: &'static str) -> Event<'static> {
    Event::Refused {
        id: None,
        code: code.into(),
        message: "The name is taken.".into(),
        retry_after_seconds: None,
    }
}
