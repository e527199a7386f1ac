//! Who may do what: one table for all that is asked of the room.

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// A keep-alive or a ping.
    KeepAlive,
    Quit,
    /// Coming in, with a name.
    Join,
    /// What the commands are.
    Help,
    /// Who is here, and what the room is about.
    Look,
    /// What was said before.
    History,
    /// Saying something to everybody.
    Speak,
    /// Saying something to one person.
    Direct,
    /// What operators do.
    Moderate,
}

/// How somebody stands who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Has no name yet, or no right to it.
    NotJoined,
    Joined,
    Muted,
    Operator,
    /// Is being sent away.
    Leaving,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    NotJoined,
    AlreadyJoined,
    Muted,
    NotAnOperator,
    /// Nothing is answered any more.
    Silence,
}

type Verdict = Option<Denial>;

const YES: Verdict = None;
const JOIN_FIRST: Verdict = Some(Denial::NotJoined);
const IS_HERE: Verdict = Some(Denial::AlreadyJoined);
const MUTED: Verdict = Some(Denial::Muted);
const NO_RIGHT: Verdict = Some(Denial::NotAnOperator);
const SILENCE: Verdict = Some(Denial::Silence);

/// The table. Its columns are the standings, in their order.
#[rustfmt::skip]
const TABLE: [(Permission, [Verdict; 5]); 9] = [
    //                  not joined  joined    muted     operator  leaving
    (Permission::KeepAlive, [YES,        YES,      YES,      YES,      SILENCE]),
    (Permission::Quit,      [YES,        YES,      YES,      YES,      SILENCE]),
    (Permission::Join,      [YES,        IS_HERE,  IS_HERE,  IS_HERE,  SILENCE]),
    (Permission::Help,      [JOIN_FIRST, YES,      YES,      YES,      SILENCE]),
    (Permission::Look,      [JOIN_FIRST, YES,      YES,      YES,      SILENCE]),
    (Permission::History,   [JOIN_FIRST, YES,      YES,      YES,      SILENCE]),
    (Permission::Speak,     [JOIN_FIRST, YES,      MUTED,    YES,      SILENCE]),
    (Permission::Direct,    [JOIN_FIRST, YES,      MUTED,    YES,      SILENCE]),
    (Permission::Moderate,  [JOIN_FIRST, NO_RIGHT, NO_RIGHT, YES,      SILENCE]),
];

/// Whether somebody who stands so may do that.
///
/// # Errors
/// Why not.
pub fn check(role: Role, permission: Permission) -> Result<(), Denial> {
    let (_, verdicts) = TABLE[permission as usize];
    verdicts[role as usize].map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_stand_in_their_order() {
        for (index, (permission, _)) in TABLE.iter().enumerate() {
            assert_eq!(*permission as usize, index);
        }
    }

    #[test]
    fn only_operators_moderate_and_who_leaves_does_nothing() {
        for (permission, verdicts) in TABLE {
            assert_eq!(verdicts[Role::Leaving as usize], SILENCE, "{permission:?}");
        }
        let may = [Role::NotJoined, Role::Joined, Role::Muted, Role::Operator]
            .map(|role| check(role, Permission::Moderate).is_ok());
        assert_eq!(may, [false, false, false, true]);
    }
}
