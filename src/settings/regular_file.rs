//! Regular files: a configuration and its secrets are read from no other files. A pipe, a device or a socket could
//! block the reader forever.

use std::{fs::File, io, path::Path};

use rustix::fs::{Mode, OFlags};

use crate::domain::Chain;

/// Why a file cannot be read, as a message says it.
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
    /// What to do about it; `otherwise` where it is the wrong file.
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

/// Opens a regular file, also through a link. Never waits for the writer of a pipe.
pub(super) fn open(path: &Path) -> Result<File, FileError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(handle) => File::from(handle),
        // A socket, or a device without a driver.
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

/// An error of the file system as a message says it.
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
    fn an_unreadable_file_and_a_missing_file_have_different_remedies() {
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
