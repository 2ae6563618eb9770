//! Nodes that die in the middle of a round, at exactly the step that was asked for.
//!
//! Half of the chosen nodes are killed just before they see the message of the step; the other half once they have
//! answered it (keys made, budget charged, survivors signed, as the step may be) and before the answer is passed on. To
//! the coordinator both look the same; to the node's own ledger they are different crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::round::{Step, parameters};
use folkmoot_proto::wire::v1 as wire;
use tonic::Status;

use super::asking::{Asked, Failed};
use super::cost::{self, Meter};
use super::data::Period;
use super::federation::{Federation, Hands, NATIONAL};
use super::progress::Stage;
use super::relay::{Hall, Mischief, Moment, Nothing, Seen, Turn, Way};
use super::rounds::{self, Cost, Told};
use super::setup::Cohort;

/// So many nodes are killed at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop {
    /// At which step.
    pub step: Step,
    /// How many.
    pub nodes: usize,
}

impl FromStr for Drop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (step, nodes) = text.split_once(':').ok_or("a step and a number are expected, such as mask:5")?;
        let step = match step.trim().to_ascii_lowercase().as_str() {
            "advertise" => Step::Advertise,
            "share" => Step::Share,
            "mask" => Step::Mask,
            "consent" | "survivors" | "consistency" => Step::Consent,
            "unmask" => Step::Unmask,
            other => {
                return Err(format!("'{other}' is no step of a round: advertise, share, mask, consent or unmask"));
            }
        };
        match nodes.trim().parse() {
            Ok(nodes) if (1..=255).contains(&nodes) => Ok(Self { step, nodes }),
            _ => Err(format!("'{}' is no number of nodes from 1 to 255", nodes.trim())),
        }
    }
}

/// A node that is to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Victim {
    step: Step,
    moment: Moment,
    process: u32,
}

/// Kills nodes at their step.
struct Kills {
    victims: Mutex<BTreeMap<CouncilCode, Victim>>,
    /// What the dead had used of the processors.
    used: Mutex<BTreeMap<u32, Duration>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kills {
    async fn meet(&self, hall: &Hall, turn: Turn, moment: Moment) -> Way {
        let victim = {
            let mut victims = lock(&self.victims);
            match victims.get(&turn.council) {
                Some(victim) if victim.step == turn.step && victim.moment == moment => victims.remove(&turn.council),
                _ => None,
            }
        };
        let Some(victim) = victim else { return Way::On };
        if let Some(used) = cost::used(victim.process) {
            lock(&self.used).insert(victim.process, used);
        }
        // The dead node's link may fall, and this call with it, before the next line runs.
        hall.lose(turn, moment);
        match Hands::signal(victim.process, "KILL").await {
            Ok(()) => Way::Lost,
            // Gone by itself: the check of the release will find a council that is missing and was not killed.
            Err(_) => Way::On,
        }
    }
}

#[tonic::async_trait]
impl Mischief for Kills {
    async fn asked(&self, hall: &Hall, turn: Turn, _: &mut wire::RoundChunk) -> Way {
        self.meet(hall, turn, Moment::Before).await
    }

