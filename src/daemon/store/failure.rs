//! Failures to store something.

use std::fmt;
use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};

use crate::transient::{hides_cause, is_transient_io, probe};

/// The reason why data was not stored.
#[derive(Debug)]
pub enum StoreFailure {
    /// There is no space, or the file was locked for too long. Trying again can succeed.
    Passing(rusqlite::Error),
    /// The disk or the file is broken, and the daemon has to stop. After a failed fsync, the system
    /// drops the data that it could not write, and later fsyncs succeed although data is lost.
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

impl StoreFailure {
    /// Judges a failure again, by whether the folder can be written, because SQLite's code can hide that
    /// the disk is full or read-only. A failed fsync stays fatal.
    pub fn judged(self, folder: &Path) -> StoreFailure {
        const FSYNC: [i32; 2] = [SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC];
        match self {
            StoreFailure::Fatal(error)
                if hides_cause(&error)
                    && !error
                        .sqlite_error()
                        .is_some_and(|it| FSYNC.contains(&it.extended_code))
                    && probe(folder).is_err_and(|cause| is_transient_io(&cause)) =>
            {
                StoreFailure::Passing(error)
            }
            other => other,
        }
    }
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (StoreFailure::Passing(error) | StoreFailure::Fatal(error)) = self;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                f.write_str("another process has locked the history")
            }
            Some(ErrorCode::DiskFull) => f.write_str("no space left on the disk"),
            Some(code) if hides_cause(error) && matches!(self, StoreFailure::Passing(_)) => {
                write!(f, "nothing can be written to the disk at the moment ({code:?})")
            }
            Some(ErrorCode::SystemIoFailure) => write!(f, "the disk failed ({error})"),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                write!(f, "the file is damaged ({error})")
            }
            _ => error.fmt(f),
        }
    }
}
