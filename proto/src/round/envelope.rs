//! The query envelope: everything that is fixed before a round begins, signed by the analyst who asked and by the
//! coordinator that runs it.
//!
//! Every node hashes the envelope into `T0`, and `T0` into every key and signature that follows. A node that was
//! given another query, other parameters, another cohort or another analyst is in another round.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::codec::{Kind, Malformed, Reader, Writer};
use super::parameters::{MAX_ATTEMPTS, MAX_CELLS, MAX_NODES, ParameterError, Parameters};
use super::refusal::Refusal;
use super::seats::{Roll, Seat};
use super::transcript::{self, Hash, domain, framed};
use crate::ring::{Headroom, ceil_sqrt};

/// Longest canonical query, in bytes.
pub const MAX_QUERY_BYTES: usize = 64 * 1024;
/// Longest text field (names, period and snapshot rule, code lists), in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;
/// Longest council code, in bytes.
pub const MAX_CODE_BYTES: usize = 16;
/// Largest grid factor.
pub const MAX_GRID: u64 = 1 << 20;
/// The suite of this version: X25519, Ed25519, HKDF-SHA256, ChaCha20 masks, ChaCha20-Poly1305, Shamir over GF(256),
/// ring Z/2^64, complete graph. Another number may later stand for other masks.
pub const SUITE: u16 = 1;

/// How the sum is protected once it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mechanism {
    /// The exact sum: the coordinator suppresses and rounds it. Grid 1, no noise, no charge in rho.
    Exact = 1,
    /// Every node adds a share of discrete Gaussian noise on the grid.
    DiscreteGaussian = 2,
}

/// Who asks what: the part that the analyst signs, the same in every attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// Unique for each question asked.
    pub query_id: [u8; 16],
    /// The canonical query. Its meaning is the caller's; here it is bytes that nobody can change unnoticed.
    pub query: Vec<u8>,
    /// Identity of the analyst, as in the certificate.
    pub analyst: String,
    /// The analyst's signature does not count from this second on (since 1970-01-01 UTC).
    pub asked_until: u64,
    /// Ed25519 signature of the analyst over the fields above.
    pub signature: [u8; 64],
}

impl Mandate {
    /// Signs a question as the analyst.
    #[must_use]
    pub fn sign(query_id: [u8; 16], query: Vec<u8>, analyst: &str, asked_until: u64, key: &SigningKey) -> Self {
        let mut mandate = Self { query_id, query, analyst: analyst.to_owned(), asked_until, signature: [0; 64] };
        mandate.signature = key.sign(&mandate.signed_bytes()).to_bytes();
        mandate
    }

    /// Exactly the bytes under the analyst's signature: for an analyst whose key lives elsewhere.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        framed(
            domain::MANDATE,
            &[&self.query_id, &self.query, self.analyst.as_bytes(), &self.asked_until.to_le_bytes()],
        )
    }
}

/// What the vector looks like and how it is protected: facts that a node derives from the query by itself and
/// compares ([`Expected`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Digest of the cell layout.
    pub layout: Hash,
    /// Blocks (areas) in the vector.
    pub blocks: u32,
    /// Cells in each block; the vector has `blocks * cells_per_block` elements.
    pub cells_per_block: u32,
    /// Grid factor `g`, a power of two; 1 for [`Mechanism::Exact`].
    pub grid: u64,
    /// How the sum is protected.
    pub mechanism: Mechanism,
    /// Largest absolute count one node puts into one cell, before scaling.
    pub max_cell: u64,
    /// L1 sensitivity of the whole vector to one person, in counts.
    pub d1: u64,
    /// Square of the L2 sensitivity, in counts squared (an integer for every bounding rule in use).
    pub d2_squared: u64,
    /// Price in billionths of rho, rounded up; 0 for [`Mechanism::Exact`].
    pub rho_nano: u64,
    /// Standard deviation of the noise of the honest floor together, in billionths of a count; 0 for
    /// [`Mechanism::Exact`].
    pub sigma_nano: u64,
}

