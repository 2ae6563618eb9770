//! A coordinator that shows different councils different things, played to the end of its means.
//!
//! The relay lies to every other council of a round, at one step. The honest coordinator behind it then has too few
//! answers that fit together and gives up. Before it tries again, the liar goes on by itself: it shows the deceived what
//! the others saw, and the others what the deceived signed, as somebody would who wants both halves of a council's
//! secrets. A federation of one afternoon lets it sign with the coordinator's own key; it has no council's key.
//!
//! | lie       | shown to half of the councils                       | what is then tried                               |
//! |-----------|------------------------------------------------------|--------------------------------------------------|
//! | cohort    | an envelope without one council, signed again        | one list of keys out of both halves              |
//! | keys      | one council's keys replaced by the liar's own        | nothing more is needed for a refusal             |
//! | peers     | one council left out of those whose shares arrived   | the true list as well, then the survivors        |
//! | survivors | one council left out of the survivors                | the true survivors as well, both halves' consent |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use folkmoot_proto::ids::{CouncilCode, QueryId};
use folkmoot_proto::round::messages::{Advert, Consent, Entry, Masked, Quorum, Relay as Relayed, Roster, Survivors};
use folkmoot_proto::round::{Envelope, Seat, SeatSet, Step, transcript};
use folkmoot_proto::wire::v1 as wire;
use tonic::Status;

use super::asking::{Asked, Failed, JOINT_PRIVATE, Outcome};
use super::data::Period;
use super::federation::{Federation, NATIONAL};
use super::progress::Stage;
use super::question;
use super::relay::{self, Hall, Mischief, Nothing, Refused, Seen, Turn, Way};
use super::rounds::{self, Told};

/// What is different for half of the councils.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Who is asked.
    Cohort,
    /// Whose keys are whose.
    Keys,
    /// Whose shares arrived.
    Peers,
    /// Whose vectors arrived.
    Survivors,
}

impl Lie {
    /// All lies, in the order of their steps.
    pub const ALL: [Self; 4] = [Self::Cohort, Self::Keys, Self::Peers, Self::Survivors];

    /// The step at which it is told.
    fn step(self) -> Step {
        match self {
            Self::Cohort => Step::Advertise,
            Self::Keys => Step::Share,
            Self::Peers => Step::Mask,
            Self::Survivors => Step::Consent,
        }
    }

    /// In words.
    fn words(self) -> &'static str {
        match self {
            Self::Cohort => "half of the councils are shown a cohort without one council, signed by the coordinator",
            Self::Keys => "half of the councils are shown keys of the liar's own in place of one council's",
            Self::Peers => "half of the councils are shown one council fewer whose shares arrived",
            Self::Survivors => "half of the councils are shown one survivor fewer than the other half",
        }
    }
}

/// One attempt, with what each half was shown and said.
#[derive(Clone, Default)]
struct Round {
    /// The coordinator's round.
    id: [u8; 32],
    /// Everybody by seat.
    cohort: Vec<CouncilCode>,
    /// What the coordinator wanted to show each council at the step of the lie.
    truth: BTreeMap<CouncilCode, Vec<u8>>,
    /// What the deceived were shown instead, and under which round id.
    lied: BTreeMap<CouncilCode, ([u8; 32], Vec<u8>)>,
    /// Answers to the step of the lie.
    answers: BTreeMap<CouncilCode, Vec<u8>>,
    /// Whether the liar has gone on by itself.
    pushed: bool,
}

impl Round {
    /// Every other council is lied to; the one left out sits first and hears the truth.
    fn deceives(&self, council: CouncilCode) -> bool {
        self.cohort.iter().position(|code| *code == council).is_some_and(|seat| seat % 2 == 1)
    }

    /// Those who heard the truth.
    fn honest(&self) -> impl Iterator<Item = CouncilCode> + '_ {
        self.truth.keys().filter(|code| !self.lied.contains_key(code)).copied()
    }
}

