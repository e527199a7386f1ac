//! What goes into the model and what comes out of it.

use std::time::Duration;

use chatroom::room::Departure;
use chatroom::secret::Secret;
use chatroom::wire::json::{Event, JsonRequest};

use super::Kept;

/// How the client was started.
#[derive(Debug, Clone)]
pub struct Settings {
    pub address: String,
    pub name: Option<String>,
    /// What is taken when somebody just presses Enter at the question for a name.
    pub default_name: Option<String>,
    /// Give up after so many failed attempts in a row; 0 is never. Who has joined at a terminal does
    /// not give up.
    pub attempts: u32,
    /// What is given where the server asks for a password, before a person is asked.
    pub password: Option<Secret>,
    /// Whether nobody on the way to the server could read a password.
    pub is_private: bool,
    /// Whether a person types, so that commands are understood and questions answered.
    pub interactive: bool,
    /// What is to outlive the client.
    pub keeps: Keeps,
    /// Begins every message id; different for each start of the client.
    pub tag: String,
}

/// What is to outlive a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing: nobody can come back to the session.
    Nothing,
    /// The session, so that its name is not held against the next client. What was not said is not
    /// said later: a script that failed tries again by itself.
    Session,
    /// Everything, so that the next client goes on where this one was.
    All,
}

/// What was found under a name.
#[derive(Debug)]
pub enum Recalled {
    Kept(Kept),
    Nothing,
    /// Nothing can be kept under it either.
    NoPlace,
}

/// What happens to the client.
#[derive(Debug)]
pub enum Input {
    Line(String),
    /// Text to be said as it is, whatever it begins with.
    Say(String),
    /// The password that was asked for.
    Password(Secret),
    /// Show what was said before all that is shown.
    Older,
    /// There will be no more lines.
    NoMoreLines,
    /// Ctrl-C. A second one does not wait for the server.
    Interrupt,
    /// There is nobody any more: the terminal is gone, nobody reads the output, or the system ends.
    Hangup,
    Recalled(Recalled),
    Connected,
    /// What was learned of the server on the way there, for the person to know.
    Trusted(String),
    /// The server is not who it should be, or that cannot be found out; why, and what to do.
    Untrusted(String),
    /// The server speaks TLS where that was not asked for, or does not where it was.
    Misdirected(String),
    /// Connecting failed, or the connection is gone, and why.
    Disconnected(String),
    Event(Event<'static>),
    /// A line of text that has no meaning for the client. It is shown if the connection ends.
    Text(String),
    /// Time has passed, as [`Model::deadline`] asked for.
    Tick,
}

/// What the client does.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Look up what was kept under this name; [`Input::Recalled`] answers.
    Recall(String),
    /// Keep this, in the place of what was kept.
    Keep(Kept),
    /// Keep nothing any more.
    Forget,
    Connect,
    Disconnect,
    Send(JsonRequest),
    Show(Show),
    Exit(Exit),
}

/// What a person sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    Message {
        time: String,
        /// Whether it was said before one has (re)joined.
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
    /// The room as it is at the moment: who is here, oneself included.
    Here {
        room: String,
        name: String,
        users: Vec<String>,
    },
    /// One has said something, and it is kept until it is stored.
    Said {
        id: String,
        /// To whom, if only to one.
        to: Option<String>,
        action: bool,
        text: String,
    },
    /// What one has said is stored, at that time if that is known.
    Stored {
        id: String,
        time: Option<String>,
    },
    /// What one has said is not accepted; why is said beside.
    NotStored {
        id: String,
    },
    /// What was said before all that is shown, in its order.
    Older(Vec<Show>),
    /// Something of the room: the operator says something.
    Room {
        time: String,
        earlier: bool,
        text: String,
    },
    /// Something of the client itself: the connection, an answer, a mistake.
    Status(String),
    /// The same, where it is to be known after the end.
    Parting(String),
    /// Somebody has another name from now on.
    Renamed {
        time: String,
        earlier: bool,
        name: String,
        to: String,
    },
    AskName {
        default: Option<String>,
    },
    /// What is typed next is not to be seen.
    AskPassword {
        name: String,
    },
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// There is no name yet.
    Naming,
    Connecting,
    Joined {
        /// How long the last ping took to be answered.
        round_trip: Option<Duration>,
    },
    /// Connects again in so much time.
    Waiting(Duration),
    Leaving,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was said.
    Left,
    /// The server refused something, or the person was removed.
    Refused,
    /// The server could not be reached.
    Unreachable,
}
