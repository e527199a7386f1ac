//! A chatroomd of a test's own.

use std::fs;
use std::io::{self, BufRead, BufReader, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use chatroom::admin::{AdminRequest, Reply, Status, User};
use command_fds::{CommandFdExt, FdMapping};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tempfile::TempDir;

/// After this, something that should happen counts as not happening.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What tests are run with that are about something else: there is a history, but it is not shown
/// to who joins.
pub const PLAIN_HISTORY: &str = "[history]\nreplay = 0\n";

pub struct Daemon {
    pub child: Child,
    pub folder: TempDir,
    pub address: SocketAddr,
    config: String,
    notifications: UnixDatagram,
    /// What it has given the manager at its start, to keep for the next process.
    kept: Mutex<Vec<OwnedFd>>,
}

/// The file in a daemon's folder where strace writes what it did to its system calls.
pub const MEDDLED: &str = "meddled";

/// Enough for all tests at once.
const MANY_FILES: u64 = 65_536;

/// Lets this process open as many files as it may. An ordinary user often begins with 1,024, which some
/// tests alone need, and all of them share one process.
fn allow_many_files() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.map_or(MANY_FILES, |maximum| maximum.min(MANY_FILES));
        if limit.current.is_some_and(|current| current < wanted) {
            setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).unwrap();
        }
    });
}

/// A command that runs chatroomd on `config`, in a folder of its own.
pub fn command(folder: &TempDir, config: &str) -> Command {
    allow_many_files();
    let file = folder.path().join("chatroomd.toml");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroomd"));
    command.arg("--config").arg(file).env("NOTIFY_SOCKET", folder.path().join("notify"));
    command.env("RUNTIME_DIRECTORY", folder.path()).env_remove("JOURNAL_STREAM");
    command.env("STATE_DIRECTORY", folder.path());
    command.stdout(Stdio::null()).stderr(log_of(folder));
    command
}

fn log_of(folder: &TempDir) -> fs::File {
    fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap()
}

/// A command that gets these descriptors as from systemd, which knows the process by its number.
pub fn with_descriptors(
    folder: &TempDir,
    command: &Command,
    stored: Vec<(String, OwnedFd)>,
) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "LISTEN_PID=$$ exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let names: Vec<_> = stored.iter().map(|(name, _)| name.as_str()).collect();
    shell.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
    let mappings = (3..).zip(stored);
    let mappings =
        mappings.map(|(child_fd, (_, parent_fd))| FdMapping { parent_fd, child_fd }).collect();
    shell.fd_mappings(mappings).unwrap();
    shell.stdout(Stdio::null()).stderr(log_of(folder));
    shell
}

/// Lost connections leave at once, unless a test is about detached sessions.
fn with_no_hold(config: &str) -> String {
    const NO_HOLD: &str = "[timeouts]\nhold = \"0 s\"\n";
    match config {
        config if config.contains("hold =") => config.to_owned(),
        config if config.contains("[timeouts]\n") => config.replace("[timeouts]\n", NO_HOLD),
        config => format!("{NO_HOLD}{config}"),
    }
}

impl Daemon {
    pub fn start() -> Daemon {
        Daemon::with("")
    }

    /// A daemon with more configuration than its address.
    pub fn with(config: &str) -> Daemon {
        Daemon::customised(config, |_| {})
    }

    /// A daemon whose command is changed before it is run.
    pub fn customised(config: &str, change: impl FnOnce(&mut Command)) -> Daemon {
        Daemon::in_folder(TempDir::new().unwrap(), config, change)
    }

    /// The same in a folder that is there.
    pub fn in_folder(folder: TempDir, config: &str, change: impl FnOnce(&mut Command)) -> Daemon {
        let config = with_no_hold(config);
        let history = if config.contains("[history]") { "" } else { PLAIN_HISTORY };
        let config = format!("[listen]\nchat = \"127.0.0.1:0\"\n{history}{config}");
        let notifications = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        notifications.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = command(&folder, &config);
        change(&mut command);
        let child = command.spawn().unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        let mut daemon =
            Daemon { child, folder, address, config, notifications, kept: Mutex::default() };
        daemon.until_notified("READY=1");
        daemon.address = daemon.status().listen[0].parse().unwrap();
        daemon
    }

    /// Starts it again, after it has ended, on the same address and with its history.
    pub fn start_again(&mut self) {
        self.child = self.command_again().spawn().unwrap();
        self.until_notified("READY=1");
    }

    /// A command that starts it on the same address and with its history.
    pub fn command_again(&self) -> Command {
        let any = "chat = \"127.0.0.1:0\"";
        let config = self.config.replace(any, &format!("chat = \"{}\"", self.address));
        command(&self.folder, &config)
    }

    /// Kills it and starts it again.
    pub fn kill_and_start_again(&mut self) {
        self.signal(Signal::KILL);
        self.until_ended();
        self.start_again();
    }

