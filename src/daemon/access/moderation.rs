//! What operators do, with `chatctl` and in the room: the same way for both.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chatroom::access::{Act, Change, Looking, Registry, Sanction, SanctionKind, Target, Term};
use chatroom::admin::User;
use chatroom::clean;
use chatroom::names::Name;
use chatroom::room::Refusal;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::targets::{self, Moderated};
use super::{By, Deed};
use crate::room_thread::Submission;
use crate::shared::Shared;

/// The longest time of slow mode.
const LONGEST_SLOW: u64 = 3600;

/// Does what an operator wants, and says in a sentence what was done.
///
/// # Errors
/// Why not.
pub async fn moderate(shared: &Arc<Shared>, by: By, act: Act) -> Result<Moderated, Refusal> {
    let limit = shared.config().limits.message_bytes;
    if act.target().len() > limit {
        return Err(Refusal::TooLong { limit });
    }
    if let Act::Ban { target, .. } | Act::Mute { target, .. } = &act {
        let target = targets::resolve(shared, target).await?;
        return sanction(shared, by, &act, target).await;
    }
    if let (By::Account(_), Some(name)) = (&by, act.against()) {
        spare_operators(shared, &Target::name(name)).await?;
    }
    do_other(shared, by, act).await.map(Moderated::from)
}

async fn do_other(shared: &Arc<Shared>, by: By, act: Act) -> Result<String, Refusal> {
    let now = Timestamp::now();
    let deed = Deed::from(&act);
    match act {
        Act::Kick { name, reason } => {
            let kick = |reply| Submission::Kick { name: name.clone(), reason, reply };
            ask(shared, kick).await?;
            change(shared, by, deed, |_| Ok(Change::Nothing)).await?;
            Ok(format!("Removed {name}."))
        }
        Act::Rename { name, to } => {
            let to = Name::new(&to)?;
            let rename = |reply| Submission::Rename { name: name.clone(), to: to.clone(), reply };
            ask(shared, rename).await?;
            change(shared, by, deed, |_| Ok(Change::Nothing)).await?;
            Ok(format!("{name} is now called {to}."))
        }
        Act::Ban { .. } | Act::Mute { .. } => Err(Refusal::NotPermitted),
        Act::Unban { target } => lift(shared, by, SanctionKind::Ban, &target, deed, now).await,
        Act::Unmute { target } => lift(shared, by, SanctionKind::Mute, &target, deed, now).await,
        Act::Topic { text } => {
            let text = clean::line(&text).trim().to_owned();
            let topic = Some(text).filter(|text| !text.is_empty());
            let shown = topic.clone().unwrap_or_else(|| shared.config().room.topic.clone());
            if shared.access.registry().topic == topic {
                return Ok(match topic {
                    Some(_) => "That is the topic already. Nothing was changed.".to_owned(),
                    None => "The topic is the configured one already.".to_owned(),
                });
            }
            let said = match (&topic, shown.as_str()) {
                (Some(_), _) => "The topic is set.".to_owned(),
                (None, "") => "There is no topic any more: none is configured.".to_owned(),
                (None, shown) => format!("The topic is the configured one again: {shown}"),
            };
            change(shared, by, deed, move |_| Ok(Change::SetTopic(topic))).await?;
            ask(shared, |reply| Submission::Topic { text: shown, reply }).await?;
            Ok(said)
        }
        Act::Slow { seconds } if seconds > LONGEST_SLOW => Err(Refusal::BadRequest(format!(
            "Slow mode can be {LONGEST_SLOW} s at the most. Nothing was changed."
        ))),
        Act::Slow { seconds } => {
            let slow = Duration::from_secs(seconds);
            if shared.access.registry().slow == slow {
                return Ok(match seconds {
                    0 => "Slow mode is off already.".to_owned(),
                    seconds => {
                        format!("Slow mode: one message in {seconds} s from each, as before.")
                    }
                });
            }
            change(shared, by, deed, move |_| Ok(Change::SetSlow(slow))).await?;
            let said = match slow.as_secs() {
                0 => "Slow mode is off.".to_owned(),
                seconds => format!("Slow mode: one message in {seconds} s from each."),
            };
            let text = said.clone();
            ask(shared, |reply| Submission::Notice { text, reply }).await?;
            Ok(said)
        }
    }
}

/// Operators in the room cannot act against each other, nor against themselves.
///
/// # Errors
/// It would be against this one.
async fn spare_operators(shared: &Shared, target: &Target) -> Result<(), Refusal> {
    let registry = shared.access.registry();
    let spared = match target {
        Target::Name(Looking { name, .. }) => {
            registry.operator_that_looks_like(name).map(|account| account.name.clone())
        }
        Target::Network(_) => {
            let users = shared.room.ask(|reply| Submission::Users { reply }).await;
            let is_hit = |user: &User| {
                let address = user.address.parse::<SocketAddr>().ok().map(|it| it.ip());
                let is_here = user.away_seconds.is_none();
                is_here && registry.is_operator(&user.name) && target.matches(None, address)
            };
            users.unwrap_or_default().into_iter().find(is_hit).map(|user| user.name)
        }
    };
    spared.map_or(Ok(()), |name| Err(Refusal::AgainstOperator(name)))
}