    async fn answered(&self, hall: &Hall, turn: Turn, answer: &Result<Vec<wire::RoundChunk>, Status>) -> Way {
        if answer.is_err() {
            return Way::On;
        }
        self.meet(hall, turn, Moment::After).await
    }
}

/// Who dies when: evenly spread over the councils that are there, every other one after it has answered.
fn victims(federation: &Federation, drops: &[Drop]) -> anyhow::Result<BTreeMap<CouncilCode, Victim>> {
    let there: Vec<CouncilCode> = federation.present().iter().map(|part| part.council.code).collect();
    let total: usize = drops.iter().map(|drop| drop.nodes).sum();
    if total >= there.len() {
        bail!("--drop would kill {total} of {} nodes and leave none", there.len());
    }
    let steps = drops.iter().flat_map(|drop| std::iter::repeat_n(drop.step, drop.nodes));
    let mut victims = BTreeMap::new();
    for (place, step) in steps.enumerate() {
        let code = there[(2 * place + 1) * there.len() / (2 * total)];
        let process = federation.process(code).with_context(|| format!("the node of {code} does not run"))?;
        let moment = if place % 2 == 0 { Moment::Before } else { Moment::After };
        victims.insert(code, Victim { step, moment, process });
    }
    Ok(victims)
}

/// Plays one joint question in which nodes die, holds what comes of it against the truth about those who remain, and
/// starts the dead again.
///
/// # Errors
/// When a program fails in another way than it was killed.
pub async fn play(federation: &mut Federation, asked: &Asked<'_>, drops: &[Drop]) -> anyhow::Result<Told> {
    let victims = victims(federation, drops)?;
    let relay = federation.relay().context("nodes that die are played over a relay")?;
    let (kills, before) =
        (Arc::new(Kills { victims: Mutex::new(victims.clone()), used: Mutex::default() }), relay.hall().rounds().len());
    relay.play(Arc::<Kills>::clone(&kills));
    let words: Vec<String> = drops.iter().map(|drop| format!("{} at \"{}\"", drop.nodes, drop.step)).collect();
    let stage = Stage::begin(&format!("Killing nodes in a round: {}", words.join(", ")), 0);
    let (meter, begun) = (Meter::start(federation.processes()), Instant::now());
    let came = rounds::released(federation, asked).await;
    let processor = meter.all(&lock(&kills.used));
    let coordinator = federation.coordinator_process().and_then(|id| meter.since(id));
    let cost = Cost { wall: begun.elapsed(), processor, coordinator };
    let relay = federation.relay().context("nodes that die are played over a relay")?;
    relay.play(Arc::new(Nothing));
    let attempts: Vec<Seen> = relay.hall().rounds().into_iter().skip(before).collect();
    let fallen: BTreeSet<CouncilCode> =
        attempts.iter().flat_map(|seen| seen.lost.iter().map(|(code, ..)| *code)).collect();
    let mut told = match came {
        Ok(release) => {
            stage.done(&format!("release {}", release.number));
            let last = attempts.last().context("the relay saw no round")?;
            let name = format!("{}-{}-dropouts", asked.measure, asked.level.word());
            federation.hands().export(NATIONAL, &release, &name).await?;
            let mut told = rounds::tell(federation, asked, &release, &expected(last), &cost)?;
            told.broken.extend(named(&attempts, &release.missing));
            if !enough(last) {
                told.broken.push("a figure came out although too few councils remained".to_owned());
            }
            told
        }
        Err(error) => {
            let failed = error.downcast::<Failed>()?;
            stage.done("no figure");
            Told {
                text: format!("\nNo figure: {failed}\n"),
                broken: hopeless(federation, &attempts),
                ..Told::default()
            }
        }
    };
    told.text = format!("{}{}", told.text, story(&attempts));
    let left: Vec<&CouncilCode> = victims.keys().filter(|code| !fallen.contains(*code)).collect();
    if !left.is_empty() {
        let _ = writeln!(told.text, "  not killed, since the round never came to their step: {}", list(left));
    }
    for seen in &attempts {
        told.broken.extend(wrong(seen, seen.id == attempts.last().map_or([0; 32], |last| last.id)));
    }
    again(federation, &fallen).await?;
    Ok(told)
}

fn list<'a>(codes: impl IntoIterator<Item = &'a CouncilCode>) -> String {
    codes.into_iter().map(CouncilCode::as_str).collect::<Vec<_>>().join(", ")
}

/// Whose vectors must be in the sum of an attempt: those not lost up to the step at which vectors leave.
fn expected(seen: &Seen) -> BTreeSet<CouncilCode> {
    let lost = |code: &CouncilCode| seen.lost.iter().any(|(lost, step, _)| lost == code && *step <= Step::Mask);
    seen.cohort().into_iter().filter(|code| !lost(code)).collect()
}

/// Everybody who fell and is not in the sum must be named as missing.
fn named(attempts: &[Seen], missing: &BTreeMap<String, String>) -> Vec<String> {
    let Some(last) = attempts.last() else { return Vec::new() };
    let inside = expected(last);
    let fallen = attempts.iter().flat_map(|seen| &seen.lost).map(|(code, ..)| code);
    let unnamed = fallen.filter(|code| !inside.contains(*code) && !missing.contains_key(code.as_str()));
    unnamed.map(|code| format!("{code} was killed and is not named as missing")).collect()
}

/// How many remained when a step was over.
fn remained(seen: &Seen, step: Step) -> usize {
    seen.passed(step).len()
}

/// Whether an attempt had enough councils at every step to end well.
fn enough(seen: &Seen) -> bool {
    let (least, shares) = (usize::from(seen.envelope.min_survivors), usize::from(seen.envelope.threshold));
    [Step::Advertise, Step::Share, Step::Mask].iter().all(|step| remained(seen, *step) >= least)
        && [Step::Consent, Step::Unmask].iter().all(|step| remained(seen, *step) >= shares)
}

