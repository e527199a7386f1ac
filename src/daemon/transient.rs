//! Tells causes of failures that pass by themselves from those that an administrator has to remove.
//!
//! The system's error number decides. SQLite's code alone does not, because it can report a full disk
//! as CANTOPEN or IOERR. If the number is lost, writing a small file shows it again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::{error, fmt};

use rusqlite::ErrorCode;
use rustix::io::Errno;

/// The reason why a start failed.
#[derive(Debug)]
pub enum StartFailure {
    /// The cause can pass while the process waits.
    Transient {
        error: anyhow::Error,
        /// The message for operators.
        message: String,
        /// The cause can be in how the file systems were mounted when the process started. systemd
        /// gives each process its own view of them, so only another process sees some changes.
        is_of_mounts: bool,
    },
    /// The cause stays until an administrator removes it.
    Permanent(anyhow::Error),
}

impl From<anyhow::Error> for StartFailure {
    fn from(error: anyhow::Error) -> StartFailure {
        if !is_transient(&error) {
            return StartFailure::Permanent(error);
        }
        let message = match error.downcast_ref::<Transient>() {
            Some(Transient(message)) => message.clone(),
            None => format!("{error:#}"),
        };
        let is_of_mounts = is_of_mounts(&error);
        StartFailure::Transient { error, message, is_of_mounts }
    }
}

/// Error numbers of causes that can pass while the daemon waits.
const TRANSIENT: [Errno; 17] = [
    Errno::NOSPC,
    Errno::DQUOT,
    Errno::ROFS,
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::AGAIN,
    Errno::INTR,
    Errno::BUSY,
    Errno::ADDRINUSE,
    Errno::ADDRNOTAVAIL,
    Errno::NETDOWN,
    Errno::STALE,
    Errno::NOTCONN,
    Errno::TIMEDOUT,
    Errno::HOSTDOWN,
];

/// The file that [`probe`] writes. It has the size that SQLite needs to open a database.
const PROBE: &str = "probe";
const PROBE_BYTES: usize = 64 * 1024;

/// Marks an error as one that passes by itself, with a sentence for operators.
#[derive(Debug)]
pub struct Transient(pub String);

impl fmt::Display for Transient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for Transient {}

/// Whether the cause of an error can pass without a change of the configuration.
fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Transient>().is_some()
        || error.chain().any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(is_transient_io)
                || cause.downcast_ref::<rusqlite::Error>().is_some_and(is_transient_sqlite)
        })
}

fn is_of_mounts(error: &anyhow::Error) -> bool {
    const OF_MOUNTS: [Errno; 3] = [Errno::ROFS, Errno::STALE, Errno::NOTCONN];
    let is_one = |number| OF_MOUNTS.iter().any(|it| it.raw_os_error() == number);
    let io = |cause: &(dyn error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error).is_some_and(is_one)
    };
    error.chain().any(io)
}

/// Whether the cause of a system error can pass.
pub fn is_transient_io(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|number| TRANSIENT.iter().any(|it| it.raw_os_error() == number))
}

fn is_transient_sqlite(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory};
    let code = error.sqlite_error_code();
    matches!(code, Some(DiskFull | DatabaseBusy | DatabaseLocked | OutOfMemory))
}

/// Whether SQLite's code can hide a system error that passes.
pub fn hides_cause(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly, SystemIoFailure};
    let code = error.sqlite_error_code();
    matches!(code, Some(CannotOpen | PermissionDenied | ReadOnly | SystemIoFailure))
}

/// Finds the cause of an SQLite error in the folder of its database: if nothing can be written there
/// for a reason that passes, that is the cause.
pub fn with_cause(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let is_hidden = |cause: &(dyn error::Error + 'static)| {
        cause.downcast_ref::<rusqlite::Error>().is_some_and(hides_cause)
    };
    let shown = folder.display();
    if is_transient(&error) {
        let cause = match error.root_cause().downcast_ref::<rusqlite::Error>() {
            Some(cause) if cause.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                "no space left on the disk".to_owned()
            }
            Some(cause) => cause.to_string(),
            None => return error,
        };
        return error.context(Transient(format!("cannot write to {shown}: {cause}")));
    }
    if !error.chain().any(is_hidden) {
        return error;
    }
    match probe(folder) {
        Err(cause) if is_transient_io(&cause) => {
            let sentence = format!("cannot write to {shown}: {cause}");
            anyhow::Error::new(cause).context(error).context(Transient(sentence))
        }
        _ => error,
    }
}

/// Checks whether a small file can be written in a folder.
///
/// # Errors
/// The system's reason.
pub fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(PROBE);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_data()
    });
    // The file takes space itself. It may not exist.
    let _ = fs::remove_file(&path);
    written
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    fn of_system(number: Errno) -> anyhow::Error {
        let error: Result<(), _> = Err(io::Error::from(number));
        error.context("cannot do it").unwrap_err()
    }

    fn of_sqlite(code: i32) -> anyhow::Error {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        anyhow!(error).context("the history cannot be used")
    }

    #[test]
    fn the_system_decides_what_passes() {
        for number in TRANSIENT {
            assert!(is_transient(&of_system(number)), "{number:?}");
        }
        for number in [Errno::ACCESS, Errno::NOENT, Errno::PERM, Errno::NOTDIR, Errno::IO] {
            assert!(!is_transient(&of_system(number)), "{number:?}");
        }
        assert!(is_of_mounts(&of_system(Errno::ROFS)) && !is_of_mounts(&of_system(Errno::NOSPC)));
        assert!(is_transient(&of_sqlite(rusqlite::ffi::SQLITE_FULL)));
        assert!(!is_transient(&of_sqlite(rusqlite::ffi::SQLITE_CORRUPT)));
        assert!(is_transient(&anyhow!("?").context(Transient("the lock is held".to_owned()))));
    }

    #[test]
    fn a_folder_that_takes_nothing_explains_a_code_of_sqlite() {
        let code = rusqlite::ffi::SQLITE_CANTOPEN;
        // Everything can be written here, so that the cause is another one.
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_transient(&with_cause(of_sqlite(code), folder.path())));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the probe is taken away");
        // No user can write there, not even root.
        assert!(probe(Path::new("/proc/self")).is_err());
        let damaged = with_cause(of_sqlite(rusqlite::ffi::SQLITE_CORRUPT), Path::new("/proc"));
        assert!(!is_transient(&damaged));
    }
}
