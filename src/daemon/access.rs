//! Accounts, sanctions, topic and slow mode: the state in force, and its storage with the audit.

mod audit;
mod db;
pub mod passwords;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chatroom::access::{AccessState, Change};
use chatroom::admin::AuditEntry;
use chatroom::room::Refusal;
use jiff::Timestamp;
use tracing::error;

use crate::folders;
use crate::users::Users;
pub use audit::{Actor, AuditEvent, AuditId};
use db::Db;
use passwords::Passwords;

/// The access state in force, and its storage.
pub struct Access {
    access_state: RwLock<Arc<AccessState>>,
    db: Mutex<Db>,
    /// Held while a change is applied and announced, which never waits for the disk.
    announcing: Mutex<()>,
    pub passwords: Passwords,
}

impl Access {
    /// Opens what is stored in a folder. Without a folder, it is in memory only.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(folder: Option<&Path>) -> anyhow::Result<Access> {
        if let Some(folder) = folder {
            folders::check_state(folder)?;
        }
        let (db, access_state) = Db::open(folder)?;
        let access_state = RwLock::new(Arc::new(access_state));
        let (db, announcing) = (Mutex::new(db), Mutex::new(()));
        Ok(Access { access_state, db, announcing, passwords: Passwords::new()? })
    }

    /// The access state in force.
    pub fn access_state(&self) -> Arc<AccessState> {
        self.access_state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the change that `decide` returns for the current state, and stores it together with
    /// its entry in the audit. Then `announce` tells the room; changes are announced in the order
    /// in which they were made. This waits for the disk.
    ///
    /// # Errors
    /// The error that `decide` returns, or the failure to store the change and its entry.
    pub fn change<T>(
        &self,
        by: &Actor,
        event: &AuditEvent,
        decide: impl FnOnce(&AccessState) -> Result<Change, Refusal>,
        announce: impl FnOnce(Arc<AccessState>, Change) -> T,
    ) -> Result<T, Refusal> {
        let mut db = self.db();
        let change = decide(&self.access_state())?;
        let entry = event.entry(by);
        db.store(Some(&change), &entry).map_err(|failure| audit::not_stored(&failure))?;
        event.log(by);
        Ok(self.put(change, entry.time, announce))
    }

    /// Records in the audit an action that an operator is about to take. This waits for the disk.
    ///
    /// # Errors
    /// The entry cannot be stored, so the action must not be taken.
    pub fn record(&self, by: &Actor, event: &AuditEvent) -> Result<AuditId, Refusal> {
        let stored = self.db().store(None, &event.entry(by));
        stored.map(AuditId).map_err(|failure| audit::not_stored(&failure))
    }

    /// Removes an entry from the audit, because its action was not carried out after all. This
    /// waits for the disk.
    pub fn withdraw(&self, AuditId(id): AuditId) {
        if let Err(failure) = self.db().withdraw(id) {
            error!(event = "store-failed", "the audit has an action that was not done: {failure}");
        }
    }

    fn db(&self) -> MutexGuard<'_, Db> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the hash of the room's password, and tells the room. The hash is stored nowhere, so
    /// this does not wait for pending writes.
    pub fn set_room_hash(
        &self,
        hash: Option<String>,
        announce: impl FnOnce(Arc<AccessState>, Change),
    ) {
        self.put(Change::SetRoomHash(hash), Timestamp::now(), announce);
    }

    fn put<T>(
        &self,
        change: Change,
        now: Timestamp,
        announce: impl FnOnce(Arc<AccessState>, Change) -> T,
    ) -> T {
        let _announcing = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut access_state = AccessState::clone(&self.access_state());
        access_state.expire(now);
        access_state.apply(change.clone());
        let access_state = Arc::new(access_state);
        *self.access_state.write().unwrap_or_else(PoisonError::into_inner) = access_state.clone();
        announce(access_state, change)
    }

    /// The newest entries of the audit, the newest last.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn audit(&self, limit: usize) -> rusqlite::Result<Vec<AuditEntry>> {
        let mut entries = self.db().audit(limit)?;
        let users = Users::read();
        for entry in &mut entries {
            (entry.by, entry.uid) = users.resolve(&entry.by);
        }
        Ok(entries)
    }
}
