//! The tokens with which clients resume their sessions.

use std::collections::HashMap;

use chatroom::room::SessionId;
use sha2::{Digest, Sha256};

use crate::store::TokenHash;

/// The tokens of the members. Those of sessions that have left are in the store.
#[derive(Default)]
pub struct Tokens {
    sessions: HashMap<TokenHash, SessionId>,
    hashes: HashMap<SessionId, TokenHash>,
}

impl Tokens {
    /// The member's session that a token belongs to.
    pub fn session_of(&self, hash: &TokenHash) -> Option<SessionId> {
        self.sessions.get(hash).copied()
    }

    /// The hash of the token of a session, if it has one.
    pub fn hash_of(&self, session: SessionId) -> Option<TokenHash> {
        self.hashes.get(&session).copied()
    }

    /// Notes a token.
    pub fn add(&mut self, hash: TokenHash, session: SessionId) {
        self.sessions.insert(hash, session);
        self.hashes.insert(session, hash);
    }

    /// Forgets the token of a session that has left.
    pub fn remove(&mut self, session: SessionId) {
        if let Some(hash) = self.hashes.remove(&session) {
            self.sessions.remove(&hash);
        }
    }
}

/// A new token: 128 random bits, in hexadecimal.
///
/// # Errors
/// The system provides no random numbers.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The form in which a token is stored, so that reading the store does not let anyone resume a session.
/// A token is random and long, so a plain hash is enough.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
