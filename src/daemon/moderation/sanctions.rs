//! Bans and mutes: adding and removing them.

use std::sync::Arc;

use chatroom::access::{
    AccessState, Change, ModerationAction, Sanction, SanctionKind, Target, Term, check_term,
};
use chatroom::clean;
use chatroom::room::Refusal;
use jiff::{SignedDuration, Timestamp};

use super::targets::{self, Moderated};
use super::{change, spare_operators};
use crate::access::{Actor, AuditEvent};
use crate::shared::Shared;

/// Bans or mutes a target. The users affected are counted before, so the audit has their number.
pub(super) async fn put(
    shared: &Arc<Shared>,
    by: Actor,
    kind: SanctionKind,
    action: ModerationAction,
) -> Result<Moderated, Refusal> {
    let (ModerationAction::Ban { target, seconds, reason }
    | ModerationAction::Mute { target, seconds, reason }) = &action
    else {
        return Err(Refusal::NotPermitted);
    };
    let target = targets::resolve(shared, target).await?;
    spare_operators(shared, &by, &target).await?;
    let now = Timestamp::now();
    let term = term(*seconds, reason.as_deref(), now)?;
    let affected = targets::affected(shared, &target).await?;
    targets::check_reach(&by, &target, &affected)?;
    let said = targets::sentence(kind, *seconds, term.reason.as_deref(), &affected);
    let event = AuditEvent::affecting(&action.meaning(&target), &affected);
    let new = Sanction { kind, target, term, made: now, by: by.to_string() };
    change(shared, by.clone(), event, replace(new, by, now)).await?;
    if kind == SanctionKind::Ban {
        shared.connections.close_banned(&shared.access.access_state(), shared.window.last(), now);
    }
    Ok(Moderated { said, affected: Some(affected) })
}

fn term(seconds: Option<u64>, reason: Option<&str>, now: Timestamp) -> Result<Term, Refusal> {
    if let Some(seconds) = seconds {
        check_term(seconds).map_err(|problem| Refusal::BadRequest(problem.to_owned()))?;
    }
    let until = seconds.map(|seconds| {
        let time = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        now.checked_add(time).unwrap_or(Timestamp::MAX)
    });
    let reason = reason.map(|reason| clean::line(reason).trim().to_owned());
    Ok(Term { until, reason: reason.filter(|reason| !reason.is_empty()) })
}

/// Decides whether a sanction may replace the one that there is.
fn replace(
    new: Sanction,
    by: Actor,
    now: Timestamp,
) -> impl FnOnce(&AccessState) -> Result<Change, Refusal> + Send + 'static {
    move |access_state| match access_state.sanctions.get(new.kind, &new.target, now) {
        Some(old) if !by.may_undo(&old.by) => Err(Refusal::OnlyChatctl),
        _ => Ok(Change::PutSanction(new)),
    }
}

/// Removes a ban or a mute.
pub(super) async fn lift(
    shared: &Arc<Shared>,
    by: Actor,
    kind: SanctionKind,
    word: &str,
) -> Result<Moderated, Refusal> {
    let now = Timestamp::now();
    let target = match targets::resolve(shared, word).await {
        Ok(target) => target,
        Err(refusal) => {
            // It may have been stored before the rules for names became stricter.
            let stored = Target::name(word);
            let access_state = shared.access.access_state();
            let found = access_state.sanctions.get(kind, &stored, now);
            found.map(|_| stored).ok_or(refusal)?
        }
    };
    let affected = targets::affected(shared, &target).await?;
    let shown = target.to_string();
    let action = match kind {
        SanctionKind::Ban => ModerationAction::Unban { target: shown },
        SanctionKind::Mute => ModerationAction::Unmute { target: shown },
    };
    let event = AuditEvent::affecting(&action, &affected);
    let (who, lifted) = (by.clone(), target.clone());
    let lift =
        move |access_state: &AccessState| match access_state.sanctions.get(kind, &lifted, now) {
            Some(sanction) if !who.may_undo(&sanction.by) => Err(Refusal::OnlyChatctl),
            // The stored name may be written differently.
            Some(sanction) => Ok(Change::RemoveSanction(kind, sanction.target.clone())),
            None => Err(Refusal::NoSuchSanction(lifted.to_string())),
        };
    change(shared, by, event, lift).await?;
    let effect = match remaining(&shared.access.access_state(), kind, &target, now) {
        Some(other) => format!("It is still covered by the {} of {other}.", kind.as_str()),
        None if affected.people == 0 => "Nobody here is affected.".to_owned(),
        None => format!("Affected here: {}.", affected.people()),
    };
    let said = match kind {
        SanctionKind::Ban => format!("{target} is no longer banned. {effect}"),
        SanctionKind::Mute => format!("{target} is no longer muted. {effect}"),
    };
    Ok(Moderated { said, affected: Some(affected) })
}

/// Another sanction that still covers all of a target.
fn remaining(
    access_state: &AccessState,
    kind: SanctionKind,
    target: &Target,
    now: Timestamp,
) -> Option<Target> {
    let (name, address) = match target {
        Target::Name(name) => (Some(name.name.as_str()), None),
        Target::Network(network) => (None, Some(network.addr())),
    };
    let other = &access_state.sanctions.against(kind, name, address, now)?.target;
    let covers = match (other, target) {
        (Target::Network(other), Target::Network(network)) => {
            other.prefix_len() <= network.prefix_len()
        }
        _ => true,
    };
    covers.then(|| other.clone())
}
