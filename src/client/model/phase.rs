//! The phases of a client.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Needs a name. It is still `connected` if the server refused the name before.
    Naming {
        connected: bool,
    },
    /// Waits for the saved session of the name.
    Loading {
        connected: bool,
    },
    /// Needs the password of the name. If the connection is lost in the meantime, the client
    /// connects again once it has the password.
    Password {
        connected: bool,
    },
    Connecting,
    /// `hello` is sent.
    Greeting,
    Joined,
    /// Tries again at this time: over a new connection, unless it is still `connected`.
    Pausing {
        until: Duration,
        connected: bool,
    },
    /// `quit` is sent; waits for the end of the connection until this time.
    Leaving {
        until: Duration,
    },
    Over,
}
