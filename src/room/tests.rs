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

#[test]
fn joining_gives_roster_and_position_at_one_moment() {
    let mut room = room();
    room.join(ANN, &name("ann"), time(0)).unwrap();
    room.apply(say(ANN, "hello"), time(1)).unwrap();
    let admission = room.join(BO, &name("bo"), time(2)).unwrap();
    room.apply(Draft::Leave { session: ANN, how: Departure::Quit }, time(3)).unwrap();

    assert_eq!(admission.people, [name("ann"), name("bo")]);
    assert_eq!(admission.position.seq, Seq(3));
    let batch = room.take_batch();
    let after: Vec<_> = batch.iter().filter(|record| record.seq > admission.position.seq).collect();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].kind, RecordKind::Left { name: name("ann"), how: Departure::Quit });
}

#[test]
fn numbers_follow_each_other_across_batches() {
    let mut room = room();
    room.join(ANN, &name("ann"), time(0)).unwrap();
    let mut seqs: Vec<u64> = room.take_batch().iter().map(|record| record.seq.0).collect();
    room.apply(say(ANN, "one"), time(1)).unwrap();
    assert!(room.apply(say(ANN, " \x07 "), time(1)).is_err());
    room.apply(say(ANN, "two"), time(1)).unwrap();
    seqs.extend(room.take_batch().iter().map(|record| record.seq.0));
    assert_eq!(seqs, [1, 2, 3]);
    assert!(room.take_batch().is_empty());
}

#[test]
fn a_name_is_one_persons_only() {
    let mut room = room();
    room.join(ANN, &name("ann"), time(0)).unwrap();
    let refusal = room.join(BO, &name("ANN"), time(0)).unwrap_err();
    assert_eq!(refusal, Refusal::NameTaken(name("ann")));
    assert_eq!(room.join(ANN, &name("other"), time(0)).unwrap_err(), Refusal::AlreadyJoined);
    room.apply(Draft::Leave { session: ANN, how: Departure::Lost }, time(1)).unwrap();
    room.join(BO, &name("ANN"), time(2)).unwrap();
    assert_eq!(room.roster().len(), 1);
}

#[test]
fn what_cannot_be_said_is_refused_with_the_reason() {
    let mut room = room();
    assert_eq!(room.apply(say(ANN, "hello"), time(0)), Err(Refusal::NotJoined));
    room.join(ANN, &name("ann"), time(0)).unwrap();
    assert_eq!(room.apply(say(ANN, &"x".repeat(21)), time(0)), Err(Refusal::TooLong { limit: 20 }));
    assert_eq!(room.apply(say(ANN, ""), time(0)), Err(Refusal::Empty));
    let gone = Draft::Leave { session: BO, how: Departure::Lost };
    assert_eq!(room.apply(gone, time(0)), Err(Refusal::NotJoined));
    room.take_batch();
    assert_eq!(Refusal::from(NameProblem::TooShort).code(), "name-too-short");
    assert!(room.take_batch().is_empty(), "a refusal makes no record");
}

#[test]
fn a_direct_message_finds_its_person_and_is_no_record() {
    let mut room = room();
    room.join(ANN, &name("ann"), time(0)).unwrap();
    room.join(BO, &name("Bo"), time(0)).unwrap();
    room.take_batch();
    let (from, to, text) = room.direct(ANN, "bO", "psst\x1b").unwrap();
    assert_eq!((from.session, to.session, text.as_str()), (ANN, BO, "psst"));
    assert_eq!(room.direct(ANN, "cy", "psst").unwrap_err(), Refusal::NoSuchUser("cy".to_owned()));
    assert!(room.take_batch().is_empty());
}
