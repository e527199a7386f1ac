//! The write-ahead log, and the bounds on data beside the history.

use std::thread::sleep;
use std::time::Instant;

use super::*;

/// Looks after the log until it is small.
pub(super) fn until_emptied(store: &mut Store) {
    let start = Instant::now();
    while size(store.path()).1 > 1 << 20 {
        assert!(start.elapsed() < Duration::from_secs(20), "{} bytes", size(store.path()).1);
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_reader_in_the_way_holds_nobody_up_and_the_log_shrinks_when_it_is_gone() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    store.commit(&[message(1, None, "hello")], &Extras::default(), now()).unwrap();
    let reader = open_reader(store.path()).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = || -> i64 {
        reader.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(), 1);
    let text = "x".repeat(100_000);
    let mut slowest = Duration::ZERO;
    for batch in 0..300 {
        let records: Vec<Record> =
            (0..3).map(|n| message(2 + 3 * batch + n, None, &text)).collect();
        let begun = Instant::now();
        store.commit(&records, &Extras::default(), now()).unwrap();
        store.look_after(Seq(1), now()).unwrap();
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(4), "nobody waits for a reader: {slowest:?}");
    assert!(size(store.path()).1 > 64 << 20, "the reader was in the way");
    assert_eq!(count(), 1, "it still sees what it saw");
    let start = Instant::now();
    while !store.log().is_blocked() {
        assert!(start.elapsed() < Duration::from_secs(20), "that is not told");
        sleep(Duration::from_millis(20));
    }
    drop(reader);
    // With no further writing.
    until_emptied(&mut store);
    store.commit(&[message(5000, None, "on")], &Extras::default(), now()).unwrap();
    assert_eq!(store.record(Seq(901)).unwrap().map(|record| record.seq), Some(Seq(901)));
}

#[test]
fn under_load_the_log_stays_small() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    let text = "x".repeat(100_000);
    let mut largest = 0;
    for batch in 0..1000 {
        let records: Vec<Record> =
            (0..4).map(|n| message(1 + 4 * batch + n, None, &text)).collect();
        store.commit(&records, &Extras::default(), now()).unwrap();
        store.look_after(Seq(1), now()).unwrap();
        largest = largest.max(size(store.path()).1);
    }
    assert!(largest < 300 << 20, "{largest}");
    store.checkpointer.empty_soon();
    until_emptied(&mut store);
}

#[test]
fn another_process_that_writes_is_waited_for_only_once() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    let other = Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    for _ in 0..40 {
        let refused = store.commit(&[message(1, None, "x")], &Extras::default(), now());
        let refused = refused.expect_err("it is locked");
        assert!(matches!(&refused, StoreFailure::Passing(_)), "{refused}");
        assert_eq!(refused.to_string(), "another process has locked the history");
    }
    assert!(begun.elapsed() < 20 * WRITER_TIME, "{:?} for 40 batches", begun.elapsed());
    drop(other);
    store.commit(&[message(1, None, "x")], &Extras::default(), now()).unwrap();
}

#[test]
fn ids_of_direct_messages_are_bounded_and_are_no_history() {
    let folder = TempDir::new().unwrap();
    let history = History { keep_bytes: 2 << 20, ..History::default() };
    let mut store = open(&folder, &history).store;
    let said: Vec<Record> = (1..=1000).map(|n| message(n, None, &"x".repeat(1000))).collect();
    store.commit(&said, &Extras::default(), now()).unwrap();
    let ann = said[0].author.as_ref().unwrap().session;
    for batch in 0..600u64 {
        let directs = (0..50).map(|n| (ann, format!("{:064}", 50 * batch + n))).collect();
        store.commit(&[], &Extras { directs, ..Extras::default() }, now()).unwrap();
        store.look_after(Seq(1000), now()).unwrap();
    }
    assert_eq!(store.oldest(), Seq(1), "the history stays");
    assert!(store.seq_of(ann, &format!("{:064}", 29_488)).unwrap().is_some(), "the last 512");
    assert!(store.seq_of(ann, &format!("{:064}", 28_000)).unwrap().is_none());
    // The same with a session for each, which any client can have.
    store.amounts.set_most(2000, 3000);
    for batch in 0..250u64 {
        let mut extras = Extras::default();
        for n in 40 * batch..40 * (batch + 1) {
            let session = SessionId(1 << 40 | n);
            let mut token = [0; 32];
            token[..8].copy_from_slice(&n.to_be_bytes());
            extras.directs.push((session, format!("{n:064}")));
            extras.tokens.push((session, token));
        }
        let later = now() + jiff::SignedDuration::from_millis(batch as i64);
        store.commit(&[], &extras, later).unwrap();
        store.look_after(Seq(1000), later).unwrap();
    }
    let count = |table: &str| -> i64 {
        let count = format!("SELECT count(*) FROM {table}");
        store.db.query_row(&count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("directs"), count("sessions")), (2000, 3000));
    assert_eq!(store.session_of(&[0; 32]).unwrap(), None, "the oldest are forgotten");
    assert_eq!(store.oldest(), Seq(1), "the history stays");
    store.close().unwrap();
    let file = fs::metadata(folder.path().join(DATABASE)).unwrap().len();
    assert!(file < 6 << 20, "{file}");
}

#[test]
fn the_end_does_not_wait_for_a_reader() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    store.commit(&[message(1, None, "hello")], &Extras::default(), now()).unwrap();
    let reader = open_reader(store.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    store.commit(&[message(2, None, "on")], &Extras::default(), now()).unwrap();
    let begun = Instant::now();
    store.close().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    drop(reader);
    assert_eq!(open(&folder, &History::default()).last.seq, Seq(2));
}
