//! Files that belong together, and the handling of files that do not, or are damaged.

use super::log::until_emptied;
use super::*;

/// Copies the files that remain in a folder after a kill: their state while a daemon is running.
fn killed(folder: &TempDir, into: &TempDir) {
    for ending in ["", "-wal", "-shm"] {
        let name = format!("{DATABASE}{ending}");
        fs::copy(folder.path().join(&name), into.path().join(&name)).unwrap();
    }
}

fn texts(store: &Store) -> Vec<String> {
    let mut select = store.db.prepare("SELECT text FROM records ORDER BY seq").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_log_beside_another_database_is_not_mixed_with_it() {
    type MakeCopy = fn(&Store, &Path);
    let with_sqlite: MakeCopy = |store, to| {
        let mut to = Connection::open(to).unwrap();
        rusqlite::backup::Backup::new(&store.db, &mut to).unwrap().step(-1).unwrap();
    };
    let with_chatctl: MakeCopy = |store, to| copy(store.path(), to).unwrap();
    for make_copy in [with_sqlite, with_chatctl] {
        let (folder, later, elsewhere) =
            (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut store = open(&folder, &History::default()).store;
        let mut seq = 0;
        let mut say = |store: &mut Store, text: &str| {
            seq += 1;
            store.commit(&[message(seq, None, text)], &Extras::default(), now()).unwrap();
        };
        say(&mut store, "early");
        let backup = elsewhere.path().join("backup");
        make_copy(&store, &backup);
        // Enough for more than one log.
        for _ in 0..30 {
            say(&mut store, &"x".repeat(50_000));
        }
        store.checkpointer.empty_soon();
        until_emptied(&mut store);
        say(&mut store, "late");
        say(&mut store, "latest");
        killed(&folder, &later);
        fs::copy(&backup, later.path().join(DATABASE)).unwrap();
        let restored = open(&later, &History::default());
        assert_eq!(texts(&restored.store), ["early"]);
        assert_eq!(restored.last, Position { epoch: 2, seq: Seq(1) }, "a new epoch");
        let aside: Vec<_> = fs::read_dir(later.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().contains("set-aside-"))
            .collect();
        assert_eq!(aside.len(), 1);
        assert!(aside[0].join(format!("{DATABASE}-wal")).exists(), "nothing is deleted");
    }
}

#[test]
fn a_log_is_known_as_that_of_its_database_whenever_it_is_killed() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    for seq in 1..=60 {
        store
            .commit(&[message(seq, None, &"x".repeat(20_000))], &Extras::default(), now())
            .unwrap();
        match seq % 4 {
            0 => store.checkpointer.empty_soon(),
            // As a copy that SQLite makes by itself, after which it begins the log anew.
            1 => drop(store.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))),
            _ => {}
        }
        let killed_here = TempDir::new().unwrap();
        {
            // While writing is locked, the files form a consistent snapshot.
            let log = store.log();
            let _writing = log.begin_writing();
            killed(&folder, &killed_here);
        }
        let restored = open(&killed_here, &History::default());
        assert_eq!(restored.last, Position { epoch: 1, seq: Seq(seq) });
        let files = fs::read_dir(killed_here.path()).unwrap();
        let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        assert!(!names.iter().any(|it| it.to_string_lossy().contains("aside")), "{names:?}");
    }
}

/// As where the power is cut while the log is copied: no page of the database is whole for which
/// there is one in the log.
#[test]
fn a_log_that_was_being_copied_is_known_as_that_of_its_database() {
    // https://www.sqlite.org/fileformat2.html#the_write_ahead_log
    const LOG_HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    const PAGE: usize = 4096;
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    // As the thread does that empties the log.
    mark::renew(&store.db).unwrap();
    store.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    store.log().set_needs_mark(true);
    for seq in 1..=8 {
        let text = "x".repeat(20_000);
        store.commit(&[message(seq, None, &text)], &Extras::default(), now()).unwrap();
    }
    let killed_here = TempDir::new().unwrap();
    killed(&folder, &killed_here);
    let log = fs::read(killed_here.path().join(format!("{DATABASE}-wal"))).unwrap();
    let path = killed_here.path().join(DATABASE);
    let mut database = fs::read(&path).unwrap();
    for frame in log[LOG_HEADER..].chunks_exact(FRAME_HEADER + PAGE) {
        let page = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
        let torn = PAGE * (page - 1)..PAGE * page;
        database.get_mut(torn).into_iter().for_each(|page| page[100..].fill(0));
    }
    fs::write(&path, database).unwrap();
    let restored = open(&killed_here, &History::default());
    assert_eq!(restored.last, Position { epoch: 1, seq: Seq(8) });
}

#[test]
fn a_history_of_version_0_1_that_was_killed_goes_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(DATABASE);
    let db = schema::open_older(&path, 2);
    db.execute("INSERT INTO directs VALUES (7, 'a')", []).unwrap();
    db.execute(
        "INSERT INTO records (seq, epoch, time, kind, name, text) VALUES (1, 1, 0, 1, 'ann', 'hi')",
        [],
    )
    .unwrap();
    let killed_here = TempDir::new().unwrap();
    killed(&folder, &killed_here);
    let restored = open(&killed_here, &History::default());
    assert_eq!(restored.last, Position { epoch: 1, seq: Seq(1) });
    assert_eq!(restored.store.seq_of(SessionId(7), "a").unwrap(), Some(Seq(0)));
    // Killed again, right after.
    let again = TempDir::new().unwrap();
    killed(&killed_here, &again);
    assert_eq!(open(&again, &History::default()).last, Position { epoch: 1, seq: Seq(1) });
}

