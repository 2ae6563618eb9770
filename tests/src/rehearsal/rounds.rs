//! Joint questions: one round over all councils each, and what comes out beside the truth and one central curator's
//! figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use folkmoot_coordinator::total::Facts;
use folkmoot_proto::ids::CouncilCode;

use super::asking::{Asked, JOINT_PRIVATE, JOINT_SUPPRESSED, Outcome, Release};
use super::cost::{self, Meter};
use super::data::{LARGE, Period};
use super::federation::{Federation, NATIONAL};
use super::joint::{self, Asking, FALSE_ALARM, Noise, Reading, SIGMAS};
use super::progress::Stage;
use super::report::Level;
use super::setup::{Cohort, RHO_LOCAL_MAX};
use super::{MEASURE, SHOWN, question};

/// What came of playing questions.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// For people.
    pub text: String,
    /// Figures compared.
    pub figures: usize,
    /// All errors of cells with one dose of noise.
    pub noise: Noise,
    /// What must not be, a sentence each.
    pub broken: Vec<String>,
}

impl Told {
    /// Both, one after the other.
    pub fn and(mut self, next: Self) -> Self {
        self.text.push_str(&next.text);
        self.broken.extend(next.broken);
        Self { text: self.text, figures: self.figures + next.figures, noise: self.noise.and(next.noise), ..self }
    }
}

/// The large table: as many cells as councils would ask for at once.
pub fn large<'a>(period: &'a Period, councils: &[CouncilCode]) -> Asked<'a> {
    let by = Some(LARGE);
    Asked { measure: "PEOPLE", by, level: Level::Region, kind: JOINT_PRIVATE, ..question(period, councils.to_vec()) }
}

/// The questions of a play.
fn questions<'a>(period: &'a Period, councils: &[CouncilCode]) -> Vec<Asked<'a>> {
    let asked = |level, kind| Asked { level, kind, ..question(period, councils.to_vec()) };
    vec![
        asked(Level::England, JOINT_PRIVATE),
        asked(Level::Region, JOINT_PRIVATE),
        asked(Level::Board, JOINT_PRIVATE),
        large(period, councils),
        asked(Level::England, JOINT_SUPPRESSED),
    ]
}

/// Why no round can be played with those who are there; `None` when one can.
pub fn impossible(federation: &Federation) -> Option<String> {
    let (there, least) = (federation.present().len(), Cohort::of(federation.parts().len()).least);
    (there < least).then(|| {
        format!("No joint figures: the councils' policies need {least} councils in a round, and {there} are there.")
    })
}

/// Plays every joint question.
///
/// # Errors
/// When a program fails, or a round that should give a sum gives none.
pub async fn play(federation: &Federation, period: &Period) -> anyhow::Result<Told> {
    if let Some(why) = impossible(federation) {
        return Ok(Told { text: format!("{why}\n"), ..Told::default() });
    }
    let councils: Vec<CouncilCode> = federation.codes().collect();
    let mut told = Told::default();
    for asked in questions(period, &councils) {
        let present: BTreeSet<CouncilCode> = federation.present().iter().map(|part| part.council.code).collect();
        let one = ask(federation, &asked, &present).await?;
        println!("\n{}", one.text.trim_end());
        told = told.and(one);
    }
    let judged = judge(&told);
    println!("\n{}", judged.text.trim_end());
    Ok(told.and(judged))
}

/// What all errors together say of the noise.
pub fn judge(told: &Told) -> Told {
    let noise = told.noise;
    let mut text = format!(
        "\nAll joint figures: {} held against the truth, each within {SIGMAS} standard deviations of its noise. A sound play \
         fails this with a chance below {:.0e}.\n",
        told.figures,
        told.figures as f64 * FALSE_ALARM,
    );
    let mut broken = Vec::new();
    match noise.judge() {
        Some(wrong) => broken.push(wrong),
        None if noise.errors > 0 => {
            let ratio = (noise.squares / noise.errors as f64).sqrt();
            let _ = writeln!(
                text,
                "Spread of the errors of {} cells: {ratio:.3} of what is stated. Noise left out or added twice would show; a \
                 sound play fails this with a chance below 3e-9.",
                noise.errors
            );
        }
        None => {}
    }
    Told { text, broken, ..Told::default() }
}