impl Plan {
    /// The standard deviation that a price buys: `sqrt(d2_squared / (2 rho))` in billionths of a count, rounded up.
    ///
    /// `None` when the price is zero or the result too large to state.
    ///
    /// **Source**: Gaussian mechanism in zCDP, `rho = D2^2 / (2 sigma^2)`.
    #[must_use]
    pub fn sigma_for(d2_squared: u64, rho_nano: u64) -> Option<u64> {
        let twice = 2 * u128::from(rho_nano);
        if twice == 0 {
            return None;
        }
        let nano = 1_000_000_000_u128;
        // Billionths twice, since the root halves them, and once more for the price. Where that does not fit, the ratio
        // is large, and rounding it up first costs nothing to speak of.
        let squared = (u128::from(d2_squared).checked_mul(nano * nano * nano).map(|v| v.div_ceil(twice)))
            .or_else(|| (u128::from(d2_squared) * nano).div_ceil(twice).checked_mul(nano * nano))?;
        u64::try_from(ceil_sqrt(squared)).ok()
    }

    /// The smallest grid factor on which one node's share, `g * sigma / sqrt(h)`, is at least 2.5 grid units wide; `None`
    /// when even the finest is too coarse.
    #[must_use]
    pub fn grid_for(sigma_nano: u64, honest_floor: u16) -> Option<u64> {
        (0..=MAX_GRID.ilog2()).map(|e| 1 << e).find(|grid| share_is_wide_enough(*grid, sigma_nano, honest_floor))
    }
}

/// `sigma_i = g * sigma / sqrt(h) >= 2.5` grid units, in integers: `2 g sigma >= 5 sqrt(h)`. Below that a sum of
/// discrete Gaussians is not one, and its privacy loss is not the stated one.
fn share_is_wide_enough(grid: u64, sigma_nano: u64, honest_floor: u16) -> bool {
    let wide = 2 * u128::from(grid) * u128::from(sigma_nano);
    let nano_squared = 1_000_000_000_000_000_000_u128;
    wide >= ceil_sqrt(25 * u128::from(honest_floor) * nano_squared)
}

/// The question, the cohort and every parameter of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who asks what.
    pub mandate: Mandate,
    /// Versions of the code lists, as text.
    pub code_lists: String,
    /// Reference period and snapshot rule, as text.
    pub period: String,
    /// Codes of the councils, ascending, each once. A council's index here is its [`Seat`].
    pub cohort: Vec<String>,
    /// Hash of the membership registry.
    pub registry: Hash,
    /// The vector and its protection.
    pub plan: Plan,
    /// Nodes `c` assumed to collude.
    pub colluding: u16,
    /// Threshold `t`; stated, and compared with the rule.
    pub threshold: u16,
    /// Fewest survivors `s_min`.
    pub min_survivors: u16,
    /// 1 to 3.
    pub attempt: u8,
    /// First second of the round (since 1970-01-01 UTC).
    pub not_before: u64,
    /// First second after the round: nothing is answered from then on.
    pub expiry: u64,
    /// Seconds that the coordinator waits at each step before it goes on without a node.
    pub step_seconds: u32,
    /// Name of the coordinator.
    pub coordinator: String,
    /// Ed25519 signature of the coordinator over all of the above.
    pub signature: [u8; 64],
}

/// What a node has worked out by itself from the canonical query, to be compared with the envelope.
///
/// Only a node that compares can be sure that the vector it fills has the sensitivity it pays for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Digest of the layout built from the query.
    pub layout: Hash,
    /// Blocks of that layout.
    pub blocks: u32,
    /// Cells in each block.
    pub cells_per_block: u32,
    /// Protection that the query asks for and policy allows.
    pub mechanism: Mechanism,
    /// Largest count that bounding lets through.
    pub max_cell: u64,
    /// L1 sensitivity after bounding.
    pub d1: u64,
    /// Squared L2 sensitivity after bounding.
    pub d2_squared: u64,
    /// The node's own privacy map of the stated grid, sigma and honest floor; the stated price must not be lower.
    pub rho_nano: u64,
}

/// The least a node asks of any round: the council's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fewest councils in the cohort.
    pub min_cohort: u16,
    /// The round must assume at least this many colluding councils.
    pub max_colluding: u16,
    /// Fewest survivors; 0 leaves it to the threshold.
    pub min_survivors: u16,
    /// Highest price of one round, in billionths of rho.
    pub max_rho_nano: u64,
    /// Whether exact sums (suppressed joint figures) may be given at all.
    pub allow_exact: bool,
    /// Longest time a round may be open, in seconds.
    pub max_open_s: u64,
}

impl Envelope {
    /// Puts the coordinator's signature on the envelope.
    #[must_use]
    pub fn sign(mut self, key: &SigningKey) -> Self {
        self.signature = key.sign(&self.signed_bytes()).to_bytes();
        self
    }

    fn signed_bytes(&self) -> Vec<u8> {
        framed(domain::ENVELOPE, &[&self.body()])
    }

