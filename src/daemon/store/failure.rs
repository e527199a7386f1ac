//! What storing can fail with.

use std::fmt;

use rusqlite::ErrorCode;

/// Why something was not stored.
#[derive(Debug)]
pub enum StoreFailure {
    /// There is no space, or the file was locked for too long. It can be tried again.
    Passing(rusqlite::Error),
    /// The disk or the file is broken. After a failed fsync the system forgets what it could not
    /// write, and later ones succeed although data is lost; so there is no going on.
    Fatal(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreFailure {
    fn from(error: rusqlite::Error) -> StoreFailure {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreFailure::Passing(error)
            }
            _ => StoreFailure::Fatal(error),
        }
    }
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (StoreFailure::Passing(error) | StoreFailure::Fatal(error)) = self;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => f.write_str("no space left on the disk"),
            Some(ErrorCode::SystemIoFailure) => write!(f, "the disk failed ({error})"),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                write!(f, "the file is damaged ({error})")
            }
            _ => error.fmt(f),
        }
    }
}
