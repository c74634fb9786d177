//! The association mask, the names of the product profiles and the names of the operator groups.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    confusables::skeleton,
    findings::{CheckOutcome, Findings},
    mask_shape::MaskShape,
    name_diff::near_match,
    prerequisites::{
        ACCOUNT_MASK, AMBIGUOUS, CONTROL_PANEL, GROUPS, LOOK_ALIKES, MASK, MATCHES, ONE_GROUP_EACH, UNFED,
    },
    report::FailureCause,
    value_diff::shown,
};
use crate::{
    domain::{
        AssociationMask, CampaignSnapshot, FoldedName, LooseName, Manage, MaskMatch, MissingPolicy, OperatorGroup,
        Policy, ProductProfile, ambiguous_operators, opens_control_panel, shell_word,
    },
    experience_cloud::ProfileListing,
};

/// How many names one line of evidence shows; the others are counted.
pub(super) const NAMES_SHOWN: usize = 8;

/// Checks the names of one instance, as far as the organization and Campaign could be read.
pub(super) fn check(
    findings: &mut Findings,
    policy: &Policy,
    listing: Option<&ProfileListing>,
    campaign: Option<&CampaignSnapshot>,
) {
    let (name, mask) = (policy.instance.as_str(), &policy.mask);
    if let Some(campaign) = campaign {
        findings.record_for(name, AMBIGUOUS, ambiguous(campaign, policy.manage));
    }
    let matched = listing.map(|listing| matched(mask, listing.profiles()));
    findings.record_for(name, MASK, mask_plausibility(mask, matched.as_deref()));
    let (Some(listing), Some(matched)) = (listing, matched) else { return };
    if matched.is_empty() {
        // A mask that differs from the external account's, or has unusual spaces, is reported already and explains
        // this.
        if ![ACCOUNT_MASK, MASK].into_iter().any(|id| findings.has_failed(name, id)) {
            findings.record_for(name, MATCHES, no_match(mask, listing.profiles()));
        }
        return;
    }
    let count = listing.profiles().len();
    findings.record_for(name, MATCHES, CheckOutcome::ok(format!("{} of {count} product profiles", matched.len())));
    findings.record_for(name, ONE_GROUP_EACH, one_group_each(&matched));
    findings.record_for(name, LOOK_ALIKES, look_alikes(mask, listing.profiles()));
    findings.record_for(name, CONTROL_PANEL, control_panel(&matched));
    if let Some(campaign) = campaign {
        findings.record_for(name, GROUPS, groups(&matched, campaign, policy));
        findings.record_for(name, UNFED, unfed(&matched, campaign));
    }
}

/// The matched profiles, each with its operator group.
fn matched<'a>(mask: &AssociationMask, profiles: &'a [ProductProfile]) -> Vec<(&'a str, String)> {
    let group = |profile: &'a ProductProfile| match mask.matches(profile.name.as_str()) {
        MaskMatch::Group(group) => Some((profile.name.as_str(), group.to_string())),
        MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
    };
    profiles.iter().filter_map(group).collect()
}

fn mask_plausibility(mask: &AssociationMask, matched: Option<&[(&str, String)]>) -> CheckOutcome {
    let characters: Vec<char> = mask.as_str().chars().collect();
    let has_unusual_spaces = mask.as_str().contains("  ")
        || mask.as_str().starts_with(char::is_whitespace)
        || mask.as_str().chars().any(|character| character.is_whitespace() && character != ' ');
    let (evidence, remedy) = match mask.warning() {
        Some(doubt) => (
            doubt,
            "if the mask is to name the group by its last part, write it like Campaign - acme - (.*); \
                     campaign-group-sync mask --try='MASK' shows what another mask matches, before you change it here and in \
                     the external account",
        ),
        None if has_unusual_spaces => (
            format!("unusual spaces: {}", shown(&characters)),
            "compare the spaces with those of the profile names; where the names do not have them, remove them here and in the \
             external account (campaign-group-sync mask --try='MASK' shows what another mask matches)",
        ),
        None => return CheckOutcome::ok(mask.as_str()),
    };
    match matched {
        Some([]) => {
            CheckOutcome::failed(FailureCause::Configuration, format!("{evidence}; it matches no profile"), remedy)
        }
        _ => CheckOutcome::warning(evidence, remedy),
    }
}

