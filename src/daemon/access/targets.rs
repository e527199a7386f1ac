//! Whom an operator means, and whom it hits.

use chatroom::access::{Act, SanctionKind, Target, show_time};
use chatroom::admin::Affected;
use chatroom::clean;
use chatroom::names::{Name, fold};
use chatroom::room::Refusal;

use super::By;
use crate::room_thread::Submission;
use crate::shared::Shared;

/// What came of what an operator wanted.
pub struct Moderated {
    /// It in a sentence.
    pub said: String,
    /// Whom it has hit, if it was a ban or a mute.
    pub affected: Option<Affected>,
}

impl From<String> for Moderated {
    fn from(said: String) -> Moderated {
        Moderated { said, affected: None }
    }
}

/// Whom a word means.
///
/// # Errors
/// It is neither an address, nor can it be a name, nor is it one from before the rules became
/// stricter.
pub async fn resolve(shared: &Shared, word: &str) -> Result<Target, Refusal> {
    let problem = match Target::parse(word) {
        Ok(Target::Name(name)) => match Name::new(&name.name) {
            Ok(_) => return Ok(Target::Name(name)),
            Err(problem) => {
                format!("{} is no name, address or network. {problem}", clean::line(word))
            }
        },
        Ok(network) => return Ok(network),
        Err(problem) => problem.to_string(),
    };
    let users = shared.room.ask(|reply| Submission::Users { reply }).await.unwrap_or_default();
    let folded = fold(word.trim());
    let is_here = || users.iter().any(|user| fold(&user.name) == folded);
    match shared.access.registry().account(word.trim()).is_some() || is_here() {
        true => Ok(Target::name(word)),
        false => Err(Refusal::BadRequest(problem)),
    }
}

/// Whom that hits now.
///
/// # Errors
/// The room does not answer.
pub async fn affected(shared: &Shared, target: &Target) -> Result<Affected, Refusal> {
    let hit = |reply| Submission::Affected { target: target.clone(), reply };
    let (mut affected, connected) = shared.room.ask(hit).await.ok_or(Refusal::ShuttingDown)?;
    if affected.is_network {
        let all = shared.connections.all();
        let staying = all.iter().filter(|it| !it.is_ending());
        let from_there = staying.filter(|it| target.matches(None, Some(it.source.ip())));
        affected.nameless = from_there.count().saturating_sub(connected);
    }
    Ok(affected)
}

/// Operators in the room act against one person or place at a time, and not where many are.
///
/// # Errors
/// This goes further.
pub fn check_reach(by: &By, target: &Target, affected: &Affected) -> Result<(), Refusal> {
    match target {
        _ if matches!(by, By::Operator { .. }) => Ok(()),
        // Whoever is in such a network, an operator in the room cannot know.
        Target::Network(network) if network.prefix_len() < network.max_prefix_len() => {
            Err(Refusal::OnlyChatctl)
        }
        Target::Network(_) if affected.is_many() => Err(Refusal::BadRequest(format!(
            "Nothing was done: {} Only chatctl can do that.",
            affected.would_hit()
        ))),
        _ => Ok(()),
    }
}

/// What was done, in a sentence: "Banned 10.0.0.0/8 for 2 h: 3 people were disconnected."
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
    let time = time(seconds);
    // What somebody wrote stands last.
    let reason = reason.map(|reason| format!(" Reason: {reason}")).unwrap_or_default();
    format!("{verb} {}{time}: {effect}{reason}", affected.target)
}

/// What the audit says of it.
pub fn audited(act: &Act, affected: &Affected) -> String {
    let (Act::Ban { seconds, reason, .. } | Act::Mute { seconds, reason, .. }) = act else {
        return act.target();
    };
    let people = match affected.people {
        1 => "1 person".to_owned(),
        count => format!("{count} people"),
    };
    let time = seconds.map(|seconds| format!(" for {}", show_time(seconds))).unwrap_or_default();
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}{time} ({people}){reason}", affected.target)
}

fn time(seconds: Option<u64>) -> String {
    match seconds {
        Some(seconds) => format!(" for {}", show_time(seconds)),
        None => " permanently".to_owned(),
    }
}
