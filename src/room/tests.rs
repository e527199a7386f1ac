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

fn say(session: SessionId, text: &str) -> NewRecord {
    NewRecord::Speech { session, action: false, text: text.to_owned(), id: None }
}

/// Applies a draft in a room whose store knows nothing.
fn apply(room: &mut Room, new_record: NewRecord, now: Timestamp) -> Result<Accepted, Refusal> {
    room.apply(new_record, now, |_, _| None)
}

#[test]
fn joining_gives_roster_and_position_at_one_moment() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    apply(&mut room, say(ANN, "hello"), time(1)).unwrap();
    let admission = room.join(BO, &name("bo"), false, time(2)).unwrap();
    let people = room.roster().names();
    apply(&mut room, NewRecord::Leave { session: ANN, how: Departure::Quit }, time(3)).unwrap();

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
    apply(&mut room, NewRecord::Leave { session: ANN, how: Departure::Lost }, time(1)).unwrap();
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
    let gone = NewRecord::Leave { session: BO, how: Departure::Lost };
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

fn say_with(session: SessionId, id: &str, text: &str) -> NewRecord {
    let (text, id) = (text.to_owned(), Some(id.to_owned()));
    NewRecord::Speech { session, action: false, text, id }
}

#[test]
fn the_same_id_is_the_same_message() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    let new_record = || say_with(ANN, "i", "hello");
    assert_eq!(apply(&mut room, new_record(), time(1)), Ok(Accepted::New(Seq(2))));
    assert_eq!(apply(&mut room, new_record(), time(1)), Ok(Accepted::Duplicate(Seq(2))));
    room.join(BO, &name("bo"), true, time(1)).unwrap();
    let in_store = room.apply(say_with(BO, "i", "hello"), time(2), |_, _| Some(Seq(1)));
    assert_eq!(in_store, Ok(Accepted::Duplicate(Seq(1))));
    assert_eq!(room.take_batch().len(), 3);
}

#[test]
fn what_cannot_be_stored_was_never_asked() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    room.take_batch();
    apply(&mut room, say_with(ANN, "i", "hello"), time(1)).unwrap();
    apply(&mut room, NewRecord::Leave { session: ANN, how: Departure::Quit }, time(1)).unwrap();
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
    assert!(room.detach(ANN, time(5)));
    assert!(room.join(BO, &name("ann"), false, time(6)).is_err(), "the name is held");
    let admission = room.resume(ANN).unwrap();
    assert_eq!((admission.name, admission.position.seq), (name("ann"), Seq(1)));
    assert!(room.take_batch().is_empty(), "the others do not notice");
    assert!(room.roster().by_session(ANN).unwrap().detached_since.is_none());
    assert!(room.resume(BO).is_none() && !room.detach(BO, time(7)));
}

#[test]
fn a_text_may_be_as_long_as_the_limit() {
    let said = |message_bytes, count| Policy { message_bytes }.check_text(&"x".repeat(count));
    assert_eq!(said(20, 20), Ok("x".repeat(20)));
    assert_eq!(said(20, 21), Err(Refusal::TooLong { limit: 20 }));
    assert_eq!(said(0, 5000), Ok("x".repeat(5000)));
}

/// Every kind of record, with names and texts of this number of bytes in all.
fn records(bytes: usize) -> Vec<Record> {
    let (name, text) = (name("ann"), "x".repeat(bytes - 3));
    let long = Name::from_store(&"n".repeat(bytes - 3));
    let reason = Some(text.clone());
    let kinds = [
        RecordKind::Message { name: name.clone(), text: text.clone() },
        RecordKind::Action { name: name.clone(), text: text.clone() },
        RecordKind::Joined { name: Name::from_store(&"n".repeat(bytes)) },
        RecordKind::Left { name: name.clone(), how: Departure::Removed { reason } },
        RecordKind::Notice { text: "x".repeat(bytes) },
        RecordKind::Topic { text: "x".repeat(bytes) },
        RecordKind::Renamed { name, to: Box::new(long) },
        RecordKind::Redacted { targets: vec![Seq(1); bytes / 24] },
    ];
    let record = |kind| Record { epoch: 1, seq: Seq(1), time: time(0), kind, author: None };
    kinds.into_iter().map(record).collect()
}

/// The limit of the window is based on this weight.
#[test]
fn a_record_weighs_four_times_its_texts_and_something_for_itself() {
    for mut record in records(240) {
        assert_eq!(record.weight(), 400 + 4 * 240, "{:?}", record.kind);
        record.author = Some(Author { session: ANN, id: Some("id".repeat(8)) });
        assert_eq!(record.weight(), 400 + 4 * 240 + 16, "{:?}", record.kind);
    }
    assert_eq!(Seq(7).to_string(), "7");
}

