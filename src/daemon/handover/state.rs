//! Writes and reads the state that is handed over, in a memfd.

use std::fs::File;
use std::io::{Read, Seek, Write};

use chatroom::handover::SavedState;
use rustix::fs::{MemfdFlags, memfd_create};

/// Writes the state to a memfd.
///
/// # Errors
/// There is not enough memory.
pub fn write(saved: &SavedState) -> anyhow::Result<File> {
    let mut file = File::from(memfd_create("chatroomd", MemfdFlags::CLOEXEC)?);
    file.write_all(&saved.encode()?)?;
    Ok(file)
}

/// Reads the state that another process has written.
///
/// # Errors
/// It has another format, or is damaged.
pub fn read(file: &mut File) -> anyhow::Result<SavedState> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(SavedState::decode(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_read_again() {
        let saved = SavedState { accepted: 7, room: None, connections: Vec::new() };
        let mut file = write(&saved).unwrap();
        for _ in 0..2 {
            assert_eq!(read(&mut file).unwrap(), saved);
        }
    }
}
