//! Progress: bars where a person watches a terminal, plain lines elsewhere.

#![allow(clippy::print_stderr)]

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One stage of the play, shown until it is dropped or finished.
pub struct Stage {
    title: String,
    bar: ProgressBar,
    begun: Instant,
    quiet: bool,
}

impl Stage {
    /// Begins a stage of `steps` steps (0: it has no number).
    pub fn begin(title: &str, steps: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
        let quiet = bar.is_hidden();
        let template = if steps == 0 { "{spinner} {msg}" } else { "{msg:<44} {bar:32} {pos}/{len}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(title.to_owned());
        if quiet {
            eprintln!("{title} ...");
        }
        Self { title: title.to_owned(), bar, begun: Instant::now(), quiet }
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Ends the stage and says how long it took, with a word on what came of it.
    pub fn done(self, what: &str) {
        let line = format!("{}: {what} ({:.1} s)", self.title, self.begun.elapsed().as_secs_f64());
        self.bar.finish_and_clear();
        if self.quiet {
            eprintln!("  {line}");
        } else {
            eprintln!("✓ {line}");
        }
    }
}
