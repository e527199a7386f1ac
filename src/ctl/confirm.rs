//! Asking, where a person sits at a terminal, whether what goes far is meant.

use std::io::{self, BufRead, IsTerminal, Write};

use chatroom::access::Target;
use chatroom::admin::{AdminRequest, Affected, Reply};
use chatroom::clean;
use chatroom::wire::people_here;

use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::ssh;

/// Asks whether the room is really to be closed.
pub fn shutdown(connection: &mut AdminConnection) -> Result<(), Failure> {
    if !is_possible() {
        return Ok(());
    }
    let people = match connection.ask(&AdminRequest::Status)? {
        Reply::Status(status) => status.people,
        _ => 0,
    };
    ask(&format!("Shut the room down ({})?", people_here(people)))
}

/// Asks before a ban or a mute of a wide network, of many people, of an operator, or of the address
/// from which the person who does it is connected.
///
/// # Errors
/// It is not meant, or nobody can be asked.
pub fn sanction(connection: &mut AdminConnection, target: &str) -> Result<(), Failure> {
    let affected = match connection.ask(&AdminRequest::Affected { target: target.to_owned() })? {
        Reply::Affected(affected) => affected,
        Reply::Refused { code, message } => return Err(Failure::Refused { code, message }),
        other => return Err(Failure::Misunderstood(format!("{other:?}"))),
    };
    match objection(&affected, target) {
        None => Ok(()),
        Some(objection) if is_possible() => ask(&format!("{objection} Go on?")),
        Some(objection) => Err(Failure::Unconfirmed(objection)),
    }
}

/// What speaks against doing it without a question, if something does.
fn objection(affected: &Affected, target: &str) -> Option<String> {
    let own = match Target::parse(target) {
        Ok(target @ Target::Network(_)) => {
            ssh::addresses().into_iter().find(|address| target.matches(None, Some(*address)))
        }
        _ => None,
    };
    if !affected.is_far_reaching() && own.is_none() {
        return None;
    }
    let mut objection = clean::line(&affected.would_affect()).into_owned();
    if affected.is_wide {
        objection += " It is a wide network.";
    }
    if let Some(own) = own {
        objection += &format!(" You are connected to this machine from {own}.");
    }
    Some(objection)
}

fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks at the terminal.
///
/// # Errors
/// The answer is not yes.
fn ask(question: &str) -> Result<(), Failure> {
    // Whether or not this is shown, the answer counts.
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Declined),
    }
}
