//! The parts of the page about the daemon itself: its state, what is held, the instances, the runs.

use chrono::{DateTime, Utc};

use crate::{
    daemon::{Facts, State},
    domain::{ChangeReport, InstanceMode, InstanceReport, RunId, RunReport},
    journal::GivenApproval,
};

use super::{
    chart::chart,
    history::{HeldPlan, PastRun},
    markup::Html,
    words::{badge, counted, outcome, time, time_and_distance, wide},
};

/// Changes of a held plan on the page; the command shows all.
const MOST_CHANGES: usize = 200;

/// Product profiles of an instance on the page.
const MOST_PROFILES: usize = 500;

/// Runs in the table before one has to ask for more.
const FIRST_RUNS: usize = 10;

/// What the daemon does, in one sentence; when it runs next, and why then.
pub(super) fn state(html: &mut Html, facts: &Facts, now: DateTime<Utc>) {
    let status = &facts.status;
    html.raw("<p class=\"state\">");
    let (class, word) = match status.state {
        State::Starting => ("badge info", "Starting"),
        State::Idle => ("badge good", "Idle"),
        State::Running => ("badge info", "Running"),
        State::Waiting => ("badge info", "Waiting"),
        State::Throttled => ("badge doubt", "Throttled"),
        State::Blocked => ("badge doubt", "Blocked"),
        State::Failing => ("badge bad", "Failing"),
    };
    badge(html, class, word);
    html.raw(" ").text(&status.reason);
    if !facts.progress.is_empty() {
        html.raw(": ").text(&facts.progress);
    }
    html.raw("</p><dl class=\"facts\"><div><dt>Last success</dt><dd>");
    past_run(html, status.last_success, now);
    html.raw("</dd></div><div><dt>Last run with nothing held or failed</dt><dd>");
    past_run(html, status.last_clean, now);
    html.raw("</dd></div><div><dt>Next run</dt><dd>");
    next_run(html, facts, now);
    html.raw("</dd></div>");
    if let Some(leader) = &status.leader {
        html.raw("<div><dt>Leading node</dt><dd>").name(leader).raw("</dd></div>");
    }
    html.raw("</dl>");
}

fn past_run(html: &mut Html, at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    match at {
        Some(at) => time_and_distance(html, at, now),
        None => drop(html.raw("none yet")),
    }
}

fn next_run(html: &mut Html, facts: &Facts, now: DateTime<Utc>) {
    let status = &facts.status;
    match status.next_run {
        Some(at) => {
            time_and_distance(html, at, now);
            html.raw(", by the schedule");
        }
        None => drop(html.raw("none: the schedule is off, and runs are asked for by hand")),
    }
    if let Some(until) = status.throttled_until.filter(|until| *until > now) {
        html.raw("; the vendor wants no calls until ");
        time_and_distance(html, until, now);
    }
}

/// What waits for somebody's word, and how to give it.
pub(super) fn held(html: &mut Html, plans: &[HeldPlan], now: DateTime<Utc>) {
    html.raw("<section aria-labelledby=\"held\"><h2 id=\"held\">Held changes</h2>");
    if plans.is_empty() {
        html.raw("<p class=\"quiet\">Nothing waits for an approval.</p>");
    }
    for plan in plans {
        one_plan(html, plan, now);
    }
    html.raw("</section>");
}

fn one_plan(html: &mut Html, plan: &HeldPlan, now: DateTime<Utc>) {
    let record = &plan.record;
    html.raw("<h3>").text(&counted(wide(record.changes.len()), "change")).raw(" in instance ");
    html.name(record.instance.as_str()).raw("</h3><p>");
    html.raw(if plan.since.is_some() { "Held since " } else { "Shown by a dry run or in an observed instance at " });
    time_and_distance(html, plan.since.unwrap_or(record.at), now);
    if let Some(approval) = &plan.approval {
        html.raw(". ");
        badge(html, "badge good", "approved");
        html.raw(" by ").name(&approval.described).raw(", ");
        time_and_distance(html, approval.at, now);
        html.raw(". The next run makes these changes.</p>");
    } else {
        html.raw(
            ". If these changes are right, have the next run make them:</p><code class=\"command\">campaign-group-sync approve ",
        );
        html.text(record.digest.as_str()).raw("</code>");
    }
    if plan.changes.is_empty() {
        html.raw("<p class=\"quiet\">The report of that run is gone; <code>approve</code> shows what it releases.</p>");
        return;
    }
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"What is held\"><table><caption>What is held under ").text(record.digest.as_str());
    html.raw("</caption><thead><tr><th scope=\"col\">Change</th><th scope=\"col\">Why it is wanted</th>")
        .raw("<th scope=\"col\">Why it is held</th></tr></thead><tbody>");
    for change in plan.changes.iter().take(MOST_CHANGES) {
        held_change(html, change);
    }
    html.raw("</tbody></table></div>");
    more(html, plan.changes.len(), MOST_CHANGES, "held change");
}

