//! The state of what is handed over, in a file in memory.

use std::fs::File;
use std::io::{Read, Seek, Write};

use chatroom::handover::Packed;
use rustix::fs::{MemfdFlags, memfd_create};

/// Writes it to a file in memory.
///
/// # Errors
/// There is no memory for that.
pub fn write(packed: &Packed) -> anyhow::Result<File> {
    let mut file = File::from(memfd_create("chatroomd", MemfdFlags::CLOEXEC)?);
    file.write_all(&packed.encode()?)?;
    Ok(file)
}

/// Reads what another process has written.
///
/// # Errors
/// It is of another format, or damaged.
pub fn read(file: &mut File) -> anyhow::Result<Packed> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Packed::decode(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_read_again() {
        let packed = Packed { accepted: 7, room: None, connections: Vec::new() };
        let mut file = write(&packed).unwrap();
        for _ in 0..2 {
            assert_eq!(read(&mut file).unwrap(), packed);
        }
    }
}
