use chatroom::config::Durability;
use chatroom::names::Name;
use chatroom::room::{Author, Position, RecordKind};
use tempfile::TempDir;

use std::fs;

use super::open::Restored;
use super::retention::{MAX_REMOVED, used_bytes};
use super::*;

mod companions;
mod log;

fn open(folder: &TempDir, history: &History) -> Restored {
    crate::store::open(folder.path(), history, |failure| panic!("{failure}")).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn message(seq: u64, id: Option<&str>, text: &str) -> Record {
    let author = Author { session: SessionId(1 << 32 | 7), id: id.map(str::to_owned) };
    let name = Name::new("ann").unwrap();
    Record {
        epoch: 1,
        seq: Seq(seq),
        time: now(),
        kind: RecordKind::Message { name, text: text.to_owned() },
        author: Some(author),
    }
}

fn joined(seq: u64) -> Record {
    Record {
        kind: RecordKind::Joined { name: Name::new("ann").unwrap() },
        ..message(seq, None, "")
    }
}

#[test]
fn what_was_stored_is_there_after_a_start() {
    let folder = TempDir::new().unwrap();
    let mut first = open(&folder, &History::default());
    assert_eq!((first.last, first.run), (Position::START, 1));
    let records = [joined(1), message(2, Some("i"), "hello")];
    let extras = Extras { tokens: vec![(SessionId(1 << 32 | 7), [9; 32])], ..Extras::default() };
    first.store.commit(&records, &extras, now()).unwrap();
    drop(first);

    let second = open(&folder, &History::default());
    assert_eq!((second.last.seq, second.run), (Seq(2), 2));
    assert_eq!(second.store.record(Seq(2)).unwrap(), Some(records[1].clone()));
    assert_eq!(second.store.session_of(&[9; 32]).unwrap(), Some(SessionId(1 << 32 | 7)));
    assert_eq!(second.store.seq_of(SessionId(1 << 32 | 7), "i").unwrap(), Some(Seq(2)));
    assert_eq!(second.store.seq_of(SessionId(1 << 32 | 8), "i").unwrap(), None);
    let members: Vec<_> =
        second.members.iter().map(|(who, back)| (who.name.as_str(), back)).collect();
    assert_eq!(members, [("ann", &true)]);
}

#[test]
fn a_folder_is_one_daemons() {
    let folder = TempDir::new().unwrap();
    let _first = open(&folder, &History::default());
    let second = crate::store::open(folder.path(), &History::default(), |_| {});
    let problem = second.err().expect("the second is refused").to_string();
    assert!(problem.contains("another chatroomd uses the state folder"), "{problem}");
}

#[test]
fn the_epoch_changes_where_the_end_may_be_lost() {
    let history = History { durability: Durability::Process, ..History::default() };
    let folder = TempDir::new().unwrap();
    let mut first = open(&folder, &history);
    first.store.commit(&[message(1, None, "x")], &Extras::default(), now()).unwrap();
    first.store.close().unwrap();
    let second = open(&folder, &history);
    assert_eq!(second.last, Position { epoch: 1, seq: Seq(1) }, "it was closed as it should be");
    drop(second);
    let third = open(&folder, &history);
    assert_eq!(third.last, Position { epoch: 2, seq: Seq(1) });
    let seen = Position { epoch: 1, seq: Seq(5) };
    let resume_point = third.epochs.resume_point(seen, Seq(1)).unwrap();
    assert_eq!(resume_point.lost, Some((Seq(2), Seq(5))));
    drop(third);
    // Records that were stored with durability against power failures are trusted.
    drop(open(&folder, &History::default()));
    assert_eq!(open(&folder, &history).last.epoch, 3);
}

#[test]
fn what_is_more_than_is_kept_goes_little_by_little() {
    let folder = TempDir::new().unwrap();
    let history = History { keep_for: Duration::from_secs(100), ..History::default() };
    let mut store = open(&folder, &history).store;
    for batch in 0..100 {
        let records: Vec<Record> =
            (1..=10).map(|n| message(batch * 10 + n, None, "text")).collect();
        store.commit(&records, &Extras::default(), now()).unwrap();
        store.look_after(Seq(batch * 10 + 10), now()).unwrap();
    }
    assert_eq!(store.oldest(), Seq(1), "all of it is young");
    let later = now() + jiff::SignedDuration::from_secs(101);
    for _ in 0..LOOK_AFTER_EVERY {
        store.look_after(Seq(1000), later).unwrap();
    }
    assert_eq!(store.oldest(), Seq(1 + MAX_REMOVED), "a few at a time");
    for _ in 0..10 * LOOK_AFTER_EVERY {
        store.look_after(Seq(1000), later).unwrap();
    }
    assert_eq!(store.oldest(), Seq(1000), "the newest stays");
    assert!(store.record(Seq(999)).unwrap().is_none());
    drop(store);
    assert_eq!(open(&folder, &history).last.seq, Seq(1000));
}

#[test]
fn what_is_larger_than_is_kept_goes_and_the_file_stays_small() {
    let folder = TempDir::new().unwrap();
    let history = History { keep_bytes: 1 << 20, ..History::default() };
    let mut store = open(&folder, &history).store;
    let text = "x".repeat(1000);
    let mut largest = 0;
    for batch in 0..800 {
        let records: Vec<Record> = (1..=10).map(|n| message(batch * 10 + n, None, &text)).collect();
        store.commit(&records, &Extras::default(), now()).unwrap();
        store.look_after(Seq(batch * 10 + 10), now()).unwrap();
        largest = largest.max(used_bytes(&store.db).unwrap());
    }
    // In the time between two looks some more comes.
    assert!(largest < 3 << 19, "{largest}");
    assert!(store.oldest() > Seq(6000), "{:?}", store.oldest());
    store.close().unwrap();
    let file = fs::metadata(folder.path().join(DATABASE)).unwrap().len();
    assert!(file < 2 << 20, "{file}");
}

#[test]
fn a_session_is_forgotten_when_nobody_comes_back_to_it_for_long() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    let (here, gone) = (joined(1).author.unwrap().session, SessionId(2));
    let extras = Extras {
        tokens: vec![(here, [1; 32]), (gone, [2; 32])],
        directs: vec![(here, "a".to_owned()), (gone, "a".to_owned())],
        ..Extras::default()
    };
    store.commit(&[joined(1)], &extras, now()).unwrap();
    let mut look_at = |days: i64| {
        let at = now() + jiff::SignedDuration::from_hours(24 * days);
        (0..LOOK_AFTER_EVERY).for_each(|_| store.look_after(Seq(1), at).unwrap());
        let known = |token| store.session_of(&[token; 32]).unwrap();
        let id_of = |session| store.seq_of(session, "a").unwrap();
        ((known(1), known(2)), (id_of(here).is_some(), id_of(gone).is_some()))
    };
    assert_eq!(look_at(29), ((Some(here), Some(gone)), (true, true)));
    assert_eq!(look_at(31), ((Some(here), None), (true, false)), "who is here is not forgotten");
}