#[test]
fn a_damaged_history_is_told_when_it_is_opened_and_what_is_left_is_saved() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    let long = "long ".repeat(3000);
    for seq in 1..=2000 {
        let text = if seq % 100 == 0 { long.clone() } else { format!("line {seq}") };
        let id = seq.to_string();
        store.commit(&[message(seq, Some(&id), &text)], &Extras::default(), now()).unwrap();
    }
    let path = store.path().to_owned();
    store.close().unwrap();
    let whole = fs::read(&path).unwrap();
    for (number, damage) in [0..4096, 4096..4 * 4096, 20 * 4096..24 * 4096].into_iter().enumerate()
    {
        let mut bytes = whole.clone();
        bytes[damage].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        let refused = crate::store::open(folder.path(), &History::default(), |_| {}).err().unwrap();
        let said = format!("{refused:#}");
        assert!(said.contains("damaged") || said.contains("cannot be used"), "{said}");
        let saved = folder.path().join(format!("saved-{number}"));
        let salvage = salvage::salvage(&path, &saved).unwrap();
        assert!(salvage.records > 1500, "{salvage:?}");
        assert_eq!(salvage.records + salvage.missing, salvage.extent.map_or(0, |(a, b)| b - a + 1));
        assert!(salvage::salvage(&path, &saved).is_err(), "nothing is overwritten");
        let elsewhere = TempDir::new().unwrap();
        let done = restore::restore(elsewhere.path(), &saved, now()).unwrap();
        assert_eq!((done.records, done.aside), (salvage.extent, None));
        let restored = open(&elsewhere, &History::default());
        assert_eq!(restored.last.epoch, 2);
        let of_last = restored.store.record(restored.last.seq).unwrap().unwrap();
        assert_eq!(of_last.author.unwrap().id, Some(restored.last.seq.to_string()));
        if number != 2 {
            let kind = restored.store.record(Seq(1900)).unwrap().map(|it| it.kind);
            let Some(RecordKind::Message { text, .. }) = kind else { panic!("{kind:?}") };
            assert_eq!(text, long, "over several pages");
        }
    }
}

#[test]
fn what_only_the_log_has_is_saved_too() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder, &History::default()).store;
    store.commit(&[message(1, None, "hello")], &Extras::default(), now()).unwrap();
    let killed_here = TempDir::new().unwrap();
    killed(&folder, &killed_here);
    let damaged = killed_here.path().join(DATABASE);
    fs::write(&damaged, [0xa5; 8192]).unwrap();
    let saved = killed_here.path().join("saved");
    assert_eq!(salvage::salvage(&damaged, &saved).unwrap().records, 1);
    fs::write(folder.path().join("empty"), []).unwrap();
    let nothing = salvage::salvage(&folder.path().join("empty"), &folder.path().join("new"));
    assert!(nothing.unwrap_err().to_string().contains("contains no readable record"));
    assert!(!folder.path().join("new").exists());
}

#[test]
fn a_backup_takes_the_place_of_the_history_and_nothing_is_lost() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut store = open(&folder, &History::default()).store;
    store.commit(&[message(1, None, "early")], &Extras::default(), now()).unwrap();
    let backup = elsewhere.path().join("backup");
    copy(store.path(), &backup).unwrap();
    store.commit(&[message(2, None, "late")], &Extras::default(), now()).unwrap();
    let problem = |file: &Path| {
        let refused = restore::restore(folder.path(), file, now()).err();
        format!("{:#}", refused.expect("it is refused"))
    };
    assert!(problem(&backup).contains("another chatroomd uses the state folder"));
    let killed_here = TempDir::new().unwrap();
    killed(&folder, &killed_here);
    drop(store);
    let none = elsewhere.path().join("none");
    assert!(problem(&none).contains("cannot read"), "{}", problem(&none));
    fs::write(&none, "this is no database").unwrap();
    assert!(problem(&none).contains("cannot copy"), "{}", problem(&none));
    Connection::open(elsewhere.path().join("other"))
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let other = problem(&elsewhere.path().join("other"));
    assert!(other.contains("is not a history of chatroomd"), "{other}");
    let itself = problem(&folder.path().join(DATABASE));
    assert!(itself.contains("is the history that is in use"), "{itself}");
    let mut torn = fs::read(&backup).unwrap();
    let middle = torn.len() / 2;
    torn[middle..].fill(7);
    fs::write(elsewhere.path().join("torn"), torn).unwrap();
    let torn = problem(&elsewhere.path().join("torn"));
    assert!(torn.contains("torn is damaged") || torn.contains("cannot copy"), "{torn}");
    assert!(folder.path().join(DATABASE).exists());

    let done = restore::restore(killed_here.path(), &backup, now()).unwrap();
    assert_eq!(done.records, Some((1, 1)));
    let aside = done.aside.unwrap();
    assert!(["", "-wal", "-shm"].iter().all(|it| aside.join(format!("{DATABASE}{it}")).exists()));
    let restored = open(&killed_here, &History::default());
    assert_eq!(texts(&restored.store), ["early"]);
    assert_eq!(restored.last, Position { epoch: 2, seq: Seq(1) });
    drop(restored);
    // A history that was moved aside can be restored in the same way, with its log.
    let back = restore::restore(killed_here.path(), &aside.join(DATABASE), now()).unwrap();
    assert_eq!(back.records, Some((1, 2)));
    assert_ne!(back.aside, Some(aside), "each has a folder of its own");
}

#[test]
fn a_restore_that_was_broken_off_is_not_taken_for_an_empty_history() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(format!("{DATABASE}-restoring")), "half").unwrap();
    let refused = crate::store::open(folder.path(), &History::default(), |_| {}).err().unwrap();
    assert!(refused.to_string().contains("was interrupted"), "{refused:#}");
}
