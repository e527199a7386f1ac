//! Input and output that the three programs share: printing without silently losing output, parsing
//! the command line, reading the environment, and the mode of the files that they create.
//!
//! Each program, and each example, includes this module separately, because the library does no
//! output.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{Command, FromArgMatches};
use rustix::fs::Mode;

/// The exit status if the output cannot be written (`EX_IOERR` of sysexits.h).
pub const EXIT_OUTPUT: u8 = 74;

/// Makes all files that this program creates private to its user, regardless of the umask with
/// which it was started. Files for other users are made accessible where they are created.
pub fn keep_files_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// The result of printing.
#[derive(Debug, PartialEq, Eq)]
pub enum Printed {
    All,
    /// The reader has closed the pipe, as `head` does when it has read enough.
    NoReader,
}

/// Prints a text, and returns when the text has left this program.
///
/// # Errors
/// The text cannot be written. A closed pipe is not an error.
pub fn print(text: &str) -> io::Result<Printed> {
    print_to(&mut io::stdout().lock(), text)
}

fn print_to(output: &mut impl Write, text: &str) -> io::Result<Printed> {
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(Printed::All),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Printed::NoReader),
        Err(error) => Err(error),
    }
}

/// Prints a message to standard error, prefixed with the name of this program. A failure is
/// ignored, because it cannot be reported anywhere.
pub fn complain(what: impl Display) {
    complain_plainly(format_args!("{}: {what}", env!("CARGO_BIN_NAME")));
}

/// Prints a message to standard error without a prefix.
pub fn complain_plainly(what: impl Display) {
    let _ = writeln!(io::stderr(), "{what}");
}

/// The message for output that cannot be written.
pub fn cannot_print(error: &io::Error) -> String {
    format!("cannot write the output: {}", cause(error))
}

/// Prints the last output of the program. Returns the exit status: `status`, unless the text cannot
/// be written.
pub fn print_and_exit(text: &str, status: ExitCode) -> ExitCode {
    match print(text) {
        Ok(_) => status,
        Err(error) => {
            complain(cannot_print(&error));
            ExitCode::from(EXIT_OUTPUT)
        }
    }
}

/// The system's message for an error, without the error number.
pub fn cause(error: &io::Error) -> String {
    let said = error.to_string();
    match error.raw_os_error() {
        Some(number) => said.trim_end_matches(&format!(" (os error {number})")).to_owned(),
        None => said,
    }
}

/// Parses the command line according to `command`.
///
/// # Errors
/// Help, the version, or a usage error, to be passed to [`show`].
pub fn parse<A: FromArgMatches>(command: Command) -> Result<A, clap::Error> {
    // An empty variable counts as unset; clap would take it for an empty value.
    let mut command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if name.to_str().and_then(variable_os).is_none() => arg.env(Resettable::Reset),
        _ => arg,
    });
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    matches
        .and_then(|matches| A::from_arg_matches(&matches))
        .map_err(|error| error.format(&mut command))
}

/// Prints help, the version or a usage error, and returns the exit status.
pub fn show(answer: &clap::Error) -> ExitCode {
    match answer.print().and_then(|()| io::stdout().flush()) {
        Err(error) if !answer.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            complain(cannot_print(&error));
            ExitCode::from(EXIT_OUTPUT)
        }
        _ => ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2)),
    }
}

/// The value of an environment variable. A variable that is empty or not valid Unicode counts as
/// unset.
pub fn variable(name: &str) -> Option<String> {
    variable_os(name)?.into_string().ok()
}

/// The value of an environment variable that can be arbitrary bytes, such as a path. An empty
/// variable counts as unset.
#[expect(clippy::disallowed_methods, reason = "this is the place for it")]
pub fn variable_os(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that fails, either at once or when it is flushed.
    struct Failing(ErrorKind, bool);

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 { Ok(bytes.len()) } else { Err(self.0.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn an_output_that_fails_is_an_error_and_a_reader_who_is_gone_is_none() {
        for flushes in [false, true] {
            let outcome = print_to(&mut Failing(ErrorKind::BrokenPipe, flushes), "x");
            assert_eq!(outcome.unwrap(), Printed::NoReader);
            let outcome = print_to(&mut Failing(ErrorKind::StorageFull, flushes), "x");
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::StorageFull);
        }
        let mut written = Vec::new();
        assert_eq!(print_to(&mut written, "a\nb").unwrap(), Printed::All);
        assert_eq!(written, b"a\nb");
    }

    #[test]
    fn a_cause_has_no_number() {
        assert_eq!(cause(&io::Error::from_raw_os_error(28)), "No space left on device");
        assert_eq!(cause(&io::Error::other("it is wet")), "it is wet");
    }
}
