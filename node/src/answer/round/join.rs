//! Step 0: whether this council takes part. Nothing is reserved, and no key made, before every check has passed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use folkmoot_proto::identity::Identity;
use folkmoot_proto::joint;
use folkmoot_proto::question::Question;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::round::node::Proposal;
use folkmoot_proto::round::{Limits, Mechanism, Roll, Signatory, transcript};
use folkmoot_proto::wire::v1 as wire;

use super::reading::{check_cohort, cohort_of, expected, own_reading};
use super::{Asked, MOST_OPEN, Open, Rounds, Stage, protocol, refused, with_randomness};
use crate::answer::figures::governed;
use crate::answer::told::ledger_says;
use crate::answer::{Answerer, Believed, board, data};
use crate::assemble::{self, SnapshotId};
use crate::ledger::{self, Cohort, RoundRequest, Unasked, Whose};
use crate::local;
use crate::policy::{Nano, Terms};

/// Longest time a round may be open, in seconds.
const MOST_OPEN_S: u64 = 24 * 3600;

/// A refusal of step 0, and whether the ledger has written it down.
enum No {
    /// Of the envelope or the cohort: the coordinator's doing.
    Sent(Refusal),
    /// Of the question, or because of the data here.
    Asked(Refusal),
    /// In the log already.
    Written(Refusal),
}

fn no_registry() -> Refusal {
    Refusal::new(Reason::NotAMember, "this node holds no membership registry yet, so it joins no round")
}

/// What is refused here without another word is about what the coordinator sent.
impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Sent(refusal)
    }
}

impl Answerer {
    pub(super) fn advertise(
        &self,
        rounds: &Rounds,
        coordinator: &Identity,
        mut asked: Asked,
        now: u64,
    ) -> Result<Vec<u8>, Refusal> {
        if transcript::t0(&asked.payload) != asked.round {
            let refusal = refused("the round's id is not the hash of its envelope");
            return Err(self.note_unbelieved(coordinator, refusal));
        }
        // Bound first: in the `if` the list would stay locked while the round's own lock is waited for.
        let known = rounds.open().get(&asked.round).cloned();
        if let Some(open) = known {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            let again = open.machine.advert_again(&asked.payload, now).map(|p| p.persisted()).map_err(|w| protocol(&w));
            return again.inspect_err(|refusal| self.note(&mut open, refusal));
        }
        let settings = self.tls.current();
        let believed = Believed::check(asked.question.take(), settings.trust(), coordinator, self.clock.now())
            .map_err(|refusal| self.note_unbelieved(coordinator, refusal))?;
        let mut attempt = None;
        self.join(rounds, coordinator, &asked, &believed, now, &mut attempt).map_err(|no| {
            let governed = governed(believed.question()).ok();
            let policy = self.policy.current();
            let (refusal, whose) = match (no, &governed) {
                (No::Written(refusal), _) => return refusal,
                (No::Asked(refusal), Some(question)) => (refusal, Whose::Asked(question)),
                (No::Sent(refusal) | No::Asked(refusal), question) => {
                    (refusal, Whose::Sent { coordinator, question: question.as_ref() })
                }
            };
            let code = refusal.fact("round").map(str::to_owned);
            self.note_unasked(&Unasked { policy: &policy, whose, attempt, code: code.as_deref() }, refusal)
        })
    }

    /// Writes down an invitation that is refused whatever it says.
    pub(super) fn note_invited(
        &self,
        coordinator: &Identity,
        question: Option<wire::SignedQuery>,
        refusal: Refusal,
    ) -> Refusal {
        let settings = self.tls.current();
        let believed = Believed::check(question, settings.trust(), coordinator, self.clock.now());
        match believed.and_then(|believed| governed(believed.question())) {
            Ok(question) => {
                let policy = self.policy.current();
                let whose = Whose::Asked(&question);
                self.note_unasked(&Unasked { policy: &policy, whose, attempt: None, code: None }, refusal)
            }
            Err(_) => self.note_unbelieved(coordinator, refusal),
        }
    }

    /// Everything from the envelope's own checks to a reserved place in the round.
    fn join(
        &self,
        rounds: &Rounds,
        coordinator: &Identity,
        asked: &Asked,
        believed: &Believed,
        now: u64,
        attempt: &mut Option<u32>,
    ) -> Result<Vec<u8>, No> {
        let question = believed.question();
        if rounds.members.current().is_none() {
            return Err(No::Asked(no_registry()));
        }
        let proposal = self.proposal(rounds, coordinator, believed, &asked.payload, now)?;
        let envelope = proposal.envelope();
        *attempt = Some(u32::from(envelope.attempt));
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
            return Err(refused(sentence).into());
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
        self.replace(rounds, question);
        if rounds.open().len() >= MOST_OPEN {
            return Err(refused("this node is in too many rounds at once; ask again when one is over").into());
        }
        let agreed = proposal.agree(&expected, &rounds.signing).map_err(|w| protocol(&w))?;
        let options = local::options(question.query(), self.today());
        let contributes = joint.block_of(self.council).is_some();
        // Noise for another board's figures is given to anybody; figures of this council's people are not.
        if contributes {
            board::check(question.analyst(), self.council).map_err(No::Asked)?;
        }
        let (admitted, snapshot) = self.admit(question, &options, &cohort, terms, contributes)?;
        if let Some(shares) = &shares {
            tracing::info!(
                question = %question.id(),
                attempt = terms.attempt,
                rho_alone = %shares.alone,
                "joined a round; should every other council collude, its people lose this much"
            );
        }
        // The peers keep the head with this question's price in it: a copy made before forgets it in vain.
        let ledger = match self.ledger.tell(&rounds.signing.verifying_key()) {
            Ok(ledger) => ledger,
            Err(error) => {
                self.ledger.abandon(admitted, "the ledger's head could not be told").ok();
                return Err(No::Written(ledger_says(&error)));
            }
        };
        let (machine, advert) = match with_randomness(|rng| agreed.advertise(ledger, rng)) {
            Ok(made) => made,
            Err(refusal) => {
                self.ledger.abandon(admitted, "no keys could be made").ok();
                return Err(No::Written(refusal));
            }
        };
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
        let registry = rounds.members.current().ok_or_else(no_registry)?;
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
    ) -> Result<(ledger::Round<ledger::Reserved>, SnapshotId), No> {
        self.agreed().map_err(No::Asked)?;
        let policy = self.policy.current();
        let governed = governed(question).map_err(No::Asked)?;
        // What the policy refuses, the ledger refuses and writes down; the data do not matter then.
        let ruling = policy.rule(&governed);
        let opt_out_applied = ruling.as_ref().is_ok_and(|ruling| ruling.opt_out_applied);
        data::check_opt_outs(&self.records, opt_out_applied).map_err(No::Asked)?;
        let snapshot = data::snapshot(&self.records, question.query(), options, opt_out_applied)
            .map_err(|refusal| No::Asked(ruling.err().unwrap_or(refusal)))?;
        let data = data::by_content(&self.records, question.query(), options, opt_out_applied).map_err(No::Asked)?;
        let request = RoundRequest { cohort, terms, data, contributes };
        let round = self.ledger.admit_round(&policy, &governed, snapshot, &request).map_err(|error| {
            match ledger_says(&error) {
                // A ledger in doubt changes nothing, so it wrote nothing down.
                refusal if refusal.reason() == Reason::LedgerInDoubt => No::Asked(refusal),
                refusal => No::Written(refusal),
            }
        })?;
        debug_assert_eq!(opt_out_applied, round.opt_out_applied(), "one policy, one ruling");
        Ok((round, snapshot))
    }
}
