//! The targets of operators, and the users that they include.

use chatroom::access::{SanctionKind, Target, TargetProblem, is_no_name, show_time};
use chatroom::admin::Affected;
use chatroom::names::{Name, fold};
use chatroom::room::Refusal;

use crate::access::Actor;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;

/// The result of an action of an operator.
pub struct Moderated {
    /// A sentence that describes the result.
    pub said: String,
    /// The users that it affected, if it has a target.
    pub affected: Option<Affected>,
}

impl From<String> for Moderated {
    fn from(said: String) -> Moderated {
        Moderated { said, affected: None }
    }
}

/// The target that a word means.
///
/// # Errors
/// It is neither an address, nor a name that is permitted or in use.
pub async fn resolve(shared: &Shared, word: &str) -> Result<Target, Refusal> {
    let problem = match Target::parse(word) {
        Ok(Target::Name(name)) => match Name::new(&name.name) {
            Ok(_) => return Ok(Target::Name(name)),
            Err(problem) => TargetProblem::new(word, problem),
        },
        Ok(network) => return Ok(network),
        Err(problem) => problem,
    };
    let users = shared.room.ask(|reply| RoomRequest::Users { reply }).await.unwrap_or_default();
    let folded = fold(word.trim());
    let is_here = || users.iter().any(|user| fold(&user.name) == folded);
    match shared.access.access_state().account(word.trim()).is_some() || is_here() {
        true => Ok(Target::name(word)),
        false => Err(Refusal::BadRequest(problem.to_string())),
    }
}

/// Replaces the refusal for an unknown name if the word cannot be a name.
pub fn not_found(refusal: Refusal, word: &str) -> Refusal {
    let is_not_found = matches!(refusal, Refusal::NoSuchUser(_) | Refusal::NoSuchAccount(_));
    match is_no_name(word).filter(|_| is_not_found) {
        Some(problem) => Refusal::BadRequest(problem),
        None => refusal,
    }
}

/// The users that a target includes at the moment.
///
/// # Errors
/// The room does not answer.
pub async fn affected(shared: &Shared, target: &Target) -> Result<Affected, Refusal> {
    let hit = |reply| RoomRequest::Affected { target: target.clone(), reply };
    let (mut affected, connected) = shared.room.ask(hit).await.ok_or(Refusal::ShuttingDown)?;
    match target {
        Target::Network(_) => {
            let all = shared.connections.all();
            let staying = all.iter().filter(|it| !it.is_ending());
            let from_there = staying.filter(|it| target.matches(None, Some(it.source.ip())));
            affected.nameless = from_there.count().saturating_sub(connected);
        }
        // An operator who is not in the room counts as well, because they could not join.
        Target::Name(name) => {
            let access_state = shared.access.access_state();
            let operator = access_state.confusable_operator(&name.name);
            affected.operators = operator.map(|account| account.name.clone()).into_iter().collect();
        }
    }
    Ok(affected)
}

/// Checks that an operator in the room acts against one name or address, and not against many users.
///
/// # Errors
/// It would affect more.
pub fn check_reach(by: &Actor, target: &Target, affected: &Affected) -> Result<(), Refusal> {
    match target {
        _ if matches!(by, Actor::Administrator { .. }) => Ok(()),
        // Operators in the room cannot see who is in a network.
        Target::Network(network) if network.prefix_len() < network.max_prefix_len() => {
            Err(Refusal::TooFar(format!("{target} is a network.")))
        }
        Target::Network(_) if affected.is_many() => Err(Refusal::TooFar(affected.would_affect())),
        _ => Ok(()),
    }
}

/// A sentence that describes the result: "Banned 10.0.0.0/8 for 2 h: 3 people were removed."
pub fn sentence(
    kind: SanctionKind,
    seconds: Option<u64>,
    reason: Option<&str>,
    affected: &Affected,
) -> String {
    let (verb, effect) = match kind {
        SanctionKind::Ban => ("Banned", affected.banned()),
        SanctionKind::Mute => ("Muted", affected.muted()),
    };
    let time = match seconds {
        Some(seconds) => format!(" for {}", show_time(seconds)),
        None => " permanently".to_owned(),
    };
    // The text that a user wrote comes last.
    let reason = reason.map(|reason| format!(" Reason: {reason}")).unwrap_or_default();
    format!("{verb} {}{time}: {effect}{reason}", affected.target)
}
