//! Medians and ratios, as a table in Markdown.

use std::time::Duration;

use super::{Failure, measure::Cost};

/// One process that is measured in each round.
pub(crate) struct Candidate<'a> {
    pub(crate) name: String,
    pub(crate) run: Box<dyn FnMut(usize) -> Result<Cost, Failure> + 'a>,
}

impl<'a> Candidate<'a> {
    pub(crate) fn new(name: &str, run: impl FnMut(usize) -> Result<Cost, Failure> + 'a) -> Self {
        Self { name: name.to_owned(), run: Box::new(run) }
    }
}

/// Runs all candidates in turn in each round, after a round that warms up, and prints their medians. The ratios divide by
/// the first candidate.
pub(crate) fn compare(title: &str, rounds: usize, mut candidates: Vec<Candidate<'_>>) -> Result<(), Failure> {
    let mut costs: Vec<Vec<Cost>> = candidates.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (candidate, costs) in candidates.iter_mut().zip(&mut costs) {
            let cost = (candidate.run)(round)?;
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    println!("\n## {title}\n\nMedians of {rounds} rounds; in brackets all rounds.\n");
    println!("| process | CPU s | ratio | peak MiB | wall s | ratio |\n|---|---|---|---|---|---|");
    let mut first = None;
    for (candidate, costs) in candidates.iter().zip(&costs) {
        let cpu = Numbers::of(costs, |cost| seconds(cost.cpu));
        let wall = Numbers::of(costs, |cost| seconds(cost.wall));
        let peak = Numbers::of(costs, |cost| cost.peak_mib);
        let (first_cpu, first_wall) = *first.get_or_insert((cpu.median(), wall.median()));
        println!(
            "| {} | {:.3} ({}) | {:.1} | {:.0} | {:.2} ({}) | {:.1} |",
            candidate.name,
            cpu.median(),
            cpu.all(3),
            cpu.median() / first_cpu,
            peak.median(),
            wall.median(),
            wall.all(2),
            wall.median() / first_wall
        );
    }
    Ok(())
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// One figure in all rounds, sorted.
struct Numbers(Vec<f64>);

impl Numbers {
    fn of(costs: &[Cost], figure: impl Fn(&Cost) -> f64) -> Self {
        let mut values: Vec<f64> = costs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn all(&self, digits: usize) -> String {
        self.0.iter().map(|value| format!("{value:.digits$}")).collect::<Vec<_>>().join(" ")
    }
}
