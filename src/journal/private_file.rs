//! Files that nobody but the owner of their folder can put elsewhere: the folder's owner and mode are checked, and no file in it
//! is opened through a link.
//!
//! The folder itself may be reached through links: systemd makes `/var/lib/NAME` one to `/var/lib/private/NAME` where the
//! service has a dynamic user. What is checked is the folder at the end of them.

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

/// Mode of a folder that is made for the state.
const FOLDER_MODE: u32 = 0o700;

/// Mode of a new file.
const FILE_MODE: u32 = 0o600;

/// The modes that let others than the owner change what is in a folder.
const CHANGED_BY_OTHERS: u32 = 0o022;

/// Why a file, or its folder, is not used.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// A symbolic link stands where the file belongs.
    #[error(
        "{} is a symbolic link to {}, and no link is followed here; if you made the link, stop the daemon and name the file \
         that it leads to in the configuration; otherwise find out who made it, and remove the link only",
        path.display(),
        target.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// What it points to, as written in it.
        target: PathBuf,
    },
    /// The file has a second name, in a folder that another user can change.
    #[error(
        "{} has more than one name (hard links); find out who made the other one, and remove that one, not this file",
        path.display()
    )]
    HardLink {
        /// The file.
        path: PathBuf,
    },
    /// Something else stands where the file belongs.
    #[error("{} is {kind} and not a regular file; name the path of a file in the configuration", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is: `a folder`.
        kind: &'static str,
    },
    /// Others than its owner can change what is in the folder.
    #[error(
        "users other than its owner may change the folder {} (mode {mode:04o}); if it is for this program only, take the right \
         to write from group and others; otherwise move what belongs to this program, the state above all, to a folder of its \
         own and name that in the configuration",
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
        "the folder {} belongs to the user with id {owner}, and this process runs as the user with id {user}; run the command \
         as root",
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
    /// The operating system refused.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// A folder whose owner and mode were checked. It stays the same folder when its path is changed meanwhile.
#[derive(Debug)]
pub struct PrivateFolder {
    handle: File,
    path: PathBuf,
    owner: (u32, u32),
}

impl PrivateFolder {
    /// The folder at `path`, made with `mode` where it is missing.
    pub fn make(path: &Path, mode: u32) -> Result<Self, FileFault> {
        let wrong = |source| FileFault::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(mode).create(path).map_err(wrong)?;
        Self::open(path)?.ok_or_else(|| wrong(io::ErrorKind::NotFound.into()))
    }

    /// The folder at `path`; `None` where there is none.
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

    /// Root trusts the folder of any user: it opens nothing in it that leads elsewhere.
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

    /// Opens a file to read and write it; makes it with mode 0600 where it is missing. What root makes belongs to the
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

    /// Opens a file to read it; `None` where there is none.
    pub fn open_existing(&self, name: &OsStr) -> Result<Option<File>, FileFault> {
        match self.open_at(name, OFlags::RDONLY) {
            Ok(file) => self.examined(name, file).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.fault(name, error)),
        }
    }

    /// Fails where a symbolic link stands at this name.
    pub fn refuse_link(&self, name: &OsStr) -> Result<(), FileFault> {
        match self.kind_of(name) {
            Some(FileType::Symlink) => Err(self.fault(name, Errno::LOOP)),
            _ => Ok(()),
        }
    }

    /// Sets the mode of what stands at this name, never that of something a link leads to.
    pub fn set_mode(&self, name: &OsStr, mode: u32) -> Result<(), FileFault> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let set = openat(&self.handle, name, flags, Mode::empty()).map_err(io::Error::from).and_then(|handle| {
            // The kernel changes no mode through such a handle itself, only through its name (`man 2 open`, O_PATH).
            let by_name = format!("/proc/self/fd/{}", handle.as_raw_fd());
            std::fs::set_permissions(by_name, Permissions::from_mode(mode))
        });
        set.map_err(|source| self.io_fault(name, source))
    }

    /// What stands at this name; `None` where nothing does.
    fn kind_of(&self, name: &OsStr) -> Option<FileType> {
        let found = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(found.st_mode))
    }

    /// Non-blocking: a named pipe would wait for its other end.
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
        // A user can give a second name to a file that only root may change, where the kernel does not forbid it.
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

    /// Why this name could not be opened.
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

/// The folder of a path, and the name in it; the path must be that of a file.
fn parts(path: &Path) -> Result<(&Path, &OsStr), FileFault> {
    let name = path.file_name().ok_or_else(|| FileFault::NotAFile { path: path.to_owned(), kind: "a folder" })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder, name))
}

/// Opens a file to read and write it; makes it, and its folder, where they are missing.
pub(super) fn open_or_create(path: &Path) -> Result<File, FileFault> {
    let (folder, name) = parts(path)?;
    PrivateFolder::make(folder, FOLDER_MODE)?.open_or_create(name)
}

/// Opens a file to read it; `None` where there is none.
pub(super) fn open_existing(path: &Path) -> Result<Option<File>, FileFault> {
    let (folder, name) = parts(path)?;
    match PrivateFolder::open(folder)? {
        Some(folder) => folder.open_existing(name),
        None => Ok(None),
    }
}

/// The path with something at its end: `state.db-wal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
