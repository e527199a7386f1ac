use std::io::Read;
use std::time::Duration;

use chatroom::names::Name;
use chatroom::room::{Author, Position, RecordKind, Refusal};

use super::*;

const ME: SessionId = SessionId(1);
const OTHER: SessionId = SessionId(2);

struct Fixture {
    client: ClientConnection,
    window: Window,
    seen: String,
}

fn record(seq: Seq, session: SessionId, text: &str) -> Record {
    let name = Name::new("ann").unwrap();
    Record {
        epoch: 1,
        seq,
        time: jiff::Timestamp::UNIX_EPOCH,
        kind: RecordKind::Message { name, text: text.to_owned() },
        author: Some(Author { session, id: None }),
    }
}

impl Fixture {
    /// A joined text connection that has seen everything so far.
    fn new(window_bytes: usize) -> Fixture {
        let client =
            ClientConnection::new(ME, Source::direct(([127, 0, 0, 1], 1).into()), None, false);
        client.admit(Name::new("ann").unwrap(), &Answer::Help, Seq(1), Seq(0));
        client.pump(&Window::new("lobby".to_owned(), Position::START, 0), &mut |bytes| {
            Ok(bytes.len())
        });
        let window = Window::new("lobby".to_owned(), Position::START, window_bytes);
        Fixture { client, window, seen: String::new() }
    }

    /// Publishes a batch of messages.
    fn say(&self, messages: &[(SessionId, &str)]) {
        let mut seq = self.window.last();
        let records = messages.iter().map(|(session, text)| {
            seq = seq.next();
            record(seq, *session, text)
        });
        self.window.publish(Arc::new(Batch::new("lobby".to_owned(), records.collect())));
    }

    /// Pumps into a socket that accepts `takes` bytes, and returns the number of writes.
    fn pump(&mut self, mut takes: usize) -> (Pumped, usize) {
        let mut writes = 0;
        let seen = &mut self.seen;
        let pumped = self.client.pump(&self.window, &mut |bytes| {
            if takes == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(takes);
            takes -= count;
            writes += 1;
            seen.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            Ok(count)
        });
        (pumped, writes)
    }
}

#[test]
fn a_batch_is_one_write_and_ones_own_lines_are_not_shown() {
    let mut fixture = Fixture::new(1 << 20);
    fixture.say(&[(OTHER, "one"), (OTHER, "two")]);
    assert_eq!(fixture.pump(9999), (Pumped::Idle, 1));
    fixture.say(&[(ME, "mine"), (OTHER, "three"), (ME, "mine too")]);
    assert_eq!(fixture.pump(9999), (Pumped::Idle, 1));
    fixture.say(&[(ME, "mine")]);
    assert_eq!(fixture.pump(9999), (Pumped::Idle, 0));
    assert_eq!(fixture.seen, "ann: one\nann: two\nann: three\n");
}

#[test]
fn whatever_the_socket_takes_the_bytes_are_the_same() {
    let whole = "ann: one\nann: two\n[SERVER]: Nobody here is called x.\nann: three\n";
    for step in 1..whole.len() + 1 {
        let mut fixture = Fixture::new(1 << 20);
        fixture.say(&[(OTHER, "one"), (ME, "mine"), (OTHER, "two")]);
        fixture.say(&[(OTHER, "three")]);
        let refusal = Answer::Refused { refusal: Refusal::NoSuchUser("x".into()), id: None };
        fixture.client.answer_after(Seq(3), &refusal);
        let mut rounds = 0;
        while fixture.pump(step).0 == Pumped::Blocked {
            rounds += 1;
            assert!(rounds < 1000, "it does not get on");
        }
        assert_eq!(fixture.seen, whole, "in steps of {step}");
    }
}

#[test]
fn a_partly_written_shared_batch_goes_on_where_it_stopped() {
    for takes in 1..18 {
        let mut fixture = Fixture::new(1 << 20);
        fixture.say(&[(OTHER, "one"), (OTHER, "two")]);
        assert_eq!(fixture.pump(takes).0, Pumped::Blocked);
        fixture.say(&[(OTHER, "three")]);
        assert_eq!(fixture.pump(9999).0, Pumped::Idle);
        assert_eq!(fixture.seen, "ann: one\nann: two\nann: three\n", "after {takes}");
    }
}

/// Lets a connection fall behind a window in which only lines 9 and 10 are left.
fn behind() -> Fixture {
    let line = Batch::new("lobby".to_owned(), vec![record(Seq(1), OTHER, "line 1")]);
    let mut fixture = Fixture::new(line.weight() * 5 / 2);
    for n in 1..=10 {
        fixture.say(&[(OTHER, &format!("line {n}"))]);
    }
    assert_eq!(fixture.pump(9999).0, Pumped::Behind(Seq(1), Seq(9)));
    fixture
}

#[test]
fn who_falls_out_of_the_window_is_told_how_much_is_missing() {
    let mut fixture = behind();
    fixture.client.backfill(&fixture.window, Vec::new(), Seq(9));
    assert_eq!(fixture.pump(9999).0, Pumped::Idle);
    assert_eq!(
        fixture.seen,
        "[SERVER]: Your connection was too slow: you missed 8 lines.\nann: line 9\nann: line 10\n"
    );
}

