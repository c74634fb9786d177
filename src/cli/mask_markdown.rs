//! The report of `mask` in Markdown.

use crate::check::{InstanceMaskReport, MaskReport, MatchChange, MatchKind, ProfileMatch, TriedMask};

use super::{
    markdown::{cell, table},
    mask_text::{groups, meaning, notes, origin, remark},
    report_markdown,
};

/// The report.
pub(super) fn markdown(report: &MaskReport) -> String {
    let mut sections = vec!["# Association mask".to_owned()];
    sections.extend(origin(report).map(|origin| format!("{origin}.")));
    for instance in &report.instances {
        instance_sections(&mut sections, instance);
    }
    let mut text = sections.join("\n\n") + "\n";
    if let Some(run) = &report.run {
        text.push_str("\nWhat a run with the tried mask would change (nothing was changed):\n\n");
        text.push_str(&report_markdown::markdown(run));
    }
    text
}

fn instance_sections(sections: &mut Vec<String>, instance: &InstanceMaskReport) {
    sections.push(format!("## {}: {}", cell(&instance.name), cell(&instance.mask)));
    sections.extend(notes(instance).iter().map(|note| format!("Note: {}", cell(note))));
    let of = |matching| instance.names.iter().filter(move |name| name.matching == matching);
    let group = |name: &ProfileMatch| name.group.clone().unwrap_or_default();
    if of(MatchKind::Matched).count() > 0 {
        let rows = of(MatchKind::Matched).map(|name| [name.profile.clone(), group(name), remark(instance, name)]);
        sections.push(table(["Matched", "Operator group", "Remark"], rows));
    }
    if of(MatchKind::NearlyMatched).count() > 0 {
        let rows = of(MatchKind::NearlyMatched).map(|name| {
            let differences =
                name.differences.iter().map(|one| format!("character {}: {}", one.position, meaning(one)));
            let corrected = name.corrected.clone().unwrap_or_default();
            [name.profile.clone(), differences.collect::<Vec<_>>().join("; "), corrected, group(name)]
        });
        sections.push(table(["Nearly matched", "Difference", "Would match as", "Operator group"], rows));
    }
    if of(MatchKind::Unmatched).count() > 0 {
        let rows = of(MatchKind::Unmatched).map(|name| [name.profile.clone(), name.reason.clone().unwrap_or_default()]);
        sections.push(table(["Not matched", "Reason"], rows));
    }
    sections.extend(instance.tried.as_ref().map(tried_section));
}

fn tried_section(tried: &TriedMask) -> String {
    let changing: Vec<_> = tried.compared.iter().filter(|one| one.change != MatchChange::Same).collect();
    let title = format!("### With {}", cell(&tried.mask));
    let doubt = tried.warning.as_ref().map_or_else(String::new, |warning| format!("Note: {}\n\n", cell(warning)));
    if changing.is_empty() {
        return format!("{title}\n\n{doubt}The result is the same for every profile.");
    }
    let rows = changing.into_iter().map(|one| [one.profile.clone(), groups(one)]);
    format!("{title}\n\n{doubt}{}", table(["Profile", "Operator group"], rows))
}
