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

fn entries(folder: &Path) -> Option<usize> {
    Some(fs::read_dir(folder).ok()?.count())
}

impl fmt::Display for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, handles, threads, files, state } = self;
        write!(f, "{memory} kB of memory, {handles} handles, {threads} threads, {files} files, {state} kB of state")
    }
}

/// Fails where the second half of the measures, after a beginning of two fifths, shows growth. Bounds are wide: a leak
/// of one handle a run, or of a few kB, is far beyond them after some hundred runs.
pub(super) fn assert_no_growth(all: &[Measures], ticks: usize) {
    let warm = &all[all.len() * 2 / 5..];
    let (earlier, later) = warm.split_at(warm.len() / 2);
    assert!(!earlier.is_empty(), "too few measures: {all:?}");
    let report = all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let most = |half: &[Measures], of: fn(&Measures) -> u64| half.iter().map(of).max().unwrap_or_default();
    let mut grown = Vec::new();
    let mut check = |name: &str, of: fn(&Measures) -> u64, bound: &dyn Fn(u64) -> u64| {
        let (before, after) = (most(earlier, of), most(later, of));
        if after > bound(before) {
            grown.push(format!("{name} grew from {before} to {after}"));
        }
    };
    check("memory", |one| one.memory, &|before| before + before / 10);
    check("the number of handles", |one| one.handles as u64, &|before| before + 4);
    check("the number of threads", |one| one.threads, &|before| before + 4);
    check("the number of files", |one| one.files as u64, &|before| before + 1);
    // What was deleted of the record leaves its digests: some hundred bytes an event.
    let digests = (ticks * 2 / 5) as u64 * 2;
    check("the state", |one| one.state, &|before| before + before / 10 + digests);
    assert!(grown.is_empty(), "{}:\n{report}", grown.join("; "));
}
