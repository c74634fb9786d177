//! Regular files: the only ones that a configuration and its secrets are read from. A pipe, a device or a socket could keep a
//! reader waiting for ever.

use std::{fs::File, io, path::Path};

use rustix::fs::{Mode, OFlags};

/// Why there is nothing to read, in the words of a message.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("is a folder")]
    Folder,
    #[error("is not a regular file")]
    Irregular,
    #[error("{}", in_words(.0))]
    Failed(#[from] io::Error),
}

impl Unreadable {
    /// Whether there is no such file.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Failed(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Opens a regular file, or one that a link leads to. Never waits for the writer of a pipe.
pub(super) fn open(path: &Path) -> Result<File, Unreadable> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(handle) => File::from(handle),
        // A socket, or a device that nothing drives.
        Err(rustix::io::Errno::NXIO) => return Err(Unreadable::Irregular),
        Err(error) => return Err(Unreadable::Failed(error.into())),
    };
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(Unreadable::Folder);
    }
    if kind.is_file() { Ok(file) } else { Err(Unreadable::Irregular) }
}

/// The text of a regular file.
pub(super) fn read_to_string(path: &Path) -> Result<String, Unreadable> {
    Ok(io::read_to_string(open(path)?)?)
}

/// What an error of the file system comes down to.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "the program may not read it".to_owned(),
        io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
