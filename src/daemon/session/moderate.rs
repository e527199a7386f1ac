//! Carries out the requests of an operator in the room.

use chatroom::access::ModerationAction;
use chatroom::permission::Permission;
use chatroom::room::Refusal;
use chatroom::wire::Answer;

use super::requests::Requests;
use crate::access::Actor;
use crate::moderation;
use crate::moderation::targets::Moderated;
use crate::room_thread::RoomRequest;

pub(super) async fn moderate(
    requests: &mut Requests<'_>,
    action: ModerationAction,
    id: Option<String>,
) {
    // All users are shown some of it, as with messages.
    requests.apply_rate_limit().await;
    match try_moderate(requests, action).await {
        Ok(Moderated { said: message, affected }) => {
            let affected = affected.map(|affected| affected.people);
            requests.client().answer(&Answer::Moderated { message, affected, id });
        }
        Err(refusal) => requests.refuse(refusal, id),
    }
}

async fn try_moderate(
    requests: &Requests<'_>,
    action: ModerationAction,
) -> Result<Moderated, Refusal> {
    let shutting_down = Err(Refusal::ShuttingDown);
    // After all earlier requests. Operators can be muted, too.
    let session = requests.client().session();
    let may = |reply| RoomRequest::May { session, permission: Permission::Moderate, reply };
    requests.shared().room.ask(may).await.unwrap_or(shutting_down)?;
    let name = requests.client().name().ok_or(Refusal::NotJoined)?;
    let (by, shared) = (Actor::Account(name.to_string()), requests.connection.shared.clone());
    // In a task of its own, so that an action in progress is completed and recorded even if this
    // connection ends in the meantime.
    let done = tokio::spawn(async move { moderation::moderate(&shared, by, action).await });
    done.await.unwrap_or(Err(Refusal::ShuttingDown))
}
