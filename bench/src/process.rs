//! What a server costs: CPU time and resident memory of a process with all its descendants, from
//! `/proc`.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Ticks of `/proc/<pid>/stat` in a second, the same on every Linux of today.
const TICKS: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;
/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// Gives the CPU seconds that the tree has used, its ended and awaited processes included.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let ticks: u64 = tree(pid).iter().filter_map(|pid| cpu_ticks(*pid)).sum();
    ticks as f64 / TICKS
}

/// Gives the resident bytes of the tree; what processes share counts once for each.
pub(crate) fn memory(pid: u32) -> u64 {
    let pages: u64 = tree(pid).iter().filter_map(|pid| pages(*pid)).sum();
    pages * PAGE_BYTES
}

/// Lists the process and its descendants.
pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(parent) = stat(child).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(child);
        }
    }
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        found.extend(children.remove(parent).unwrap_or_default());
        next += 1;
    }
    found
}

/// Reads the fields of `stat` behind the name, which may hold spaces: the first is the state.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn cpu_ticks(pid: u32) -> Option<u64> {
    // utime, stime, cutime, cstime
    let fields = stat(pid)?;
    let ticks = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<u64>().ok());
    Some(ticks.sum())
}

fn pages(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

/// Watches the memory of a tree until it is dropped.
pub(crate) struct Watch {
    peak: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn start(pid: u32) -> Self {
        let (peak, stopped) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (shared, stop) = (peak.clone(), stopped.clone());
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                shared.fetch_max(memory(pid), Ordering::Relaxed);
                std::thread::sleep(EVERY);
            }
        });
        Self {
            peak,
            stopped,
            thread: Some(thread),
        }
    }

    /// Gives the most bytes that were seen since the last call.
    pub(crate) fn take_peak(&self) -> u64 {
        self.peak.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread only reads; were it to panic, the figures would miss it.
            let _ = thread.join();
        }
    }
}
