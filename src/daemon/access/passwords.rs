//! Hashing passwords and comparing with what was hashed: slow and large on purpose, and so never more
//! than two at a time.

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

/// 19 MiB, twice over, on one lane: the least that OWASP's "Password Storage Cheat Sheet" (2025) asks
/// of argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// So many are hashed at a time at most, and on no more than half of the processors, for those who
/// talk come first.
const MAX_AT_A_TIME: usize = 2;

/// So many wait for that; others are told to come back.
const MAX_WAITING: usize = 32;

/// The `nice` of the threads, where the service may set it: a tenth of the processor where others
/// want it as well, so that those who join on a busy machine still do.
const NICE: i32 = 10;

/// What a password is compared with where there is no account, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm8gYWNjb3VudCBoZXJl$hJHDFphOEd1OzN9RyK5zm1Ty9BDP3NiXWdT8idDGPa8";

/// What is done with the memory of a thread that hashes.
type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The place where passwords are looked at.
pub struct Passwords {
    jobs: SyncSender<Job>,
}

impl Passwords {
    /// Begins with threads of its own, for what has once hashed keeps the memory for it.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn new() -> io::Result<Passwords> {
        let (jobs, queue) = sync_channel::<Job>(MAX_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..(processors / 2).clamp(1, MAX_AT_A_TIME) {
            let queue = queue.clone();
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let work = move || {
                // Whoever talks comes first. Where the system does not let a thread do that, they
                // share.
                let _ = setpriority_process(None, NICE);
                let mut memory = Vec::new();
                while let Ok(job) = next() {
                    job(&mut memory);
                    // Kept, for it is taken again, but not what was in it.
                    memory.zeroize();
                }
            };
            thread::Builder::new().name("passwords".to_owned()).spawn(work)?;
        }
        Ok(Passwords { jobs })
    }

    /// Hashes a new password. That is for operators, who wait where others are told to come back.
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

    /// Hashes a password, unless `old` is a hash of it: then it gives that one. For operators, too.
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

    /// Whether a password is the one of a hash; without a hash it never is, and that takes as long.
    ///
    /// # Errors
    /// Too many wait.
    pub async fn is_right(&self, hash: Option<String>, password: Secret) -> Result<bool, Refusal> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let (job, done) = job(move |memory| verify(&hash, &password, memory));
        self.jobs.try_send(job).map_err(|_| Refusal::PasswordsBusy)?;
        Ok(done.await.map_err(|_| Refusal::PasswordsBusy)? && is_known)
    }
}

/// Something to be done, and where its outcome comes.
fn job<T: Send + 'static>(
    work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
) -> (Job, oneshot::Receiver<T>) {
    let (reply, done) = oneshot::channel();
    let job = Box::new(move |memory: &mut Vec<Block>| {
        // Who asked may be gone meanwhile.
        if !reply.is_closed() {
            drop(reply.send(work(memory)));
        }
    });
    (job, done)
}

/// Computes what a password comes to, in memory that is given, so that it is bounded.
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

/// Hashes a password at once, before there is anybody to wait for it.
///
/// # Errors
/// There are no random numbers.
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

/// Whether this is the password of a hash, found out on this thread.
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
        // What stands for nobody can be compared with, and so takes its time.
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!verify(NOBODY, "correct horse"));
        assert!(!verify("", "correct horse"));
    }
}