fn held_change(html: &mut Html, change: &ChangeReport) {
    html.raw("<tr><td>").name(&change.described()).raw("</td><td>").name(&change.reason).raw("</td><td>");
    html.name(change.detail.as_deref().unwrap_or_default()).raw("</td></tr>");
}

fn more(html: &mut Html, all: usize, shown: usize, what: &str) {
    if all > shown {
        html.raw("<p class=\"quiet\">and ").text(&counted(wide(all - shown), what)).raw(" more</p>");
    }
}

/// The last approvals: who gave them, and which run used them.
pub(super) fn approvals(html: &mut Html, approvals: &[GivenApproval]) {
    if approvals.is_empty() {
        return;
    }
    html.raw("<section aria-labelledby=\"approvals\"><h2 id=\"approvals\">Last approvals</h2>");
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Approvals as a table\"><table>")
        .raw("<caption>Newest first; the users are those that the kernel reported</caption><thead><tr>")
        .raw("<th scope=\"col\">Approved</th><th scope=\"col\">By</th><th scope=\"col\">Instance</th>")
        .raw(
            "<th scope=\"col\">Digest</th><th scope=\"col\" class=\"n\">Changes</th><th scope=\"col\">Used by run</th>",
        )
        .raw("</tr></thead><tbody>");
    for given in approvals {
        html.raw("<tr><th scope=\"row\">");
        time(html, given.at);
        html.raw("</th><td>").name(&given.approver.to_string()).raw("</td><td>").name(given.instance.as_str());
        html.raw("</td><td><code>").text(&given.digest).raw("</code></td><td class=\"n\">").number(given.changes);
        html.raw("</td><td>");
        match (&given.used_by, given.used_at) {
            (Some(run), _) => html.raw("<code>").text(RunId::as_str(run)).raw("</code>"),
            (None, Some(_)) => html.raw("used"),
            (None, None) => html.raw("<span class=\"quiet\">not used</span>"),
        };
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></div></section>");
}

/// Each instance as the last run saw it.
pub(super) fn instances(html: &mut Html, latest: Option<&RunReport>) {
    html.raw("<section aria-labelledby=\"instances\"><h2 id=\"instances\">Campaign instances</h2>");
    let Some(report) = latest.filter(|report| !report.instances.is_empty()) else {
        html.raw("<p class=\"quiet\">No run has looked at an instance yet.</p></section>");
        return;
    };
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Instances as a table\"><table><caption>As the run of ");
    time(html, report.started_at);
    html.raw(" saw them</caption><thead><tr><th scope=\"col\">Instance</th><th scope=\"col\">Outcome</th>")
        .raw("<th scope=\"col\" class=\"n\">Profiles</th><th scope=\"col\" class=\"n\">Groups</th>")
        .raw("<th scope=\"col\" class=\"n\">Members</th><th scope=\"col\" class=\"n\">Drift</th>")
        .raw("<th scope=\"col\" class=\"n\">Orphaned</th></tr></thead><tbody>");
    for instance in &report.instances {
        instance_row(html, instance);
    }
    html.raw(
        "</tbody></table></div><p class=\"quiet\">Drift: changes that are wanted and not made, because they are held, ",
    )
    .raw("pending, failed or not confirmed. Orphaned: groups whose product profile vanished.</p>");
    for instance in &report.instances {
        instance_details(html, instance);
    }
    html.raw("</section>");
}

