use std::sync::mpsc::channel;

use chatroom::names::Name;
use chatroom::room::{Position, Record};
use chatroom::wire::Batch;
use jiff::Timestamp;

use super::*;

fn record(seq: u64, text: &str) -> Record {
    let name = Name::new(if seq.is_multiple_of(2) { "ann" } else { "bo" }).unwrap();
    let kind = RecordKind::Message { name, text: text.to_owned() };
    let time = Timestamp::from_second(seq as i64).unwrap();
    Record { epoch: 1, seq: Seq(seq), time, kind, author: None }
}

/// Messages 1 to 1000 in batches of 7, of which every 100th is about tea; the first few are gone.
fn window() -> Source {
    let window = Window::new("lobby".to_owned(), Position::START, 1 << 30);
    let all: Vec<Record> = (1..=1000).map(|seq| record(seq, &said(seq))).collect();
    for batch in all.chunks(7) {
        window.publish(Arc::new(Batch::new("lobby".to_owned(), batch.to_vec())));
    }
    Source::Window(Arc::new(window))
}

fn disk() -> Source {
    let mut db = Connection::open_in_memory().unwrap();
    super::super::schema::prepare(&mut db).unwrap();
    let transaction = db.transaction().unwrap();
    for seq in 1..=1000 {
        let mut insert = transaction.prepare_cached(rows::INSERT).unwrap();
        rows::insert(&mut insert, &record(seq, &said(seq))).unwrap();
    }
    transaction.commit().unwrap();
    Source::Disk(db)
}

fn said(seq: u64) -> String {
    if seq.is_multiple_of(100) { format!("{seq}: TEA 50%_\\") } else { format!("{seq}: coffee") }
}

/// Looks in slices that are over at once, and gives the numbers that were found.
fn found(source: &Source, selection: Selection) -> (Vec<u64>, bool) {
    let mut scan = Scan::new(selection);
    let mut slices = 0;
    while scan.advance(source, Instant::now()).unwrap().is_continue() {
        slices += 1;
        assert!(slices < 2000, "it does not get on");
    }
    let (records, more) = scan.selected();
    (records.iter().map(|record| record.seq.0).collect(), more)
}

#[test]
fn slices_find_what_one_look_would_find() {
    let grep = |grep: &str, limit| Selection {
        grep: Some(grep.to_owned()),
        limit,
        ..Selection::default()
    };
    let time = |second| Some(Timestamp::from_second(second).unwrap());
    for source in [window(), disk()] {
        assert_eq!(found(&source, grep("tea", 3)), (vec![800, 900, 1000], true));
        let all: Vec<u64> = (1..=10).map(|n| n * 100).collect();
        assert_eq!(found(&source, grep("tea", 10)), (all, false));
        assert_eq!(found(&source, grep("50%_\\", 1)), (vec![1000], true));
        assert_eq!(found(&source, grep("milk", 10)), (vec![], false));
        let after = Selection { after: Some(Seq(250)), ..grep("tea", 2) };
        assert_eq!(found(&source, after), (vec![300, 400], true));
        let between = Selection { after: Some(Seq(300)), before: Some(Seq(600)), ..grep("tea", 9) };
        assert_eq!(found(&source, between), (vec![400, 500], false));
        let by = Selection {
            from: Some("BO".to_owned()),
            since: time(10),
            until: time(15),
            limit: 9,
            ..Selection::default()
        };
        assert_eq!(found(&source, by), (vec![11, 13, 15], false));
        let small = Selection { max_bytes: 1, ..grep("tea", 9) };
        assert_eq!(found(&source, small), (vec![1000], true), "one at least");
    }
}