    fn body(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Envelope);
        w.u16(SUITE);
        w.array(&self.mandate.query_id)
            .bytes(&self.mandate.query)
            .bytes(self.mandate.analyst.as_bytes())
            .u64(self.mandate.asked_until)
            .array(&self.mandate.signature);
        w.bytes(self.code_lists.as_bytes()).bytes(self.period.as_bytes());
        w.length(self.cohort.len());
        for code in &self.cohort {
            w.bytes(code.as_bytes());
        }
        w.array(&self.registry);
        let p = &self.plan;
        w.array(&p.layout)
            .u32(p.blocks)
            .u32(p.cells_per_block)
            .u64(p.grid)
            .u8(p.mechanism as u8)
            .u64(p.max_cell)
            .u64(p.d1)
            .u64(p.d2_squared)
            .u64(p.rho_nano)
            .u64(p.sigma_nano);
        w.u16(self.colluding)
            .u16(self.threshold)
            .u16(self.min_survivors)
            .u8(self.attempt)
            .u64(self.not_before)
            .u64(self.expiry)
            .u32(self.step_seconds)
            .bytes(self.coordinator.as_bytes());
        w.finish()
    }

    /// The wire form; `T0` is its hash.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads an envelope. Only its form is checked; see [`Envelope::parameters`] and the node's `open`.
    ///
    /// # Errors
    /// [`Malformed`] naming the field at which the bytes stop being an envelope.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Envelope, bytes)?;
        if r.u16("suite")? != SUITE {
            return Err(r.wrong("suite", "is not one this program speaks"));
        }
        let mandate = Mandate {
            query_id: r.array("query id")?,
            query: r.bytes(MAX_QUERY_BYTES, "query")?.to_vec(),
            analyst: r.text(MAX_TEXT_BYTES, "analyst")?,
            asked_until: r.u64("asked until")?,
            signature: r.array("analyst's signature")?,
        };
        let code_lists = r.text(MAX_TEXT_BYTES, "code lists")?;
        let period = r.text(MAX_TEXT_BYTES, "period")?;
        let n = r.length(usize::from(MAX_NODES), 4, "cohort")?;
        let cohort = (0..n).map(|_| r.text(MAX_CODE_BYTES, "cohort")).collect::<Result<Vec<_>, _>>()?;
        if !cohort.is_sorted_by(|a, b| a < b) {
            return Err(r.wrong("cohort", "is not in ascending order without repetition"));
        }
        let registry = r.array("registry")?;
        let plan = Plan {
            layout: r.array("layout")?,
            blocks: r.u32("blocks")?,
            cells_per_block: r.u32("cells per block")?,
            grid: r.u64("grid")?,
            mechanism: match r.u8("mechanism")? {
                1 => Mechanism::Exact,
                2 => Mechanism::DiscreteGaussian,
                _ => return Err(r.wrong("mechanism", "is unknown")),
            },
            max_cell: r.u64("largest cell")?,
            d1: r.u64("D1")?,
            d2_squared: r.u64("D2 squared")?,
            rho_nano: r.u64("rho")?,
            sigma_nano: r.u64("sigma")?,
        };
        let envelope = Self {
            mandate,
            code_lists,
            period,
            cohort,
            registry,
            plan,
            colluding: r.u16("colluding")?,
            threshold: r.u16("threshold")?,
            min_survivors: r.u16("least survivors")?,
            attempt: r.u8("attempt")?,
            not_before: r.u64("not before")?,
            expiry: r.u64("expiry")?,
            step_seconds: r.u32("step seconds")?,
            coordinator: r.text(MAX_TEXT_BYTES, "coordinator")?,
            signature: r.array("coordinator's signature")?,
        };
        r.finish()?;
        Ok(envelope)
    }

    /// Elements of the vector: `blocks * cells_per_block`, at most 2^20; `None` when there is no such number.
    #[must_use]
    pub fn cells(&self) -> Option<u32> {
        self.plan.blocks.checked_mul(self.plan.cells_per_block).filter(|cells| (1..=MAX_CELLS).contains(cells))
    }

    /// `n`, `c`, `t` and `s_min`, checked.
    ///
    /// # Errors
    /// [`ParameterError`] when they break a rule.
    pub fn parameters(&self) -> Result<Parameters, ParameterError> {
        Parameters::new(self.cohort.len(), self.colluding, self.min_survivors)
    }

    /// What has to fit into the ring.
    #[must_use]
    pub fn headroom(&self) -> Headroom {
        Headroom {
            nodes: u16::try_from(self.cohort.len()).unwrap_or(u16::MAX),
            grid: self.plan.grid,
            max_cell: self.plan.max_cell,
            sigma_nano: self.plan.sigma_nano,
            honest: self.min_survivors.saturating_sub(self.colluding),
        }
    }

    /// The council in a seat.
    #[must_use]
    pub fn council(&self, seat: Seat) -> Option<&str> {
        self.cohort.get(seat.at()).map(String::as_str)
    }

    /// The seat of a council.
    #[must_use]
    pub fn seat(&self, council: &str) -> Option<Seat> {
        let at = self.cohort.binary_search_by(|c| c.as_str().cmp(council)).ok()?;
        u8::try_from(at).ok().map(Seat::new)
    }

    /// Checks that do not depend on who looks: numbers, vector, protection, signatures, cohort against the roll.
    ///
    /// Returns the keys of the cohort by seat.
    pub(crate) fn check(&self, roll: &Roll, now: u64) -> Result<(Parameters, Vec<VerifyingKey>), Refusal> {
        if self.registry != *roll.registry() {
            return Err(Refusal::RegistryDiffers);
        }
        let coordinator = roll
            .coordinator(&self.coordinator, now)
            .ok_or_else(|| Refusal::UnknownCoordinator { name: self.coordinator.clone() })?;
        if !verifies(coordinator, &self.signed_bytes(), &self.signature) {
            return Err(Refusal::CoordinatorSignature { name: self.coordinator.clone() });
        }
        let analyst = roll
            .analyst(&self.mandate.analyst, now)
            .ok_or_else(|| Refusal::UnknownAnalyst { name: self.mandate.analyst.clone() })?;
        if !verifies(analyst, &self.mandate.signed_bytes(), &self.mandate.signature) {
            return Err(Refusal::AnalystSignature { name: self.mandate.analyst.clone() });
        }
        let parameters = self.parameters().map_err(Refusal::Parameters)?;
        if self.threshold != parameters.threshold() {
            return Err(Refusal::Threshold { stated: self.threshold, rule: parameters.threshold() });
        }
        if !(1..=MAX_ATTEMPTS).contains(&self.attempt) {
            return Err(Refusal::Attempt { attempt: self.attempt });
        }
        self.check_plan(&parameters)?;
        Ok((parameters, self.signatories(roll, now)?))
    }

    fn signatories(&self, roll: &Roll, now: u64) -> Result<Vec<VerifyingKey>, Refusal> {
        let mut keys: Vec<VerifyingKey> = Vec::with_capacity(self.cohort.len());
        for council in &self.cohort {
            let key = roll.council(council, now).ok_or_else(|| Refusal::NotRegistered { council: council.clone() })?;
            // Two seats with one key would let one party sign for two councils.
            if keys.contains(key) {
                return Err(Refusal::SharedSigningKey { council: council.clone() });
            }
            keys.push(*key);
        }
        Ok(keys)
    }

    fn check_plan(&self, parameters: &Parameters) -> Result<(), Refusal> {
        let p = &self.plan;
        if self.cells().is_none() {
            return Err(Refusal::VectorLength { blocks: p.blocks, cells_per_block: p.cells_per_block });
        }
        if !p.grid.is_power_of_two() || p.grid > MAX_GRID {
            return Err(Refusal::Grid { grid: p.grid });
        }
        if p.d1 == 0 || p.d2_squared == 0 || p.max_cell == 0 {
            return Err(Refusal::NoSensitivity);
        }
        match p.mechanism {
            Mechanism::Exact if p.grid != 1 || p.rho_nano != 0 || p.sigma_nano != 0 => {
                return Err(Refusal::ExactWithNoise);
            }
            Mechanism::DiscreteGaussian if p.rho_nano == 0 || p.sigma_nano == 0 => {
                return Err(Refusal::NoiseMissing);
            }
            Mechanism::DiscreteGaussian if !share_is_wide_enough(p.grid, p.sigma_nano, parameters.honest_floor()) => {
                return Err(Refusal::GridTooCoarse { grid: p.grid });
            }
            Mechanism::DiscreteGaussian
                if Plan::sigma_for(p.d2_squared, p.rho_nano).is_none_or(|sigma| p.sigma_nano < sigma) =>
            {
                return Err(Refusal::NoiseTooNarrow { rho_nano: p.rho_nano });
            }
            Mechanism::Exact | Mechanism::DiscreteGaussian => {}
        }
        if self.headroom().bound().is_none() {
            return Err(Refusal::Headroom);
        }
        Ok(())
    }

    /// The checks of one node against its own policy and its own reading of the query.
    pub(crate) fn check_limits(&self, limits: &Limits, parameters: &Parameters) -> Result<(), Refusal> {
        if parameters.nodes() < limits.min_cohort {
            return Err(Refusal::CohortTooSmall { have: parameters.nodes(), need: limits.min_cohort });
        }
        if parameters.colluding() < limits.max_colluding {
            return Err(Refusal::TooFewColluding { stated: parameters.colluding(), need: limits.max_colluding });
        }
        if parameters.min_survivors() < limits.min_survivors {
            return Err(Refusal::SurvivorFloorTooLow {
                stated: parameters.min_survivors(),
                need: limits.min_survivors,
            });
        }
        if self.plan.rho_nano > limits.max_rho_nano {
            return Err(Refusal::PriceTooHigh { rho_nano: self.plan.rho_nano, most: limits.max_rho_nano });
        }
        if self.plan.mechanism == Mechanism::Exact && !limits.allow_exact {
            return Err(Refusal::ExactNotAllowed);
        }
        if self.expiry.saturating_sub(self.not_before) > limits.max_open_s {
            return Err(Refusal::OpenTooLong {
                seconds: self.expiry.saturating_sub(self.not_before),
                most: limits.max_open_s,
            });
        }
        Ok(())
    }

    pub(crate) fn check_expected(&self, expected: &Expected) -> Result<(), Refusal> {
        let p = &self.plan;
        if (p.layout, p.blocks, p.cells_per_block) != (expected.layout, expected.blocks, expected.cells_per_block) {
            return Err(Refusal::LayoutDiffers);
        }
        if p.mechanism != expected.mechanism {
            return Err(Refusal::MechanismDiffers);
        }
        if (p.d1, p.d2_squared, p.max_cell) != (expected.d1, expected.d2_squared, expected.max_cell) {
            return Err(Refusal::SensitivityDiffers);
        }
        if p.rho_nano < expected.rho_nano {
            return Err(Refusal::PriceUnderstated { stated: p.rho_nano, own: expected.rho_nano });
        }
        Ok(())
    }

    /// Whether the round is open at `now`, and the question still asked.
    pub(crate) fn check_open(&self, now: u64) -> Result<(), Refusal> {
        if now < self.not_before {
            return Err(Refusal::NotYet { not_before: self.not_before });
        }
        if now >= self.expiry {
            return Err(Refusal::Expired { expiry: self.expiry });
        }
        if now >= self.mandate.asked_until {
            return Err(Refusal::MandateLapsed { asked_until: self.mandate.asked_until });
        }
        Ok(())
    }

    /// `T0` of this envelope.
    #[must_use]
    pub fn t0(&self) -> Hash {
        transcript::t0(&self.encode())
    }
}

