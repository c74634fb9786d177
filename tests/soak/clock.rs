//! The clocks of a program, moved from outside.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use chrono::{DateTime, TimeDelta, Utc};

/// Clocks that show what those of the host show and what was added to them.
pub(super) struct Clock {
    file: File,
    folder: tempfile::TempDir,
    /// What was added to the wall clock, and to the clocks that never go back.
    wall: TimeDelta,
    steady: TimeDelta,
}

impl Clock {
    /// Builds `clock.c` with the C compiler that the program needs as well.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soak/clock.c");
        let mut compile = Command::new("cc");
        compile
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("clock.so"));
        assert!(compile.arg(source).status().expect("a C compiler").success());
        let file = File::create_new(folder.path().join("clock")).expect("created");
        let clock = Self { file, folder, wall: TimeDelta::zero(), steady: TimeDelta::zero() };
        clock.write();
        clock
    }

    /// The variables that give a program these clocks.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.folder.path().join("clock.so")), ("SOAK_CLOCK", self.folder.path().join("clock"))]
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.wall
    }

    /// How much was added to the clock that never goes back.
    pub(super) fn steady(&self) -> TimeDelta {
        self.steady
    }

    /// Time passes.
    pub(super) fn pass(&mut self, time: TimeDelta) {
        self.wall += time;
        self.steady += time;
        self.write();
    }

    /// The wall clock is set to another time, and none passes.
    pub(super) fn set(&mut self, away: TimeDelta) {
        self.wall += away;
        self.write();
    }

    /// The wall clock first: what wakes by the other one reads it.
    fn write(&self) {
        for (at, added) in [(0, self.wall), (8, self.steady)] {
            let nanoseconds = added.num_nanoseconds().expect("less than 292 years");
            self.file.write_all_at(&nanoseconds.to_ne_bytes(), at).expect("written");
        }
    }
}