/// The lying coordinator.
struct Liar {
    lie: Lie,
    /// The coordinator's signing key, as a file.
    key: std::path::PathBuf,
    rounds: Mutex<Vec<Round>>,
    /// One at a time goes on after a failed attempt; the others wait for it.
    turn: tokio::sync::Mutex<()>,
    /// What councils said to what the liar tried by itself.
    told: Mutex<Vec<Refused>>,
    /// Councils that gave away shares although they must not: none.
    gave: Mutex<BTreeSet<CouncilCode>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The council that is left out, or whose keys are not shown: nobody special, and never among the deceived.
const VICTIM: Seat = Seat::new(0);

impl Liar {
    fn new(lie: Lie, key: std::path::PathBuf) -> Self {
        let (rounds, told, gave) = Default::default();
        Self { lie, key, rounds, turn: tokio::sync::Mutex::new(()), told, gave }
    }

    fn with<T>(&self, id: [u8; 32], work: impl FnOnce(&mut Round) -> T) -> Option<T> {
        lock(&self.rounds).iter_mut().find(|round| round.id == id).map(work)
    }

    /// What the deceived are shown in place of `truth`, and under which round id when not the same; `None` when it cannot be read.
    fn twist(&self, truth: &[u8]) -> Option<(Option<[u8; 32]>, Vec<u8>)> {
        let same = |bytes: Vec<u8>| Some((None, bytes));
        match self.lie {
            Lie::Cohort => {
                let mut envelope = Envelope::decode(truth).ok()?;
                envelope.cohort.remove(0);
                let councils = u16::try_from(envelope.cohort.len()).ok()?;
                envelope.threshold = (councils + envelope.colluding) / 2 + 1;
                let key = folkmoot_runtime::enrol::read_signing_key(&self.key).ok()?;
                let bytes = envelope.sign(&key).encode();
                Some((Some(transcript::t0(&bytes)), bytes))
            }
            Lie::Keys => {
                let mut roster = Roster::decode(truth).ok()?;
                let entry = roster.entries.iter_mut().find(|entry| entry.seat == VICTIM)?;
                rand::Rng::fill_bytes(&mut rand::rng(), &mut entry.share_key);
                rand::Rng::fill_bytes(&mut rand::rng(), &mut entry.mask_key);
                // A key in its second encoding would be refused for that alone.
                entry.share_key[31] &= 0x7f;
                entry.mask_key[31] &= 0x7f;
                same(roster.encode())
            }
            Lie::Peers => {
                let mut relayed = Relayed::decode(truth).ok()?;
                relayed.sharers = without(&relayed.sharers);
                // The victim deals first, and the deceived are never the victim.
                relayed.pairs.remove(0);
                relayed.statements.retain(|statement| relayed.sharers.contains(statement.seat));
                same(relayed.encode())
            }
            Lie::Survivors => {
                let Survivors { t2, survivors } = Survivors::decode(truth).ok()?;
                same(Survivors { t2, survivors: without(&survivors) }.encode())
            }
        }
    }

    /// Tries what the coordinator could not, once for each attempt but `current`.
    async fn go_on(&self, hall: &Hall, current: Option<[u8; 32]>) {
        let _turn = self.turn.lock().await;
        let due: Vec<Round> = {
            let mut rounds = lock(&self.rounds);
            let due = rounds.iter_mut().filter(|round| Some(round.id) != current && !round.pushed);
            due.map(|round| {
                round.pushed = true;
                round.clone()
            })
            .collect()
        };
        for round in due {
            for (council, id, step, payload) in self.attempts(&round) {
                self.say(hall, council, id, step, payload).await;
            }
            if self.lie == Lie::Survivors {
                self.unmask(hall, &round).await;
            }
        }
    }

