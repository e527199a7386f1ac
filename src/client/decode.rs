//! What the server says, line by line.

use chatroom::wire::Frame;
use chatroom::wire::json::Event;

use crate::model::Input;

/// The longest line that is taken from a server, in bytes.
pub const MAX_LINE_BYTES: usize = 8 << 20;

/// What a line says. What is broken is passed over.
pub fn decode(frame: &Frame) -> Option<Input> {
    let Frame::Line(line) = frame else { return None };
    if line.starts_with(b"{") {
        return serde_json::from_slice::<Event<'static>>(line).ok().map(Input::Event);
    }
    let line = String::from_utf8_lossy(line);
    line.strip_prefix("[SERVER]: ").map(|line| Input::Text(line.to_owned()))
}
