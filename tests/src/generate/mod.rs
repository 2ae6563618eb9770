//! Synthetic Client Level Data: councils' quarterly files about people who never lived.
//!
//! ```text
//! Settings + Place -> people and their lives -> what each quarter's file shows of them -> CSV bytes (-> dirt)
//!                                          \-> what an exact reader must find (Truth)
//! ```
//!
//! **Guarantee**: the same settings, council code and slot give the same bytes, whichever other councils are generated and in
//! whatever order. NHS numbers come from the range 999, reserved for tests, with right check digits; two councils share a number
//! only for a person who moved from one to the other.
//!
//! **Source**: the release 2 file specification: 50 columns, `dd/mm/yyyy`, each file a rolling twelve months that end with a
//! quarter, requests, assessments and reviews completed in it and services open in it.

mod calendar;
mod dice;
mod dirt;
mod expected;
mod ids;
mod life;
mod person;
mod population;
pub mod storm;
mod storm_words;
mod submission;
mod tangle;
#[cfg(test)]
mod tests;
pub mod vocabulary;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::civil::{Date, date};

pub use dirt::{Effect, Mark};
pub use expected::{Cell, Truth};
pub use tangle::{Tangle, tangled};

/// What to generate.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Every choice follows from it.
    pub seed: u64,
    /// Adults with a history of care in each council. Carers (about 19 to the hundred) and people who only made contact (about 60
    /// to the hundred, at least two a month) come on top.
    pub people: usize,
    /// The last day of the last file: a quarter end.
    pub last_period_end: Date,
    /// How many quarterly files each council has sent; each covers twelve months.
    pub submissions: u32,
    /// Make the files as dirty as real ones are, in ways a careful reader can undo.
    pub dirt: bool,
}

impl Default for Settings {
    /// Four files a council, the last one for the year to 31 March 2026, 100 adults, clean.
    fn default() -> Self {
        Self { seed: 1, people: 100, last_period_end: date(2026, 3, 31), submissions: 4, dirt: false }
    }
}

impl Settings {
    /// The first day that any file covers.
    pub fn first_day(&self) -> Date {
        self.period(0).0
    }

    /// First and last day of the period of file number `index`, counted from 0, the oldest.
    pub fn period(&self, index: u32) -> (Date, Date) {
        let back = 3 * (self.submissions.saturating_sub(1 + index)) as i32;
        let end = calendar::plus_months(self.last_period_end, -back).last_of_month();
        (calendar::plus_months(end.first_of_month(), -11), end)
    }

    /// How many people move from each council to its neighbour.
    fn movers(&self) -> usize {
        (self.people / 100).max(1).min(self.people)
    }
}

/// Which council to generate for.
#[derive(Clone, Debug)]
pub struct Place {
    /// The three-digit code of the council.
    pub code: String,
    /// The council's place in the whole federation's list, from 0; decides its NHS numbers and its neighbour.
    pub slot: u32,
    /// How many places the list has.
    pub slots: u32,
}

/// One council's files and what is true about them.
pub struct Council {
    /// The code the files carry.
    pub code: String,
    /// Oldest first.
    pub files: Vec<File>,
    /// What an exact reader finds in all files together.
    pub truth: Truth,
}

/// One quarterly submission.
pub struct File {
    /// `cld_<council>_<period end>_<received>.csv`, dates as `YYYYMMDD`.
    pub name: String,
    /// First day of the twelve months.
    pub period_start: Date,
    /// Last day of the twelve months.
    pub period_end: Date,
    /// The day the file was sent.
    pub received: Date,
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// What was made dirty, and what a careful reader makes of it; empty for a clean file.
    pub marks: Vec<Mark>,
}

/// What can go wrong when generating.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The last period does not end with a quarter.
    #[error("the last period must end with a quarter, and {0} does not")]
    NotAQuarterEnd(Date),
    /// No files were asked for.
    #[error("at least one submission is needed")]
    NoSubmissions,
    /// A slot outside the list.
    #[error("council {code} has place {slot} in a list of {slots}")]
    SlotOutsideList {
        /// The council.
        code: String,
        /// Its place, from 0.
        slot: u32,
        /// The length of the list.
        slots: u32,
    },
    /// The disk refused.
    #[error("writing {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The first day of the twelve months that end on `to`.
pub fn year_before(to: Date) -> Date {
    calendar::plus_months(calendar::plus(to, 1), -12)
}

/// Generates one council's files and their truth.
///
/// **Errors**: [`Error`] for settings that make no sense; never for a size.
pub fn council(settings: &Settings, place: &Place) -> Result<Council, Error> {
    if !calendar::is_quarter_end(settings.last_period_end) {
        return Err(Error::NotAQuarterEnd(settings.last_period_end));
    }
    if settings.submissions == 0 {
        return Err(Error::NoSubmissions);
    }
    if place.slot >= place.slots {
        return Err(Error::SlotOutsideList { code: place.code.clone(), slot: place.slot, slots: place.slots });
    }
    let people = population::people(settings, place);
    let files = (0..settings.submissions).map(|index| submission::file(settings, place, index, &people)).collect();
    Ok(Council { code: place.code.clone(), files, truth: expected::truth(settings, place.slot, &people) })
}

/// Generates the files of `places` on all cores and writes each council's into `folder/<code>/`, calling `done` after each council
/// with its code. Returns the truths in the order of `places`.
///
/// **Errors**: as [`council`], and when the disk refuses; the first error stops the rest.
pub fn write(
    settings: &Settings,
    places: &[Place],
    folder: &Path,
    done: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Truth>, Error> {
    let next = AtomicUsize::new(0);
    let finished = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || -> Result<(), Error> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = places.get(index) else {
                return Ok(());
            };
            let made = council(settings, place).and_then(|council| {
                write_council(&council, folder)?;
                Ok(council.truth)
            });
            match made {
                Ok(truth) => {
                    finished.lock().expect("no worker panics while holding the list").push((index, truth));
                    done(&place.code);
                }
                Err(error) => {
                    next.store(places.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles.into_iter().try_for_each(|handle| match handle.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let mut finished = finished.into_inner().expect("no worker panics while holding the list");
    finished.sort_by_key(|(index, _)| *index);
    Ok(finished.into_iter().map(|(_, truth)| truth).collect())
}

fn write_council(council: &Council, folder: &Path) -> Result<(), Error> {
    let folder = folder.join(&council.code);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
    for file in &council.files {
        let path = folder.join(&file.name);
        std::fs::write(&path, &file.bytes).map_err(failed(&path))?;
    }
    Ok(())
}