    /// What is said to whom, in which round and step, once the coordinator has given up.
    fn attempts(&self, round: &Round) -> Vec<(CouncilCode, [u8; 32], Step, Vec<u8>)> {
        let Some((other, lie)) = round.lied.values().next().cloned() else { return Vec::new() };
        // To the deceived what the coordinator wanted to show them.
        let truth = || {
            let truths = round.lied.keys().filter_map(|code| Some((*code, round.truth.get(code)?.clone())));
            truths.map(|(code, truth)| (code, round.id, self.lie.step(), truth)).collect::<Vec<_>>()
        };
        match self.lie {
            Lie::Cohort => {
                // One list of keys out of both halves, in each half's own numbering of seats.
                let entries: BTreeMap<CouncilCode, Entry> = round
                    .answers
                    .iter()
                    .filter_map(|(code, bytes)| Some((*code, Advert::decode(bytes).ok()?.entry)))
                    .collect();
                let roster = |t0: [u8; 32], cohort: &[CouncilCode]| {
                    let seated = cohort.iter().zip(0_u8..);
                    let entries = seated
                        .filter_map(|(code, seat)| Some(Entry { seat: Seat::new(seat), ..entries.get(code)?.clone() }))
                        .collect();
                    Roster { t0, entries }.encode()
                };
                let (all, fewer) = (roster(round.id, &round.cohort), roster(other, &round.cohort[1..]));
                let honest = round.honest().map(|code| (code, round.id, Step::Share, all.clone()));
                let deceived = round.lied.keys().map(|code| (*code, other, Step::Share, fewer.clone()));
                honest.chain(deceived).collect()
            }
            Lie::Keys => Vec::new(),
            Lie::Peers => {
                let mut out = truth();
                // The survivors, under the transcript of those who heard the truth.
                let header = round.honest().find_map(|code| Masked::decode(round.answers.get(&code)?).ok());
                if let Some(header) = header {
                    let survivors = (0_u8..).take(round.cohort.len()).map(Seat::new).collect();
                    let message = Survivors { t2: header.t2, survivors }.encode();
                    out.extend(round.lied.keys().map(|code| (*code, round.id, Step::Consent, message.clone())));
                }
                out
            }
            Lie::Survivors => {
                let honest = round.honest().map(|code| (code, round.id, Step::Consent, lie.clone()));
                truth().into_iter().chain(honest).collect()
            }
        }
    }

    /// Asks everybody for shares with all signatures there are: of both halves, then of their own half alone.
    async fn unmask(&self, hall: &Hall, round: &Round) {
        let consents: BTreeMap<CouncilCode, Consent> =
            round.answers.iter().filter_map(|(code, bytes)| Some((*code, Consent::decode(bytes).ok()?))).collect();
        for (code, own) in &consents {
            let all = |mine: bool| Quorum {
                t3: own.t3,
                consents: consents
                    .values()
                    .filter(|consent| !mine || consent.t3 == own.t3)
                    .map(|consent| (consent.seat, consent.signature))
                    .collect(),
            };
            for mine in [false, true] {
                self.say(hall, *code, round.id, Step::Unmask, all(mine).encode()).await;
            }
        }
    }