fn no_match(mask: &AssociationMask, profiles: &[ProductProfile]) -> CheckOutcome {
    let near = near(mask, profiles);
    let of_instances = named_by_instance(profiles);
    let compare = "compare the mask with the names of the product profiles in the Admin Console (campaign-group-sync mask \
                   shows each difference)";
    let (found, remedy) = if !near.is_empty() {
        (format!("nearly: {}", listed(&near, NAMES_SHOWN)), compare.to_owned())
    } else if let Some(prefix) = of_instances.first() {
        let found = format!("there are profiles that begin with {}", listed(&of_instances, NAMES_SHOWN));
        let remedy = format!(
            "Campaign v8 names product profiles by the instance instead of the tenant (campaign - instance - group): \
             campaign-group-sync mask --try={} shows what such a mask matches; compare it with the external account of \
             the instance",
            shell_word(&format!("{prefix}(.*)"))
        );
        (found, remedy)
    } else {
        (String::new(), compare.to_owned())
    };
    let separator = if found.is_empty() { "" } else { "; " };
    let evidence = format!("none of {} product profiles{separator}{found}", profiles.len());
    CheckOutcome::failed(FailureCause::Incomplete, evidence, remedy)
}

/// The beginnings of profile names of Campaign v8, `campaign - instance - `, without duplicates.
fn named_by_instance(profiles: &[ProductProfile]) -> Vec<String> {
    let prefix = |profile: &ProductProfile| {
        let mut parts = profile.name.as_str().splitn(3, " - ");
        let (product, instance, group) = (parts.next()?, parts.next()?, parts.next()?);
        (product.eq_ignore_ascii_case("campaign") && !group.is_empty()).then(|| format!("{product} - {instance} - "))
    };
    let prefixes: BTreeSet<String> = profiles.iter().filter_map(prefix).collect();
    prefixes.into_iter().collect()
}

fn one_group_each(matched: &[(&str, String)]) -> CheckOutcome {
    // A run skips groups that look alike in the same way as one group.
    let mut by_group: BTreeMap<LooseName, (FoldedName, Vec<&str>)> = BTreeMap::new();
    for (profile, group) in matched {
        let group = FoldedName::new(group);
        by_group.entry(group.loose()).or_insert_with(|| (group, Vec::new())).1.push(profile);
    }
    let twice: Vec<String> = by_group
        .into_values()
        .filter(|(_, profiles)| profiles.len() > 1)
        .map(|(group, profiles)| format!("{}: {}", group.as_str(), listed(&profiles, NAMES_SHOWN)))
        .collect();
    if twice.is_empty() {
        return CheckOutcome::ok("each maps to a group of its own");
    }
    CheckOutcome::warning(
        twice.join("\n"),
        "decide which of them is to determine the members of the group, assign it to the users who are to stay in the group, and rename the \
         others in the Admin Console; until then nothing is added to the group or removed from it",
    )
}

fn look_alikes(mask: &AssociationMask, profiles: &[ProductProfile]) -> CheckOutcome {
    let near = near(mask, profiles);
    if near.is_empty() {
        return CheckOutcome::ok("none");
    }
    let remedy = "find out whether these profiles are meant for this instance (campaign-group-sync mask shows each \
                  difference): if so, correct the names in the Admin Console, and review the additions, which a run may hold \
                  until they are approved; if not, do not change them";
    CheckOutcome::warning(near.iter().map(|name| characters(name)).collect::<Vec<_>>().join("\n"), remedy)
}

/// Profiles that the mask nearly matches, as `mask` shows them.
fn near<'a>(mask: &AssociationMask, profiles: &'a [ProductProfile]) -> Vec<&'a str> {
    let shape = MaskShape::of(mask);
    let names = profiles.iter().map(|profile| profile.name.as_str());
    names.filter(|name| near_match(mask, &shape, name).is_some()).collect()
}

