//! The councils of a rehearsal and their files, generated or given, with the truth about them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use folkmoot_proto::geography::{Council, Geography};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_runtime::clock::{Clock as _, SystemClock};
use jiff::civil::Date;

use super::args::{Args, Councils};
use super::progress::Stage;
use crate::generate::{self, Place, Settings};
use crate::truth;

/// One council that takes part.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its area facts.
    pub council: &'static Council,
    /// Its files in the order of import, with the day each was received (`None` where the name does not say).
    pub files: Vec<(PathBuf, Option<Date>)>,
    /// What the oracle finds in the files.
    pub truth: Vec<truth::Figure>,
    /// What it finds for joint questions: by measure and dimensions (with commas, empty for the measure's own), the
    /// figures that are not zero.
    pub tables: BTreeMap<(String, String), Vec<truth::Figure>>,
}

/// What is asked, and what the truth is about.
#[derive(Clone, Debug)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

/// The councils with their files on disk, and the twelve months they are asked about.
///
/// # Errors
/// When a folder of `--data` is not a council's code, holds no file or cannot be read; when the disk refuses.
pub fn prepare(args: &Args, out: &Path) -> anyhow::Result<(Vec<Part>, Period)> {
    match &args.data {
        Some(folder) => given(folder),
        None => generated(args, out),
    }
}

fn generated(args: &Args, out: &Path) -> anyhow::Result<(Vec<Part>, Period)> {
    let all: Vec<&'static Council> = Geography::built_in().councils().collect();
    let chosen: Vec<&'static Council> = match &args.councils {
        Councils::All => all.clone(),
        Councils::First(number) => all.iter().copied().take(*number).collect(),
        Councils::These(codes) => all.iter().copied().filter(|council| codes.contains(&council.code)).collect(),
    };
    let settings = Settings { seed: args.seed, people: args.people as usize, dirt: args.dirt, ..Settings::default() };
    let place = |council: &Council| Place {
        code: council.code.to_string(),
        slot: all.iter().position(|other| other.code == council.code).unwrap_or(0) as u32,
        slots: all.len() as u32,
    };
    let places: Vec<Place> = chosen.iter().map(|council| place(council)).collect();
    let folder = out.join("data");
    let stage = Stage::begin("Inventing people and writing files", places.len());
    generate::write(&settings, &places, &folder, &|_| stage.step())?;
    stage.done(&format!("{} councils, {} files each", places.len(), settings.submissions));
    let (from, to) = settings.period(settings.submissions - 1);
    let period = Period { from, to };
    let parts = parts(&folder, &chosen, &period)?;
    Ok((parts, period))
}

fn given(folder: &Path) -> anyhow::Result<(Vec<Part>, Period)> {
    let mut chosen = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
        if !entry.path().is_dir() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let council = CouncilCode::parse(&name).ok().and_then(|code| Geography::built_in().council(code));
        match council {
            Some(council) => chosen.push(council),
            None => bail!("the folder {} is not named after a council's code", entry.path().display()),
        }
    }
    if chosen.is_empty() {
        bail!("{} holds no folder named after a council's code", folder.display());
    }
    chosen.sort_by_key(|council| council.code);
    // Asked about: the twelve months that end where the files of most councils end.
    let mut ends: Vec<Date> = Vec::new();
    for council in &chosen {
        let code = council.code.to_string();
        let as_of = today();
        let files = truth::read_folder(&folder.join(&code), &code, as_of)?;
        ends.extend(truth::joined::quarters_held(&files, as_of).map(|(_, last)| last));
    }
    ends.sort();
    let to = *ends.get(ends.len() / 2).context("no file covers a whole quarter, so there is nothing to ask")?;
    let from = generate::year_before(to);
    let period = Period { from, to };
    let parts = parts(folder, &chosen, &period)?;
    Ok((parts, period))
}

/// The day whose data are used, by the oracle and in every question.
pub fn today() -> Date {
    SystemClock::new().now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Lists each council's files and asks the oracle, on all cores.
fn parts(folder: &Path, chosen: &[&'static Council], period: &Period) -> anyhow::Result<Vec<Part>> {
    let stage = Stage::begin("Asking the oracle for the truth", chosen.len());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = chosen.len().div_ceil(workers).max(1);
    let parts = std::thread::scope(|scope| {
        let handles: Vec<_> = chosen
            .chunks(share)
            .map(|councils| {
                let stage = &stage;
                scope.spawn(move || {
                    let made: anyhow::Result<Vec<Part>> = councils
                        .iter()
                        .map(|council| {
                            let part = part(folder, council, period);
                            stage.step();
                            part
                        })
                        .collect();
                    made
                })
            })
            .collect();
        let mut parts = Vec::new();
        for handle in handles {
            match handle.join() {
                Ok(made) => parts.extend(made?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        anyhow::Ok(parts)
    })?;
    stage.done(&format!("{} councils", parts.len()));
    Ok(parts)
}

/// The measures whose truth the report shows.
pub const MEASURES: [&str; 2] = ["ASCOF-2E", "ASCOF-2E-LD"];

/// Dimensions of the large joint table: 1,248 cells for each area, 11,232 for the regions.
pub const LARGE: &str = "age_band,gender,ethnic_group,primary_support_reason";

/// The tables whose truth joint figures are held against: measure and dimensions.
pub const TABLES: [(&str, Option<&str>); 2] = [("ASCOF-2E", None), ("PEOPLE", Some(LARGE))];

fn part(folder: &Path, council: &'static Council, period: &Period) -> anyhow::Result<Part> {
    let code = council.code.to_string();
    let folder = folder.join(&code);
    let as_of = today();
    let read = truth::read_folder(&folder, &code, as_of)?;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")))
        .collect();
    paths.sort();
    if paths.is_empty() {
        bail!("{} holds no .csv file", folder.display());
    }
    let mut figures = Vec::new();
    let mut tables = BTreeMap::new();
    if let Some(window) = truth::joined::quarters_held(&read, as_of) {
        let table = truth::joined::join(&code, &read, as_of, window, truth::Keys::Raw);
        for measure in MEASURES {
            let question =
                truth::Question { measure: measure.to_owned(), from: period.from, to: period.to, by: Vec::new() };
            figures.extend(truth::figures(&table, &question)?);
        }
        for (measure, by) in TABLES {
            let names = by.map(|by| by.split(',').map(str::to_owned).collect());
            let by = by.unwrap_or_default().to_owned();
            let question = truth::Question {
                measure: measure.to_owned(),
                from: period.from,
                to: period.to,
                by: names.unwrap_or_default(),
            };
            let found = truth::figures(&table, &question)?.into_iter().filter(|figure| figure.value > 0);
            tables.insert((measure.to_owned(), by), found.collect());
        }
    }
    let files = paths
        .into_iter()
        .map(|path| {
            let received = path.file_stem().and_then(|stem| truth::received(&stem.to_string_lossy()));
            (path, received)
        })
        .collect();
    Ok(Part { council, files, truth: figures, tables })
}
