//! The socket file: created where no daemon listens, for the user of the daemon and the group of the file, and removed at the
//! end.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _},
        net::UnixStream as BlockingStream,
    },
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, unix::UCred};

use super::super::DaemonError;
use crate::journal::PrivateFolder;

/// Read and write for its user and its group only.
const SOCKET_MODE: u32 = 0o660;

/// The mode of a folder that the daemon creates for the socket; usually systemd has created one.
const FOLDER_MODE: u32 = 0o750;

/// The socket file; dropping the value removes it.
#[derive(Debug)]
pub(in super::super) struct SocketFile {
    path: PathBuf,
    /// Distinguishes the file from one that another process has created there in the meantime.
    inode: u64,
    user: u32,
    group: u32,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            // The next daemon replaces a file that remains.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates the socket, in a folder that only its owner can change. Replaces the file of a daemon that died; keeps a file with a
/// listener.
pub(in super::super) fn listen(path: &Path) -> Result<(UnixListener, SocketFile), DaemonError> {
    let wrong = |source| DaemonError::Socket { path: path.to_owned(), source };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(wrong(io::ErrorKind::InvalidInput.into()));
    };
    let folder = PrivateFolder::make(parent, FOLDER_MODE)?;
    folder.refuse_link(name)?;
    if is_answered(path).map_err(wrong)? {
        return Err(DaemonError::Held { holder: format!("it listens at {}", path.display()) });
    }
    let listener = UnixListener::bind(path).map_err(wrong)?;
    folder.set_mode(name, SOCKET_MODE)?;
    let file = fs::symlink_metadata(path).map_err(wrong)?;
    let file = SocketFile { path: path.to_owned(), inode: file.ino(), user: file.uid(), group: file.gid() };
    Ok((listener, file))
}

/// Whether a process listens there. Removes a socket without a listener; any other file is an error.
fn is_answered(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the file there is not a socket; name another path in [control] socket",
            ));
        }
        Ok(_) => {}
    }
    match BlockingStream::connect(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map(|()| false),
        Err(error) => Err(error),
    }
}

impl SocketFile {
    /// Whether this client may use the socket: root, the user of the daemon, and members of the group of the socket.
    ///
    /// The mode of the file already excludes others; this check is for a file whose mode was changed. Where the groups of the
    /// client are hidden (`ProtectProc=invisible`), only the mode decides.
    pub(super) fn admits(&self, peer: &UCred) -> bool {
        self.is_allowed(peer.uid(), peer.gid(), || peer.pid().and_then(supplementary_groups))
    }

    fn is_allowed(&self, user: u32, group: u32, others: impl FnOnce() -> Option<Vec<u32>>) -> bool {
        let is_known = user == 0 || user == self.user || group == self.group;
        is_known || others().is_none_or(|groups| groups.contains(&self.group))
    }
}

/// The groups of a process (`man 5 proc_pid_status`).
fn supplementary_groups(process: i32) -> Option<Vec<u32>> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:"))?;
    Some(groups.split_whitespace().filter_map(|group| group.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_own_user_and_members_of_the_group_may_use_the_socket() {
        let file = SocketFile { path: PathBuf::new(), inode: 0, user: 990, group: 980 };
        let check = |(user, group): (u32, u32), others: Option<&[u32]>, expected: bool| {
            let others = others.map(<[u32]>::to_vec);
            assert_eq!(file.is_allowed(user, group, || others.clone()), expected, "{user} {group} {others:?}");
        };
        check((0, 0), Some(&[]), true);
        check((990, 1), Some(&[]), true);
        check((1000, 980), Some(&[]), true);
        check((1000, 1000), Some(&[27, 980]), true);
        check((1000, 1000), Some(&[27, 1000]), false);
        check((1000, 1000), Some(&[]), false);
        check((1000, 1000), None, true);
    }

    #[test]
    fn the_groups_of_this_process_can_be_read() {
        let own = i32::try_from(std::process::id()).expect("a process id");
        assert!(supplementary_groups(own).is_some());
    }
}
