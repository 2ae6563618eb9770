//! Joint figures: this council's side of a round, one call a step.
//!
//! ```text
//! step 0  question, envelope -> signatures, own reading of the question, policy, budget -> keys        reserved
//! step 1  roster             -> sealed shares
//! step 2  relay              -> noise, counts, masks -> masked vector in chunks                        charged
//! step 3  survivors          -> signature                                                              signed
//! step 4  quorum             -> shares that undo the masks                                             unmasked, over
//! ```
//!
//! # Guarantee
//! The protocol's own checks are those of [`folkmoot_proto::round::node`]. Here is added: who asks is proven, the
//! analyst signed this question for a round, every number in the envelope is the one this node works out by itself or
//! its policy allows, and each of the ledger's transitions is on the disk before its message leaves. Everything secret
//! lives in memory alone: after a restart this council counts as dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::{SigningKey, VerifyingKey};
use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::joint::{self, Areas, Joint, LEAST_SUMMED, Shares};
use folkmoot_proto::query::{Query, Release};
use folkmoot_proto::question::Question;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::round::node::{self, MaskedVector, Proposal};
use folkmoot_proto::round::{Envelope, Expected, Limits, Mechanism, Refusal as Word, Roll, Signatory, transcript};
use folkmoot_proto::wire::v1 as wire;
use tonic::{Status, Streaming};

use super::figures::{governed, internal, ledger_says, no_data};
use super::{Answerer, Believed, data};
use crate::assemble::{self, SnapshotId};
use crate::ledger::{self, Cohort, RoundRequest};
use crate::local;
use crate::mask::Part;
use crate::policy::{Nano, Terms};
use crate::registry::Members;
use crate::tabulate;

/// Most bytes of one step's message to a node.
const MOST_BYTES: usize = 1 << 20;
/// Rounds that may be open at the same time.
const MOST_OPEN: usize = 16;
/// Longest time a round may be open, in seconds.
const MOST_OPEN_S: u64 = 24 * 3600;

/// One step as it came over the link.
pub struct Asked {
    round: [u8; 32],
    step: u32,
    question: Option<wire::SignedQuery>,
    payload: Vec<u8>,
}

impl Asked {
    /// Puts a step's message together from its pieces.
    ///
    /// # Errors
    /// The status of the stream, or [`Reason::InvalidQuestion`] when the pieces do not fit together.
    pub async fn read(mut stream: Streaming<wire::RoundChunk>) -> Result<Self, Status> {
        let invalid = |what: &str| Status::from(Refusal::new(Reason::InvalidQuestion, what.to_owned()));
        let first = stream.message().await?.ok_or_else(|| invalid("the step of the round is empty"))?;
        let round = first.round_id.as_slice().try_into();
        let round = round.map_err(|_| invalid("a round's id is the 32 bytes of its first hash"))?;
        let mut asked = Self { round, step: first.step, question: first.question, payload: first.payload };
        if first.offset != 0 {
            return Err(invalid("the first piece of a round's step starts at 0"));
        }
        while let Some(piece) = stream.message().await? {
            let fits = piece.round_id == asked.round && piece.step == asked.step && piece.question.is_none();
            if !fits || piece.offset != asked.payload.len() as u64 {
                return Err(invalid("the pieces of a round's step do not follow each other"));
            }
            if asked.payload.len() + piece.payload.len() > MOST_BYTES {
                return Err(invalid("the message of a round's step is larger than any can be"));
            }
            asked.payload.extend(piece.payload);
        }
        Ok(asked)
    }

    /// The round's id: its `T0`.
    pub fn round(&self) -> &[u8; 32] {
        &self.round
    }

    /// Which step, 0 to 4.
    pub fn step_number(&self) -> u32 {
        self.step
    }
}

/// What may be sent for a step.
pub(super) enum Reply {
    Message(Vec<u8>),
    Vector(MaskedVector),
}

impl Reply {
    /// The pieces in order: a message at 0; a masked vector as its announcement at 0, then its elements, each piece at
    /// the index of its first element.
    pub(super) fn pieces(self) -> Box<dyn Iterator<Item = (u64, Vec<u8>)> + Send> {
        match self {
            Self::Message(bytes) => Box::new(std::iter::once((0, bytes))),
            Self::Vector(vector) => {
                let header = vector.header().to_vec();
                let chunks = vector.into_chunks().map(|chunk| (chunk.offset, chunk.bytes));
                Box::new(std::iter::once((0, header)).chain(chunks))
            }
        }
    }
}

