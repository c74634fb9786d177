//! The chart of the last runs: additions upwards, removals and held changes downwards.

use super::{
    history::PastRun,
    parts::{Clock, counted},
};

const WIDTH: usize = 800;
const HALF: usize = 90;
const LEFT: usize = 44;
const TOP: usize = 12;
const AXIS: usize = TOP + HALF;

/// The width of the column of a run; the newest run is at the right edge.
const STEP: usize = 15;
const BAR: usize = 11;

/// The chart; the table next to it has the same numbers.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) described: String,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) bar_width: usize,
    pub(super) axis_left: usize,
    pub(super) ticks: Vec<Tick>,
    pub(super) columns: Vec<Column>,
}

/// A horizontal line with its number.
pub(super) struct Tick {
    pub(super) top: usize,
    pub(super) text_top: usize,
    pub(super) text_right: usize,
    pub(super) number: usize,
}

/// One run.
pub(super) struct Column {
    pub(super) title: String,
    pub(super) left: usize,
    pub(super) bars: Vec<Bar>,
}

/// The bar of one kind of change; the class sets its colour.
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) top: usize,
    pub(super) height: usize,
}

/// Draws the runs, the oldest at the left; `None` where no run changed or held anything.
pub(super) fn chart(newest_first: &[PastRun], clock: &Clock) -> Option<Chart> {
    let largest = newest_first.iter().map(|run| run.bars.added.max(run.bars.removed + run.bars.held)).max();
    let largest = largest.filter(|largest| *largest > 0)?;
    let tick = |(top, number)| Tick { top, text_top: top + 4, text_right: LEFT - 6, number };
    let column = |(position, run)| column(run, position, largest, clock);
    Some(Chart {
        title: format!("Changes of the last {}", counted(newest_first.len(), "run")),
        described: described(newest_first),
        width: WIDTH,
        height: 2 * (TOP + HALF),
        bar_width: BAR,
        axis_left: LEFT,
        ticks: [(TOP, largest), (AXIS, 0), (AXIS + HALF, largest)].map(tick).into(),
        columns: newest_first.iter().enumerate().map(column).collect(),
    })
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

fn column(run: &PastRun, position: usize, largest: usize, clock: &Clock) -> Column {
    let bars = run.bars;
    let [added, removed, held] = [bars.added, bars.removed, bars.held].map(|number| height(number, largest));
    let bars_at = [("added", AXIS - added, added), ("removed", AXIS, removed), ("held", AXIS + removed, held)];
    let seen = bars_at.into_iter().filter(|(_, _, height)| *height > 0);
    let began = clock.time(run.entry.started_at);
    let title = format!("{}: {} added, {} removed, {} held", began.0.shown(), bars.added, bars.removed, bars.held);
    Column {
        title,
        left: WIDTH.saturating_sub((position + 1) * STEP),
        bars: seen.map(|(class, top, height)| Bar { class, top, height }).collect(),
    }
}

/// The height in proportion, and large enough to be seen.
fn height(number: usize, largest: usize) -> usize {
    if number == 0 { 0 } else { (number.saturating_mul(HALF) / largest).clamp(3, HALF) }
}
