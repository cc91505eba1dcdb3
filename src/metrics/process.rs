//! Memory, processor time and files of the process, as Linux tells them.

use super::Area;
use crate::error::Result;
use prometheus::{Counter, Gauge};
use std::fs;

/// The process under the names that Prometheus' clients give to it; cheap to clone.
#[derive(Clone)]
pub struct Process {
    resident: Gauge,
    virtual_size: Gauge,
    cpu: Counter,
    open_files: Gauge,
    max_files: Gauge,
    threads: Gauge,
    started: Gauge,
}

impl Process {
    pub(super) fn new(area: &Area) -> Result<Self> {
        Ok(Self {
            resident: area
                .float_gauge(("process_resident_memory_bytes", "Resident memory in bytes."))?,
            virtual_size: area
                .float_gauge(("process_virtual_memory_bytes", "Virtual memory in bytes."))?,
            cpu: area.float_counter((
                "process_cpu_seconds_total",
                "Processor time of user and system in seconds.",
            ))?,
            open_files: area.float_gauge(("process_open_fds", "Open file descriptors."))?,
            max_files: area.float_gauge((
                "process_max_fds",
                "The most file descriptors that may be open.",
            ))?,
            threads: area.float_gauge(("process_threads", "Threads of the process."))?,
            started: area.float_gauge((
                "process_start_time_seconds",
                "When the process started, in seconds since 1970.",
            ))?,
        })
    }

    /// Reads the figures anew; one that the system does not tell stays as it is.
    pub fn refresh(&self) {
        let page = rustix::param::page_size() as f64;
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        if let Some(stat) = read_stat("/proc/self/stat") {
            // Counted from the state of the process, the third field of the file.
            let field = |number: usize| stat.get(number - 3).and_then(|text| text.parse().ok());
            let number = |at| field(at).unwrap_or(0.0);
            self.cpu.reset();
            self.cpu.inc_by((number(14) + number(15)) / ticks);
            self.threads.set(number(20));
            self.virtual_size.set(number(23));
            self.resident.set(number(24) * page);
            if let Some(booted) = boot_time() {
                self.started.set(booted + number(22) / ticks);
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(files.count() as f64);
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        self.max_files
            .set(limit.current.map_or(f64::INFINITY, |most| most as f64));
    }
}

/// Gives the fields behind the name of the program, which may hold anything.
fn read_stat(path: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(path).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Gives when the machine started, in seconds since 1970.
fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}