#[test]
fn who_falls_out_of_the_window_goes_on_from_what_is_stored() {
    let mut fixture = behind();
    let stored = |from: u64, to: u64| {
        let line = |n| record(Seq(n), OTHER, &format!("line {n}"));
        (from..to).map(line).collect::<Vec<_>>()
    };
    // The first three are kept no more, and not all of the rest comes at once.
    fixture.client.backfill(&fixture.window, stored(4, 6), Seq(9));
    assert_eq!(fixture.pump(9999).0, Pumped::Behind(Seq(6), Seq(9)));
    fixture.client.backfill(&fixture.window, stored(6, 9), Seq(9));
    assert_eq!(fixture.pump(9999).0, Pumped::Idle);
    let told = "[SERVER]: Your connection was too slow: you missed 3 lines.\n".to_owned();
    let expect = (4..=10).fold(told, |lines, n| lines + &format!("ann: line {n}\n"));
    assert_eq!(fixture.seen, expect);
}

fn info(message: &str) -> Answer {
    Answer::Info { message: message.to_owned(), id: None }
}

#[test]
fn a_keep_alive_is_answered_in_a_write_of_its_own() {
    let mut fixture = Fixture::new(1 << 20);
    fixture.client.answer(&info("before"));
    fixture.client.answer(&Answer::KeepAlive);
    fixture.client.answer(&info("after"));
    fixture.say(&[(OTHER, "one")]);
    assert_eq!(fixture.pump(9999), (Pumped::Idle, 3));
    assert_eq!(fixture.seen, "[SERVER]: before\n&[SERVER]: after\nann: one\n");
}

#[test]
fn the_end_comes_behind_what_was_said_before_it() {
    let mut fixture = Fixture::new(1 << 20);
    fixture.say(&[(OTHER, "one")]);
    fixture.client.close(Seq(1), EndReason::ShuttingDown);
    fixture.client.close(Seq(1), EndReason::Quit);
    fixture.say(&[(OTHER, "too late")]);
    assert_eq!(fixture.pump(9999).0, Pumped::Ended(EndReason::ShuttingDown));
    assert_eq!(fixture.seen, "ann: one\n[SERVER]: server is shutting down\n");
}

#[test]
fn a_broken_socket_ends_it_with_the_reason() {
    let fixture = Fixture::new(1 << 20);
    fixture.say(&[(OTHER, "one")]);
    let pumped = fixture
        .client
        .pump(&fixture.window, &mut |_| Err(io::Error::from(io::ErrorKind::ConnectionReset)));
    assert!(matches!(pumped, Pumped::Ended(EndReason::Broken(_))), "{pumped:?}");
}

#[test]
fn a_full_outbox_has_no_space_until_it_is_written() {
    let mut fixture = Fixture::new(1 << 20);
    for _ in 0..outbox::MAX_ANSWERS {
        fixture.client.answer(&Answer::Help);
    }
    assert!(!fixture.client.reserve(0));
    fixture.pump(usize::MAX);
    assert!(fixture.client.reserve(0));
}

#[test]
fn what_was_reserved_takes_space_until_it_has_come() {
    let fixture = Fixture::new(1 << 20);
    assert!(fixture.client.reserve(outbox::MAX_BYTES));
    assert!(!fixture.client.reserve(1));
    fixture.client.fulfil(Seq(0), &info("short"), outbox::MAX_BYTES);
    assert!(fixture.client.reserve(1));
    fixture.client.release_reserved(1);
    assert_eq!(fixture.client.state().outbox.reserved_bytes, 0);
}

/// 2,000 users in JSON, as an answer and as its bytes.
fn crowd(fixture: &Fixture) -> (Answer, String) {
    fixture.client.set_dialect(Dialect::Json);
    let people = (0..2000).map(|n| Name::new(&format!("person-{n}")).unwrap()).collect();
    let answer = Answer::Who { room: "lobby".to_owned(), people };
    let bytes = Dialect::Json.encode_answer(&answer);
    (answer, String::from_utf8(bytes).unwrap())
}

#[test]
fn a_long_list_is_encoded_as_it_is_taken_in() {
    for takes in [1, 1000, 20_000, usize::MAX] {
        let mut fixture = Fixture::new(1 << 20);
        let (answer, whole) = crowd(&fixture);
        fixture.client.answer(&answer);
        fixture.say(&[(OTHER, "one")]);
        while fixture.pump(takes).0 != Pumped::Idle {
            let state = fixture.client.state();
            assert!(state.tail.len() <= 17 * 1024, "{} bytes wait", state.tail.len());
            assert!(state.outbox.bytes + fixture.seen.len() + 17 * 1024 > whole.len());
        }
        assert!(fixture.seen.starts_with(&whole), "in steps of {takes}");
        assert!(fixture.seen.ends_with("\"text\":\"one\"}\n"));
        let state = fixture.client.state();
        assert_eq!((state.outbox.bytes, state.outbox.len()), (0, 0));
    }
}

