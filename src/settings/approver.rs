//! The user who runs this program: the name and the system user that the journal stores with an approval.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use crate::domain::{Approver, SystemUser};

/// `sudo` sets it to the login name of the user who called it (`man sudo`).
const SUDO_VARIABLE: &str = "SUDO_USER";

/// Variables with the login name, for accounts of a directory service: the list of accounts does not have them.
const LOGIN_VARIABLES: [&str; 2] = ["LOGNAME", "USER"];

/// The accounts of this host (`man 5 passwd`).
const ACCOUNTS: &str = "/etc/passwd";

/// A folder that the user of this process owns (`man 5 proc`).
const OWN_PROCESS: &str = "/proc/self";

/// What the kernel writes for a process that no sign-in started, such as a service (`man 5 proc_pid_loginuid`).
const NO_LOGIN: u32 = u32::MAX;

/// The user who runs this program: the one who called `sudo`, else the user of the process by login name or as `uid
/// 1000`.
///
/// The name can be any text; the kernel reports the user of the process and the user who signed in. A user who may
/// write the journal may write anything into it: this is a note for the record and no proof of identity.
pub fn approver() -> Approver {
    let accounts = std::fs::read_to_string(ACCOUNTS).unwrap_or_default();
    let uid = std::fs::metadata(OWN_PROCESS).map(|process| process.uid()).ok();
    let name = name_of(&|name| std::env::var(name).ok(), &accounts, uid);
    let login = login_uid_of_file(&Path::new(OWN_PROCESS).join("loginuid"));
    Approver::claimed(&name).as_user(uid.map(system_user)).signed_in_as(login.map(system_user))
}

/// The user whose sign-in on this host started the process of this id: the kernel sets it once for a sign-in, and
/// `sudo` does not change it. `None` where no sign-in started the process, the process has ended, or the kernel does
/// not record it.
pub fn login_user(pid: u32) -> Option<SystemUser> {
    login_uid_of_file(&Path::new("/proc").join(pid.to_string()).join("loginuid")).map(system_user)
}

fn login_uid_of_file(file: &Path) -> Option<u32> {
    login_uid(&std::fs::read_to_string(file).ok()?)
}

/// Reads the text of `/proc/PID/loginuid`.
fn login_uid(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|uid| *uid != NO_LOGIN)
}

/// The user of this id, with the name that the list of accounts of this host has for it.
pub fn system_user(uid: u32) -> SystemUser {
    let accounts = std::fs::read_to_string(ACCOUNTS).unwrap_or_default();
    SystemUser { uid, name: account_of(&accounts, uid) }
}

fn name_of(variable: &dyn Fn(&str) -> Option<String>, accounts: &str, uid: Option<u32>) -> String {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    set(SUDO_VARIABLE)
        .or_else(|| account_of(accounts, uid?))
        .or_else(|| LOGIN_VARIABLES.into_iter().find_map(set))
        .unwrap_or_else(|| uid.map_or_else(|| "unknown".to_owned(), |uid| format!("uid {uid}")))
}

/// The login name of a user id. A line is `login:password:uid:…`.
fn account_of(accounts: &str, uid: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (login, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid) && !login.is_empty()).then(|| login.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";

    fn check(variables: &[(&str, &str)], uid: Option<u32>, expected: &str) {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(name_of(&variable, HOST, uid), expected, "{variables:?} {uid:?}");
    }

    #[test]
    fn the_caller_of_sudo_comes_before_the_account_and_the_account_before_other_variables() {
        check(&[("SUDO_USER", "zoe"), ("USER", "eve")], Some(0), "zoe");
        check(&[("SUDO_USER", ""), ("USER", "eve")], Some(1000), "ann");
        check(&[("LOGNAME", "dora"), ("USER", "eve")], Some(4711), "dora");
        check(&[("USER", "eve")], Some(4711), "eve");
        check(&[], Some(4711), "uid 4711");
        check(&[], None, "unknown");
    }

    #[test]
    fn a_login_user_is_a_number_other_than_the_one_for_no_sign_in() {
        let check = |text: &str, expected: Option<u32>| assert_eq!(login_uid(text), expected, "{text:?}");
        check("1004", Some(1004));
        check("1004\n", Some(1004));
        check("0", Some(0));
        check("4294967294", Some(4_294_967_294));
        check("4294967295", None);
        check("4294967296", None);
        check("-1", None);
        check("", None);
        check("carol", None);
    }

    #[test]
    fn the_login_user_of_a_process_is_read_from_the_kernel() {
        let file = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
        assert_eq!(login_user(std::process::id()).map(|user| user.uid), login_uid(&file));
        assert_eq!(approver().login().map(|user| user.uid), login_uid(&file));
        assert_eq!(login_user(u32::MAX), None, "there is no such process");
    }

    #[test]
    fn this_process_has_a_user() {
        assert!(approver().name() != "unknown" && approver().user().is_some());
    }
}
