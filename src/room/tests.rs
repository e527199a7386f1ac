use super::*;
use crate::names::NameProblem;

const ANN: SessionId = SessionId(1);
const BO: SessionId = SessionId(2);

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn room() -> Room {
    Room::new(Position::START, Policy { message_bytes: 20 })
}

fn say(session: SessionId, text: &str) -> Draft {
    Draft::Speech { session, action: false, text: text.to_owned(), id: None }
}

/// Applies a draft in a room whose store knows nothing.
fn apply(room: &mut Room, draft: Draft, now: Timestamp) -> Result<Accepted, Refusal> {
    room.apply(draft, now, |_, _| None)
}

#[test]
fn joining_gives_roster_and_position_at_one_moment() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    apply(&mut room, say(ANN, "hello"), time(1)).unwrap();
    let admission = room.join(BO, &name("bo"), false, time(2)).unwrap();
    let people = room.roster().names();
    apply(&mut room, Draft::Leave { session: ANN, how: Departure::Quit }, time(3)).unwrap();

    assert_eq!(*people, [name("ann"), name("bo")]);
    assert_eq!(admission.position.seq, Seq(3));
    let batch = room.take_batch();
    let after: Vec<_> = batch.iter().filter(|record| record.seq > admission.position.seq).collect();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].kind, RecordKind::Left { name: name("ann"), how: Departure::Quit });
}

#[test]
fn numbers_follow_each_other_across_batches() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    let mut seqs: Vec<u64> = room.take_batch().iter().map(|record| record.seq.0).collect();
    apply(&mut room, say(ANN, "one"), time(1)).unwrap();
    assert!(apply(&mut room, say(ANN, " \x07 "), time(1)).is_err());
    apply(&mut room, say(ANN, "two"), time(1)).unwrap();
    seqs.extend(room.take_batch().iter().map(|record| record.seq.0));
    assert_eq!(seqs, [1, 2, 3]);
    assert!(room.take_batch().is_empty());
}

#[test]
fn a_name_is_one_persons_only() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    let refusal = room.join(BO, &name("ANN"), false, time(0)).unwrap_err();
    assert_eq!(refusal, Refusal::NameTaken(name("ann")));
    assert_eq!(room.join(ANN, &name("other"), false, time(0)).unwrap_err(), Refusal::AlreadyJoined);
    apply(&mut room, Draft::Leave { session: ANN, how: Departure::Lost }, time(1)).unwrap();
    room.join(BO, &name("ANN"), false, time(2)).unwrap();
    assert_eq!(room.roster().len(), 1);
}

#[test]
fn what_cannot_be_said_is_refused_with_the_reason() {
    let mut room = room();
    assert_eq!(apply(&mut room, say(ANN, "hello"), time(0)), Err(Refusal::NotJoined));
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    assert_eq!(
        apply(&mut room, say(ANN, &"x".repeat(21)), time(0)),
        Err(Refusal::TooLong { limit: 20 })
    );
    assert_eq!(apply(&mut room, say(ANN, ""), time(0)), Err(Refusal::Empty));
    let gone = Draft::Leave { session: BO, how: Departure::Lost };
    assert_eq!(apply(&mut room, gone, time(0)), Err(Refusal::NotJoined));
    room.take_batch();
    assert_eq!(Refusal::from(NameProblem::TooShort).code(), "name-too-short");
    assert!(room.take_batch().is_empty(), "a refusal makes no record");
}

#[test]
fn a_direct_message_finds_its_person_and_is_no_record() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    room.join(BO, &name("Bo"), false, time(0)).unwrap();
    room.take_batch();
    let (from, to, text) = room.direct(ANN, "bO", "psst\x1b").unwrap();
    assert_eq!((from.session, to.session, text.as_str()), (ANN, BO, "psst"));
    assert_eq!(room.direct(ANN, "cy", "psst").unwrap_err(), Refusal::NoSuchUser("cy".to_owned()));
    assert!(room.take_batch().is_empty());
}

fn say_with(session: SessionId, id: &str, text: &str) -> Draft {
    let (text, id) = (text.to_owned(), Some(id.to_owned()));
    Draft::Speech { session, action: false, text, id }
}

#[test]
fn the_same_id_is_the_same_message() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    let draft = || say_with(ANN, "i", "hello");
    assert_eq!(apply(&mut room, draft(), time(1)), Ok(Accepted::New(Seq(2))));
    assert_eq!(apply(&mut room, draft(), time(1)), Ok(Accepted::Again(Seq(2))));
    room.join(BO, &name("bo"), true, time(1)).unwrap();
    let in_store = room.apply(say_with(BO, "i", "hello"), time(2), |_, _| Some(Seq(1)));
    assert_eq!(in_store, Ok(Accepted::Again(Seq(1))));
    assert_eq!(room.take_batch().len(), 3);
}

#[test]
fn what_cannot_be_stored_was_never_asked() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    room.take_batch();
    apply(&mut room, say_with(ANN, "i", "hello"), time(1)).unwrap();
    apply(&mut room, Draft::Leave { session: ANN, how: Departure::Quit }, time(1)).unwrap();
    room.join(BO, &name("ANN"), false, time(1)).unwrap();
    room.roll_back();
    assert!(room.batch().is_empty());
    assert_eq!(room.position().seq, Seq(1));
    assert_eq!(room.roster().by_name("ann").map(|member| member.session), Some(ANN));
    let again = apply(&mut room, say_with(ANN, "i", "hello"), time(2));
    assert_eq!(again, Ok(Accepted::New(Seq(2))));
}

#[test]
fn a_lost_connection_keeps_the_place_until_it_is_taken_up_again() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    room.take_batch();
    assert!(room.hold(ANN, time(5)));
    assert!(room.join(BO, &name("ann"), false, time(6)).is_err(), "the name is held");
    let admission = room.resume(ANN).unwrap();
    assert_eq!((admission.name, admission.position.seq), (name("ann"), Seq(1)));
    assert!(room.take_batch().is_empty(), "the others do not notice");
    assert!(room.roster().by_session(ANN).unwrap().away.is_none());
    assert!(room.resume(BO).is_none() && !room.hold(BO, time(7)));
}