fn groups(matched: &[(&str, String)], campaign: &CampaignSnapshot, policy: &Policy) -> CheckOutcome {
    let known = |group: &str| campaign.groups().iter().any(|known| known.name.folded() == FoldedName::new(group));
    let missing: Vec<String> = matched
        .iter()
        .filter(|(_, group)| !known(group))
        .map(|(profile, group)| {
            let alike = campaign.groups().iter().find(|known| skeleton(known.name.as_str()) == skeleton(group));
            let alike = alike.map(|alike| format!("; nearly {}", characters(alike.name.as_str()))).unwrap_or_default();
            format!("{profile}: there is no group {}{alike}", characters(group))
        })
        .collect();
    if missing.is_empty() {
        return CheckOutcome::ok(format!("{} groups", matched.len()));
    }
    let looks_like = |group: &str, known: &OperatorGroup| known.name.folded().loose() == FoldedName::new(group).loose();
    let looks_known = |group: &str| campaign.groups().iter().any(|known| looks_like(group, known));
    let is_creatable = |(_, group): &(&str, String)| known(group) || !looks_known(group);
    if policy.missing_group == MissingPolicy::Create && matched.iter().all(is_creatable) {
        return CheckOutcome::ok(format!("the next run creates {}", missing.len()));
    }
    let remedy = format!(
        "create the groups in Campaign (Administration > Access management > Operator groups, with exactly this internal \
         name), correct the names of the profiles, or have runs create every missing group with missing_group = \"create\" \
         under [instances.{}]",
        policy.instance
    );
    CheckOutcome::warning(missing.join("\n"), remedy)
}

/// Reports groups without a profile; they are normal: built-in groups, and groups whose members an administrator
/// assigns.
fn unfed(matched: &[(&str, String)], campaign: &CampaignSnapshot) -> CheckOutcome {
    let is_fed = |name: &str| matched.iter().any(|(_, group)| FoldedName::new(group) == FoldedName::new(name));
    let groups = campaign.groups().iter().map(|group| group.name.as_str());
    let unfed: Vec<&str> = groups.filter(|name| !is_fed(name)).collect();
    CheckOutcome::ok(if unfed.is_empty() {
        "none".to_owned()
    } else {
        format!("not changed: {}", listed(&unfed, NAMES_SHOWN))
    })
}

fn control_panel(matched: &[(&str, String)]) -> CheckOutcome {
    let opening: Vec<&str> =
        matched.iter().map(|(profile, _)| *profile).filter(|name| opens_control_panel(name)).collect();
    if opening.is_empty() {
        return CheckOutcome::ok("none has \"admin\" in its name");
    }
    let remedy = "Adobe gives members of such a profile access to the Control Panel: if they must not have it, rename the profile in the Admin \
         Console; the changes of its group are then held until they are approved";
    CheckOutcome::warning(listed(&opening, NAMES_SHOWN), remedy)
}

fn ambiguous(campaign: &CampaignSnapshot, manage: Manage) -> CheckOutcome {
    let operators = ambiguous_operators(campaign, manage);
    let operators = operators.iter().map(|duplicates| {
        listed(&duplicates.iter().map(|operator| operator.login.as_str()).collect::<Vec<_>>(), NAMES_SHOWN)
    });
    let groups = duplicates(campaign.groups().iter().map(|group| group.name.as_str()));
    let found: Vec<String> = operators
        .map(|names| format!("operators {names}"))
        .chain(groups.iter().map(|names| format!("operator groups {names}")))
        .collect();
    if found.is_empty() {
        let (operators, groups) = (campaign.operators().len(), campaign.groups().len());
        return CheckOutcome::ok(format!("{operators} operators, {groups} operator groups"));
    }
    let remedy = "find out in Campaign which of them is in use, and rename the others; until then nothing is added to them or \
                  removed from them; deleting one deletes its memberships too";
    CheckOutcome::warning(found.join("\n"), remedy)
}

/// Groups of names that differ only in letter case and surrounding spaces.
fn duplicates<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut by_fold: BTreeMap<FoldedName, Vec<&str>> = BTreeMap::new();
    for name in names {
        by_fold.entry(FoldedName::new(name)).or_default().push(name);
    }
    by_fold.into_values().filter(|names| names.len() > 1).map(|names| listed(&names, NAMES_SHOWN)).collect()
}

fn characters(name: &str) -> String {
    shown(&name.chars().collect::<Vec<_>>())
}

/// The first `most` names of a list; the others are counted.
pub(super) fn listed(names: &[impl AsRef<str>], most: usize) -> String {
    let text = names.iter().take(most).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
