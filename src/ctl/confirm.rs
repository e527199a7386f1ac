//! Confirmation at a terminal before commands with far-reaching effects.

use std::io::{self, BufRead, IsTerminal, Write};

use chatroom::access::Target;
use chatroom::admin::{AdminRequest, Affected, Reply};
use chatroom::clean;
use chatroom::wire::people_here;

use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::ssh;

/// Asks before a shutdown.
///
/// # Errors
/// The answer is no.
pub fn shutdown(connection: &mut AdminConnection) -> Result<(), Failure> {
    if !is_possible() {
        return Ok(());
    }
    let people = match connection.ask(&AdminRequest::Status)? {
        Reply::Status(status) => status.people,
        _ => 0,
    };
    ask(&format!("Shut down chatroomd ({})?", people_here(people)))
}

/// Asks before a ban or a mute that affects a wide network, many users, an operator, or the address
/// from which the administrator is connected.
///
/// # Errors
/// The answer is no, or there is no terminal to ask at.
pub fn sanction(connection: &mut AdminConnection, target: &str) -> Result<(), Failure> {
    let affected = match connection.ask(&AdminRequest::Affected { target: target.to_owned() })? {
        Reply::Affected(affected) => affected,
        Reply::Refused { code, message } => return Err(Failure::Refused { code, message }),
        other => return Err(Failure::Misunderstood(format!("{other:?}"))),
    };
    match objection(&affected, target) {
        None => Ok(()),
        Some(objection) if is_possible() => ask(&format!("{objection} Continue?")),
        Some(objection) => Err(Failure::Unconfirmed(objection)),
    }
}

/// The reason to ask before a ban or a mute, if there is one.
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
    // The answer counts even if the question cannot be shown.
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Declined),
    }
}
