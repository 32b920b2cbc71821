//! A running operation, as it is shown: a moving tree for a person, plain lines for a log.

use crate::output::{Output, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kumiki_engine::Event;
use std::collections::{BTreeMap, HashMap};

const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// Shows the events of one operation.
pub(crate) struct Watch<'o> {
    output: &'o Output,
    bars: Option<MultiProgress>,
    /// The stacks at work: path, bar.
    active: BTreeMap<String, ProgressBar>,
    /// How many resources each stack has, and how many of them rest.
    resting: HashMap<String, (usize, usize)>,
}

impl<'o> Watch<'o> {
    /// `sizes` has the number of resources that each stack will touch, by path.
    pub(crate) fn new(output: &'o Output, sizes: HashMap<String, usize>) -> Self {
        let bars =
            output.live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()));
        let resting = sizes.into_iter().map(|(path, size)| (path, (0, size))).collect();
        Self { output, bars, active: BTreeMap::new(), resting }
    }

    /// Takes in an event.
    pub(crate) fn event(&mut self, event: &Event) {
        if self.output.json {
            return;
        }
        let rests = !event.status.ends_with("_IN_PROGRESS");
        if event.is_of_stack() {
            self.stack(event, rests);
        } else if event.resource_type != STACK_TYPE {
            let counts = self.resting.entry(event.stack_path.clone()).or_default();
            if rests {
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
                self.advance(&event.stack_path);
            }
            if event.is_failure() || rests && self.bars.is_none() {
                self.print(event);
            }
        } else if event.is_failure() {
            self.print(event);
        }
    }

    fn stack(&mut self, event: &Event, rests: bool) {
        match (&self.bars, rests) {
            (Some(bars), false) => {
                let path = &event.stack_path;
                if !self.active.contains_key(path) {
                    // Bars stand in the order of the tree, whatever starts first.
                    let position = self.active.range(..path.clone()).count();
                    let bar = bars.insert(position, ProgressBar::new(0));
                    let style =
                        ProgressStyle::with_template("{prefix} {bar:24} {pos:>3}/{len:<3} {msg}");
                    if let Ok(style) = style {
                        bar.set_style(style.progress_chars("━╸─"));
                    }
                    bar.set_prefix(self.label(event));
                    self.active.insert(path.clone(), bar);
                }
                if let Some(bar) = self.active.get(path) {
                    bar.set_message(format!("{}  {}", event.status, time(event.elapsed)));
                }
                self.advance(&event.stack_path);
            }
            (Some(_), true) => {
                if let Some(bar) = self.active.remove(&event.stack_path) {
                    bar.finish_and_clear();
                }
                self.print(event);
            }
            (None, _) => {
                if rests {
                    self.print(event);
                }
            }
        }
    }

    fn advance(&self, path: &str) {
        if let (Some(bar), Some((done, all))) = (self.active.get(path), self.resting.get(path)) {
            bar.set_length(*all as u64);
            bar.set_position(*done as u64);
        }
    }

    fn label(&self, event: &Event) -> String {
        if event.stack_path.is_empty() {
            event.stack_name.clone()
        } else {
            event.stack_path.clone()
        }
    }

    fn print(&self, event: &Event) {
        let name = match (event.is_of_stack(), event.stack_path.is_empty()) {
            (true, _) => self.label(event),
            (false, true) => event.logical_id.clone(),
            (false, false) => format!("{}/{}", event.stack_path, event.logical_id),
        };
        let style = if event.is_failure() || event.status.contains("ROLLBACK") {
            Style::Red
        } else {
            Style::Green
        };
        let status = self.output.paint(style, &event.status);
        let mut line = format!("{:>7}  {status}  {name}", time(event.elapsed));
        if event.is_failure()
            && let Some(reason) = &event.reason
        {
            line.push_str(": ");
            line.push_str(reason);
        }
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(line);
            }
            None => self.output.line(&line),
        }
    }
}

/// Milliseconds as people read them: `7s`, `3m05s`, `1h02m`.
pub(crate) fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_short() {
        let cases = [(999, "0s"), (59_000, "59s"), (185_000, "3m05s"), (3_725_000, "1h02m")];
        for (milliseconds, expected) in cases {
            assert_eq!(super::time(milliseconds), expected);
        }
    }
}