/// Strict Ed25519 verification: refuses keys and signature points of small order and non-canonical encodings, so
/// that one signature fits one message under one key for every verifier.
pub(crate) fn verifies(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigma_and_grid_are_those_of_the_worked_examples() {
        // rho 0.005, D2 = 1: sigma 10; h = 130: unscaled share 0.877, so grid 4.
        assert_eq!(Plan::sigma_for(1, 5_000_000), Some(10_000_000_000));
        assert_eq!(Plan::grid_for(10_000_000_000, 130), Some(4));
        // (1, 1e-6) is rho 0.024356, sigma 4.531; the share of one of 153 is 0.366, so grid 8.
        let sigma = Plan::sigma_for(1, 24_356_000).expect("positive");
        assert!((4_530_000_000..4_532_000_000).contains(&sigma));
        assert_eq!(Plan::grid_for(sigma, 153), Some(8));
        assert_eq!(Plan::sigma_for(1, 0), None);
        assert_eq!(Plan::grid_for(1, 153), None);
        // A capped sum of 10,000 pounds in pence at rho 0.005: sigma 10 times 1,000,000.
        assert_eq!(Plan::sigma_for(1_000_000_000_000, 5_000_000), Some(10_000_000_000_000_000));
    }

    #[test]
    fn sigma_is_rounded_up() {
        let sigma = Plan::sigma_for(3, 7_000_000).expect("positive");
        let exact = (3.0f64 / (2.0 * 0.007)).sqrt() * 1e9;
        assert!(sigma as f64 >= exact && (sigma as f64) < exact + 2.0);
    }
}