#[test]
fn a_long_list_that_is_half_written_is_handed_over_with_its_rest() {
    let mut fixture = Fixture::new(1 << 20);
    let (answer, whole) = crowd(&fixture);
    fixture.client.answer(&answer);
    assert_eq!(fixture.pump(1000).0, Pumped::Blocked);
    let saved = fixture.client.save().unwrap();
    let rest: Vec<u8> = saved.outbox.into_iter().flat_map(|(_, _, bytes)| bytes).collect();
    assert!(fixture.seen.into_bytes() == whole.as_bytes()[..1000]);
    assert!([saved.tail, rest].concat() == whole.as_bytes()[1000..]);
}

#[tokio::test]
async fn a_long_list_is_nothing_for_who_publishes() {
    let (fixture, _theirs) = connected();
    assert!(fixture.is_woken().await);
    let (answer, _) = crowd(&fixture);
    fixture.client.answer(&answer);
    assert!(fixture.is_woken().await);
    fixture.deliver(OTHER, "one");
    assert!(fixture.is_woken().await, "its task is told");
    assert!(fixture.client.state().outbox.has_people(), "and nothing else was done");
}

#[test]
fn others_have_their_turn_before_all_is_written() {
    let mut fixture = Fixture::new(1 << 30);
    let text = "x".repeat(40_000);
    for _ in 0..20 {
        fixture.say(&[(OTHER, &text)]);
    }
    assert_eq!(fixture.pump(usize::MAX), (Pumped::More, TURN as usize));
    while fixture.pump(usize::MAX).0 == Pumped::More {}
    assert_eq!(fixture.seen.matches("ann: ").count(), 20);
}

#[tokio::test]
async fn requests_wait_for_each_other_by_number_and_by_what_they_are_answered_with() {
    let fixture = Fixture::new(1 << 20);
    let begins = async |bytes| {
        let begun = tokio::time::timeout(Duration::ZERO, fixture.client.begin_request(bytes));
        begun.await.is_ok()
    };
    assert!(begins(outbox::MAX_BYTES - 1).await);
    assert!(begins(1).await && !begins(1).await);
    fixture.client.end_request();
    assert!(!begins(1).await, "it is not known which one it was");
    fixture.client.end_request();
    assert!(begins(usize::MAX).await, "the first one always may");
    assert!(!begins(0).await);
    fixture.client.end_request();
    for _ in 0..32 {
        assert!(begins(0).await);
    }
    assert!(!begins(0).await);
}

/// A connection that has joined, with a socket, and the other end of that socket.
fn connected() -> (Fixture, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut fixture = Fixture::new(1 << 30);
    fixture.client.socket = Some(Arc::new(TcpStream::from_std(ours).unwrap()));
    fixture.client.is_direct = true;
    (fixture, theirs)
}

impl Fixture {
    /// Publishes a message and delivers it.
    fn deliver(&self, session: SessionId, text: &str) {
        let record = record(self.window.last().next(), session, text);
        let batch = Arc::new(Batch::new("lobby".to_owned(), vec![record]));
        self.window.publish(batch.clone());
        self.client.deliver(&self.window, &batch);
    }

    /// Whether the connection's task was told that there is something to do.
    async fn is_woken(&self) -> bool {
        let at_once = tokio::time::timeout(Duration::ZERO, self.client.woken());
        at_once.await.is_ok()
    }
}

#[tokio::test]
async fn who_is_caught_up_is_delivered_to_without_its_task() {
    let (fixture, mut theirs) = connected();
    // Of the welcome.
    assert!(fixture.is_woken().await);
    fixture.deliver(OTHER, "one");
    fixture.deliver(ME, "not shown to me");
    fixture.deliver(OTHER, "two");
    assert!(!fixture.is_woken().await);
    let mut seen = [0; 18];
    theirs.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"ann: one\nann: two\n");
}

#[tokio::test]
async fn a_full_socket_is_left_to_its_task_and_nothing_is_lost() {
    let (mut fixture, mut theirs) = connected();
    assert!(fixture.is_woken().await);
    let text = "x".repeat(4000);
    let mut said = 0;
    while !fixture.is_woken().await {
        fixture.deliver(OTHER, &format!("{said} {text}"));
        said += 1;
    }
    for _ in 0..10 {
        fixture.deliver(OTHER, &format!("{said} {text}"));
        said += 1;
    }
    assert!(!fixture.is_woken().await, "it was told once, and waits for the socket");
    let expect: String = (0..said).map(|number| format!("ann: {number} {text}\n")).collect();
    let reading = std::thread::spawn(move || {
        let mut seen = vec![0; expect.len()];
        theirs.read_exact(&mut seen).unwrap();
        assert!(seen == expect.as_bytes(), "everything, once, in order");
    });
    let stream = fixture.client.socket.take().unwrap();
    while fixture.client.pump(&fixture.window, &mut |bytes| stream.try_write(bytes)) != Pumped::Idle
    {
        stream.writable().await.unwrap();
    }
    reading.join().unwrap();
}
