//! Resource usage of a process, from /proc.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

/// The time on processors so far, in nanoseconds, of each thread of a process.
pub struct Cpu(BTreeMap<OsString, u64>);

pub fn cpu(pid: u32) -> Cpu {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_thread = |thread: fs::DirEntry| {
        let schedstat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name(), schedstat.split(' ').next()?.parse().ok()?))
    };
    Cpu(threads.filter_map(|thread| of_thread(thread.ok()?)).collect())
}

/// The nanoseconds since then. What a thread used that has ended since is not known.
pub fn cpu_since(before: &Cpu, pid: u32) -> u64 {
    let of_thread = |(id, &now): (&OsString, &u64)| now - before.0.get(id).copied().unwrap_or(0);
    cpu(pid).0.iter().map(of_thread).sum()
}

/// The time of a process as the system accounts for it, in ticks of 10 ms: of the user, and of the system.
pub fn ticks(pid: u32) -> (u64, u64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse().unwrap(), fields[12].parse().unwrap())
}

/// The resident memory in KiB.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