/// Asks one joint question of everybody and holds the release against the truth.
///
/// `expected` are the councils whose figures must be in it.
///
/// # Errors
/// [`super::asking::Failed`] when the round gives no sum; another when a program fails.
pub async fn ask(federation: &Federation, asked: &Asked<'_>, expected: &BTreeSet<CouncilCode>) -> anyhow::Result<Told> {
    let title = format!("Asking for {}, {}, {}", asked.measure, asked.level.areas(), asked.kind.word);
    let stage = Stage::begin(&title, 0);
    let (meter, begun) = (Meter::start(federation.processes()), Instant::now());
    let release = released(federation, asked).await?;
    let cost = Cost { wall: begun.elapsed(), processor: meter.all(&BTreeMap::new()), coordinator: None };
    let cost = Cost { coordinator: federation.coordinator_process().and_then(|id| meter.since(id)), ..cost };
    stage.done(&format!("release {}", release.number));
    let name = format!("{}-{}-{}", asked.measure, asked.level.word(), asked.kind.word);
    federation.hands().export(NATIONAL, &release, &name).await?;
    tell(federation, asked, &release, expected, &cost)
}

/// Asks and expects a release.
///
/// # Errors
/// As [`ask`].
pub async fn released(federation: &Federation, asked: &Asked<'_>) -> anyhow::Result<Release> {
    match federation.hands().ask(NATIONAL, asked, &["--fresh"]).await? {
        Outcome::Released(release) => Ok(*release),
        Outcome::Refused(why) => bail!("the national analyst was refused joint figures: {why}"),
    }
}

/// What a round took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From the question to the release at the analyst.
    pub wall: Duration,
    /// User and system time of the coordinator and all nodes.
    pub processor: Duration,
    /// The coordinator's part of it.
    pub coordinator: Option<Duration>,
}

/// Holds a release against the truth and puts both into words.
///
/// # Errors
/// When it is no release of joint figures.
pub fn tell(
    federation: &Federation,
    asked: &Asked<'_>,
    release: &Release,
    expected: &BTreeSet<CouncilCode>,
    cost: &Cost,
) -> anyhow::Result<Told> {
    let facts = release.round.as_ref().context("the release does not say how its round was run")?;
    let shown: Vec<&str> = if asked.measure == MEASURE { SHOWN.to_vec() } else { vec![""] };
    let parts: Vec<_> = federation.parts().iter().collect();
    let mut reading = joint::read(asked, &parts, release, &shown)?;
    reading.broken.extend(coverage(release, facts, expected));
    let asking = Asking::of(asked)?;
    let by = asked.by.map_or(String::new(), |by| format!(" by {}", by.replace(',', ", ")));
    let mut text =
        format!("\nRelease {}: {}{by}, {}, {}\n", release.number, asked.measure, asked.level.areas(), asked.kind.word,);
    let _ = writeln!(
        text,
        "  one round of {} councils, attempt {}: {} in the sum ({:.1}% of England's adults), {} elements each; {} assumed to \
         collude, {} signatures to unmask, {} must stay",
        facts.cohort.len(),
        facts.attempt,
        facts.survivors.len(),
        100.0 * release.adult_share().unwrap_or_default(),
        asking.elements(),
        facts.colluding,
        facts.threshold,
        facts.min_survivors,
    );
    let absent: Vec<&str> = release.missing.keys().map(String::as_str).collect();
    if !absent.is_empty() {
        let _ = writeln!(text, "  not in it: {}", absent.join(", "));
    }
    match asking.curator() {
        Some(curator) => text.push_str(&account(asked, facts, &reading, curator)),
        None => {
            let _ = writeln!(
                text,
                "  {} figures, {} of them hidden: each exactly what the disclosed rule makes of the true sum",
                reading.figures, reading.hidden
            );
        }
    }
    text.push_str(&price(&asking, facts, cost));
    for (group, lines) in &reading.lines {
        let name = if group.is_empty() { "everybody" } else { group };
        text.push_str(&joint::table(&format!("  {name}, {}", component(asked)), lines));
    }
    let what = format!("{} {}, {}", asked.kind.word, asked.measure, asked.level.areas());
    let broken = reading.broken.iter().map(|sentence| format!("{what}: {sentence}")).collect();
    Ok(Told { text, figures: reading.figures, noise: reading.noise, broken })
}

