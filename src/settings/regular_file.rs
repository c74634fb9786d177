//! Regular files: the only ones that a configuration and its secrets are read from. A pipe, a device or a socket could keep a
//! reader waiting for ever.

use std::{fs::File, io, path::Path};

use rustix::fs::{Mode, OFlags};

use crate::domain::Chain;

/// Why there is nothing to read, in the words of a message.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("is a folder")]
    Folder,
    #[error("is not a regular file")]
    Irregular,
    #[error("{}", describe(.0))]
    Failed(#[from] io::Error),
}

impl FileError {
    /// What to do about it. `otherwise` is said where the file itself is not the one that is meant.
    pub(super) fn remedy(&self, otherwise: &str) -> String {
        match self {
            Self::Failed(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "run the command as root, or as a user who may read the file and enter its folder".to_owned()
            }
            Self::Failed(error) if error.kind() == io::ErrorKind::NotFound => {
                format!("correct the path, or create the file; {otherwise}")
            }
            Self::Folder | Self::Irregular | Self::Failed(_) => otherwise.to_owned(),
        }
    }

    /// Whether there is no such file.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Failed(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Opens a regular file, or one that a link leads to. Never waits for the writer of a pipe.
pub(super) fn open(path: &Path) -> Result<File, FileError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(handle) => File::from(handle),
        // A socket, or a device that nothing drives.
        Err(rustix::io::Errno::NXIO) => return Err(FileError::Irregular),
        Err(error) => return Err(FileError::Failed(error.into())),
    };
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(FileError::Folder);
    }
    if kind.is_file() { Ok(file) } else { Err(FileError::Irregular) }
}

/// The text of a regular file.
pub(super) fn read_to_string(path: &Path) -> Result<String, FileError> {
    Ok(io::read_to_string(open(path)?)?)
}

/// What an error of the file system comes down to.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        _ => format!("cannot be read: {}", Chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_be_read_is_told_apart_from_one_that_is_not_there() {
        let remedy = |kind: io::ErrorKind| FileError::Failed(kind.into()).remedy("name another file");
        let denied = remedy(io::ErrorKind::PermissionDenied);
        assert!(denied.starts_with("run the command as root, or as a user who may read the file"), "{denied}");
        assert!(!denied.contains("name another file"), "{denied}");
        let missing = remedy(io::ErrorKind::NotFound);
        assert_eq!(missing, "correct the path, or create the file; name another file");
        assert_eq!(remedy(io::ErrorKind::InvalidData), "name another file");
        assert_eq!(FileError::Folder.remedy("name another file"), "name another file");
    }
}
