//! The inputs and outputs of the model.

use std::time::Duration;

use chatroom::room::Departure;
use chatroom::secret::Secret;
use chatroom::wire::json::{Event, JsonRequest, Resume};
use serde::{Deserialize, Serialize};

/// The settings with which the client was started.
#[derive(Debug, Clone)]
pub struct Settings {
    pub address: String,
    pub name: Option<String>,
    /// The name of a user who only presses Enter at the question for a name.
    pub default_name: Option<String>,
    /// Give up after this many failed attempts in a row; 0 is never. A client that has joined at a
    /// terminal does not give up.
    pub attempts: u32,
    /// The password to give if the server asks for one, before the user is asked.
    pub password: Option<Secret>,
    /// Whether a password is safe from eavesdropping on the way to the server.
    pub is_private: bool,
    /// Whether a user types: then there are commands, and questions are answered.
    pub interactive: bool,
    /// The state that is to outlive the client.
    pub persistence: Persistence,
    /// Begins the id of every message; different for each start of the client.
    pub tag: String,
}

/// The state that is to outlive a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing, because the session cannot be resumed.
    Nothing,
    /// The session, so that its name is not held against the next client. Unsent lines are dropped: a
    /// script that failed has to try again by itself.
    Session,
    /// Everything, so that the next client continues where this one ended.
    Everything,
}

/// The part of a session that is saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// The session, and the last record that was seen.
    pub resume: Option<Resume>,
    /// The lines that are not acknowledged, in their order.
    pub pending: Vec<JsonRequest>,
}

/// The saved session of a name, if there is one.
#[derive(Debug)]
pub enum Loaded {
    Saved(SavedSession),
    Nothing,
    /// Nothing can be saved under the name either.
    Unavailable,
}

/// An event for the client to react to.
#[derive(Debug)]
pub enum Input {
    /// A line to be understood as a command or a message.
    Line(String),
    /// Text to be sent unchanged, whatever it begins with.
    Say(String),
    /// The password that was asked for.
    Password(Secret),
    /// The user has scrolled up to the oldest message.
    Older,
    /// There will be no more lines.
    NoMoreLines,
    /// Ctrl-C. A second one does not wait for the server.
    Interrupt,
    /// The terminal is gone, the output has no reader, or the system shuts down.
    Hangup,
    /// Answers [`Output::Load`].
    Loaded(Loaded),
    Connected,
    /// The server is trusted; something that the user should know about that.
    Trusted(String),
    /// The server is not the expected one, or that cannot be found out; why, and what to do.
    Untrusted(String),
    /// The server does not speak the expected protocol: it uses TLS and should not, or the reverse.
    WrongProtocol(String),
    /// Connecting failed, or the connection was lost, and why.
    Disconnected(String),
    Event(Event<'static>),
    /// A line of text that has no meaning for the client. It is shown if the connection ends.
    Text(String),
    /// The time has come that [`Model::deadline`](super::Model::deadline) named.
    Tick,
}

/// An action of the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Load the state saved under this name; [`Input::Loaded`] answers.
    Load(String),
    /// Save this, replacing the saved state.
    Save(SavedSession),
    /// Delete the saved state.
    Delete,
    Connect,
    Disconnect,
    Send(JsonRequest),
    Show(Show),
    Exit(Exit),
}

/// A thing to show to the user. `earlier` is set on records from before they (re)joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    Message {
        time: String,
        earlier: bool,
        name: String,
        text: String,
    },
    Action {
        time: String,
        earlier: bool,
        name: String,
        text: String,
    },
    Private {
        time: String,
        name: String,
        text: String,
    },
    Joined {
        time: String,
        earlier: bool,
        name: String,
    },
    Left {
        time: String,
        earlier: bool,
        name: String,
        how: Departure,
    },
    Renamed {
        time: String,
        earlier: bool,
        name: String,
        to: String,
    },
    /// Something else that happened in the room, such as a new topic.
    Room {
        time: String,
        earlier: bool,
        text: String,
    },
    /// The room at the moment, and who is in it, including the user `name`.
    Here {
        room: String,
        name: String,
        users: Vec<String>,
    },
    /// A line of the user, which is not stored yet.
    Own {
        id: String,
        /// The recipient of a direct message.
        to: Option<String>,
        action: bool,
        text: String,
    },
    /// A line of the user is stored; at what time, if that is known.
    Stored {
        id: String,
        time: Option<String>,
    },
    /// A line of the user was not accepted. The reason is shown separately.
    NotStored {
        id: String,
    },
    /// Messages from before all that are shown, in their order.
    Older(Vec<Show>),
    /// A sentence of the client itself: about the connection, an answer, a mistake.
    Status(String),
    /// The same, to be shown after the end of the client, too.
    Parting(String),
    AskName {
        default: Option<String>,
    },
    /// The password must not be shown as it is typed.
    AskPassword {
        name: String,
    },
}

/// The state of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// The user is asked for a name or a password.
    SigningIn,
    Connecting,
    Joined {
        /// The time that the server took to answer the last ping.
        round_trip: Option<Duration>,
    },
    /// The client connects again after this time.
    Waiting(Duration),
    Leaving,
}

/// The way in which the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was sent.
    Left,
    /// The server refused something, or removed the user.
    Refused,
    /// The server could not be reached.
    Unreachable,
}