fn component(asked: &Asked<'_>) -> &'static str {
    if asked.measure == MEASURE { "yes" } else { "people" }
}

/// The noise of a private release, stated and observed, beside one central curator's.
fn account(asked: &Asked<'_>, facts: &Facts, reading: &Reading, curator: f64) -> String {
    let stated = facts.noise();
    let alone = f64::from(facts.honest()) * asked.kind.rho.and_then(|rho| rho.parse::<f64>().ok()).unwrap_or_default();
    let everybody = curator * (facts.survivors.len() as f64).sqrt();
    let mut text = format!(
        "  rho {}: noise of one cell {stated:.2}, one central curator's {curator:.2}, ratio {:.3}; full noise of every council \
         would be {everybody:.1}\n",
        asked.kind.rho.unwrap_or_default(),
        stated / curator,
    );
    if reading.noise.errors > 0 {
        let seen = reading.noise.root_mean_square();
        let _ = writeln!(
            text,
            "  observed in {} cells: error {seen:.2} (root mean square), {:.3} of one central curator's; the worst of {} \
             figures is off by {:.1} standard deviations",
            reading.noise.errors,
            seen / curator,
            reading.figures,
            reading.worst,
        );
    }
    let _ = writeln!(
        text,
        "  should all other councils collude with the coordinator, one person loses rho {alone:.2} (the councils' cap is \
         {RHO_LOCAL_MAX})"
    );
    text
}

/// What the round took, and how much of it was noise.
fn price(asking: &Asking, facts: &Facts, cost: &Cost) -> String {
    let all = cost.processor.as_secs_f64();
    let mut text =
        format!("  took {:.1} s; processor time of all nodes and the coordinator {all:.2} s", cost.wall.as_secs_f64());
    if let Some(coordinator) = cost.coordinator {
        let _ = write!(text, " (coordinator {:.2} s)", coordinator.as_secs_f64());
    }
    let scale = facts.grid as f64 * facts.sigma_nano as f64 / 1e9 / f64::from(facts.honest()).sqrt();
    let drawn = if scale > 0.0 { cost::noise(asking.elements(), scale) } else { None };
    if let Some(each) = drawn {
        let noise = each.as_secs_f64() * facts.survivors.len() as f64;
        let _ = write!(
            text,
            ", of it about {noise:.2} s for drawing noise in attempt {} (one node's draws took {:.3} s when timed here): \
             {:.2} s outside it",
            facts.attempt,
            each.as_secs_f64(),
            (all - noise).max(0.0)
        );
    }
    text.push('\n');
    text
}

/// Whether the release says truly who is in it.
fn coverage(release: &Release, facts: &Facts, expected: &BTreeSet<CouncilCode>) -> Vec<String> {
    let names = |codes: &BTreeSet<CouncilCode>| codes.iter().map(CouncilCode::as_str).collect::<Vec<_>>().join(", ");
    let mut broken = Vec::new();
    if facts.survivors != *expected {
        let lacking: BTreeSet<_> = expected.difference(&facts.survivors).copied().collect();
        let extra: BTreeSet<_> = facts.survivors.difference(expected).copied().collect();
        broken.push(format!("in the sum should be [{}] more and [{}] not", names(&lacking), names(&extra)));
    }
    if release.answered != facts.survivors.len() as u64 {
        broken.push(format!("{} councils answered, {} are in the sum", release.answered, facts.survivors.len()));
    }
    let missing = release.asked.saturating_sub(release.answered);
    if release.missing.len() as u64 != missing {
        broken.push(format!("{missing} councils are missing, {} are named", release.missing.len()));
    }
    if let Some(code) = facts.survivors.iter().find(|code| release.missing.contains_key(code.as_str())) {
        broken.push(format!("{code} is in the sum and named as missing"));
    }
    broken
}
