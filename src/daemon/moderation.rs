//! What operators do, with `chatctl` and in the room: the same way for both.

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

use crate::access::{By, Deed};
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use targets::Moderated;

/// The longest time of slow mode.
const MAX_SLOW: u64 = 3600;

/// Does what an operator wants, and says in a sentence what was done.
///
/// # Errors
/// Why not.
pub async fn moderate(
    shared: &Arc<Shared>,
    by: By,
    action: ModerationAction,
) -> Result<Moderated, Refusal> {
    let limit = shared.config().limits.message_bytes;
    if action.target().len() > limit {
        return Err(Refusal::TooLong { limit });
    }
    let deed = Deed::from(&action);
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
        ModerationAction::Rename { name, to } => rename(shared, by, deed, &name, &to).await,
        ModerationAction::Topic { text } => set_topic(shared, by, deed, &text).await,
        ModerationAction::Slow { seconds } => set_slow(shared, by, deed, seconds).await,
    };
    said.map(Moderated::from)
}

async fn kick(
    shared: &Arc<Shared>,
    by: By,
    name: String,
    reason: Option<String>,
) -> Result<Moderated, Refusal> {
    let target = Target::name(&name);
    spare_operators(shared, &by, &target).await?;
    // Of those whose names look like it, this one alone.
    let affected = targets::affected(shared, &target).await?;
    let affected = Affected { target: name.clone(), people: 1, ..affected };
    let deed = targets::deed(
        &ModerationAction::Kick { name: name.clone(), reason: reason.clone() },
        &affected,
    );
    let kick = |reply| RoomRequest::Kick { name: name.clone(), reason, reply };
    ask(shared, kick).await.map_err(|refusal| targets::not_found(refusal, &name))?;
    change(shared, by, deed, |_| Ok(Change::Nothing)).await?;
    let said = format!("Removed {name} ({}).", affected.people());
    Ok(Moderated { said, affected: Some(affected) })
}

async fn rename(
    shared: &Arc<Shared>,
    by: By,
    deed: Deed,
    name: &str,
    to: &str,
) -> Result<String, Refusal> {
    spare_operators(shared, &by, &Target::name(name)).await?;
    let to = Name::new(to)?;
    let rename = |reply| RoomRequest::Rename { name: name.to_owned(), to: to.clone(), reply };
    ask(shared, rename).await.map_err(|refusal| targets::not_found(refusal, name))?;
    change(shared, by, deed, |_| Ok(Change::Nothing)).await?;
    Ok(format!("{name} is now called {to}."))
}

async fn set_topic(
    shared: &Arc<Shared>,
    by: By,
    deed: Deed,
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
    change(shared, by, deed, move |_| Ok(Change::SetTopic(topic))).await?;
    ask(shared, |reply| RoomRequest::Topic { text: shown, reply }).await?;
    Ok(said)
}

async fn set_slow(
    shared: &Arc<Shared>,
    by: By,
    deed: Deed,
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
    change(shared, by, deed, move |_| Ok(Change::SetSlow(slow))).await?;
    let said = match seconds {
        0 => "Slow mode is off.".to_owned(),
        seconds => format!("Slow mode: one message in {seconds} s from each."),
    };
    let text = said.clone();
    ask(shared, |reply| RoomRequest::Notice { text, reply }).await?;
    Ok(said)
}

/// Operators in the room cannot act against each other, nor against themselves.
///
/// # Errors
/// It would be against this one.
async fn spare_operators(shared: &Shared, by: &By, target: &Target) -> Result<(), Refusal> {
    if matches!(by, By::Administrator { .. }) {
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

/// Stores a change and puts it in force in the room: everything that was said before is shown, and
/// nothing after it that it forbids.
///
/// # Errors
/// What `decide` says, or that it cannot be stored.
pub async fn change(
    shared: &Arc<Shared>,
    by: By,
    deed: Deed,
    decide: impl FnOnce(&AccessState) -> Result<Change, Refusal> + Send + 'static,
) -> Result<(), Refusal> {
    let (reply, done) = oneshot::channel();
    let shared = shared.clone();
    let store = move || {
        let announce = |access_state, change| {
            shared.room.submit(RoomRequest::Access { access_state, change, reply });
        };
        shared.access.change(&by, deed, decide, announce)
    };
    spawn_blocking(store).await.map_err(|_| Refusal::ShuttingDown)??;
    done.await.unwrap_or(Err(Refusal::ShuttingDown))
}

async fn ask(
    shared: &Shared,
    request: impl FnOnce(crate::room_thread::ReplySender) -> RoomRequest,
) -> Result<(), Refusal> {
    shared.room.ask(request).await.unwrap_or(Err(Refusal::ShuttingDown))
}