/// What must not be in one attempt: a sum without enough councils, or none with enough.
fn wrong(seen: &Seen, last: bool) -> Option<String> {
    let attempt = seen.envelope.attempt;
    if !last && enough(seen) {
        return Some(format!("attempt {attempt} had enough councils at every step and was given up"));
    }
    // Fewer shares than the threshold tell nothing about any mask.
    let least = usize::from(seen.envelope.min_survivors);
    let early = [Step::Advertise, Step::Share, Step::Mask].iter().any(|step| remained(seen, *step) < least);
    (early && remained(seen, Step::Unmask) > 0)
        .then(|| format!("attempt {attempt} went on to unmask although too few councils remained"))
}

/// Why there should have been a figure after all.
fn hopeless(federation: &Federation, attempts: &[Seen]) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(last) = attempts.last() else { return vec!["the relay saw no round".to_owned()] };
    let lost: BTreeSet<&CouncilCode> =
        attempts.iter().flat_map(|seen| seen.lost.iter().map(|(code, ..)| code)).collect();
    let there = federation.present().len() - lost.len();
    let least = Cohort::of(federation.parts().len()).least;
    if enough(last) {
        broken.push("there is no figure although enough councils remained at every step".to_owned());
    } else if there >= least && last.envelope.attempt < parameters::MAX_ATTEMPTS {
        broken.push(format!("there is no figure although {there} councils remained and the policies need {least}"));
    }
    for seen in attempts {
        let shares = remained(seen, Step::Unmask);
        if shares >= usize::from(seen.envelope.threshold) {
            broken.push(format!("attempt {}: {shares} councils gave shares, enough to unmask", seen.envelope.attempt));
        }
    }
    broken
}

/// What happened at each step of each attempt, in words.
fn story(attempts: &[Seen]) -> String {
    let mut text = String::new();
    for seen in attempts {
        let envelope = &seen.envelope;
        let steps: Vec<String> =
            super::relay::STEPS.iter().map(|step| format!("{step} {}", remained(seen, *step))).collect();
        let _ = writeln!(
            text,
            "  attempt {}: {} asked, {} must stay, {} signatures and shares to unmask; answers that arrived: {}",
            envelope.attempt,
            envelope.cohort.len(),
            envelope.min_survivors,
            envelope.threshold,
            steps.join(", ")
        );
        for step in super::relay::STEPS {
            for (moment, when) in [(Moment::Before, "before it saw the message"), (Moment::After, "its answer lost")] {
                let codes = seen.lost.iter().filter(|lost| (lost.1, lost.2) == (step, moment)).map(|lost| &lost.0);
                // Calls come in any order; people read a sorted list.
                let codes = list(codes.collect::<BTreeSet<_>>());
                if !codes.is_empty() {
                    let _ = writeln!(text, "    killed at \"{step}\", {when}: {codes}");
                }
            }
        }
        if seen.id != attempts.last().map_or([0; 32], |last| last.id) || !enough(seen) {
            let shares = remained(seen, Step::Unmask);
            let _ = writeln!(
                text,
                "    no sum: too few remained. Nobody has learnt anything: {shares} of the {} shares needed to undo a mask \
                 were given",
                envelope.threshold
            );
        }
    }
    text
}

/// Starts nodes that were killed, and waits until they are linked.
async fn again(federation: &mut Federation, fallen: &BTreeSet<CouncilCode>) -> anyhow::Result<()> {
    let stage = Stage::begin("Starting the killed nodes again", fallen.len());
    for code in fallen {
        federation.kill_node(*code).await?;
        federation.start_node(*code).await?;
    }
    for code in fallen {
        federation.linked(*code, 0).await?;
        stage.step();
    }
    stage.done(&format!("{} nodes are linked again", fallen.len()));
    Ok(())
}

/// The question in which nodes die: the large table, so that recovery has something to undo.
pub fn asked<'a>(federation: &Federation, period: &'a Period) -> Asked<'a> {
    let councils: Vec<CouncilCode> = federation.codes().collect();
    rounds::large(period, &councils)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_drop_is_a_step_and_a_number() {
        assert_eq!("mask:5".parse(), Ok(Drop { step: Step::Mask, nodes: 5 }));
        assert_eq!("Survivors:30".parse(), Ok(Drop { step: Step::Consent, nodes: 30 }));
        for wrong in ["mask", "mask:", "mask:0", "mask:-1", "mask:256", "knit:2", ":3"] {
            assert!(wrong.parse::<Drop>().is_err(), "{wrong}");
        }
    }
}
