//! Moderation actions, which are the same with `chatctl` and in the room.

mod sanctions;
pub mod targets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chatroom::access::{AccessState, Change, ModerationAction, NameTarget, SanctionKind, Target};
use chatroom::admin::{Affected, User};
use chatroom::clean;
use chatroom::names::Name;
use chatroom::room::Refusal;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::access::{Actor, AuditEvent, AuditId};
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use targets::Moderated;

/// The longest time of slow mode, in seconds.
const MAX_SLOW: u64 = 3600;

/// Carries out an action of an operator, and returns a sentence that describes the result.
///
/// # Errors
/// The action was refused.
pub async fn moderate(
    shared: &Arc<Shared>,
    by: Actor,
    action: ModerationAction,
) -> Result<Moderated, Refusal> {
    let limit = shared.config().limits.message_bytes;
    if action.target().len() > limit {
        return Err(Refusal::TooLong { limit });
    }
    let event = AuditEvent::from(&action);
    let said = match action {
        ModerationAction::Ban { .. } => {
            return sanctions::put(shared, by, SanctionKind::Ban, action).await;
        }
        ModerationAction::Mute { .. } => {
            return sanctions::put(shared, by, SanctionKind::Mute, action).await;
        }
        ModerationAction::Unban { target } => {
            return sanctions::lift(shared, by, SanctionKind::Ban, &target).await;
        }
        ModerationAction::Unmute { target } => {
            return sanctions::lift(shared, by, SanctionKind::Mute, &target).await;
        }
        ModerationAction::Kick { name, reason } => return kick(shared, by, name, reason).await,
        ModerationAction::Rename { name, to } => rename(shared, by, event, &name, &to).await,
        ModerationAction::Topic { text } => set_topic(shared, by, event, &text).await,
        ModerationAction::Slow { seconds } => set_slow(shared, by, event, seconds).await,
    };
    said.map(Moderated::from)
}

async fn kick(
    shared: &Arc<Shared>,
    by: Actor,
    name: String,
    reason: Option<String>,
) -> Result<Moderated, Refusal> {
    let target = Target::name(&name);
    spare_operators(shared, &by, &target).await?;
    // Only the member with exactly this name, not those with confusable names.
    let affected = targets::affected(shared, &target).await?;
    let affected = Affected { target: name.clone(), people: 1, ..affected };
    let action = ModerationAction::Kick { name: name.clone(), reason: reason.clone() };
    let event = AuditEvent::affecting(&action, &affected);
    let kick = ask(shared, |reply| RoomRequest::Kick { name: name.clone(), reason, reply });
    let kicked = audited(shared, &by, &event, kick).await;
    kicked.map_err(|refusal| targets::not_found(refusal, &name))?;
    let said = format!("Removed {name} ({}).", affected.people());
    Ok(Moderated { said, affected: Some(affected) })
}

async fn rename(
    shared: &Arc<Shared>,
    by: Actor,
    event: AuditEvent,
    name: &str,
    to: &str,
) -> Result<String, Refusal> {
    spare_operators(shared, &by, &Target::name(name)).await?;
    let to = Name::new(to)?;
    let request = |reply| RoomRequest::Rename { name: name.to_owned(), to: to.clone(), reply };
    let renamed = audited(shared, &by, &event, ask(shared, request)).await;
    renamed.map_err(|refusal| targets::not_found(refusal, name))?;
    Ok(format!("{name} is now called {to}."))
}

