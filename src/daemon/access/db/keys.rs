//! The keys by which accounts and sanctions are looked up in the database.

use chatroom::access::Target;
use chatroom::confusables::fold;
use rusqlite::{Connection, params};

use super::key;

/// Renews the keys of rows that an older version stored. It computed looks in another way, and used them
/// as the keys of accounts, too; these are found by their folded names now.
pub(super) fn renew(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    let mut renewed: Vec<(&str, i64, String)> = Vec::new();
    {
        let mut accounts = transaction.prepare("SELECT rowid, look, name FROM accounts")?;
        let mut rows = accounts.query([])?;
        while let Some(row) = rows.next()? {
            let (id, key, name): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if key != fold(&name) {
                renewed.push(("accounts", id, fold(&name)));
            }
        }
        let mut sanctions = transaction.prepare("SELECT rowid, look, target FROM sanctions")?;
        let mut rows = sanctions.query([])?;
        while let Some(row) = rows.next()? {
            let (id, old, target): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let new = key(&Target::from_store(&target));
            if old != new {
                renewed.push(("sanctions", id, new));
            }
        }
    }
    // First all out of the way of each other.
    for (table, id, _) in &renewed {
        let update = format!("UPDATE {table} SET look = char(0) || rowid WHERE rowid = ?");
        transaction.execute(&update, [id])?;
    }
    for (table, id, key) in &renewed {
        // Of two sanctions that are one now the later one counts.
        let update = format!("UPDATE OR REPLACE {table} SET look = ? WHERE rowid = ?");
        transaction.execute(&update, params![key, id])?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use chatroom::access::{AccessState, Change, SanctionKind};
    use chatroom::admin::AuditEntry;
    use jiff::Timestamp;

    use super::super::{Db, FILE};
    use super::*;

    #[test]
    fn rows_of_before_are_found_by_what_they_are_found_by_now() {
        let folder = tempfile::TempDir::new().unwrap();
        drop(Db::open(Some(folder.path())).unwrap());
        let db = Connection::open(folder.path().join(FILE)).unwrap();
        // The keys of version 0.1. The two look alike in capitals, which was not noticed then; the
        // third one could not have its name today.
        for (skeleton, name) in
            [("torn", "tom"), ("\u{442}\u{43e}\u{43c}", "ТОМ"), ("*evan", "∗evan"), ("tom", "Rn")]
        {
            db.execute("INSERT INTO accounts VALUES (?, ?, 'x', 0, 0, 1, 1)", [skeleton, name])
                .unwrap();
        }
        db.execute(
            "INSERT INTO sanctions VALUES ('ban', 'sᴇʀᴠᴇʀ', 'sᴇʀᴠᴇʀ', NULL, NULL, 1, 'uid 0')",
            [],
        )
        .unwrap();
        drop(db);
        let names = |access_state: &AccessState| -> Vec<String> {
            access_state.accounts().map(|account| account.name.clone()).collect()
        };
        let (mut db, mut access_state) = Db::open(Some(folder.path())).unwrap();
        assert_eq!(names(&access_state), ["Rn", "tom", "ТОМ", "∗evan"]);
        for name in ["tom", "ТОМ", "∗evan"] {
            assert!(
                access_state.account(name).is_some()
                    && access_state.confusable_account(name).is_none()
            );
        }
        let entry = AuditEntry {
            time: Timestamp::now(),
            by: "uid 0".to_owned(),
            uid: None,
            what: "x".to_owned(),
            target: "x".to_owned(),
        };
        let mut account = access_state.account("ТОМ").unwrap().clone();
        account.is_locked = true;
        let ban = access_state.sanctions.iter().next().unwrap().target.clone();
        for change in [
            Change::PutAccount { account, renews: true },
            Change::RemoveAccount("∗evan".to_owned()),
            Change::RemoveSanction(SanctionKind::Ban, ban),
        ] {
            access_state.apply(change.clone());
            db.store(Some(&change), &entry).unwrap();
        }
        drop(db);
        let (_, again) = Db::open(Some(folder.path())).unwrap();
        assert_eq!((names(&again), names(&access_state)), (names(&access_state), names(&again)));
        assert_eq!(names(&again), ["Rn", "tom", "ТОМ"]);
        assert!(
            again.account("ТОМ").unwrap().is_locked && !again.account("tom").unwrap().is_locked
        );
        assert_eq!(again.sanctions.iter().count(), 0);
    }
}