#[test]
fn pages_of_the_window_are_in_order_in_either_direction() {
    let Source::Window(window) = window() else { panic!() };
    let page = |after: Option<u64>, before: Option<u64>| {
        let (after, before) = (after.map(Seq), before.map(Seq));
        let selection = Selection { after, before, limit: 3, ..Selection::default() };
        let (records, more) = Scan::new(selection).of_window(&window);
        (records.iter().map(|record| record.seq.0).collect::<Vec<_>>(), more)
    };
    assert_eq!(page(None, None), (vec![998, 999, 1000], true));
    assert_eq!(page(Some(4), None), (vec![5, 6, 7], true));
    assert_eq!(page(Some(998), None), (vec![999, 1000], false));
    assert_eq!(page(None, Some(3)), (vec![1, 2], false));
    assert_eq!(page(Some(7), Some(9)), (vec![8], false));
    assert_eq!(page(Some(u64::MAX), None), (vec![], false));
}

#[test]
fn what_left_the_window_is_passed_over() {
    let Source::Window(window) = window() else { panic!() };
    window.set_limit(1);
    let selection = |after| Selection { after, limit: 9, ..Selection::default() };
    for after in [None, Some(Seq(3))] {
        let (records, more) = Scan::new(selection(after)).of_window(&window);
        let seqs: Vec<u64> = records.iter().map(|record| record.seq.0).collect();
        assert_eq!((seqs, more), (vec![995, 996, 997, 998, 999, 1000], false), "{after:?}");
    }
}

#[test]
fn there_are_so_many_slots_and_one_that_is_given_back_can_be_taken() {
    let slots = SearchSlots::default();
    let mut taken: Vec<SearchSlot> = std::iter::from_fn(|| slots.take()).collect();
    assert_eq!(taken.len(), MAX_SEARCHES);
    taken.pop();
    taken.extend(slots.take());
    assert!(slots.take().is_none());
}

#[test]
fn a_short_search_does_not_wait_for_long_ones() {
    let (sender, queries) = channel();
    let slots = SearchSlots::default();
    let window = Window::new("lobby".to_owned(), Position::START, 1 << 30);
    let text = "\u{130}\u{c9}".repeat(1000);
    for batch in 0..500 {
        let records = (1..=10).map(|n| record(batch * 10 + n, &text)).collect();
        window.publish(Arc::new(Batch::new("lobby".to_owned(), records)));
    }
    let mut replies = Vec::new();
    for (grep, after) in [("tea", None), ("tea", None), ("tea", Some(Seq(4990)))] {
        let selection =
            Selection { grep: Some(grep.to_owned()), after, limit: 1, ..Selection::default() };
        let (answers, answer) = channel();
        let (reply, waits) = Reply::new(move |_| answers.send(()));
        let query = Query::Search(Box::new(Scan::new(selection)), slots.take().unwrap(), reply);
        sender.send(query).unwrap();
        replies.push((answer, waits));
    }
    let window = Arc::new(window);
    let thread = std::thread::spawn(move || answer_all(&Source::Window(window), &queries));
    replies.pop().unwrap().0.recv().unwrap();
    let is_over = replies.iter_mut().map(|(answer, _)| answer.try_recv().is_ok());
    assert_eq!(is_over.collect::<Vec<_>>(), [false, false], "each takes several slices");
    drop((sender, replies));
    thread.join().unwrap();
}

#[test]
fn nobody_looks_for_who_is_gone() {
    let (sender, queries) = channel();
    let slots = SearchSlots::default();
    let (given, gives) = channel();
    let (reply, waits) = Reply::new(move |_| given.send(()));
    drop(waits);
    let scan = Box::new(Scan::new(Selection::default()));
    sender.send(Query::Search(scan, slots.take().unwrap(), reply)).unwrap();
    drop(sender);
    answer_all(&window(), &queries);
    assert!(gives.recv().is_err());
    assert_eq!(slots.0.load(Relaxed), 0, "and the place is free");
}

#[test]
fn sqlite_looks_for_the_longest_part_in_ascii() {
    assert_eq!(like_pattern("tea").as_deref(), Some("%tea%"));
    assert_eq!(like_pattern("caf\u{e9} au lait").as_deref(), Some("% au lait%"));
    assert_eq!(like_pattern("100%_\\").as_deref(), Some("%100\\%\\_\\\\%"));
    assert_eq!(like_pattern("\u{e9}"), None);
    let long = like_pattern(&"x".repeat(500)).unwrap();
    assert_eq!(long, format!("%{}%", "x".repeat(MAX_PATTERN)));
}
