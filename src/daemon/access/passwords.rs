//! Hashing and verifying passwords. Both are slow and take much memory on purpose, so at most two are
//! done at a time.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use anyhow::anyhow;
use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chatroom::room::Refusal;
use chatroom::secret::Secret;
use rustix::process::setpriority_process;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use zeroize::{Zeroize, Zeroizing};

/// 19 MiB, two passes, one lane: the minimum for argon2id in OWASP's "Password Storage Cheat Sheet"
/// (2025).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The maximum number of passwords that are hashed at a time; also at most on half of the
/// processors, because chatting comes first.
const MAX_AT_A_TIME: usize = 2;

/// The maximum number of passwords that wait for that. Further users are told to try again.
const MAX_WAITING: usize = 32;

/// The `nice` of the threads, if the service may set it. On a busy machine they get a tenth of a
/// processor, so users can still log in.
const NICE: i32 = 10;

/// The hash for a name without an account, so verifying takes equally long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm8gYWNjb3VudCBoZXJl$hJHDFphOEd1OzN9RyK5zm1Ty9BDP3NiXWdT8idDGPa8";

/// Work for a thread that hashes, in its memory.
type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The threads that hash and verify passwords.
pub struct Passwords {
    jobs: SyncSender<Job>,
}

impl Passwords {
    /// Starts the threads. Each keeps its memory for the next password.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn new() -> io::Result<Passwords> {
        let (jobs, queue) = sync_channel::<Job>(MAX_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..(processors / 2).clamp(1, MAX_AT_A_TIME) {
            let queue = queue.clone();
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let work = move || {
                // If the system does not permit a lower priority, chatting and hashing share.
                let _ = setpriority_process(None, NICE);
                let mut memory = Vec::new();
                while let Ok(job) = next() {
                    job(&mut memory);
                    // The memory is kept, its contents are not.
                    memory.zeroize();
                }
            };
            thread::Builder::new().name("passwords".to_owned()).spawn(work)?;
        }
        Ok(Passwords { jobs })
    }

    /// Hashes a new password. Operators wait for their turn, while users are told to try again.
    ///
    /// # Errors
    /// The daemon is ending, or there are no random numbers.
    pub async fn hash(&self, password: Secret) -> Result<String, Refusal> {
        self.wait_for(move |memory| hash(&password, memory)).await
    }

    async fn wait_for(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> anyhow::Result<String> + Send + 'static,
    ) -> Result<String, Refusal> {
        let (jobs, (job, done)) = (self.jobs.clone(), job(work));
        let sent = spawn_blocking(move || jobs.send(job)).await;
        sent.map_err(|_| Refusal::ShuttingDown)?.map_err(|_| Refusal::ShuttingDown)?;
        match done.await.map_err(|_| Refusal::ShuttingDown)? {
            Ok(hash) => Ok(hash),
            Err(error) => Err(Refusal::BadRequest(format!("{error:#}"))),
        }
    }

    /// Hashes a new password, or returns `old` if that is a hash of it.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn hash_if_new(
        &self,
        old: Option<String>,
        password: Secret,
    ) -> Result<String, Refusal> {
        let work = move |memory: &mut Vec<Block>| match old {
            Some(old) if verify(&old, &password, memory) => Ok(old),
            _ => hash(&password, memory),
        };
        self.wait_for(work).await
    }

    /// Verifies a password. Without a hash it is wrong, and that takes equally long.
    ///
    /// # Errors
    /// Too many are waiting.
    pub async fn is_right(&self, hash: Option<String>, password: Secret) -> Result<bool, Refusal> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let (job, done) = job(move |memory| verify(&hash, &password, memory));
        self.jobs.try_send(job).map_err(|_| Refusal::PasswordsBusy)?;
        Ok(done.await.map_err(|_| Refusal::PasswordsBusy)? && is_known)
    }
}

/// Makes a job, and the receiver of its result.
fn job<T: Send + 'static>(
    work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
) -> (Job, oneshot::Receiver<T>) {
    let (reply, done) = oneshot::channel();
    let job = Box::new(move |memory: &mut Vec<Block>| {
        // The connection may have ended in the meantime.
        if !reply.is_closed() {
            drop(reply.send(work(memory)));
        }
    });
    (job, done)
}

/// Computes the hash of a password in the given memory.
fn compute(
    password: &Secret,
    salt: &Salt,
    params: Params,
    memory: &mut Vec<Block>,
) -> Result<Output, argon2::Error> {
    memory.resize(params.block_count(), Block::new());
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let mut output = Zeroizing::new(vec![0; length]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let password = password.expose().as_bytes();
    argon2.hash_password_into_with_memory(password, salt, &mut output, memory)?;
    Output::new(&output).map_err(|_| argon2::Error::OutputTooLong)
}

/// Hashes a password on this thread, at the start, before there are clients to delay.
///
/// # Errors
/// The system provides no random numbers.
pub fn hash_now(password: &Secret) -> anyhow::Result<String> {
    hash(password, &mut Vec::new())
}

fn hash(password: &Secret, memory: &mut Vec<Block>) -> anyhow::Result<String> {
    let problem = |error: argon2::Error| anyhow!("cannot hash a password: {error}");
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(problem)?;
    let salt = Salt::generate();
    let output = compute(password, &salt, params.clone(), memory).map_err(problem)?;
    let params = params.try_into().map_err(|error| anyhow!("cannot hash a password: {error}"))?;
    let (algorithm, version) = (Algorithm::Argon2id.ident(), Some(Version::V0x13.into()));
    let hash = PasswordHash { algorithm, version, params, salt: Some(salt), hash: Some(output) };
    Ok(hash.to_string())
}

/// Verifies a password on this thread.
pub fn is_of(hash: &str, password: &Secret) -> bool {
    verify(hash, password, &mut Vec::new())
}

fn verify(hash: &str, password: &Secret, memory: &mut Vec<Block>) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let (Ok(params), Some(salt), Some(expected)) = (Params::try_from(&hash), hash.salt, hash.hash)
    else {
        return false;
    };
    // Comparing two outputs takes the same time wherever they differ.
    compute(password, &salt, params, memory).is_ok_and(|output| output == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_or_wrong() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let hash = |text: &str| hash(&secret(text), &mut Vec::new());
        let verify = |hash: &str, text: &str| verify(hash, &secret(text), &mut Vec::new());
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert_ne!(hashed, hash("correct horse").unwrap(), "each has its salt");
        assert!(verify(&hashed, "correct horse"));
        assert!(!verify(&hashed, "battery staple"));
        // The hash for names without an account is valid, so verifying with it takes its time.
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!verify(NOBODY, "correct horse"));
        assert!(!verify("", "correct horse"));
    }
}
