//! The configuration of a history, as an administrator changes it between runs.

use campaign_group_sync::{
    domain::{AssociationMask, Manage, Membership, MissingPolicy, OperatorLogin, OrphanedGroup, WithoutGroups},
    experience_cloud::ReadChoice,
    sync::{Confirmation, SyncOptions},
};

use super::view::{PREFIX, lower};

/// The association masks that are configured, each with what the model says that it captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    /// Everything after the prefix.
    All,
    /// The same, as a literal prefix.
    Prefix,
    /// Names of letters only.
    Letters,
    /// Names that begin with a letter up to `o`.
    FirstHalf,
}

impl Mask {
    pub(super) const EACH: [Self; 4] = [Self::All, Self::Prefix, Self::Letters, Self::FirstHalf];

    /// The text in the configuration.
    pub(super) fn text(self) -> String {
        match self {
            Self::All => format!("{PREFIX}(.*)"),
            Self::Prefix => PREFIX.to_owned(),
            Self::Letters => format!("{PREFIX}([a-z]+)"),
            Self::FirstHalf => format!("{PREFIX}([a-o].*)"),
        }
    }

    /// The operator group that a profile of this name stands for, in lower case.
    pub(super) fn group(self, profile: &str) -> Option<String> {
        let (prefix, name) = (PREFIX.to_lowercase(), profile.to_lowercase());
        let group = name.strip_prefix(&prefix)?;
        let is_matched = match self {
            Self::All | Self::Prefix => true,
            Self::Letters => group.chars().all(|letter| letter.is_ascii_lowercase()),
            Self::FirstHalf => group.starts_with(|letter| ('a'..='o').contains(&letter)),
        };
        (is_matched && !group.is_empty()).then(|| lower(group))
    }
}

/// One changed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    MaxRemovals(usize),
    RemovalsPercent(u8),
    GroupPercent(u8),
    ShrinkPercent(u8),
    MaxNewOperators(usize),
    Mask(Mask),
    DirectOnly(bool),
    ManageAll(bool),
    EmptyOrphans(bool),
    CreateOperators(bool),
    CreateGroups(bool),
    DisableWithoutGroups(bool),
    Protect(String),
    ConfirmRemovals(bool),
    ReadProfiles(bool),
}

/// The configuration in force.
#[expect(clippy::struct_excessive_bools, reason = "keys with two values, as an administrator sets them")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) max_removals: usize,
    pub(super) removals_percent: usize,
    pub(super) group_percent: usize,
    pub(super) shrink_percent: usize,
    pub(super) max_new_operators: usize,
    pub(super) mask: Mask,
    pub(super) direct_only: bool,
    pub(super) manage_all: bool,
    pub(super) empty_orphans: bool,
    pub(super) create_operators: bool,
    pub(super) create_groups: bool,
    pub(super) disable_without_groups: bool,
    pub(super) protected: Vec<String>,
    pub(super) confirm_removals: bool,
    pub(super) read_profiles: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_removals: 50,
            removals_percent: 20,
            group_percent: 34,
            shrink_percent: 20,
            max_new_operators: 25,
            mask: Mask::All,
            direct_only: false,
            manage_all: false,
            empty_orphans: false,
            create_operators: false,
            create_groups: false,
            disable_without_groups: false,
            protected: Vec::new(),
            confirm_removals: true,
            read_profiles: false,
        }
    }
}

