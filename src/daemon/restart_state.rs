//! State that systemd keeps for the next process, however this one ends: the text of the
//! configuration in force, and the number of failed starts in a row.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create};
use tracing::warn;

use crate::systemd;

/// The name under which systemd keeps the file.
pub const NAME: &str = "kept";

/// State that outlives the process, in a memfd that systemd keeps. Without systemd, it ends with the
/// process.
pub struct RestartState(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    file: Option<File>,
    failed_starts: u32,
    configuration: Option<String>,
}

impl RestartState {
    /// The state in the previous process's file. Without a file, or if the file is damaged, the state
    /// is empty.
    pub fn new(file: Option<File>) -> RestartState {
        let mut inner = Inner { file, ..Inner::default() };
        if let Some((failed_starts, configuration)) = inner.read() {
            (inner.failed_starts, inner.configuration) = (failed_starts, configuration);
        }
        RestartState(Mutex::new(inner))
    }

    /// The text of the configuration that was in force.
    pub fn configuration(&self) -> Option<String> {
        self.lock().configuration.clone()
    }

    /// Stores the text of the configuration in force.
    pub fn set_configuration(&self, text: &str) {
        let mut inner = self.lock();
        inner.configuration = Some(text.to_owned());
        inner.write();
    }

    /// The number of starts in a row that have failed.
    pub fn failed_starts(&self) -> u32 {
        self.lock().failed_starts
    }

    /// Stores how many starts in a row have failed.
    pub fn set_failed_starts(&self, count: u32) {
        let mut inner = self.lock();
        inner.failed_starts = count;
        inner.write();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn read(&mut self) -> Option<(u32, Option<String>)> {
        let file = self.file.as_mut()?;
        let mut content = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut content)).ok()?;
        decode(&content)
    }

    fn write(&mut self) {
        if systemd::is_there()
            && let Err(problem) = self.put()
        {
            warn!(event = "not-kept", "the configuration is not kept over a restart: {problem:#}");
        }
    }

    /// Overwrites the file. Passes it to systemd if it is new.
    fn put(&mut self) -> anyhow::Result<()> {
        let content = encode(self.failed_starts, self.configuration.as_deref());
        let overwrite = |file: &mut File| -> io::Result<()> {
            file.rewind()?;
            file.set_len(0)?;
            file.write_all(content.as_bytes())
        };
        if let Some(file) = &mut self.file {
            return Ok(overwrite(file)?);
        }
        let mut file = File::from(memfd_create(NAME, MemfdFlags::CLOEXEC)?);
        overwrite(&mut file)?;
        systemd::store(NAME, &[file.as_fd()])?;
        self.file = Some(file);
        Ok(())
    }
}

/// The first line contains the number of failed starts, and the length of the configuration or `-`.
fn encode(failed_starts: u32, configuration: Option<&str>) -> String {
    match configuration {
        Some(text) => format!("{failed_starts} {}\n{text}", text.len()),
        None => format!("{failed_starts} -\n"),
    }
}

/// None if the content is incomplete, as after a process that was killed while it wrote.
fn decode(content: &str) -> Option<(u32, Option<String>)> {
    let (header, text) = content.split_once('\n')?;
    let (failed_starts, length) = header.split_once(' ')?;
    let failed_starts = failed_starts.parse().ok()?;
    match length {
        "-" => Some((failed_starts, None)),
        length if length == text.len().to_string() => Some((failed_starts, Some(text.to_owned()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_whole_or_not_at_all() {
        for configuration in [None, Some(""), Some("[room]\nname = \"den\"\n")] {
            let content = encode(7, configuration);
            let expect = (7, configuration.map(str::to_owned));
            assert_eq!(decode(&content).unwrap(), expect);
            if configuration.is_some_and(|text| !text.is_empty()) {
                for end in 0..content.len() {
                    assert_eq!(decode(&content[..end]), None, "{:?}", &content[..end]);
                }
            }
        }
    }

    #[test]
    fn the_next_process_finds_what_this_one_has_written() {
        let file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
        let state = RestartState::new(Some(file.try_clone().unwrap()));
        assert_eq!((state.failed_starts(), state.configuration()), (0, None));
        let mut inner = state.lock();
        (inner.failed_starts, inner.configuration) = (3, Some("[room]\n".to_owned()));
        inner.put().unwrap();
        let next = RestartState::new(Some(file));
        assert_eq!(
            (next.failed_starts(), next.configuration().unwrap()),
            (3, "[room]\n".to_owned())
        );
    }
}
