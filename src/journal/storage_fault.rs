//! Errors of the file system of the state file, with the mount point and the free space.

use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    process::{Resource, getrlimit},
};

use super::{
    DatabaseFault, checked_file,
    database_fault::{extended_code, primary_code},
    private_file::beside,
};

/// The file in which the kernel lists the mounted file systems (`man 5 proc_pid_mountinfo`).
const MOUNTS: &str = "/proc/self/mountinfo";

/// Why the state file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageFault {
    /// The file system is full.
    #[error(
        "no space left on the file system of {}: {space}; free space there, and check quotas; the next run continues \
         from here",
        path.display()
    )]
    Full {
        /// The state file.
        path: PathBuf,
        /// The free space on its file system.
        space: DiskSpace,
    },
    /// The operating system refused to open, read or write it.
    #[error(
        "the operating system refused to use {} or a file beside it: {space}; check limits on file sizes and quotas, \
         and the kernel log (dmesg) for errors of the device",
        path.display()
    )]
    Refused {
        /// The state file.
        path: PathBuf,
        /// The free space on its file system.
        space: DiskSpace,
        /// The error of `SQLite`.
        source: DatabaseFault,
    },
    /// The file system is mounted read-only, and the write-ahead log beside the file has changes that `SQLite` can only
    /// read where it may write.
    #[error(
        "{} is on a file system that is mounted read-only, and the file {}-wal beside it has changes that can only be read \
         where files may be created: mount the file system writable, or copy both files to a folder of their own and name \
         the copy",
        path.display(),
        path.display()
    )]
    LogOnReadOnly {
        /// The state file.
        path: PathBuf,
    },
}

impl StorageFault {
    /// Replaces an error whose cause is the file system by one that names the mount point; `file` is the state file. If
    /// the file is damaged, the next process checks it.
    pub(super) fn explained(file: &Path, error: sqlx::Error) -> sqlx::Error {
        if is_explained(&error) {
            return error;
        }
        let (path, space) = (file.to_owned(), DiskSpace::of(file));
        match primary_code(&error) {
            Some(FULL) => sqlx::Error::Io(std::io::Error::other(Self::Full { path, space })),
            // The write failed with EFBIG: the file has reached the limit.
            Some(INPUT_OUTPUT) if space.limit.is_some() && extended_code(&error) == Some(WRITE) => {
                sqlx::Error::Io(std::io::Error::other(Self::Full { path, space }))
            }
            Some(CANNOT_OPEN) if is_read_only(file) && has_log(file) => {
                sqlx::Error::Io(std::io::Error::other(Self::LogOnReadOnly { path }))
            }
            Some(INPUT_OUTPUT | CANNOT_OPEN) => {
                let source = DatabaseFault::of(error);
                sqlx::Error::Io(std::io::Error::other(Self::Refused { path, space, source }))
            }
            code => {
                if code.is_some_and(|code| [CORRUPT, NOT_A_DATABASE].contains(&code)) {
                    checked_file::forget(file);
                }
                DatabaseFault::located(format!("the state file {}", file.display()), error)
            }
        }
    }
}

/// Whether the error names the mount point already.
fn is_explained(error: &sqlx::Error) -> bool {
    let sqlx::Error::Io(error) = error else { return false };
    error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<StorageFault>)
}

/// Whether the file system of this file is mounted read-only.
pub(super) fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Whether the write-ahead log of this state file may have changes that the file does not have.
pub(super) fn has_log(path: &Path) -> bool {
    beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

const INPUT_OUTPUT: i32 = 10;
/// `SQLITE_IOERR_WRITE`, an extended code.
const WRITE: i32 = 778;
pub(super) const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
pub(super) const NOT_A_DATABASE: i32 = 26;

/// The free space on a file system at the moment of the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that a user other than root may still write; `None` if the kernel reports an error.
    pub free: Option<u64>,
    /// The mount point and the type of the file system; `None` if the kernel reports an error.
    pub mount: Option<(String, String)>,
    /// Bytes that a file of this process may have (`ulimit -f`); `None` without a limit.
    pub limit: Option<u64>,
}

impl DiskSpace {
    /// The free space on the file system of `path`, which need not exist, nor need its folder.
    pub fn of(path: &Path) -> Self {
        let folder = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
        let free = statvfs(folder).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
        let mounts = std::fs::read_to_string(MOUNTS).unwrap_or_default();
        let mount = folder.canonicalize().ok().and_then(|folder| mount_of(&folder, &mounts));
        Self { free, mount, limit: getrlimit(Resource::Fsize).current }
    }
}

impl fmt::Display for DiskSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.free {
            Some(free) => write!(f, "{free} bytes free")?,
            None => f.write_str("unknown free space")?,
        }
        if let Some((point, kind)) = &self.mount {
            write!(f, " on {point} ({kind})")?;
        }
        match self.limit {
            Some(limit) => write!(f, ", and files of this process may have {limit} bytes at most (ulimit -f)"),
            None => Ok(()),
        }
    }
}

/// The mount point above `path`, and its type. Of several mounts at one point, the last one covers the others.
fn mount_of(path: &Path, mounts: &str) -> Option<(String, String)> {
    let mounts = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let point = place.split(' ').nth(4)?.replace("\\040", " ");
        Some((point, kind.split(' ').next()?.to_owned()))
    });
    mounts.filter(|(point, _)| path.starts_with(point)).max_by_key(|(point, _)| point.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_point_nearest_to_the_file_is_named() {
        let mounts = "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
                      23 22 0:30 / /srv/a\\040b rw - tmpfs none rw,size=1m\n\
                      24 22 0:31 / /srv rw master:3 - xfs /dev/sdb rw\n";
        let check = |path: &str, point: &str, kind: &str| {
            assert_eq!(mount_of(Path::new(path), mounts), Some((point.to_owned(), kind.to_owned())), "{path}");
        };
        check("/srv/a b/state", "/srv/a b", "tmpfs");
        check("/srv/a", "/srv", "xfs");
        check("/srvx", "/", "ext4");
        assert_eq!(mount_of(Path::new("/"), ""), None);
    }

    #[test]
    fn the_free_space_of_a_folder_is_known() {
        let space = DiskSpace::of(&std::env::temp_dir().join("state.db"));
        assert!(space.free.is_some() && space.mount.is_some(), "{space:?}");
    }
}