#[test]
fn a_text_that_was_taken_away_is_nowhere() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    let secret = "a secret that should not have been said";
    store.commit(&[message(1, None, secret)], &Extras::default(), now()).unwrap();
    let extras = Extras { redactions: vec![Seq(1)], ..Extras::default() };
    store.commit(&[], &extras, now()).unwrap();
    let kind = store.record(Seq(1)).unwrap().map(|record| record.kind);
    let Some(RecordKind::Message { text, .. }) = kind else { panic!("{kind:?}") };
    assert_eq!(text, chatroom::room::REDACTED);
    store.close().unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        // The thread that copies the log may still be closing it, and remove it now.
        let Ok(bytes) = fs::read(file.unwrap().path()) else { continue };
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn a_newer_or_broken_file_is_said_to_be_so() {
    let folder = TempDir::new().unwrap();
    let path = open(&folder, &History::default()).store.path().to_owned();
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let problem = |folder: &TempDir| {
        let refused = crate::store::open(folder.path(), &History::default(), |_| {}).err();
        format!("{:#}", refused.expect("it is refused"))
    };
    assert!(problem(&folder).contains("made by a newer chatroomd"), "{}", problem(&folder));
    fs::write(&path, b"this is no database at all, but long enough to be looked at").unwrap();
    let said = problem(&folder);
    assert!(said.contains("cannot be used. To go on without it, move it"), "{said}");
}

#[test]
fn a_copy_is_whole() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    store.commit(&[message(1, None, "hello")], &Extras::default(), now()).unwrap();
    let elsewhere = TempDir::new().unwrap();
    copy(store.path(), &elsewhere.path().join(DATABASE)).unwrap();
    let files = fs::read_dir(elsewhere.path()).unwrap().count();
    assert_eq!(files, 1, "there is nothing beside it");
    let restored = open(&elsewhere, &History::default());
    let expect = Position { epoch: 2, seq: Seq(1) };
    assert_eq!(restored.last, expect, "numbers after the backup's last may have been seen");
}
