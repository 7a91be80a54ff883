//! The progress of a long command: a bar on a terminal, a periodic line in a log.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is printed without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The progress of a command, on stderr.
pub(super) struct ProgressDisplay {
    bar: ProgressBar,
    unit: &'static str,
    bytes: bool,
    last: Instant,
}

impl ProgressDisplay {
    /// Counted in `unit`.
    pub(super) fn of(unit: &'static str) -> Self {
        Self::new(unit, false, "{bar:30} {pos} of {len} {msg}, {eta} left")
    }

    /// Of bytes.
    pub(super) fn of_bytes() -> Self {
        Self::new("", true, "{bar:30} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left")
    }

    fn new(unit: &'static str, bytes: bool, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style).with_message(unit);
        Self { bar, unit, bytes, last: Instant::now() }
    }

    /// Shows that `done` of `all` is done.
    pub(super) fn update(&mut self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.last.elapsed() >= LINE_INTERVAL {
            self.last = Instant::now();
            if self.bytes {
                eprintln!("{} of {} MiB", done >> 20, all >> 20);
            } else {
                eprintln!("{done} of {all} {}", self.unit);
            }
        }
    }

    /// Does something that writes beside the bar.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// The end; the bar goes.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
