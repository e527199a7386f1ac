//! The colours of names.

/// So many colours there are: those that can be read on light and on dark.
pub const COUNT: usize = 6;

/// Which of them a name has. It is the same everywhere, however the name is written.
pub fn of_name(name: &str) -> usize {
    // FNV-1a, of which the higher bits are the better mixed.
    let hash = chatroom::names::fold(name)
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 16) as usize % COUNT
}
