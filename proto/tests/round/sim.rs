//! A federation in one process: keys, an envelope, and nodes and coordinator driven by plain calls.

#![allow(dead_code, unreachable_pub)]

use ed25519_dalek::SigningKey;
use folkmoot_proto::round::audit::{Audit, Report};
use folkmoot_proto::round::coordinator::{self, Outcome};
use folkmoot_proto::round::messages::Advert;
use folkmoot_proto::round::node::{self, Contribution, MaskedVector, Proposal};
use folkmoot_proto::round::witness::{Head, Peer, Seen, Standing, Statement};
use folkmoot_proto::round::{
    Envelope, Expected, Failure, Fault, Limits, Mandate, Mechanism, Parameters, Persist, Plan, Refusal, Roll,
    Signatory, Step,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

pub const NOW: u64 = 1_800_000_000;
pub const QUERY: &[u8] = b"people in long-term support by region";

/// Everybody who signs, and the roll that says so.
pub struct Federation {
    pub codes: Vec<String>,
    pub keys: Vec<SigningKey>,
    pub coordinator: SigningKey,
    pub analyst: SigningKey,
    pub roll: Roll,
}

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn signing_key(rng: &mut ChaCha20Rng) -> SigningKey {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    SigningKey::from_bytes(&bytes)
}

pub fn signatory(key: &SigningKey) -> Signatory {
    Signatory { key: key.verifying_key(), valid_from: NOW - 1000, valid_to: NOW + 100_000 }
}

impl Federation {
    pub fn new(n: usize, seed: u64) -> Self {
        let mut rng = rng(seed);
        let codes: Vec<String> = (0..n).map(|i| (100 + i).to_string()).collect();
        let keys: Vec<SigningKey> = (0..n).map(|_| signing_key(&mut rng)).collect();
        let (coordinator, analyst) = (signing_key(&mut rng), signing_key(&mut rng));
        let mut roll = Roll::new([0x52; 32]);
        for (code, key) in codes.iter().zip(&keys) {
            roll.add_council(code, signatory(key)).expect("fresh");
        }
        roll.add_coordinator("national", signatory(&coordinator)).expect("fresh");
        roll.add_analyst("analyst/national/ada", signatory(&analyst)).expect("fresh");
        Self { codes, keys, coordinator, analyst, roll }
    }

    pub fn mandate(&self) -> Mandate {
        Mandate::sign([7; 16], QUERY.to_vec(), "analyst/national/ada", NOW + 5000, &self.analyst)
    }

    /// A noisy round over everybody; change fields, then sign.
    pub fn draft(&self, cells: u32, colluding: u16, min_survivors: u16) -> Envelope {
        let parameters = Parameters::new(self.codes.len(), colluding, min_survivors).expect("valid");
        Envelope {
            mandate: self.mandate(),
            code_lists: "cld-r2/2026-04".into(),
            period: "2026-04-01/2026-07-01 latest".into(),
            cohort: self.codes.clone(),
            registry: *self.roll.registry(),
            plan: Plan {
                layout: [0x4c; 32],
                blocks: 1,
                cells_per_block: cells,
                grid: 16,
                mechanism: Mechanism::DiscreteGaussian,
                max_cell: 1 << 32,
                d1: 1,
                d2_squared: 1,
                rho_nano: 5_000_000,
                sigma_nano: 10_000_000_000,
            },
            colluding,
            threshold: parameters.threshold(),
            min_survivors,
            attempt: 1,
            not_before: NOW - 10,
            expiry: NOW + 3600,
            step_seconds: 30,
            coordinator: "national".into(),
            signature: [0; 64],
        }
    }

    pub fn envelope(&self, cells: u32, colluding: u16, min_survivors: u16) -> Envelope {
        self.draft(cells, colluding, min_survivors).sign(&self.coordinator)
    }

    pub fn seat(&self, code: &str) -> usize {
        self.codes.iter().position(|c| c == code).expect("a member")
    }

    pub fn join(&self, i: usize, envelope: &[u8], rng: &mut ChaCha20Rng) -> Result<(node::Round, Vec<u8>), Refusal> {
        self.join_at(i, envelope, Standing::default(), rng)
    }

    pub fn join_at(
        &self,
        i: usize,
        envelope: &[u8],
        ledger: Standing,
        rng: &mut ChaCha20Rng,
    ) -> Result<(node::Round, Vec<u8>), Refusal> {
        let proposal = Proposal::open(envelope, &self.roll, &self.codes[i], &limits(), NOW)?;
        let expected = expected(proposal.envelope());
        let (round, advert) = proposal.agree(&expected, &self.keys[i])?.advertise(ledger, rng);
        Ok((round, sent(advert)))
    }

    /// What every council signed in a round before, by seat.
    pub fn kept(&self, rng: &mut ChaCha20Rng) -> Vec<Advert> {
        let least = u16::try_from(self.codes.len()).expect("at most 255");
        let envelope = self.envelope(1, 0, least).encode();
        (0..self.codes.len())
            .map(|i| {
                let (_, advert) = self.join_at(i, &envelope, standing(i, 40), rng).expect("joins");
                Advert::decode(&advert).expect("an advert")
            })
            .collect()
    }
}

/// A ledger of the council of seat `i` with `entries` entries, that has told its head when it had ten fewer.
pub fn standing(i: usize, entries: u64) -> Standing {
    let head = |entries: u64| Head { entries, digest: [u8::try_from(entries).expect("few") ^ i as u8; 32] };
    Standing { head: head(entries), before: head(entries - 10) }
}

/// Says of every peer what was kept of it.
pub fn say(kept: &[Advert], peers: &[Peer<'_>]) -> Vec<Statement> {
    peers.iter().map(|p| Statement { seat: p.seat, advert: kept[usize::from(p.seat.index())].clone() }).collect()
}

/// What a node that agrees with the envelope would have worked out.
pub fn expected(e: &Envelope) -> Expected {
    Expected {
        layout: e.plan.layout,
        blocks: e.plan.blocks,
        cells_per_block: e.plan.cells_per_block,
        mechanism: e.plan.mechanism,
        max_cell: e.plan.max_cell,
        d1: e.plan.d1,
        d2_squared: e.plan.d2_squared,
        rho_nano: e.plan.rho_nano,
    }
}

pub fn limits() -> Limits {
    Limits {
        min_cohort: 3,
        max_colluding: 0,
        min_survivors: 0,
        max_rho_nano: 1_000_000_000,
        allow_exact: true,
        max_open_s: 86_400,
    }
}

/// Sends without a store: the record is looked at and forgotten.
pub fn sent<R, M>(message: Persist<R, M>) -> M {
    message.persisted()
}

/// Numbers made beforehand; remembers in which order they were asked for.
#[derive(Clone)]
pub struct Numbers {
    pub noise: Vec<i64>,
    pub counts: Vec<i64>,
    pub asked: Vec<&'static str>,
}

impl Numbers {
    pub fn random(cells: usize, grid: i64, rng: &mut ChaCha20Rng) -> Self {
        Self {
            noise: (0..cells).map(|_| i64::from(rng.next_u32() % 201) - 100).collect(),
            counts: (0..cells).map(|_| grid * i64::from(rng.next_u32() % 100_000)).collect(),
            asked: Vec::new(),
        }
    }
}

impl Contribution for Numbers {
    type Error = std::io::Error;

    fn witnessed(&mut self, _seen: &[Seen]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn noise(&mut self, _cells: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error> {
        self.asked.push("noise");
        Ok(Zeroizing::new(self.noise.clone()))
    }

    fn scaled_counts(&mut self, _cells: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error> {
        self.asked.push("counts");
        Ok(Zeroizing::new(self.counts.clone()))
    }
}

/// A whole round and all that went over the links.
pub struct Run {
    pub outcome: Outcome,
    /// Masked vectors by seat.
    pub vectors: Vec<Option<MaskedVector>>,
    pub expected: Vec<i64>,
}

/// Where a node falls silent: it answers every step before this one. `None`: never.
pub type Drops = Vec<Option<Step>>;

pub fn upload(round: &mut coordinator::Round, code: &str, vector: &MaskedVector) -> Result<(), Fault> {
    upload_with(round, code, vector, &mut |_, _| {})
}

fn upload_with(
    round: &mut coordinator::Round,
    code: &str,
    vector: &MaskedVector,
    meddle: &mut dyn FnMut(Leg, &mut Vec<u8>),
) -> Result<(), Fault> {
    let mut header = vector.header().to_vec();
    meddle(Leg::Header, &mut header);
    let mut upload = round.upload(code, &header)?.expect("not there yet");
    for mut chunk in vector.chunks() {
        meddle(Leg::Chunk, &mut chunk.bytes);
        upload.absorb(chunk.offset, &chunk.bytes)?;
    }
    round.add(upload).map(drop)
}

/// Which message, for whoever meddles with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    Envelope,
    Advert,
    Roster,
    Sealed,
    Relay,
    Header,
    Chunk,
    Survivors,
    Consent,
    Quorum,
    Revealed,
}

/// Drives one attempt honestly with the given drop-outs; nobody may refuse anything.
pub fn run(fed: &Federation, envelope: Envelope, drops: &Drops, seed: u64) -> Result<Run, Failure> {
    let (run, refusals) = run_with(fed, envelope, drops, seed, &mut |_, _, _| {});
    assert!(refusals.is_empty(), "{refusals:?}");
    run
}

/// Drives one attempt with every message passing through `meddle`, which is told the leg and the node at its end.
/// Whoever refuses a message, or whose message is refused, falls silent; the codes are returned.
pub fn run_with(
    fed: &Federation,
    envelope: Envelope,
    drops: &Drops,
    seed: u64,
    meddle: &mut dyn FnMut(Leg, usize, &mut Vec<u8>),
) -> (Result<Run, Failure>, Vec<(usize, &'static str)>) {
    let mut refusals = Vec::new();
    let result = attempt(fed, envelope, drops, seed, meddle, &mut refusals);
    (result, refusals)
}

fn attempt(
    fed: &Federation,
    envelope: Envelope,
    drops: &Drops,
    seed: u64,
    meddle: &mut dyn FnMut(Leg, usize, &mut Vec<u8>),
    refusals: &mut Vec<(usize, &'static str)>,
) -> Result<Run, Failure> {
    let n = fed.codes.len();
    let cells = envelope.cells().expect("valid") as usize;
    let grid = i64::try_from(envelope.plan.grid).expect("small");
    let noisy = envelope.plan.mechanism == Mechanism::DiscreteGaussian;
    let mut rng = rng(seed);
    let mut numbers: Vec<Numbers> = (0..n).map(|_| Numbers::random(cells, grid, &mut rng)).collect();
    let mut drops = drops.clone();
    let alive = |drops: &Drops, i: usize, step: Step| drops[i].is_none_or(|d| step < d);

    let kept = fed.kept(&mut rng);
    let mut hub = coordinator::Round::new(envelope, &fed.roll, NOW)?;
    let mut nodes: Vec<Option<node::Round>> = (0..n).map(|_| None).collect();

    macro_rules! step {
        ($step:expr, $out:expr, $back:expr, $request:expr, $answer:expr, $take:expr) => {
            for i in 0..n {
                if !alive(&drops, i, $step) {
                    continue;
                }
                let mut request: Vec<u8> = $request(&hub, i);
                meddle($out, i, &mut request);
                let mut reply: Vec<u8> = match $answer(&mut nodes[i], i, &request, &mut rng) {
                    Ok(reply) => reply,
                    Err(refusal) => {
                        refusals.push((i, Refusal::code(&refusal)));
                        drops[i] = Some($step);
                        continue;
                    }
                };
                meddle($back, i, &mut reply);
                if let Err(fault) = $take(&mut hub, i, &reply) {
                    refusals.push((i, Fault::code(&fault)));
                    drops[i] = Some($step);
                }
            }
        };
    }

    step!(
        Step::Advertise,
        Leg::Envelope,
        Leg::Advert,
        |hub: &coordinator::Round, _| hub.invitation().to_vec(),
        |slot: &mut Option<node::Round>, i, bytes: &[u8], rng: &mut ChaCha20Rng| {
            fed.join_at(i, bytes, standing(i, 50), rng).map(|(round, advert)| {
                *slot = Some(round);
                advert
            })
        },
        |hub: &mut coordinator::Round, i: usize, bytes: &[u8]| hub.advert(&fed.codes[i], bytes)
    );
    let roster = hub.close_adverts()?;
    step!(
        Step::Share,
        Leg::Roster,
        Leg::Sealed,
        |_: &coordinator::Round, _| roster.clone(),
        |slot: &mut Option<node::Round>, _, bytes: &[u8], rng: &mut ChaCha20Rng| {
            let node = slot.as_mut().expect("joined");
            node.share_as_witness(bytes, NOW, rng, |peers| Ok(say(&kept, peers)))
        },
        |hub: &mut coordinator::Round, i: usize, bytes: &[u8]| hub.sealed(&fed.codes[i], bytes)
    );
    hub.close_shares()?;
    let mut vectors: Vec<Option<MaskedVector>> = vec![None; n];
    for i in 0..n {
        if !alive(&drops, i, Step::Mask) {
            continue;
        }
        let mut relay = hub.relay(&fed.codes[i]).expect("a sharer");
        meddle(Leg::Relay, i, &mut relay);
        let node = nodes[i].as_mut().expect("joined");
        let vector = match node.mask(&relay, NOW, &mut numbers[i]) {
            Ok(vector) => sent(vector),
            Err(refusal) => {
                assert!(numbers[i].asked.is_empty(), "a refused request reads no data");
                refusals.push((i, refusal.code()));
                drops[i] = Some(Step::Mask);
                continue;
            }
        };
        let order: &[&str] = if noisy { &["noise", "counts"] } else { &["counts"] };
        assert_eq!(numbers[i].asked, order, "noise is drawn before the data is read");
        match upload_with(&mut hub, &fed.codes[i], &vector, &mut |leg, bytes| meddle(leg, i, bytes)) {
            Ok(()) => vectors[i] = Some(vector),
            Err(fault) => {
                refusals.push((i, fault.code()));
                drops[i] = Some(Step::Mask);
            }
        }
    }
    let survivors = hub.close_masks()?;
    step!(
        Step::Consent,
        Leg::Survivors,
        Leg::Consent,
        |_: &coordinator::Round, _| survivors.clone(),
        |slot: &mut Option<node::Round>, _, bytes: &[u8], _: &mut ChaCha20Rng| {
            slot.as_mut().expect("joined").consent(bytes, NOW).map(sent)
        },
        |hub: &mut coordinator::Round, i: usize, bytes: &[u8]| hub.consent(&fed.codes[i], bytes)
    );
    let quorum = hub.close_consents()?;
    step!(
        Step::Unmask,
        Leg::Quorum,
        Leg::Revealed,
        |_: &coordinator::Round, _| quorum.clone(),
        |slot: &mut Option<node::Round>, _, bytes: &[u8], _: &mut ChaCha20Rng| {
            slot.as_mut().expect("joined").unmask(bytes, NOW).map(sent)
        },
        |hub: &mut coordinator::Round, i: usize, bytes: &[u8]| hub.revealed(&fed.codes[i], bytes)
    );
    let outcome = hub.unmask(&fed.coordinator)?;
    let mut expected = vec![0i64; cells];
    for (numbers, _) in numbers.iter().zip(&vectors).filter(|(_, v)| v.is_some()) {
        for (k, total) in expected.iter_mut().enumerate() {
            *total += numbers.counts[k] + if noisy { numbers.noise[k] } else { 0 };
        }
    }
    Ok(Run { outcome, vectors, expected })
}

/// Checks the published transcript of a run as an auditor would.
pub fn audit(fed: &Federation, run: &Run) -> Report {
    let bytes = run.outcome.transcript.encode();
    let mut audit = Audit::open(&bytes, &fed.roll).expect("stands");
    for (code, vector) in fed.codes.iter().zip(&run.vectors) {
        if let Some(vector) = vector {
            let mut upload = audit.vector(code).expect("in the sum");
            for chunk in vector.chunks() {
                upload.absorb(chunk.offset, &chunk.bytes).expect("in order");
            }
            audit.add(upload).expect("the signed one");
        }
    }
    audit.finish(&run.outcome.sum.cells).expect("follows")
}
