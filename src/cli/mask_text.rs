//! The report of `mask` as text. A name that nearly matches has its differences marked below it.

use anstyle::Style;
use textwrap::core::display_width;

use crate::{
    check::{
        GroupPresence, InstanceMaskReport, MaskComparison, MaskReport, MatchChange, MatchKind, NameDifference,
        ProfileMatch, TriedMask, character_name,
    },
    domain::{printable, shell_word, to_the_second},
};

use super::{
    report_text,
    styles::{BAD, BOLD, DIM, DOUBT, GOOD, columns, line, styled},
};

/// The report.
pub(super) fn text(report: &MaskReport) -> String {
    let mut out = String::new();
    if let Some(origin) = origin(report) {
        line(&mut out, &styled(DIM, &origin));
        line(&mut out, "");
    }
    for (place, instance) in report.instances.iter().enumerate() {
        if place > 0 {
            line(&mut out, "");
        }
        instance_section(&mut out, instance);
    }
    if let Some(run) = &report.run {
        line(&mut out, "");
        line(&mut out, &format!("{BOLD}What a run with the tried mask would change{BOLD:#} (nothing was changed)"));
        line(&mut out, "");
        out.push_str(&report_text::text(run));
    }
    out
}

/// The listing that the names come from, in words.
pub(super) fn origin(report: &MaskReport) -> Option<String> {
    let listing = report.listing.as_ref()?;
    let profiles = counted(listing.profiles, "product profile", "product profiles");
    let until = listing
        .renewable_at
        .map_or_else(String::new, |at| format!("; new and renamed profiles are read after {}", to_the_second(at)));
    Some(format!("{profiles}, as listed at {}{until}", to_the_second(listing.read_at)))
}

/// `1 thing`, `2 things`.
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn instance_section(out: &mut String, instance: &InstanceMaskReport) {
    line(out, &format!("{BOLD}{}{BOLD:#}: {}", printable(&instance.name), styled(BOLD, &quoted(&instance.mask))));
    for doubt in notes(instance) {
        line(out, &format!("  {}", styled(DOUBT, &printable(&doubt))));
    }
    names_section(out, instance, &instance.names);
    if let Some(tried) = &instance.tried {
        tried_section(out, instance, tried);
    }
}

/// Warnings and errors of an instance.
pub(super) fn notes(instance: &InstanceMaskReport) -> Vec<String> {
    let mut notes: Vec<String> = instance.warning.iter().cloned().collect();
    notes.extend(
        instance.error.as_ref().map(|error| format!("the operator groups of Campaign could not be read: {error}")),
    );
    let is_none_matched = instance.names.iter().all(|name| name.matching != MatchKind::Matched);
    let corrected = instance.names.iter().find_map(|name| name.corrected_mask.as_deref());
    if let (true, Some(mask)) = (is_none_matched, corrected) {
        notes.push(format!(
            "no profile matches and some nearly match; if the mask is wrong, try another one: campaign-group-sync \
             mask --instance {} --try={}",
            shell_word(&instance.name),
            shell_word(mask)
        ));
    }
    notes
}

fn names_section(out: &mut String, instance: &InstanceMaskReport, names: &[ProfileMatch]) {
    let of = |matching| names.iter().filter(move |name| name.matching == matching);
    if of(MatchKind::Matched).count() > 0 {
        heading(out, "Matched", GOOD, of(MatchKind::Matched).count());
        let rows = of(MatchKind::Matched).map(|name| {
            let style = if needs_attention(name) { DOUBT } else { Style::new() };
            let group = format!("→ {}", name.group.clone().unwrap_or_default());
            (style, vec![name.profile.clone(), group, remark(instance, name)])
        });
        columns(out, "    ", rows);
    }
    if of(MatchKind::NearlyMatched).count() > 0 {
        heading(out, "Nearly matched", DOUBT, of(MatchKind::NearlyMatched).count());
        for (place, name) in of(MatchKind::NearlyMatched).enumerate() {
            if place > 0 {
                line(out, "");
            }
            near_lines(out, instance, name);
        }
    }
    if of(MatchKind::Unmatched).count() > 0 {
        heading(out, "Not matched", DIM, of(MatchKind::Unmatched).count());
        let rows = of(MatchKind::Unmatched)
            .map(|name| (DIM, vec![name.profile.clone(), name.reason.clone().unwrap_or_default()]));
        columns(out, "    ", rows);
    }
}