    async fn say(&self, hall: &Hall, council: CouncilCode, id: [u8; 32], step: Step, payload: Vec<u8>) {
        let (round_id, step_number) = (id.to_vec(), relay::number(step));
        let message = wire::RoundChunk { round_id, step: step_number, payload, ..Default::default() };
        match hall.say(council, message).await {
            Ok(_) if step == Step::Unmask => drop(lock(&self.gave).insert(council)),
            Ok(_) => {}
            Err(status) => lock(&self.told).push(Refused::read(council, step, &status)),
        }
    }
}

#[tonic::async_trait]
impl Mischief for Liar {
    async fn asked(&self, hall: &Hall, turn: Turn, message: &mut wire::RoundChunk) -> Way {
        if turn.step == Step::Advertise {
            // A new attempt: the one before has failed, and nodes forget it once they join this one.
            self.go_on(hall, Some(turn.round)).await;
            let mut rounds = lock(&self.rounds);
            if !rounds.iter().any(|round| round.id == turn.round)
                && let Ok(envelope) = Envelope::decode(&message.payload)
            {
                let cohort = envelope.cohort.iter().filter_map(|code| CouncilCode::parse(code).ok()).collect();
                rounds.push(Round { id: turn.round, cohort, ..Round::default() });
            }
        }
        if turn.step != self.lie.step() {
            return Way::On;
        }
        let deceives = self.with(turn.round, |round| {
            round.truth.insert(turn.council, message.payload.clone());
            round.deceives(turn.council)
        });
        if deceives == Some(true)
            && let Some((id, lie)) = self.twist(&message.payload)
        {
            let id = id.unwrap_or(turn.round);
            self.with(turn.round, |round| round.lied.insert(turn.council, (id, lie.clone())));
            (message.round_id, message.payload) = (id.to_vec(), lie);
        }
        Way::On
    }