/// What a node needs to take part in rounds, and the rounds it is in.
pub struct Rounds {
    signing: SigningKey,
    members: Members,
    open: Mutex<BTreeMap<[u8; 32], Arc<Mutex<Open>>>>,
}

impl Rounds {
    /// With this council's signing key and the federation's members.
    pub fn new(signing: SigningKey, members: Members) -> Self {
        Self { signing, members, open: Mutex::default() }
    }

    /// The federation's members.
    pub fn members(&self) -> &Members {
        &self.members
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Arc<Mutex<Open>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the ledger is with a round.
enum Stage {
    Reserved(ledger::Round<ledger::Reserved>),
    Masked(ledger::Round<ledger::Masked>),
    Signed(ledger::Round<ledger::Signed>),
    Over,
}

/// A round that this council is in.
struct Open {
    machine: node::Round,
    stage: Stage,
    query: Query,
    joint: Joint,
    shares: Option<Shares>,
    options: assemble::Options,
    /// The data named to the ledger.
    snapshot: SnapshotId,
    opt_out_applied: bool,
    memo: ledger::Memo,
    /// Codes of refused steps that are in the log already: each is written once, so that nobody can fill it.
    noted: BTreeSet<String>,
}

/// What leaves with the masked vector, for the ledger: the vector's own hash.
struct Leaving {
    digest: [u8; 32],
    vector: MaskedVector,
}

impl AsRef<[u8]> for Leaving {
    fn as_ref(&self) -> &[u8] {
        &self.digest
    }
}

fn refused(sentence: impl Into<String>) -> Refusal {
    Refusal::new(Reason::RoundRefused, sentence)
}

/// A protocol refusal as it travels: its sentence, and its stable code as a detail.
fn protocol(word: &Word) -> Refusal {
    if word.is_alarm() {
        tracing::warn!(code = word.code(), "a round was refused for what no honest coordinator does: {word}");
    }
    if let Word::Contribution(cause) = word {
        tracing::error!(error = cause.as_ref() as &dyn std::error::Error, "this council's part could not be made");
    }
    let reason = match word {
        Word::CohortTooSmall { .. } | Word::SurvivorFloorTooLow { .. } => Reason::TooFewCouncils,
        _ => Reason::RoundRefused,
    };
    Refusal::new(reason, word.to_string()).with("round", word.code())
}

impl Answerer {
    /// Answers one step of a round. Blocking: run it off the async threads.
    ///
    /// # Errors
    /// The refusal to send.
    pub(super) fn round(&self, coordinator: &Identity, asked: Asked) -> Result<Reply, Refusal> {
        let rounds = self.rounds.as_ref().ok_or_else(|| {
            Refusal::new(
                Reason::PolicyForbids,
                "this node takes part in no joint figures: it has no signing certificate or no governance key",
            )
        })?;
        let now = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        if asked.step == 0 {
            return self.advertise(rounds, coordinator, asked, now).map(Reply::Message);
        }
        let open = rounds.open().get(&asked.round).cloned();
        let open = open.ok_or_else(|| {
            refused("this node is in no such round: it was restarted, the round is over, or it was never asked to join")
        })?;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = match asked.step {
            1 => {
                open.machine.share(&asked.payload, now, &mut rand::rng()).map(Reply::Message).map_err(|w| protocol(&w))
            }
            2 => self.mask(&mut open, &asked.payload, now),
            3 => self.consent(&mut open, &asked.payload, now).map(Reply::Message),
            4 => self.unmask(&mut open, &asked.payload, now).map(Reply::Message),
            _ => Err(refused("a round has the steps 0 to 4")),
        };
        if let Err(refusal) = &answered {
            self.note(&mut open, refusal);
        }
        // Given up: nothing more will be answered, so a price that was only put aside is free again.
        if answered.is_err() && open.machine.next_step().is_none() && matches!(open.stage, Stage::Reserved(_)) {
            self.end(&mut open, "the round was given up");
        }
        answered
    }

    /// Writes a refusal of the protocol into the log: a coordinator that shows councils different things is seen there.
    fn note(&self, open: &mut Open, refusal: &Refusal) {
        let Some(code) = refusal.fact("round") else { return };
        if !open.noted.insert(code.to_owned()) {
            return;
        }
        if let Err(error) = self.ledger.note_refusal(&open.memo, code, refusal.sentence()) {
            tracing::error!(error = &error as &dyn std::error::Error, "a refused step could not be written down");
        }
    }

    fn end(&self, open: &mut Open, why: &str) {
        let ended = match std::mem::replace(&mut open.stage, Stage::Over) {
            Stage::Reserved(round) => self.ledger.abandon(round, why),
            Stage::Masked(round) => self.ledger.abandon(round, why),
            Stage::Signed(round) => self.ledger.abandon(round, why),
            Stage::Over => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(error = &error as &dyn std::error::Error, "a round's end could not be written down");
        }
    }

    /// Forgets rounds whose time is over, and earlier attempts of a question that is asked again.
    fn sweep(&self, rounds: &Rounds, now: u64, question: Option<&[u8; 16]>) {
        let gone: Vec<_> = {
            let mut open = rounds.open();
            // What is over is kept for as long as there is room, so that a lost reply can be asked for again.
            let full = open.len() >= MOST_OPEN;
            let over = |entry: &Arc<Mutex<Open>>| {
                let entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
                let envelope = entry.machine.envelope();
                envelope.expiry <= now
                    || question == Some(&envelope.mandate.query_id)
                    || full && matches!(entry.stage, Stage::Over)
            };
            let keys: Vec<_> = open.iter().filter(|(_, entry)| over(entry)).map(|(key, _)| *key).collect();
            keys.iter().filter_map(|key| open.remove(key)).collect()
        };
        for entry in gone {
            self.end(&mut entry.lock().unwrap_or_else(PoisonError::into_inner), "the round's time was over");
        }
    }

    fn advertise(&self, rounds: &Rounds, coordinator: &Identity, asked: Asked, now: u64) -> Result<Vec<u8>, Refusal> {
        if transcript::t0(&asked.payload) != asked.round {
            return Err(refused("the round's id is not the hash of its envelope"));
        }
        if let Some(open) = rounds.open().get(&asked.round).cloned() {
            let open = open.lock().unwrap_or_else(PoisonError::into_inner);
            return open.machine.advert_again(&asked.payload, now).map(|p| p.persisted()).map_err(|w| protocol(&w));
        }
        let settings = self.tls.current();
        let believed = Believed::check(asked.question, settings.trust(), coordinator, self.clock.now())?;
        let question = believed.question();
        let proposal = self.proposal(rounds, coordinator, &believed, &asked.payload, now)?;
        let envelope = proposal.envelope();
        let joint = own_reading(question, envelope)?;
        let cohort = cohort_of(envelope)?;
        check_cohort(question, &joint, &cohort)?;
        let honest = proposal.parameters().honest_floor();
        let shares = match envelope.plan.mechanism {
            Mechanism::DiscreteGaussian => {
                let shares = joint::shares(&envelope.plan, honest);
                Some(shares.ok_or_else(|| refused("the round's noise cannot be reckoned"))?)
            }
            Mechanism::Exact => None,
        };
        let question_price = question.query().release().rho().map_or(0, |rho| rho.nano());
        if envelope.plan.rho_nano != question_price {
            let sentence = "the round's price is not the one that the analyst signed";
            return Err(refused(sentence));
        }
        let expected = expected(&joint, shares.as_ref())?;
        let terms = Terms {
            councils: u32::from(proposal.parameters().nodes()),
            colluding: u32::from(proposal.parameters().colluding()),
            threshold: u32::from(proposal.parameters().threshold()),
            min_survivors: u32::from(proposal.parameters().min_survivors()),
            local_rho: Nano(shares.map_or(0, |shares| shares.alone.nano())),
            attempt: u32::from(envelope.attempt),
        };
        let query_id = envelope.mandate.query_id;
        // An earlier attempt whose vector has not left gives its price back before this one asks for it.
        self.sweep(rounds, now, Some(&query_id));
        if rounds.open().len() >= MOST_OPEN {
            return Err(refused("this node is in too many rounds at once; ask again when one is over"));
        }
        let (machine, advert) =
            proposal.accept(&expected, &rounds.signing, &mut rand::rng()).map_err(|w| protocol(&w))?;
        let options = local::options(question.query(), self.today());
        let (admitted, snapshot) =
            self.admit(question, &options, &cohort, terms, joint.block_of(self.council).is_some())?;
        if let Some(shares) = &shares {
            tracing::info!(
                question = %question.id(),
                attempt = terms.attempt,
                rho_alone = %shares.alone,
                "joined a round; should every other council collude, its people lose this much"
            );
        }
        let query = question.query().clone();
        let opt_out_applied = admitted.opt_out_applied();
        let (memo, noted) = (admitted.memo(), BTreeSet::new());
        let stage = Stage::Reserved(admitted);
        let open = Open { machine, stage, query, joint, shares, options, snapshot, opt_out_applied, memo, noted };
        rounds.open().insert(asked.round, Arc::new(Mutex::new(open)));
        // The reservation is on the disk.
        Ok(advert.persisted())
    }

    /// The envelope after every check that needs neither the question's meaning nor the ledger.
    fn proposal(
        &self,
        rounds: &Rounds,
        coordinator: &Identity,
        believed: &Believed,
        bytes: &[u8],
        now: u64,
    ) -> Result<Proposal, Refusal> {
        let registry = rounds.members.current().ok_or_else(|| {
            Refusal::new(Reason::NotAMember, "this node holds no membership registry yet, so it joins no round")
        })?;
        let broken = |error: folkmoot_proto::round::RollError| refused(error.to_string());
        let mut roll = Roll::from_registry(&registry).map_err(broken)?;
        // Both certificates were checked a moment ago.
        let signatory = |key: &[u8; 32]| {
            let key = VerifyingKey::from_bytes(key).map_err(|_| refused("a signing key is no Ed25519 key"))?;
            Ok::<_, Refusal>(Signatory { key, valid_from: 0, valid_to: u64::MAX })
        };
        roll.add_coordinator(&coordinator.to_string(), signatory(believed.coordinator_key())?).map_err(broken)?;
        let analyst = believed.question().analyst().to_string();
        roll.add_analyst(&analyst, signatory(believed.analyst_key())?).map_err(broken)?;
        // What policy says of these numbers is decided with the question, where its keys have names.
        let limits = Limits {
            min_cohort: 3,
            max_colluding: 0,
            min_survivors: 0,
            max_rho_nano: u64::MAX,
            allow_exact: true,
            max_open_s: MOST_OPEN_S,
        };
        let proposal = Proposal::open(bytes, &roll, self.council.as_str(), &limits, now).map_err(|w| protocol(&w))?;
        let mandate = &proposal.envelope().mandate;
        if *mandate != joint::mandate(believed.question(), mandate.signature) {
            return Err(refused("the round is about another question than the one sent with it"));
        }
        Ok(proposal)
    }

    fn admit(
        &self,
        question: &Question,
        options: &assemble::Options,
        cohort: &Cohort,
        terms: Terms,
        contributes: bool,
    ) -> Result<(ledger::Round<ledger::Reserved>, SnapshotId), Refusal> {
        let policy = self.policy.current();
        let governed = governed(question)?;
        // What the policy refuses, the ledger refuses and writes down; the data do not matter then.
        let opt_out_applied = policy.rule(&governed).is_ok_and(|ruling| ruling.opt_out_applied);
        let snapshot = data::snapshot(&self.records, question.query(), options, opt_out_applied)?;
        let difference = |earlier: &Query, asked: &Query| {
            let options = local::options(asked, self.today());
            let assembly = assemble::assemble(&self.records, &options).map_err(|error| no_data(&error, asked))?;
            tabulate::people_apart(&assembly.histories, earlier, asked).map_err(|error| internal(&error))
        };
        let request = RoundRequest { cohort, terms, contributes };
        let round = self
            .ledger
            .admit_round(&policy, &governed, snapshot, &request, &difference)
            .map_err(|error| ledger_says(&error))?;
        debug_assert_eq!(opt_out_applied, round.opt_out_applied(), "one policy, one ruling");
        Ok((round, snapshot))
    }

    fn mask(&self, open: &mut Open, relay: &[u8], now: u64) -> Result<Reply, Refusal> {
        let grid = open.machine.envelope().plan.grid;
        let (query, options, snapshot, applied) = (&open.query, &open.options, open.snapshot, open.opt_out_applied);
        let histories = || data::assembly(&self.records, query, options, snapshot, applied);
        let mut part = Part {
            joint: &open.joint,
            query: &open.query,
            council: self.council,
            shares: open.shares,
            grid,
            noise: self.noise.as_ref(),
            histories: &histories,
            bounding_key: &self.bounding_key,
        };
        if matches!(open.stage, Stage::Over) {
            return Err(refused("this council has left the round"));
        }
        let masked = open.machine.mask(relay, now, &mut part).map_err(|w| protocol(&w))?;
        let digest = masked.record().digest;
        let vector = masked.persisted();
        let Stage::Reserved(_) = &open.stage else {
            // Repeated: the charge has been on the disk since the first time.
            return Ok(Reply::Vector(vector));
        };
        let Stage::Reserved(round) = std::mem::replace(&mut open.stage, Stage::Over) else {
            return Err(refused("this council has left the round"));
        };
        let (round, charged) =
            self.ledger.mask(round, Leaving { digest, vector }).map_err(|error| ledger_says(&error))?;
        open.stage = Stage::Masked(round);
        Ok(Reply::Vector(charged.into_inner().vector))
    }

    fn consent(&self, open: &mut Open, survivors: &[u8], now: u64) -> Result<Vec<u8>, Refusal> {
        let signed = open.machine.consent(survivors, now).map_err(|w| protocol(&w))?;
        let record = signed.record().clone();
        let message = signed.persisted();
        match std::mem::replace(&mut open.stage, Stage::Over) {
            Stage::Masked(round) => {
                let codes: Option<BTreeSet<CouncilCode>> =
                    record.survivors.iter().map(|code| CouncilCode::parse(code).ok()).collect();
                let codes = codes.ok_or_else(|| refused("the remaining councils are not all councils"))?;
                if open.shares.is_none() && codes.len() < LEAST_SUMMED {
                    return Err(too_few_summed());
                }
                let (round, charged) = self
                    .ledger
                    .sign_survivors(round, record.t3, &Cohort::new(codes), message)
                    .map_err(|error| ledger_says(&error))?;
                open.stage = Stage::Signed(round);
                Ok(charged.into_inner())
            }
            Stage::Signed(round) => {
                open.stage = Stage::Signed(round);
                Ok(message)
            }
            _ => Err(refused("this council has left the round")),
        }
    }

    fn unmask(&self, open: &mut Open, quorum: &[u8], now: u64) -> Result<Vec<u8>, Refusal> {
        let repeated = open.machine.next_step().is_none();
        let revealed = open.machine.unmask(quorum, now).map_err(|w| protocol(&w))?;
        let transcript = revealed.record().t3;
        let message = revealed.persisted();
        match std::mem::replace(&mut open.stage, Stage::Over) {
            Stage::Signed(round) => {
                let (round, charged) =
                    self.ledger.unmask(round, transcript, message).map_err(|error| ledger_says(&error))?;
                if let Err(error) = self.ledger.close(round) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a round's end could not be written down"
                    );
                }
                Ok(charged.into_inner())
            }
            // The shares are on record as given away; the same again tells nothing new.
            Stage::Over if repeated => Ok(message),
            _ => Err(refused("this council has left the round")),
        }
    }
}