async fn set_topic(
    shared: &Arc<Shared>,
    by: Actor,
    event: AuditEvent,
    text: &str,
) -> Result<String, Refusal> {
    let text = clean::line(text).trim().to_owned();
    let topic = Some(text).filter(|text| !text.is_empty());
    let shown = topic.clone().unwrap_or_else(|| shared.config().room.topic.clone());
    if shared.access.access_state().topic == topic {
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
    change(shared, by, event, move |_| Ok(Change::SetTopic(topic))).await?;
    ask(shared, |reply| RoomRequest::Topic { text: shown, reply }).await?;
    Ok(said)
}

async fn set_slow(
    shared: &Arc<Shared>,
    by: Actor,
    event: AuditEvent,
    seconds: u64,
) -> Result<String, Refusal> {
    if seconds > MAX_SLOW {
        return Err(Refusal::BadRequest(format!(
            "Slow mode can be {MAX_SLOW} s at the most. Nothing was changed."
        )));
    }
    let slow = Duration::from_secs(seconds);
    if shared.access.access_state().slow == slow {
        return Ok(match seconds {
            0 => "Slow mode is off already.".to_owned(),
            seconds => format!("Slow mode: one message in {seconds} s from each, as before."),
        });
    }
    change(shared, by, event, move |_| Ok(Change::SetSlow(slow))).await?;
    let said = match seconds {
        0 => "Slow mode is off.".to_owned(),
        seconds => format!("Slow mode: one message in {seconds} s from each."),
    };
    let text = said.clone();
    ask(shared, |reply| RoomRequest::Notice { text, reply }).await?;
    Ok(said)
}

/// Checks that an operator in the room does not act against an operator.
///
/// # Errors
/// It would affect an operator.
async fn spare_operators(shared: &Shared, by: &Actor, target: &Target) -> Result<(), Refusal> {
    if matches!(by, Actor::Administrator { .. }) {
        return Ok(());
    }
    let access_state = shared.access.access_state();
    let spared = match target {
        Target::Name(NameTarget { name, .. }) => {
            access_state.confusable_operator(name).map(|account| account.name.clone())
        }
        Target::Network(_) => {
            let users = shared.room.ask(|reply| RoomRequest::Users { reply }).await;
            let is_hit = |user: &User| {
                let address = user.address.parse::<SocketAddr>().ok().map(|it| it.ip());
                let is_here = user.away_seconds.is_none();
                is_here && access_state.is_operator(&user.name) && target.matches(None, address)
            };
            users.unwrap_or_default().into_iter().find(is_hit).map(|user| user.name)
        }
    };
    spared.map_or(Ok(()), |name| Err(Refusal::AgainstOperator(name)))
}

/// Makes a change of the access state. The change is stored with its entry in the audit, and then
/// takes effect in the room thread, after all messages accepted before.
///
/// # Errors
/// The error that `decide` returns, or the failure to store the change and its entry.
pub async fn change(
    shared: &Arc<Shared>,
    by: Actor,
    event: AuditEvent,
    decide: impl FnOnce(&AccessState) -> Result<Change, Refusal> + Send + 'static,
) -> Result<(), Refusal> {
    let (reply, done) = oneshot::channel();
    let shared = shared.clone();
    let store = move || {
        let announce = |access_state, change| {
            shared.room.submit(RoomRequest::Access { access_state, change, reply });
        };
        shared.access.change(&by, &event, decide, announce)
    };
    spawn_blocking(store).await.map_err(|_| Refusal::ShuttingDown)??;
    done.await.unwrap_or(Err(Refusal::ShuttingDown))
}

/// Carries out an action that does not change the access state, after writing it to the audit. If the
/// action is refused, the entry is removed again.
///
/// # Errors
/// The refusal of the action, or that it cannot be written to the audit; then nothing was done.
async fn audited(
    shared: &Arc<Shared>,
    by: &Actor,
    event: &AuditEvent,
    action: impl Future<Output = Result<(), Refusal>>,
) -> Result<(), Refusal> {
    let id = record(shared, by, event).await?;
    let done = action.await;
    match &done {
        Ok(()) => event.log(by),
        Err(_) => withdraw(shared, id).await,
    }
    done
}

/// Records in the audit an action that an operator is about to take.
///
/// # Errors
/// The entry cannot be written, so the action must not be taken.
pub async fn record(
    shared: &Arc<Shared>,
    by: &Actor,
    event: &AuditEvent,
) -> Result<AuditId, Refusal> {
    let (shared, by, event) = (shared.clone(), by.clone(), event.clone());
    let recorded = spawn_blocking(move || shared.access.record(&by, &event)).await;
    recorded.unwrap_or(Err(Refusal::ShuttingDown))
}

/// Removes an entry from the audit, because its action was not carried out after all. If the room
/// has ended in the meantime, the action may have been carried out without a reply, so the entry
/// stays.
pub async fn withdraw(shared: &Arc<Shared>, id: AuditId) {
    if shared.room.is_closed() {
        return;
    }
    let shared = shared.clone();
    // If this fails, the log says so.
    let _ = spawn_blocking(move || shared.access.withdraw(id)).await;
}

async fn ask(
    shared: &Shared,
    request: impl FnOnce(crate::room_thread::ReplySender) -> RoomRequest,
) -> Result<(), Refusal> {
    shared.room.ask(request).await.unwrap_or(Err(Refusal::ShuttingDown))
}
