//! The changes of the last runs as a chart: additions upwards, removals and what is held downwards.

use super::{
    history::PastRun,
    markup::Html,
    words::{counted, shown, wide},
};

const WIDTH: u64 = 800;
const HALF: u64 = 90;
const LEFT: u64 = 44;
const TOP: u64 = 12;
const AXIS: u64 = TOP + HALF;

/// Room for each run; the newest are at the right edge.
const STEP: u64 = 15;
const BAR: u64 = 11;

/// Draws the runs, oldest first; nothing when no run changed or held anything. The table beside it holds the same numbers.
pub(super) fn chart(html: &mut Html, newest_first: &[PastRun]) {
    let largest = newest_first.iter().map(|run| run.bars.added.max(run.bars.removed + run.bars.held)).max();
    let Some(largest) = largest.filter(|largest| *largest > 0).map(wide) else {
        html.raw("<p class=\"quiet\">None of these runs changed or held anything.</p>");
        return;
    };
    html.raw("<figure><svg class=\"chart\" role=\"img\" aria-labelledby=\"chart-title chart-desc\" viewBox=\"0 0 ");
    html.number(WIDTH).raw(" ").number(2 * (TOP + HALF)).raw("\">");
    html.raw("<title id=\"chart-title\">Changes of the last ").text(&counted(wide(newest_first.len()), "run"));
    html.raw("</title><desc id=\"chart-desc\">").text(&described(newest_first)).raw("</desc>");
    html.raw("<defs><pattern id=\"hatch\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">")
        .raw("<path class=\"hatch\" d=\"M-1 1l2-2M0 4l4-4M3 5l2-2\"/></pattern></defs>");
    axis(html, largest);
    for (position, run) in newest_first.iter().enumerate() {
        bars(html, run, wide(position), largest);
    }
    html.raw("</svg><figcaption><span class=\"key added\"></span> added, upwards ")
        .raw("<span class=\"key removed\"></span> removed, downwards ")
        .raw("<span class=\"key held\"></span> held, downwards; oldest run left, newest right</figcaption></figure>");
}

fn described(runs: &[PastRun]) -> String {
    let sum = |number: fn(&PastRun) -> usize| runs.iter().map(number).sum::<usize>();
    format!(
        "{} added and {} removed in all; at most {} held in one run.",
        sum(|run| run.bars.added),
        sum(|run| run.bars.removed),
        runs.iter().map(|run| run.bars.held).max().unwrap_or_default()
    )
}

fn axis(html: &mut Html, largest: u64) {
    for (height, number) in [(TOP, largest), (AXIS, 0), (AXIS + HALF, largest)] {
        html.raw("<line class=\"grid\" x1=\"").number(LEFT).raw("\" x2=\"").number(WIDTH);
        html.raw("\" y1=\"").number(height).raw("\" y2=\"").number(height).raw("\"/>");
        html.raw("<text class=\"tick\" x=\"").number(LEFT - 6).raw("\" y=\"").number(height + 4).raw("\">");
        html.number(number).raw("</text>");
    }
}

fn bars(html: &mut Html, run: &PastRun, position: u64, largest: u64) {
    let left = WIDTH.saturating_sub((position + 1) * STEP);
    let heights = [run.bars.added, run.bars.removed, run.bars.held].map(|number| height(wide(number), largest));
    let [added, removed, held] = heights;
    html.raw("<g><title>").text(&shown(run.entry.started_at)).raw(": ");
    html.number(run.bars.added).raw(" added, ").number(run.bars.removed).raw(" removed, ");
    html.number(run.bars.held).raw(" held</title>");
    bar(html, "added", left, (AXIS - added, added));
    bar(html, "removed", left, (AXIS, removed));
    bar(html, "held", left, (AXIS + removed, held));
    html.raw("</g>");
}

fn bar(html: &mut Html, class: &'static str, left: u64, (top, height): (u64, u64)) {
    if height > 0 {
        html.raw("<rect class=\"").raw(class).raw("\" x=\"").number(left).raw("\" y=\"").number(top);
        html.raw("\" width=\"").number(BAR).raw("\" height=\"").number(height).raw("\"/>");
    }
}

/// In proportion, and never too small to be seen.
fn height(number: u64, largest: u64) -> u64 {
    if number == 0 { 0 } else { (number.saturating_mul(HALF) / largest).clamp(3, HALF) }
}
