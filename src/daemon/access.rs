//! Who may come in and who may speak, as it is stored and in force.

mod db;
pub mod passwords;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chatroom::access::{AccessState, Change, ModerationAction};
use chatroom::admin::AuditEntry;
use chatroom::clean;
use chatroom::room::Refusal;
use jiff::Timestamp;
use tracing::{error, info};

use crate::folders;
use crate::users::{self, Users};
use db::Db;
use passwords::Passwords;

/// Who has done something.
#[derive(Debug, Clone)]
pub enum By {
    /// A user of `chatctl`, as the kernel reports it.
    Administrator { uid: u32, pid: i32 },
    /// An operator in the room.
    Account(String),
}

impl By {
    /// Who that is, for the log: "administrator root (uid 0)", or the name of an operator in the room.
    pub fn named(&self) -> String {
        match self {
            By::Administrator { uid, .. } => format!("administrator {}", users::shown(*uid)),
            By::Account(name) => clean::word(name).into_owned(),
        }
    }

    /// Whether they may undo what was done by somebody who is shown as this: an operator in the room
    /// not what was done with `chatctl`.
    pub fn may_undo(&self, shown: &str) -> bool {
        matches!(self, By::Administrator { .. }) || shown.starts_with(BY_ACCOUNT)
    }
}

/// Something that an operator does, as it is stored and told.
pub struct Deed {
    /// The word for it in the audit.
    pub what: &'static str,
    /// Whom or what it is about.
    pub target: String,
    /// What was done, in the log.
    pub done: String,
}

impl From<&ModerationAction> for Deed {
    fn from(action: &ModerationAction) -> Deed {
        Deed { what: action.as_str(), target: action.target(), done: action.done() }
    }
}

/// Begins what is shown of an operator in the room.
const BY_ACCOUNT: &str = "account ";

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Administrator { uid, pid } => write!(f, "uid {uid}, process {pid}"),
            By::Account(name) => write!(f, "{BY_ACCOUNT}{name}"),
        }
    }
}

/// What is in force, and where it is stored.
pub struct Access {
    access_state: RwLock<Arc<AccessState>>,
    db: Mutex<Db>,
    /// Held while a change is put in force and announced, which never waits for the disk.
    announcing: Mutex<()>,
    pub passwords: Passwords,
}

impl Access {
    /// Opens what is stored in a folder; without one it is only in memory.
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

    /// What is in force.
    pub fn access_state(&self) -> Arc<AccessState> {
        self.access_state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it as `decide` says who has looked at it, and notes who has done what to whom. Once it
    /// is stored, `announce` tells the room: in the order in which things were changed. This waits
    /// for the disk.
    ///
    /// # Errors
    /// Why not: what `decide` says, or that it cannot be stored.
    pub fn change<T>(
        &self,
        by: &By,
        deed: Deed,
        decide: impl FnOnce(&AccessState) -> Result<Change, Refusal>,
        announce: impl FnOnce(Arc<AccessState>, Change) -> T,
    ) -> Result<T, Refusal> {
        let now = Timestamp::now();
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let change = decide(&self.access_state())?;
        let target = clean::line(&deed.target).into_owned();
        let entry = AuditEntry {
            time: now,
            by: by.to_string(),
            what: deed.what.to_owned(),
            target,
            uid: None,
        };
        db.store(&change, &entry).map_err(|failure| {
            error!(event = "store-failed", "cannot store what an operator did: {failure}");
            Refusal::StorageFull
        })?;
        let Deed { what, done, .. } = deed;
        let (shown, _) = Users::read().resolve(&entry.by);
        info!(
            event = "moderation",
            by = shown,
            act = what,
            target = entry.target,
            "{} {done}",
            by.named()
        );
        Ok(self.put(change.clone(), now, |access_state| announce(access_state, change)))
    }

    /// Sets what the password of the room is compared with, and tells the room.
    /// It is stored nowhere, so that this does not wait for what is being stored.
    pub fn set_room_hash(&self, hash: Option<String>, announce: impl FnOnce(Arc<AccessState>)) {
        self.put(Change::SetRoomHash(hash), Timestamp::now(), announce);
    }

    fn put<T>(
        &self,
        change: Change,
        now: Timestamp,
        announce: impl FnOnce(Arc<AccessState>) -> T,
    ) -> T {
        let _announcing = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut access_state = AccessState::clone(&self.access_state());
        access_state.expire(now);
        access_state.apply(change);
        let access_state = Arc::new(access_state);
        *self.access_state.write().unwrap_or_else(PoisonError::into_inner) = access_state.clone();
        announce(access_state)
    }

    /// The last things that were done, the newest last.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn audit(&self, limit: usize) -> rusqlite::Result<Vec<AuditEntry>> {
        let mut entries = self.db.lock().unwrap_or_else(PoisonError::into_inner).audit(limit)?;
        let users = Users::read();
        for entry in &mut entries {
            (entry.by, entry.uid) = users.resolve(&entry.by);
        }
        Ok(entries)
    }
}