    async fn answered(&self, _: &Hall, turn: Turn, answer: &Result<Vec<wire::RoundChunk>, Status>) -> Way {
        // Of a masked vector its announcement is enough; other answers have one piece.
        if turn.step == self.lie.step()
            && let Some(first) = answer.as_ref().ok().and_then(|chunks| chunks.first())
        {
            self.with(turn.round, |round| round.answers.insert(turn.council, first.payload.clone()));
        }
        Way::On
    }
}

fn without(set: &SeatSet) -> SeatSet {
    set.minus(&std::iter::once(VICTIM).collect())
}

/// Plays every lie, and an honest round afterwards.
///
/// # Errors
/// When a program fails.
pub async fn play(federation: &Federation, period: &Period) -> anyhow::Result<Told> {
    if let Some(why) = rounds::impossible(federation) {
        bail!("--liar needs a joint round. {why}");
    }
    let councils: Vec<CouncilCode> = federation.codes().collect();
    let asked = Asked { kind: JOINT_PRIVATE, ..question(period, councils) };
    let mut told = Told::default();
    for lie in Lie::ALL {
        let one = tell(federation, &asked, lie).await?;
        println!("{}", one.text.trim_end());
        told = told.and(one);
    }
    let present = federation.present().iter().map(|part| part.council.code).collect();
    let honest = rounds::ask(federation, &asked, &present).await.context("asking honestly after the lies")?;
    println!("{}", honest.text.trim_end());
    Ok(told.and(honest))
}

/// Plays one lie and checks that nothing came of it.
async fn tell(federation: &Federation, asked: &Asked<'_>, lie: Lie) -> anyhow::Result<Told> {
    let relay = federation.relay().context("lies are told over a relay")?;
    let before = relay.hall().rounds().len();
    let liar = Arc::new(Liar::new(lie, federation.hands().out().join("coordinator/signing.key")));
    relay.play(Arc::<Liar>::clone(&liar));
    let stage = Stage::begin(&format!("Lying: {}", lie.words()), 0);
    let came = federation.hands().ask(NATIONAL, asked, &["--fresh"]).await;
    liar.go_on(relay.hall(), None).await;
    relay.play(Arc::new(Nothing));
    let mut broken = Vec::new();
    let mut text = format!("\nA lie: {}\n", lie.words());
    match came {
        Ok(Outcome::Released(release)) => {
            broken.push(format!("a figure came out, release {}", release.number));
        }
        Ok(Outcome::Refused(why)) => bail!("the national analyst was refused joint figures: {why}"),
        Err(error) => {
            let failed = error.downcast::<Failed>()?;
            let _ = writeln!(text, "  no figure: {failed}");
        }
    }
    stage.done(if broken.is_empty() { "failed closed" } else { "A FIGURE CAME OUT" });
    let attempts: Vec<Seen> = relay.hall().rounds().into_iter().skip(before).collect();
    let shares: usize =
        attempts.iter().map(|seen| seen.passed(Step::Unmask).len()).sum::<usize>() + lock(&liar.gave).len();
    if shares > 0 {
        broken.push(format!("{shares} councils gave shares that undo masks"));
    }
    let refused: Vec<Refused> =
        attempts.iter().flat_map(|seen| seen.refused.clone()).chain(lock(&liar.told).clone()).collect();
    text.push_str(&reasons(&refused));
    let _ = writeln!(text, "  unmasked: nothing; {shares} shares given in {} attempts", attempts.len());
    let query = attempts.first().map(|seen| QueryId::from_bytes(seen.envelope.mandate.query_id).to_string());
    let (lines, silent) = audits(federation, &refused, &query.context("the relay saw no round")?).await?;
    text.push_str(&lines);
    broken.extend(silent);
    if refused.is_empty() {
        broken.push("no council refused anything".to_owned());
    }
    let broken = broken.into_iter().map(|sentence| format!("{}: {sentence}", lie.words())).collect();
    Ok(Told { text, broken, ..Told::default() })
}

/// Why councils refused, each reason once with how many said so.
fn reasons(refused: &[Refused]) -> String {
    let mut by: BTreeMap<(Step, &str), (BTreeSet<CouncilCode>, &str)> = BTreeMap::new();
    for one in refused {
        let entry = by.entry((one.step, &one.code)).or_insert_with(|| (BTreeSet::new(), &one.sentence));
        entry.0.insert(one.council);
    }
    let mut text = String::new();
    for ((step, code), (councils, sentence)) in by {
        let first = councils.first().map_or("", CouncilCode::as_str);
        let _ =
            writeln!(text, "  {} councils refused \"{step}\" [{code}], such as {first}: {sentence}", councils.len());
    }
    text
}

/// What the audit logs of councils that refused say of it; every protocol reason must stand there.
async fn audits(federation: &Federation, refused: &[Refused], query: &str) -> anyhow::Result<(String, Vec<String>)> {
    let mut wanted: BTreeMap<CouncilCode, BTreeSet<&str>> = BTreeMap::new();
    // Before a council has joined there is no attempt to write about; its own rules' refusals have capital letters.
    let joined = |one: &&Refused| one.step > Step::Advertise && !one.code.contains(char::is_uppercase);
    for one in refused.iter().filter(joined) {
        wanted.entry(one.council).or_default().insert(&one.code);
    }
    let (mut text, mut broken, mut shown) = (String::new(), Vec::new(), BTreeSet::new());
    let councils = wanted.len();
    for (council, codes) in wanted {
        let ended = federation.hands().try_node(council, &["audit", "export"]).await?;
        if !ended.status.success() {
            bail!("exporting the audit log of {council} failed: {}", ended.err.trim());
        }
        let entries: Vec<serde_json::Value> =
            ended.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        for code in codes {
            let found = entries.iter().rev().find(|entry| mentions(entry, code, query));
            match found {
                None => broken.push(format!("the audit log of {council} does not show that it refused [{code}]")),
                Some(_) if !shown.insert(code.to_owned()) => {}
                Some(entry) => {
                    let _ = writeln!(text, "  audit log of {council}: {}", summary(entry));
                }
            }
        }
    }
    let _ = writeln!(text, "  the audit logs of {councils} councils were read; each shows what it refused");
    Ok((text, broken))
}

fn field<'a>(entry: &'a serde_json::Value, key: &str) -> &'a str {
    entry["record"][key].as_str().unwrap_or_default()
}

fn mentions(entry: &serde_json::Value, code: &str, query: &str) -> bool {
    field(entry, "action") == "refused" && field(entry, "reason") == code && field(entry, "query") == query
}

fn summary(entry: &serde_json::Value) -> String {
    format!("{} [{}] {}", field(entry, "action"), field(entry, "reason"), field(entry, "decision"))
}
