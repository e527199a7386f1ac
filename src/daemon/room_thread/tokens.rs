//! The secrets with which sessions are taken up again.

use std::collections::HashMap;

use chatroom::room::SessionId;
use sha2::{Digest, Sha256};

use crate::store::TokenHash;

/// The tokens of those who are here. Those of others are in the store.
#[derive(Default)]
pub struct Tokens {
    sessions: HashMap<TokenHash, SessionId>,
    hashes: HashMap<SessionId, TokenHash>,
}

impl Tokens {
    /// Whose token this is, if they are here.
    pub fn session_of(&self, hash: &TokenHash) -> Option<SessionId> {
        self.sessions.get(hash).copied()
    }

    /// The hash of the token of a session, if it is here and has one.
    pub fn hash_of(&self, session: SessionId) -> Option<TokenHash> {
        self.hashes.get(&session).copied()
    }

    /// Notes a token.
    pub fn add(&mut self, hash: TokenHash, session: SessionId) {
        self.sessions.insert(hash, session);
        self.hashes.insert(session, hash);
    }

    /// Forgets the token of who is here no more.
    pub fn remove(&mut self, session: SessionId) {
        if let Some(hash) = self.hashes.remove(&session) {
            self.sessions.remove(&hash);
        }
    }
}

/// A new token: 128 random bits, in hexadecimal.
///
/// # Errors
/// The system has no random numbers to give.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The form in which a token is kept: who reads the store cannot take up a session. A token is
/// random and long, so that a plain hash is enough.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