    /// Waits for a notification that contains `expect`, and gives it.
    #[track_caller]
    pub fn until_notified(&self, expect: &str) -> String {
        loop {
            let (notification, descriptors) = self.notification().unwrap_or_else(|error| {
                panic!("no notification with {expect}: {error}\n{}", self.log())
            });
            if notification.contains("FDNAME=kept\n") {
                *self.kept() = descriptors;
            }
            if notification.contains(expect) {
                return notification;
            }
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<OwnedFd>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next notification, with the descriptors that came with it.
    fn notification(&self) -> io::Result<(String, Vec<OwnedFd>)> {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut pieces = [IoSliceMut::new(&mut bytes)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        // A busy machine can interrupt a wait that has a time limit.
        let mut receive = || recvmsg(&self.notifications, &mut pieces, &mut control, flags);
        let mut received = receive();
        while matches!(received, Err(rustix::io::Errno::INTR)) {
            received = receive();
        }
        let message = received?;
        let descriptors = control
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                _ => None,
            })
            .flatten()
            .collect();
        Ok((String::from_utf8_lossy(&bytes[..message.bytes]).into_owned(), descriptors))
    }

    /// What it has given the manager to keep, up to where it waits for the manager.
    #[track_caller]
    pub fn until_stored(&mut self) -> Vec<(String, OwnedFd)> {
        self.stored_unless_ended().unwrap_or_else(|| panic!("nothing is stored\n{}", self.log()))
    }

    /// The same, or none if it ends before.
    pub fn stored_unless_ended(&mut self) -> Option<Vec<(String, OwnedFd)>> {
        let mut stored: Vec<(String, OwnedFd)> = Vec::new();
        stored.extend(
            std::mem::take(&mut *self.kept()).into_iter().map(|it| ("kept".to_owned(), it)),
        );
        loop {
            let has_ended = self.child.try_wait().unwrap().is_some();
            let Some((text, descriptors)) = self.arrived() else {
                if has_ended {
                    return None;
                }
                std::thread::yield_now();
                continue;
            };
            let name = text.lines().find_map(|line| line.strip_prefix("FDNAME="));
            match name {
                Some(name) if text.contains("FDSTORE=1") => {
                    stored.extend(descriptors.into_iter().map(|it| (name.to_owned(), it)));
                }
                Some(name) if text.contains("FDSTOREREMOVE=1") => {
                    stored.retain(|(other, _)| other != name);
                }
                // Its end of the pipe is dropped, which is what it waits for.
                _ if text.contains("BARRIER=1") => return Some(stored),
                _ => {}
            }
        }
    }

    /// A notification that has arrived.
    fn arrived(&self) -> Option<(String, Vec<OwnedFd>)> {
        self.notifications.set_nonblocking(true).unwrap();
        let notification = self.notification().ok();
        self.notifications.set_nonblocking(false).unwrap();
        notification
    }

    /// Starts it again with what the manager has kept.
    pub fn start_again_with(&mut self, stored: Vec<(String, OwnedFd)>) {
        self.begin_again_with(stored);
        self.until_notified("READY=1");
    }

    /// The same, but does not wait until it is ready.
    pub fn begin_again_with(&mut self, stored: Vec<(String, OwnedFd)>) {
        self.child = with_descriptors(&self.folder, &self.command_again(), stored).spawn().unwrap();
    }

    /// Whether it has been ready, by the notifications that have arrived, which are taken.
    pub fn was_ready(&self) -> bool {
        std::iter::from_fn(|| self.arrived()).any(|(text, _)| text.contains("READY=1"))
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    /// The history, to look into.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("history.sqlite")).unwrap()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    #[track_caller]
    pub fn ask(&self, request: &AdminRequest) -> Reply {
        let request = serde_json::to_string(request).unwrap();
        let answer = || -> io::Result<String> {
            let mut stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(PATIENCE))?;
            writeln!(stream, "{request}")?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line)?;
            Ok(line)
        };
        let mut answered = answer();
        for _ in 1..self.attempts() {
            if answered.as_ref().is_ok_and(|line| !line.is_empty()) {
                break;
            }
            answered = answer();
        }
        let line = answered.unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// How often an operator may have to ask: where strace meddles, it may hit the very answer.
    pub fn attempts(&self) -> usize {
        if self.folder.path().join(MEDDLED).exists() { 4 } else { 1 }
    }

    #[track_caller]
    pub fn status(&self) -> Status {
        match self.ask(&AdminRequest::Status) {
            Reply::Status(status) => *status,
            other => panic!("no status but {other:?}"),
        }
    }

    #[track_caller]
    pub fn users(&self) -> Vec<User> {
        match self.ask(&AdminRequest::Users) {
            Reply::Users(users) => users,
            other => panic!("no users but {other:?}"),
        }
    }

    /// Waits until the daemon is in a state.
    #[track_caller]
    pub fn until(&self, what: &str, mut holds: impl FnMut(&Daemon) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < PATIENCE, "never {what}\n{}", self.log());
            std::thread::yield_now();
        }
    }

    /// Waits until that is in the log, which is written beside everything else.
    #[track_caller]
    pub fn until_logged(&self, words: &str) {
        self.until(words, |daemon| daemon.log().contains(words));
    }

    /// Waits until no client is connected.
    #[track_caller]
    pub fn until_empty(&self) {
        self.until("empty", |daemon| daemon.status().connections == 0);
    }

    /// How many descriptors the process has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// How many of these are sockets.
    pub fn sockets(&self) -> usize {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// The most memory that it has had resident so far, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    #[track_caller]
    pub fn until_ended(&mut self) -> ExitStatus {
        let status = until_ended(&mut self.child);
        // A listening socket is open for as long as it waits there to be kept.
        self.drop_notifications();
        status
    }

    /// Reads what it has told the manager so far.
    pub fn drop_notifications(&self) {
        self.notifications.set_nonblocking(true).unwrap();
        while self.notifications.recv(&mut [0; 4096]).is_ok() {}
        self.notifications.set_nonblocking(false).unwrap();
    }
}

/// Waits until a process has ended.
#[track_caller]
pub fn until_ended(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A killed process does not report which of its lines were run.
        if std::env::var_os("LLVM_PROFILE_FILE").is_some()
            && self.child.try_wait().is_ok_and(|it| it.is_none())
        {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let start = Instant::now();
            while start.elapsed() < PATIENCE && self.child.try_wait().is_ok_and(|it| it.is_none()) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
