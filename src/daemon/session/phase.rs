//! The phases of a connection, from its first line to its end.

use chatroom::handover::Stage;
use chatroom::names::Name;

/// The phase of a connection.
pub(super) enum Phase {
    /// Nothing was received yet. The first line decides the dialect.
    New,
    /// No name was accepted yet.
    Naming,
    /// This name was given, which needs a password. The next line is the password.
    Password(Name),
    /// The user is in the room.
    Joined {
        /// For how many seconds the client can be silent. The welcome has said so, and it stays when
        /// the configuration changes.
        silence: u32,
    },
    /// The end is on its way. Nothing more is read.
    Over,
}

impl Phase {
    pub(super) fn is_joined(&self) -> bool {
        matches!(self, Phase::Joined { .. })
    }

    /// Whether the user has still to give a name or a password.
    pub(super) fn is_login(&self) -> bool {
        matches!(self, Phase::New | Phase::Naming | Phase::Password(_))
    }

    /// The same as the next process reads it.
    pub(super) fn save(&self) -> Stage {
        match self {
            Phase::New => Stage::New,
            Phase::Naming => Stage::Naming,
            Phase::Password(_) => Stage::Password,
            Phase::Joined { .. } => Stage::Joined,
            Phase::Over => Stage::Over,
        }
    }

    /// Restores the phase that the previous process has saved: the stage, and the name if one was
    /// given.
    pub(super) fn restore(stage: Stage, name: Option<Name>, silence: u32) -> Phase {
        match (stage, name) {
            (Stage::New, _) => Phase::New,
            (Stage::Password, Some(name)) => Phase::Password(name),
            (Stage::Naming | Stage::Password, _) => Phase::Naming,
            (Stage::Joined, _) => Phase::Joined { silence },
            (Stage::Over, _) => Phase::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_restored_as_it_was_saved() {
        let name = || Some(Name::from_store("ann"));
        for stage in [Stage::New, Stage::Naming, Stage::Password, Stage::Joined, Stage::Over] {
            assert_eq!(Phase::restore(stage, name(), 60).save(), stage);
        }
        assert_eq!(Phase::restore(Stage::Password, None, 60).save(), Stage::Naming);
    }
}