impl Setting {
    /// The key and its value, as in the configuration file.
    pub(super) fn described(&self) -> String {
        let of_instance = |line: String| format!("[instances.production] {line}");
        let one_of =
            |key: &str, on: bool, yes: &str, no: &str| of_instance(format!("{key} = {:?}", if on { yes } else { no }));
        match self {
            Self::MaxRemovals(limit) => format!("[guard] max_removals = {limit}"),
            Self::RemovalsPercent(limit) => format!("[guard] max_removals_percent = {limit}"),
            Self::GroupPercent(limit) => format!("[guard] max_group_removals_percent = {limit}"),
            Self::ShrinkPercent(limit) => format!("[guard] max_source_shrink_percent = {limit}"),
            Self::MaxNewOperators(limit) => format!("[guard] max_new_operators = {limit}"),
            Self::Mask(mask) => of_instance(format!("association_mask = {:?}", mask.text())),
            Self::DirectOnly(on) => {
                format!("[experience_cloud] membership = {:?}", if *on { "direct" } else { "effective" })
            }
            Self::ManageAll(on) => one_of("manage", *on, "all", "ims"),
            Self::EmptyOrphans(on) => one_of("orphaned_group", *on, "empty", "keep"),
            Self::CreateOperators(on) => one_of("missing_operator", *on, "create", "skip"),
            Self::CreateGroups(on) => one_of("missing_group", *on, "create", "skip"),
            Self::DisableWithoutGroups(on) => one_of("without_groups", *on, "disable", "keep"),
            Self::Protect(login) => of_instance(format!("protected_operators += {login:?}")),
            Self::ConfirmRemovals(on) => {
                format!("[guard] removal_confirmation = {:?}", if *on { "reread" } else { "off" })
            }
            Self::ReadProfiles(on) => {
                format!("[experience_cloud] read = {:?}", if *on { "profiles" } else { "organization" })
            }
        }
    }
}

impl Config {
    pub(super) fn change(&mut self, setting: &Setting) {
        match setting {
            Setting::MaxRemovals(limit) => self.max_removals = *limit,
            Setting::RemovalsPercent(limit) => self.removals_percent = usize::from(*limit),
            Setting::GroupPercent(limit) => self.group_percent = usize::from(*limit),
            Setting::ShrinkPercent(limit) => self.shrink_percent = usize::from(*limit),
            Setting::MaxNewOperators(limit) => self.max_new_operators = *limit,
            Setting::Mask(mask) => self.mask = *mask,
            Setting::DirectOnly(on) => self.direct_only = *on,
            Setting::ManageAll(on) => self.manage_all = *on,
            Setting::EmptyOrphans(on) => self.empty_orphans = *on,
            Setting::CreateOperators(on) => self.create_operators = *on,
            Setting::CreateGroups(on) => self.create_groups = *on,
            Setting::DisableWithoutGroups(on) => self.disable_without_groups = *on,
            Setting::Protect(login) => self.protected.push(login.clone()),
            Setting::ConfirmRemovals(on) => self.confirm_removals = *on,
            Setting::ReadProfiles(on) => self.read_profiles = *on,
        }
    }

    /// Gives the options of the program these values.
    pub(super) fn write_to(&self, options: &mut SyncOptions) {
        let percent = |value: usize| u8::try_from(value).expect("a percentage");
        let missing = |create: bool| if create { MissingPolicy::Create } else { MissingPolicy::Skip };
        options.limits.max_removals = self.max_removals;
        options.limits.max_removals_percent = percent(self.removals_percent);
        options.limits.max_group_removals_percent = percent(self.group_percent);
        options.limits.max_source_shrink_percent = percent(self.shrink_percent);
        options.limits.max_new_operators = self.max_new_operators;
        options.confirmation = if self.confirm_removals { Confirmation::Reread } else { Confirmation::Off };
        options.experience_cloud.membership = if self.direct_only { Membership::Direct } else { Membership::Effective };
        options.experience_cloud.read =
            if self.read_profiles { ReadChoice::Profiles } else { ReadChoice::Organization };
        for instance in &mut options.instances {
            let policy = &mut instance.policy;
            policy.mask = AssociationMask::parse(&self.mask.text()).expect("a mask");
            policy.missing_operator = missing(self.create_operators);
            policy.missing_group = missing(self.create_groups);
            policy.manage = if self.manage_all { Manage::All } else { Manage::Ims };
            policy.without_groups =
                if self.disable_without_groups { WithoutGroups::Disable } else { WithoutGroups::Keep };
            policy.orphaned_group = if self.empty_orphans { OrphanedGroup::Empty } else { OrphanedGroup::Keep };
            policy.protected_operators = self.protected.iter().map(OperatorLogin::new).collect();
        }
    }
}
