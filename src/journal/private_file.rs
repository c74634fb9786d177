//! Files whose path only the owner of their folder can change: the owner and the mode of the folder are checked, and no
//! file in it is opened through a link.
//!
//! The folder itself may be reached through links: systemd makes `/var/lib/NAME` a link to `/var/lib/private/NAME` if
//! the service has a dynamic user. The folder at the end of the links is checked.

use std::{
    ffi::OsStr,
    fs::{DirBuilder, File, Permissions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{
            ffi::OsStrExt as _,
            fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, fchown, fstat, openat, readlinkat, statat},
    io::Errno,
    process::{Gid, Uid, geteuid},
};

/// Mode of a new folder of the state.
pub(super) const FOLDER_MODE: u32 = 0o700;

/// Mode of a new file.
const FILE_MODE: u32 = 0o600;

/// Mode bits that let users other than the owner change what is in a folder.
const CHANGED_BY_OTHERS: u32 = 0o022;

/// Why a file, or its folder, is not used.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The path is a symbolic link.
    #[error(
        "{} is a symbolic link to {}, and this program follows no link here; if you created the link, stop the daemon \
         and name its target instead of the link; otherwise find out who created it, and remove only the link",
        path.display(),
        target.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Its target, as written in the link.
        target: PathBuf,
    },
    /// The file has a second name in a folder that another user can change.
    #[error(
        "{} has more than one hard link; find out who created the other one, and remove that one, not this file",
        path.display()
    )]
    HardLink {
        /// The file.
        path: PathBuf,
    },
    /// The path is not a regular file.
    #[error("{} is {kind} and not a regular file; name the path of a file instead", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is: `a folder`.
        kind: &'static str,
    },
    /// Users other than the owner can change what is in the folder.
    #[error(
        "users other than its owner may write to the folder {} (mode {mode:04o}); if only this program uses it, remove \
         the write permission of group and others; otherwise move the files of this program, above all the state, to \
         a folder of their own, and name their new path",
        path.display()
    )]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The folder belongs to a user who is neither root nor the user of this process.
    #[error(
        "the folder {} belongs to the user with id {owner}, and this process runs as the user with id {user}; run the \
         command as root",
        path.display()
    )]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// User id of this process.
        user: u32,
    },
    /// The operating system reported an error.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// A folder whose owner and mode were checked. It stays the same folder if its path is changed afterwards.
#[derive(Debug)]
pub struct PrivateFolder {
    handle: File,
    path: PathBuf,
    owner: (u32, u32),
}

impl PrivateFolder {
    /// Opens the folder at `path`; creates it with `mode` if it is missing.
    pub fn make(path: &Path, mode: u32) -> Result<Self, FileFault> {
        let wrong = |source| FileFault::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(mode).create(path).map_err(wrong)?;
        Self::open(path)?.ok_or_else(|| wrong(io::ErrorKind::NotFound.into()))
    }

