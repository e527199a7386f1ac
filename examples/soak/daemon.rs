//! The daemon that is soaked.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

/// A history that rolls over within the run, and limits that do not slow anybody down.
const CONFIG: &str = "[listen]\nchat = \"127.0.0.1:0\"\n[history]\nkeep_bytes = \"8 MiB\"\nreplay = 5\n\
                      [limits]\nwindow = \"1 MiB\"\n[timeouts]\nhold = \"20 s\"\n";

/// The daemon, in a folder of its own.
pub struct Daemon {
    child: Child,
    folder: PathBuf,
    programs: PathBuf,
}

impl Daemon {
    /// Starts it.
    pub fn start(folder: &Path) -> anyhow::Result<Daemon> {
        // An example is built beside the folder of the programs.
        let own = std::env::current_exe()?;
        let programs = own.parent().and_then(Path::parent).context("no folder")?.to_owned();
        fs::write(folder.join("chatroomd.toml"), CONFIG)?;
        let child = Command::new(programs.join("chatroomd"))
            .arg("--config")
            .arg(folder.join("chatroomd.toml"))
            .env("STATE_DIRECTORY", folder)
            .env("RUNTIME_DIRECTORY", folder)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log"))?)
            .spawn()
            .context("build the programs first: cargo build --release")?;
        Ok(Daemon { child, folder: folder.to_owned(), programs })
    }

    /// The output of `chatctl`.
    pub fn ctl(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(self.programs.join("chatctl"))
            .arg("--socket")
            .arg(self.folder.join("admin.sock"))
            .args(args)
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let status: Value = serde_json::from_str(&self.ctl(&["--json", "status"])?)?;
        Ok(status["status"]["listen"][0].as_str().context("no address")?.parse()?)
    }

    /// How many threads it has.
    pub fn threads(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/task", self.child.id()))?.count())
    }

    /// Which of these messages, by their numbers and ids, are not in the history although others of
    /// before are.
    pub fn not_stored<'a>(
        &self,
        acknowledged: impl Iterator<Item = &'a (u64, String)>,
    ) -> anyhow::Result<(usize, Vec<&'a (u64, String)>)> {
        let db = rusqlite::Connection::open(self.folder.join("history.sqlite"))?;
        let first: i64 = db.query_row("SELECT min(seq) FROM records", [], |row| row.get(0))?;
        let mut stored = db.prepare("SELECT client_id FROM records WHERE seq = ?1")?;
        let (mut found, mut missing) = (0, Vec::new());
        for pair in acknowledged.filter(|(seq, _)| *seq >= first as u64) {
            let id: Option<String> =
                stored.query_row([pair.0 as i64], |row| row.get(0)).unwrap_or(None);
            match id.as_ref() == Some(&pair.1) {
                true => found += 1,
                false => missing.push(pair),
            }
        }
        Ok((found, missing))
    }

    /// A metric's value.
    pub fn metric(metrics: &str, name: &str) -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0) as u64
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
