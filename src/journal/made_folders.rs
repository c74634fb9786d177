//! Folders that are created for a new state: they get the owner of the service, and are removed if the state is not
//! created.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, fchown},
    process::{Gid, Uid, geteuid},
};

use super::{
    JournalError,
    private_file::{FOLDER_MODE, FileFault, PrivateFolder},
};

/// The user and the group that own a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// The owner of the file or folder at this path; `None` if there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        Some(Self { user: found.uid(), group: found.gid() })
    }
}

/// Folders that this process created, the outermost first. Those that are still empty are removed when the value is
/// dropped.
#[derive(Debug, Default)]
pub(super) struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Creates the missing folders of the file at `path`, in a folder that only its owner can change. Folders that root
    /// creates get this owner, or else that of the folder in which they are created.
    pub(super) fn of_file(path: &Path, owner: Option<Owner>) -> Result<Self, JournalError> {
        let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        let missing: Vec<&Path> = folders.take_while(|folder| folder.symlink_metadata().is_err()).collect();
        let mut made = Self::default();
        let Some(outer) = missing.last().and_then(|outermost| outermost.parent()) else { return Ok(made) };
        let outer = if outer.as_os_str().is_empty() { Path::new(".") } else { outer };
        let owner = owner.or_else(|| Owner::of(outer));
        // Another user could replace the new folder before it gets its owner.
        PrivateFolder::open(outer)?;
        for folder in missing.into_iter().rev() {
            let wrong = |source| FileFault::Io { path: folder.to_owned(), source };
            DirBuilder::new().mode(FOLDER_MODE).create(folder).map_err(wrong)?;
            made.0.push(folder.to_owned());
            give(folder, owner).map_err(wrong)?;
        }
        Ok(made)
    }

    /// Leaves the folders where they are.
    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // A folder in which another process has created a file stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Gives a new folder to this owner; only root can.
fn give(folder: &Path, owner: Option<Owner>) -> io::Result<()> {
    let Some(Owner { user, group }) = owner.filter(|owner| owner.user != 0 && geteuid().is_root()) else {
        return Ok(());
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = File::from(rustix::fs::open(folder, flags, Mode::empty())?);
    Ok(fchown(&handle, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?)
}