fn instance_row(html: &mut Html, instance: &InstanceReport) {
    html.raw("<tr><th scope=\"row\">").name(&instance.name);
    if instance.mode == InstanceMode::Observe {
        html.raw(" <span class=\"quiet\">observed</span>");
    }
    html.raw("</th><td>");
    outcome(html, Some(instance.outcome));
    html.raw("</td>");
    let summary = &instance.summary;
    let mut groups: Vec<_> = instance.matched_profiles.iter().map(|matched| matched.group.to_lowercase()).collect();
    groups.sort_unstable();
    groups.dedup();
    let members = instance.matched_profiles.iter().map(|matched| matched.members).sum();
    let drift = summary.held + summary.pending + summary.failed + summary.unconfirmed;
    numbers(html, &[instance.matched_profiles.len(), groups.len(), members, drift, instance.orphaned.len()]);
    html.raw("</tr>");
}

fn numbers(html: &mut Html, numbers: &[usize]) {
    for number in numbers {
        html.raw("<td class=\"n\">").number(number).raw("</td>");
    }
}

fn instance_details(html: &mut Html, instance: &InstanceReport) {
    for sentence in instance.error.iter().chain(&instance.warnings) {
        html.raw("<p class=\"note doubt\">").name(&instance.name).raw(": ").name(sentence).raw("</p>");
    }
    if !instance.orphaned.is_empty() {
        html.raw("<h3>Orphaned groups of ").name(&instance.name).raw("</h3><ul>");
        for orphan in &instance.orphaned {
            html.raw("<li>").name(&orphan.group).raw(", followed ").name(&orphan.profile).raw(": ");
            html.text(&counted(wide(orphan.members), "member")).raw("</li>");
        }
        html.raw("</ul>");
    }
    if instance.matched_profiles.is_empty() {
        return;
    }
    html.raw("<details><summary>Product profiles of ").name(&instance.name);
    html.raw(
        "</summary><div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Product profiles as a table\"><table><caption>Product profiles that the association mask matches</caption>",
    )
    .raw("<thead><tr><th scope=\"col\">Product profile</th><th scope=\"col\">Operator group</th>")
    .raw("<th scope=\"col\" class=\"n\">Members</th></tr></thead><tbody>");
    for matched in instance.matched_profiles.iter().take(MOST_PROFILES) {
        html.raw("<tr><th scope=\"row\">").name(&matched.profile).raw("</th><td>").name(&matched.group).raw("</td>");
        numbers(html, &[matched.members]);
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div>");
    more(html, instance.matched_profiles.len(), MOST_PROFILES, "product profile");
    html.raw("</details>");
}

/// The last runs, newest first, and the chart of their changes.
pub(super) fn runs(html: &mut Html, runs: &[PastRun]) {
    html.raw("<section aria-labelledby=\"runs\"><h2 id=\"runs\">Last runs</h2>");
    if runs.is_empty() {
        html.raw("<p class=\"quiet\">No run has been recorded yet.</p></section>");
        return;
    }
    chart(html, runs);
    let (first, rest) = runs.split_at(runs.len().min(FIRST_RUNS));
    runs_table(html, "Newest first; counts are changes", first);
    if !rest.is_empty() {
        html.raw("<details><summary>").text(&counted(wide(rest.len()), "earlier run")).raw("</summary>");
        runs_table(html, "Earlier runs", rest);
        html.raw("</details>");
    }
    html.raw("</section>");
}

fn runs_table(html: &mut Html, caption: &'static str, runs: &[PastRun]) {
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Runs as a table\"><table><caption>")
        .raw(caption)
        .raw("</caption><thead><tr>");
    html.raw("<th scope=\"col\">Began</th><th scope=\"col\">Run</th><th scope=\"col\">Outcome</th>")
        .raw("<th scope=\"col\" class=\"n\">Added</th><th scope=\"col\" class=\"n\">Removed</th>")
        .raw("<th scope=\"col\" class=\"n\">Held</th><th scope=\"col\" class=\"n\">Failed</th></tr></thead><tbody>");
    for run in runs {
        html.raw("<tr><th scope=\"row\">");
        time(html, run.entry.started_at);
        html.raw("</th><td><code>").text(&run.entry.run).raw("</code></td><td>");
        outcome(html, run.entry.outcome);
        if run.entry.mode.as_str() != "apply" {
            html.raw(" <span class=\"quiet\">dry run</span>");
        }
        html.raw("</td>");
        numbers(html, &[run.bars.added, run.bars.removed, run.bars.held, run.entry.summary.failed]);
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div>");
}