/// Bans or mutes. What it hits is counted before it does, for the audit to have it.
async fn sanction(
    shared: &Arc<Shared>,
    by: By,
    act: &Act,
    target: Target,
) -> Result<Moderated, Refusal> {
    let (kind, seconds, reason) = match act {
        Act::Ban { seconds, reason, .. } => (SanctionKind::Ban, *seconds, reason),
        Act::Mute { seconds, reason, .. } => (SanctionKind::Mute, *seconds, reason),
        _ => return Err(Refusal::NotPermitted),
    };
    if matches!(by, By::Account(_)) {
        spare_operators(shared, &target).await?;
    }
    let now = Timestamp::now();
    let term = term(seconds, reason.as_deref(), now)?;
    let affected = targets::affected(shared, &target).await?;
    targets::check_reach(&by, &target, &affected)?;
    let said = targets::sentence(kind, seconds, term.reason.as_deref(), &affected);
    let deed = Deed { target: targets::audited(act, &affected), ..Deed::from(act) };
    let new = Sanction { kind, target, term, made: now, by: by.to_string() };
    change(shared, by.clone(), deed, put(new, by, now)).await?;
    if kind == SanctionKind::Ban {
        shared.connections.close_banned(&shared.access.registry(), shared.window.last(), now);
    }
    Ok(Moderated { said, affected: Some(affected) })
}

fn term(seconds: Option<u64>, reason: Option<&str>, now: Timestamp) -> Result<Term, Refusal> {
    if seconds == Some(0) {
        let problem = "For 0 seconds is not at all. Give a time, or leave it away.";
        return Err(Refusal::BadRequest(problem.to_owned()));
    }
    let until = seconds.map(|seconds| {
        let time = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        now.checked_add(time).unwrap_or(Timestamp::MAX)
    });
    let reason = reason.map(|reason| clean::line(reason).trim().to_owned());
    Ok(Term { until, reason: reason.filter(|reason| !reason.is_empty()) })
}

/// Puts a sanction in the place of the one that there is, if it may.
fn put(
    new: Sanction,
    by: By,
    now: Timestamp,
) -> impl FnOnce(&Registry) -> Result<Change, Refusal> + Send + 'static {
    move |registry| match registry.sanctions.get(new.kind, &new.target, now) {
        Some(old) if !by.may_undo(&old.by) => Err(Refusal::OnlyChatctl),
        _ => Ok(Change::PutSanction(new)),
    }
}

async fn lift(
    shared: &Arc<Shared>,
    by: By,
    kind: SanctionKind,
    target: &str,
    deed: Deed,
    now: Timestamp,
) -> Result<String, Refusal> {
    // It may be one that was stored when other words were taken for names.
    let stored = Target::from_store(target);
    let is_stored = shared.access.registry().sanctions.get(kind, &stored, now).is_some();
    let target = match is_stored {
        true => stored,
        false => targets::resolve(shared, target).await?,
    };
    let shown = target.to_string();
    let who = by.clone();
    let lift = move |registry: &Registry| match registry.sanctions.get(kind, &target, now) {
        Some(sanction) if !who.may_undo(&sanction.by) => Err(Refusal::OnlyChatctl),
        // It may be against another name of this look.
        Some(sanction) => Ok(Change::RemoveSanction(kind, sanction.target.clone())),
        None => Err(Refusal::NoSuchSanction(target.to_string())),
    };
    change(shared, by, Deed { target: shown.clone(), ..deed }, lift).await?;
    Ok(match kind {
        SanctionKind::Ban => format!("{shown} is no longer banned."),
        SanctionKind::Mute => format!("{shown} is no longer muted."),
    })
}

/// Stores a change and puts it in force in the room: everything that was said before is shown, and
/// nothing after it that it forbids.
///
/// # Errors
/// What `decide` says, or that it cannot be stored.
pub async fn change(
    shared: &Arc<Shared>,
    by: By,
    deed: Deed,
    decide: impl FnOnce(&Registry) -> Result<Change, Refusal> + Send + 'static,
) -> Result<(), Refusal> {
    let (reply, done) = oneshot::channel();
    let shared = shared.clone();
    let store = move || {
        let announce = |registry, change| {
            shared.room.submit(Submission::Access { registry, change, reply });
        };
        shared.access.change(&by, deed, decide, announce)
    };
    spawn_blocking(store).await.map_err(|_| Refusal::ShuttingDown)??;
    done.await.unwrap_or(Err(Refusal::ShuttingDown))
}

async fn ask(
    shared: &Shared,
    submission: impl FnOnce(crate::room_thread::Outcome) -> Submission,
) -> Result<(), Refusal> {
    shared.room.ask(submission).await.unwrap_or(Err(Refusal::ShuttingDown))
}