#[test]
fn a_redacted_record_has_nothing_of_its_text() {
    for mut record in records(240) {
        let has_text = matches!(
            record.kind,
            RecordKind::Message { .. }
                | RecordKind::Action { .. }
                | RecordKind::Notice { .. }
                | RecordKind::Topic { .. }
        );
        let before = record.clone();
        record.redact();
        assert_eq!(record != before, has_text, "{before:?}");
        assert_eq!(format!("{record:?}").contains(REDACTED), has_text);
        assert!(!has_text || !format!("{record:?}").contains("xxx"));
    }
}

#[test]
fn the_roster_knows_everybody_by_session_name_and_look() {
    let mut roster = Roster::default();
    let member = |session, named| Member {
        session,
        name: name(named),
        since: time(0),
        detached_since: None,
    };
    assert!(roster.is_empty());
    roster.add(member(ANN, "ann1")).unwrap();
    roster.add(member(BO, "bo")).unwrap();
    assert_eq!((roster.len(), roster.is_empty()), (2, false));
    assert_eq!(roster.by_skeleton("annl"), [&member(ANN, "ann1")]);
    assert!(roster.by_skeleton("cy").is_empty());
    assert!(matches!(roster.rename(BO, name("ANN1")), Err(Refusal::NameTaken(_))));
    assert_eq!(roster.by_session(BO), Some(&member(BO, "bo")), "it is as before");
    assert_eq!(roster.rename(ANN, name("dan")), Ok(name("ann1")));
    assert_eq!((roster.by_name("DAN"), roster.by_name("ann1")), (Some(&member(ANN, "dan")), None));
    assert!(roster.by_skeleton("annl").is_empty());
    assert_eq!(roster.remove(ANN), Some(member(ANN, "dan")));
    assert_eq!((roster.remove(ANN), roster.len()), (None, 1));
}

#[test]
fn another_policy_holds_for_what_is_said_from_then_on() {
    let mut room = room();
    room.join(ANN, &name("ann"), false, time(0)).unwrap();
    assert!(apply(&mut room, say(ANN, "twenty characters it"), time(1)).is_ok());
    room.set_policy(Policy { message_bytes: 3 });
    let refused = apply(&mut room, say(ANN, "four"), time(2)).unwrap_err();
    assert_eq!(refused, Refusal::TooLong { limit: 3 });
    assert_eq!(room.batch().len(), 2, "what was accepted waits to be stored");
    assert_eq!((room.take_batch().len(), room.batch().len()), (2, 0));
}

#[test]
fn who_was_here_when_the_room_was_stored_is_here_again() {
    let mut room = room();
    let member =
        Member { session: ANN, name: name("ann"), since: time(0), detached_since: Some(time(1)) };
    assert_eq!(room.restore(member.clone()), Ok(()));
    assert_eq!(room.roster().by_session(ANN), Some(&member));
    assert_eq!(
        room.restore(Member { session: BO, ..member.clone() }),
        Err(Refusal::NameTaken(name("ann")))
    );
    assert_eq!(room.restore(member), Err(Refusal::AlreadyJoined));
    // Whether they have used an id only the store can tell, which is asked.
    let mut new_record = say(ANN, "hi");
    if let NewRecord::Speech { id, .. } = &mut new_record {
        *id = Some("7".to_owned());
    }
    let mut asked = Vec::new();
    room.apply(new_record, time(2), |session, id| {
        asked.push((session, id.to_owned()));
        None
    })
    .unwrap();
    assert_eq!(asked, [(ANN, "7".to_owned())]);
}

#[test]
fn people_who_look_alike_since_before_are_all_here_again() {
    let mut room = room();
    let member = |session, named| Member {
        session,
        name: name(named),
        since: time(0),
        detached_since: None,
    };
    room.restore(member(ANN, "tom")).unwrap();
    room.restore(member(BO, "ТОМ")).unwrap();
    let cy = SessionId(3);
    assert!(matches!(room.join(cy, &name("ΤΟΜ"), false, time(1)), Err(Refusal::LooksLike(_))));
    // Changes that cannot be stored are rolled back, even if names are confusable.
    for session in [ANN, BO] {
        let leave = NewRecord::Leave { session, how: Departure::Quit };
        apply(&mut room, leave, time(1)).unwrap();
    }
    room.roll_back();
    let rename = NewRecord::Rename { session: BO, to: name("bo") };
    apply(&mut room, rename, time(1)).unwrap();
    room.roll_back();
    let names: Vec<_> = room.roster().iter().map(|member| member.name.to_string()).collect();
    assert_eq!(names, ["tom", "ТОМ"]);
    // The owner of an account comes in, whoever looks like it.
    room.join_with_account(cy, &name("ΤΟΜ"), false, time(2)).unwrap();
    let refusal = room.join_with_account(SessionId(4), &name("TOM"), false, time(2)).unwrap_err();
    assert_eq!(refusal, Refusal::NameTaken(name("TOM")));
    assert_eq!(room.roster().by_skeleton("tom").len(), 3);
}