    /// Opens the folder at `path`; `None` if it is missing.
    pub fn open(path: &Path) -> Result<Option<Self>, FileFault> {
        let wrong = |source: io::Error| FileFault::Io { path: path.to_owned(), source };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(handle) => File::from(handle),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(wrong(error.into())),
        };
        let found = handle.metadata().map_err(wrong)?;
        let folder = Self { handle, path: path.to_owned(), owner: (found.uid(), found.gid()) };
        folder.is_trusted(found.mode() & 0o7777).map(|()| Some(folder))
    }

    /// Root trusts the folder of any user, because it opens no links in it.
    fn is_trusted(&self, mode: u32) -> Result<(), FileFault> {
        let (owner, user) = (self.owner.0, geteuid().as_raw());
        if user != 0 && owner != 0 && owner != user {
            return Err(FileFault::ForeignFolder { path: self.path.clone(), owner, user });
        }
        if mode & CHANGED_BY_OTHERS != 0 {
            return Err(FileFault::OpenFolder { path: self.path.clone(), mode });
        }
        Ok(())
    }

    /// Opens a file to read and write it; creates it with mode 0600 if it is missing. A file that root creates gets the
    /// owner of the folder.
    pub fn open_or_create(&self, name: &OsStr) -> Result<File, FileFault> {
        let create = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        match self.open_at(name, create) {
            Ok(file) => {
                self.give_to_owner(&file).map_err(|source| self.io_fault(name, source))?;
                Ok(file)
            }
            Err(Errno::EXIST) => {
                let file = self.open_at(name, OFlags::RDWR).map_err(|error| self.fault(name, error))?;
                self.examined(name, file)
            }
            Err(error) => Err(self.fault(name, error)),
        }
    }

    /// Opens a file to read it; `None` if it is missing.
    pub fn open_existing(&self, name: &OsStr) -> Result<Option<File>, FileFault> {
        match self.open_at(name, OFlags::RDONLY) {
            Ok(file) => self.examined(name, file).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.fault(name, error)),
        }
    }

    /// Returns an error if there is a symbolic link with this name.
    pub fn refuse_link(&self, name: &OsStr) -> Result<(), FileFault> {
        match self.kind_of(name) {
            Some(FileType::Symlink) => Err(self.fault(name, Errno::LOOP)),
            _ => Ok(()),
        }
    }

    /// Sets the mode of the entry with this name, never that of a file to which it links.
    pub fn set_mode(&self, name: &OsStr, mode: u32) -> Result<(), FileFault> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let set = openat(&self.handle, name, flags, Mode::empty()).map_err(io::Error::from).and_then(|handle| {
            // The kernel refuses to change the mode through such a handle, but allows it through its path (`man 2
            // open`, O_PATH).
            let by_name = format!("/proc/self/fd/{}", handle.as_raw_fd());
            std::fs::set_permissions(by_name, Permissions::from_mode(mode))
        });
        set.map_err(|source| self.io_fault(name, source))
    }

    /// The kind of the entry with this name; `None` if there is none.
    fn kind_of(&self, name: &OsStr) -> Option<FileType> {
        let found = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(found.st_mode))
    }

    /// Non-blocking, because opening a named pipe waits for its other end.
    fn open_at(&self, name: &OsStr, flags: OFlags) -> Result<File, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        openat(&self.handle, name, flags, Mode::from_raw_mode(FILE_MODE)).map(File::from)
    }

    fn examined(&self, name: &OsStr, file: File) -> Result<File, FileFault> {
        let found = fstat(&file).map_err(|error| self.io_fault(name, error))?;
        let kind = FileType::from_raw_mode(found.st_mode);
        if kind != FileType::RegularFile {
            return Err(FileFault::NotAFile { path: self.path.join(name), kind: described(kind) });
        }
        // A user can add a hard link to a file that only root may change, unless the kernel forbids it.
        if geteuid().is_root() && self.owner.0 != 0 && found.st_nlink > 1 {
            return Err(FileFault::HardLink { path: self.path.join(name) });
        }
        Ok(file)
    }

    fn give_to_owner(&self, file: &File) -> Result<(), Errno> {
        let (user, group) = self.owner;
        if user == 0 || !geteuid().is_root() {
            return Ok(());
        }
        fchown(file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))
    }

    /// Why the file with this name could not be opened.
    fn fault(&self, name: &OsStr, error: Errno) -> FileFault {
        let path = self.path.join(name);
        match self.kind_of(name) {
            Some(FileType::Symlink) => {
                let target = readlinkat(&self.handle, name, Vec::new());
                let target =
                    target.map(|target| PathBuf::from(OsStr::from_bytes(target.to_bytes()))).unwrap_or_default();
                FileFault::Link { path, target }
            }
            Some(FileType::RegularFile) | None => FileFault::Io { path, source: error.into() },
            Some(kind) => FileFault::NotAFile { path, kind: described(kind) },
        }
    }

    fn io_fault(&self, name: &OsStr, source: impl Into<io::Error>) -> FileFault {
        FileFault::Io { path: self.path.join(name), source: source.into() }
    }
}

fn described(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    }
}

/// The folder and the file name of a path.
fn parts(path: &Path) -> Result<(&Path, &OsStr), FileFault> {
    let name = path.file_name().ok_or_else(|| FileFault::NotAFile { path: path.to_owned(), kind: "a folder" })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder, name))
}

/// Opens a file to read and write it; creates it, and its folder, if they are missing.
pub(super) fn open_or_create(path: &Path) -> Result<File, FileFault> {
    let (folder, name) = parts(path)?;
    PrivateFolder::make(folder, FOLDER_MODE)?.open_or_create(name)
}

/// Opens a file to read it; `None` if it is missing.
pub(super) fn open_existing(path: &Path) -> Result<Option<File>, FileFault> {
    let (folder, name) = parts(path)?;
    match PrivateFolder::open(folder)? {
        Some(folder) => folder.open_existing(name),
        None => Ok(None),
    }
}

/// The path with a suffix: `state.db-wal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
