//! Who comes and goes, in the log.

use chatroom::clean::word;
use chatroom::names::Name;
use chatroom::room::EndReason;
use chatroom::wire::Dialect;
use tracing::info;

use crate::outlet::Outlet;

/// Somebody has come, or come back.
pub fn joined(name: &Name, resumed: bool, outlet: &Outlet) {
    let (name, shown) = (name.as_str(), word(name.as_str()));
    let (address, dialect) = (outlet.peer.to_string(), outlet.dialect().as_str());
    if resumed {
        info!(event = "resumed", name, address, dialect, "{shown} came back from {address}");
    } else {
        info!(event = "joined", name, address, dialect, "{shown} joined from {address}");
    }
}

/// A connection has ended. Where `is_held`, its person can come back to their place.
pub fn ended(name: Option<&Name>, outlet: &Outlet, reason: &EndReason, is_held: bool) {
    let address = outlet.peer.to_string();
    let said = sentence(name.map(Name::as_str), &address, reason, is_held);
    let (name, reason) = (name.map(Name::as_str), reason.code());
    info!(event = "disconnected", name, address, reason, "{said}");
}

/// Whether the place of who spoke this way is held when their connection ends so.
pub fn is_held(dialect: Dialect, reason: &EndReason) -> bool {
    use EndReason::{Banned, Failed, Quit, Removed, Replaced, ShuttingDown, TakenOver};
    let is_wanted = matches!(
        reason,
        Quit | Removed { .. } | Banned(_) | TakenOver | Replaced | Failed | ShuttingDown
    );
    dialect == Dialect::Json && !is_wanted
}

fn sentence(name: Option<&str>, address: &str, reason: &EndReason, is_held: bool) -> String {
    let why = match reason {
        EndReason::Broken(problem) => format!("broken: {problem}"),
        reason => reason.code().to_owned(),
    };
    let Some(name) = name.map(word) else {
        return format!("connection from {address} ended before joining ({why})");
    };
    match reason {
        EndReason::TakenOver | EndReason::Replaced => {
            format!("{name} moved on from the connection of {address}")
        }
        _ if is_held => format!("{name} lost the connection from {address} ({why})"),
        _ => format!("{name} left ({why}) from {address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_says_who_from_where_and_why() {
        let check = |name, reason: &EndReason, is_held, expect: &str| {
            assert_eq!(sentence(name, "10.0.0.7:5", reason, is_held), expect);
        };
        check(Some("ann"), &EndReason::Quit, false, "ann left (quit) from 10.0.0.7:5");
        let broken = EndReason::Broken("Connection reset by peer".to_owned());
        let expect = "ann lost the connection from 10.0.0.7:5 (broken: Connection reset by peer)";
        check(Some("ann"), &broken, true, expect);
        let expect = "connection from 10.0.0.7:5 ended before joining (no-name)";
        check(None, &EndReason::NoName, false, expect);
        check(
            Some("bo left (quit) from 1.1.1.1:1"),
            &EndReason::Closed,
            false,
            "\"bo left (quit) from 1.1.1.1:1\" left (closed) from 10.0.0.7:5",
        );
        let expect = "ann moved on from the connection of 10.0.0.7:5";
        check(Some("ann"), &EndReason::TakenOver, false, expect);
    }

    #[test]
    fn the_place_is_held_of_who_did_not_want_to_go() {
        assert!(is_held(Dialect::Json, &EndReason::Silent));
        assert!(!is_held(Dialect::Text, &EndReason::Silent));
        assert!(!is_held(Dialect::Json, &EndReason::Quit));
    }
}
