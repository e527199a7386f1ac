//! Permissions: the table of the actions that each role permits, and the refusals for users without
//! a permission.

use crate::access::Term;
use crate::room::Refusal;

/// Something that a user can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// A keep-alive or a ping.
    KeepAlive,
    Quit,
    /// Joining the room with a name.
    Join,
    /// Listing the commands.
    Help,
    /// Listing the members, and showing the topic.
    Look,
    /// Reading and searching the history.
    History,
    /// Sending a message to the room.
    Speak,
    /// Sending a direct message.
    Direct,
    /// Kicking, banning and the other commands of operators.
    Moderate,
}

impl Permission {
    /// Whether this sends a message, to the room or to one member.
    pub fn is_speech(self) -> bool {
        matches!(self, Permission::Speak | Permission::Direct)
    }
}

/// The current role of a user in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Has not given a name yet, or not its password.
    NotJoined,
    Joined,
    Muted,
    Operator,
    /// The connection is being closed.
    Leaving,
}

impl Role {
    /// The role of a member. A muted operator is muted.
    pub fn of_member(is_muted: bool, is_operator: impl FnOnce() -> bool) -> Role {
        match is_muted {
            true => Role::Muted,
            false if is_operator() => Role::Operator,
            false => Role::Joined,
        }
    }
}

/// The reason why a permission is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    NotJoined,
    AlreadyJoined,
    Muted,
    NotAnOperator,
    /// The connection is closing and gets no more answers.
    Silence,
}

impl Denial {
    /// The refusal for the user: `mute` is the term of their mute, if known. None if the user is
    /// not told anything.
    pub fn refusal(self, mute: Option<Term>) -> Option<Refusal> {
        Some(match (self, mute) {
            (Denial::Silence, _) => return None,
            (Denial::NotJoined, _) => Refusal::NotJoined,
            (Denial::AlreadyJoined, _) => Refusal::AlreadyJoined,
            (Denial::Muted, Some(term)) => Refusal::Muted(term),
            (Denial::Muted, None) | (Denial::NotAnOperator, _) => Refusal::NotPermitted,
        })
    }
}

type Verdict = Option<Denial>;

const YES: Verdict = None;
const JOIN_FIRST: Verdict = Some(Denial::NotJoined);
const JOINED: Verdict = Some(Denial::AlreadyJoined);
const MUTED: Verdict = Some(Denial::Muted);
const NO_RIGHT: Verdict = Some(Denial::NotAnOperator);
const SILENCE: Verdict = Some(Denial::Silence);

/// The table. Its rows are in the order of [`Permission`], its columns in that of [`Role`].
#[rustfmt::skip]
const TABLE: [(Permission, [Verdict; 5]); 9] = [
    //                       not joined  joined    muted     operator  leaving
    (Permission::KeepAlive, [YES,        YES,      YES,      YES,      SILENCE]),
    (Permission::Quit,      [YES,        YES,      YES,      YES,      SILENCE]),
    (Permission::Join,      [YES,        JOINED,   JOINED,   JOINED,   SILENCE]),
    (Permission::Help,      [JOIN_FIRST, YES,      YES,      YES,      SILENCE]),
    (Permission::Look,      [JOIN_FIRST, YES,      YES,      YES,      SILENCE]),
    (Permission::History,   [JOIN_FIRST, YES,      YES,      YES,      SILENCE]),
    (Permission::Speak,     [JOIN_FIRST, YES,      MUTED,    YES,      SILENCE]),
    (Permission::Direct,    [JOIN_FIRST, YES,      MUTED,    YES,      SILENCE]),
    (Permission::Moderate,  [JOIN_FIRST, NO_RIGHT, NO_RIGHT, YES,      SILENCE]),
];

/// Checks whether a role has a permission.
///
/// # Errors
/// It does not.
pub fn check(role: Role, permission: Permission) -> Result<(), Denial> {
    let (_, verdicts) = TABLE[permission as usize];
    verdicts[role as usize].map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_in_the_order_of_permissions() {
        for (index, (permission, _)) in TABLE.iter().enumerate() {
            assert_eq!(*permission as usize, index);
        }
    }

    #[test]
    fn only_operators_moderate_and_a_leaving_user_can_do_nothing() {
        for (permission, verdicts) in TABLE {
            assert_eq!(verdicts[Role::Leaving as usize], SILENCE, "{permission:?}");
        }
        let may = [Role::NotJoined, Role::Joined, Role::Muted, Role::Operator]
            .map(|role| check(role, Permission::Moderate).is_ok());
        assert_eq!(may, [false, false, false, true]);
    }

    #[test]
    fn a_denial_is_told_with_the_term_of_the_mute() {
        let term = Term { until: None, reason: Some("spam".to_owned()) };
        let told = |denial: Denial| denial.refusal(Some(term.clone()));
        assert_eq!(told(Denial::Muted), Some(Refusal::Muted(term.clone())));
        assert_eq!(told(Denial::NotAnOperator), Some(Refusal::NotPermitted));
        assert_eq!(told(Denial::NotJoined), Some(Refusal::NotJoined));
        assert_eq!(told(Denial::AlreadyJoined), Some(Refusal::AlreadyJoined));
        assert_eq!(told(Denial::Silence), None);
    }

    #[test]
    fn a_muted_operator_is_muted() {
        assert_eq!(Role::of_member(true, || true), Role::Muted);
        assert_eq!(Role::of_member(false, || true), Role::Operator);
        assert_eq!(Role::of_member(false, || false), Role::Joined);
    }
}
