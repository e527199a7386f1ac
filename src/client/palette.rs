//! The colours of names.

/// So many colours there are: those that can be read on light and on dark.
pub const COUNT: usize = 6;

/// Which of them a name has. It is the same everywhere, however the name is written.
pub fn of_name(name: &str) -> usize {
    let sum = chatroom::names::fold(name)
        .bytes()
        .fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    sum as usize % COUNT
}
