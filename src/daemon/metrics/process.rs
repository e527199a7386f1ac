//! The resources that the process uses, under the names that all exporters use:
//! https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics

use std::sync::atomic::AtomicU64;

use chatroom::admin::Status;
use procfs::process::{LimitValue, Process};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};
use rustix::time::{ClockId, clock_gettime};

use super::{bytes_gauge, gauge};

/// Adds the metrics that the system provides.
pub(super) fn add(registry: &mut Registry, status: &Status) {
    let start = status.since.as_second().unsigned_abs();
    gauge(registry, "process_start_time_seconds", "Start time, in Unix time", start);
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = Counter::<f64, AtomicU64>::default();
    cpu.inc_by(used.tv_sec as f64 + used.tv_nsec as f64 / 1e9);
    let help = "Processor time used";
    registry.register_with_unit("process_cpu", help, Unit::Seconds, cpu);
    let Ok(process) = Process::myself() else { return };
    if let Ok(memory) = process.statm() {
        let resident = memory.resident * rustix::param::page_size() as u64;
        bytes_gauge(registry, "process_resident_memory", "Memory in use", resident);
    }
    if let Ok(state) = process.stat() {
        gauge(registry, "process_threads", "Threads", state.num_threads.unsigned_abs());
    }
    if let Ok(count) = process.fd_count() {
        gauge(registry, "process_open_fds", "Open file descriptors", count as u64);
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        gauge(registry, "process_max_fds", "Maximum number of open file descriptors", most);
    }
}