fn heading(out: &mut String, text: &str, style: Style, count: usize) {
    line(out, "");
    line(out, &format!("  {} ({count})", styled(style.bold(), text)));
}

fn needs_attention(name: &ProfileMatch) -> bool {
    name.reason.is_some() || matches!(name.in_campaign, Some(GroupPresence::Missing | GroupPresence::Ambiguous))
}

/// Whether the group exists in Campaign, and what is wrong with the match.
pub(super) fn remark(instance: &InstanceMaskReport, name: &ProfileMatch) -> String {
    let group = match name.in_campaign {
        Some(GroupPresence::Exists) => "in Campaign",
        Some(GroupPresence::Missing) if instance.creates_groups => "not in Campaign: a run creates it",
        Some(GroupPresence::Missing) => "not in Campaign: a run skips it",
        Some(GroupPresence::Ambiguous) => "twice in Campaign, in different letter case: a run skips it",
        None => "",
    };
    [Some(group).filter(|text| !text.is_empty()), name.reason.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// The name, the marks below it, and what each mark means.
fn near_lines(out: &mut String, instance: &InstanceMaskReport, name: &ProfileMatch) {
    let characters: Vec<(String, usize)> = name.profile.chars().map(shown).collect();
    line(out, &format!("    {}", characters.iter().map(|(character, _)| character.as_str()).collect::<String>()));
    for marks in marks(&characters, &name.differences) {
        line(out, &format!("    {}", styled(DOUBT, &marks)));
    }
    let group = name.group.clone().unwrap_or_default();
    let remark = remark(instance, name);
    let remark = if remark.is_empty() { remark } else { format!(" ({remark})") };
    let corrected = name.corrected.as_deref().unwrap_or_default();
    line(out, &format!("    With the name {} it maps to the group {}{remark}.", quoted(corrected), printable(&group)));
}

/// A line with all marks and the meaning of the last one, followed by a line for each mark before it.
fn marks(characters: &[(String, usize)], differences: &[NameDifference]) -> Vec<String> {
    let width = |from: usize, to: usize| -> usize {
        characters.get(from..to.min(characters.len())).unwrap_or_default().iter().map(|(_, width)| width).sum()
    };
    let places: Vec<(usize, usize)> = differences
        .iter()
        .map(|difference| {
            let (at, length) = (difference.position - 1, difference.found.chars().count());
            (width(0, at), width(at, at + length).max(1))
        })
        .collect();
    let mut lines = vec![String::new()];
    for shown in (0..differences.len()).rev() {
        let mut text = String::new();
        for (place, (column, length)) in places.iter().enumerate().take(shown + 1) {
            text.push_str(&" ".repeat(column.saturating_sub(display_width(&text))));
            if shown + 1 == differences.len() {
                text.push_str(&"^".repeat(*length));
            } else if place < shown {
                text.push('|');
            }
        }
        let meaning = differences.get(shown).map(meaning).unwrap_or_default();
        let gap = if shown + 1 == differences.len() { " " } else { "" };
        lines.push(format!("{text}{gap}{meaning}"));
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// A difference in words.
pub(super) fn meaning(difference: &NameDifference) -> String {
    let names: Vec<String> = difference.found.chars().filter_map(character_name).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join("; ")) };
    let (found, expected) = (visible(&difference.found), visible(&difference.expected));
    match (difference.found.is_empty(), difference.expected.is_empty()) {
        (true, _) => format!("{expected} is missing here"),
        (false, true) => format!("{found}{names} is extra"),
        (false, false) => format!("{found}{names} instead of {expected}"),
    }
}

/// A text with visible spaces.
fn visible(text: &str) -> String {
    let shown: String =
        text.chars().map(|character| if character == ' ' { "␣".to_owned() } else { shown(character).0 }).collect();
    format!("\"{shown}\"")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", printable(text))
}

/// A character as it is shown, with its width in columns. Invisible characters are written as escapes.
fn shown(character: char) -> (String, usize) {
    let text = printable(character.encode_utf8(&mut [0; 4])).into_owned();
    let width = display_width(&text);
    (text, width)
}

fn tried_section(out: &mut String, instance: &InstanceMaskReport, tried: &TriedMask) {
    line(out, "");
    line(out, &format!("  {BOLD}With{BOLD:#} {}", styled(BOLD, &quoted(&tried.mask))));
    if let Some(warning) = &tried.warning {
        line(out, &format!("  {}", styled(DOUBT, &printable(warning))));
    }
    let changing = tried.compared.iter().filter(|one| one.change != MatchChange::Same);
    columns(out, "    ", changing.map(compared_row));
    let same = tried.compared.iter().filter(|one| one.change == MatchChange::Same);
    let matched = same.clone().filter(|one| one.tried.is_some()).count();
    let none = same.filter(|one| one.tried.is_none()).count();
    line(out, &format!("    {matched} matched as before, {none} not matched as before"));
    for name in tried.names.iter().filter(|name| name.matching == MatchKind::Matched && needs_attention(name)) {
        let text = format!("{}: {}", printable(&name.profile), printable(&remark(instance, name)));
        line(out, &format!("    {}", styled(DOUBT, &text)));
    }
}

fn compared_row(one: &MaskComparison) -> (Style, Vec<String>) {
    let (character, style) = match one.change {
        MatchChange::Gained => ("+", GOOD),
        MatchChange::Lost => ("-", BAD),
        MatchChange::OtherGroup | MatchChange::Same => ("~", DOUBT),
    };
    (style, vec![character.to_owned(), one.profile.clone(), groups(one)])
}

/// The group under the configured mask and under the tried one.
pub(super) fn groups(one: &MaskComparison) -> String {
    match (&one.configured, &one.tried) {
        (Some(before), Some(after)) if before == after => before.clone(),
        (Some(before), Some(after)) => format!("{before} becomes {after}"),
        (None, Some(after)) => format!("→ {after}"),
        (Some(before), None) => format!("no longer {before}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::{compare_masks, match_names},
        cli::mask_markdown::markdown,
        domain::{AssociationMask, OperatorGroup, OperatorGroupId, OperatorGroupName, Outcome},
    };

    const NAMES: [&str; 12] = [
        "Campaign - acme - content",
        "Campaign - acme - workflow",
        "Campaign – acme - delivery",
        "Campaign-acme-delivery",
        "Campaign - acme -report",
        "Cаmpaign - acme - sms",
        "Campaing – acme - push",
        "Campaign\u{200b} - acme - 日本語",
        "\u{202e}Campaign - acme - x\u{1b}[2J",
        "Analytics - all reports",
        "Campaign - globex - content",
        "Campaign - acme - ",
    ];

    fn report(tried: &str) -> MaskReport {
        let mask = AssociationMask::parse("Campaign - acme - (.*)").expect("a mask");
        let other = AssociationMask::parse(tried).expect("a mask");
        let groups = ["Content", "delivery"].into_iter().zip(1..);
        let groups: Vec<_> = groups
            .map(|(name, id)| OperatorGroup {
                id: OperatorGroupId(id),
                name: OperatorGroupName::new(name),
                label: String::new(),
            })
            .collect();
        let instance = InstanceMaskReport {
            name: "production".to_owned(),
            mask: mask.as_str().to_owned(),
            warning: None,
            error: None,
            creates_groups: false,
            names: match_names(&mask, NAMES, Some(&groups)),
            tried: Some(TriedMask {
                mask: other.as_str().to_owned(),
                warning: other.warning(),
                names: match_names(&other, NAMES, Some(&groups)),
                compared: compare_masks(&mask, &other, NAMES),
            }),
        };
        MaskReport { version: 1, listing: None, instances: vec![instance], run: None, outcome: Outcome::InSync }
    }

    #[test]
    fn differences_are_marked_below_the_name() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&report("Campaign [-–] acme - (.*)"))));
    }

    #[test]
    fn a_mask_report_as_markdown_has_a_table_for_each_kind_of_match() {
        insta::assert_snapshot!(markdown(&report("Campaign [-–] acme - (.*)")));
    }
}