/// The vector that this node reads out of the question and the areas stated.
fn own_reading(question: &Question, envelope: &Envelope) -> Result<Joint, Refusal> {
    let areas = joint::areas_of(&envelope.code_lists).ok_or_else(|| {
        Refusal::new(
            Reason::VersionMismatch,
            "the round's code lists or areas are not those of this node: one of the two programs must be updated",
        )
    })?;
    if envelope.period != joint::period_text(question.query()) {
        return Err(refused("the round states another period than the question"));
    }
    Joint::of(question.query(), &areas).map_err(|error| Refusal::new(Reason::InvalidQuestion, error.to_string()))
}

fn cohort_of(envelope: &Envelope) -> Result<Cohort, Refusal> {
    let codes: Option<BTreeSet<CouncilCode>> =
        envelope.cohort.iter().map(|code| CouncilCode::parse(code).ok()).collect();
    codes.map(Cohort::new).ok_or_else(|| refused("the round's list of councils holds what is no council's code"))
}

/// An exact sum is opened over at least three councils, all of them in the one area asked for.
fn check_cohort(question: &Question, joint: &Joint, cohort: &Cohort) -> Result<(), Refusal> {
    let Release::JointSuppressed(_) = question.query().release() else { return Ok(()) };
    if cohort.len() < LEAST_SUMMED {
        return Err(too_few_summed());
    }
    if let (Areas::Board(..), [block]) = (joint.areas(), joint.blocks()) {
        let members = Cohort::new(block.members.iter().copied());
        if !cohort.within(&members) {
            return Err(refused("a suppressed sum of one board is asked of that board's councils and of no others"));
        }
    }
    Ok(())
}

fn too_few_summed() -> Refusal {
    Refusal::new(
        Reason::TooFewCouncils,
        format!("an exact sum needs at least {LEAST_SUMMED} councils: with two, each would learn the other's figures"),
    )
}

/// What the envelope must say, worked out by this node alone.
fn expected(joint: &Joint, shares: Option<&Shares>) -> Result<Expected, Refusal> {
    let own = joint.plan(1).ok_or_else(|| refused("no noise of this price can be made"))?;
    Ok(Expected {
        layout: own.layout,
        blocks: own.blocks,
        cells_per_block: own.cells_per_block,
        mechanism: own.mechanism,
        max_cell: own.max_cell,
        d1: own.d1,
        d2_squared: own.d2_squared,
        rho_nano: shares.map_or(0, |shares| shares.sum.nano()),
    })
}
