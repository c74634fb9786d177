//! What a daemon takes of its host.

use std::{fmt, fs, path::Path};

use crate::{daemon::harness::process_status, soak::Soak};

/// What is measured between two runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures {
    /// In kB.
    memory: u64,
    handles: usize,
    threads: u64,
    files: usize,
    /// In kB.
    state: u64,
}

impl Measures {
    pub(super) fn of(soak: &Soak) -> Self {
        let process = soak.daemon.id();
        let state = soak.harness.state();
        let folder = Path::new(&state).parent().expect("a folder");
        // The program is not dumpable, and its handles are root's to see; the size of its table is everyone's.
        let handles = entries(&Path::new("/proc").join(process.to_string()).join("fd"));
        let table = || usize::try_from(process_status(process, "FDSize")).expect("small");
        Self {
            memory: process_status(process, "VmRSS"),
            handles: handles.unwrap_or_else(table),
            threads: process_status(process, "Threads"),
            files: entries(folder).expect("a folder") + entries(&soak.temporary_files()).expect("a folder"),
            state: fs::metadata(&state).expect("a state").len() / 1024,
        }
    }
}

/// Whether all threads of the process sleep: it waits for a time, a message or another process.
pub(super) fn is_asleep(process: u32) -> bool {
    let Ok(threads) = fs::read_dir(Path::new("/proc").join(process.to_string()).join("task")) else { return false };
    threads.flatten().all(|thread| {
        let line = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // After the name, which may contain anything.
        line.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
    })
}

fn entries(folder: &Path) -> Option<usize> {
    Some(fs::read_dir(folder).ok()?.count())
}

impl fmt::Display for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, handles, threads, files, state } = self;
        write!(f, "{memory} kB of memory, {handles} handles, {threads} threads, {files} files, {state} kB of state")
    }
}

/// How much more memory the second half may need at most, in kB: what differs from one sequence of runs to another. A leak
/// of 40 kB a run is beyond it after 200 ticks, one of a kB after 10000.
const MEMORY: u64 = 2048;

/// Fails where the second half of the measures, after a beginning of two fifths, shows growth; answers the most of both
/// halves.
pub(super) fn assert_no_growth(all: &[Measures], ticks: usize) -> String {
    let warm = &all[all.len() * 2 / 5..];
    let (earlier, later) = warm.split_at(warm.len() / 2);
    assert!(!earlier.is_empty(), "too few measures: {all:?}");
    let report = all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let most = |half: &[Measures], of: fn(&Measures) -> u64| half.iter().map(of).max().unwrap_or_default();
    let (mut grown, mut compared) = (Vec::new(), Vec::new());
    let mut check = |name: &str, of: fn(&Measures) -> u64, bound: &dyn Fn(u64) -> u64| {
        let (before, after) = (most(earlier, of), most(later, of));
        compared.push(format!("{name} from {before} to {after}"));
        if after > bound(before) {
            grown.push(format!("{name} grew from {before} to {after}"));
        }
    };
    check("memory", |one| one.memory, &|before| before + MEMORY);
    check("the number of handles", |one| one.handles as u64, &|before| before + 4);
    check("the number of threads", |one| one.threads, &|before| before + 4);
    check("the number of files", |one| one.files as u64, &|before| before + 1);
    // What was deleted of the record leaves its digests: some hundred bytes an event.
    let digests = (ticks * 2 / 5) as u64 * 2;
    check("the state", |one| one.state, &|before| before + before / 10 + digests);
    assert!(grown.is_empty(), "{}:\n{report}", grown.join("; "));
    compared.join(", ")
}
