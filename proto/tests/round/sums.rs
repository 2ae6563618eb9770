//! The sum is exact for every pattern of drop-outs, or there is none.

use folkmoot_proto::round::{Failure, Mechanism, Parameters, Step};
use proptest::prelude::*;
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use crate::sim::{self, Drops, Federation};

const STEPS: [Option<Step>; 6] =
    [Some(Step::Advertise), Some(Step::Share), Some(Step::Mask), Some(Step::Consent), Some(Step::Unmask), None];

/// What the rules say must come of these drop-outs: the step at which the round ends, or `None` for a sum.
fn fate(drops: &Drops, p: &Parameters) -> Option<Step> {
    let left = |step: Step| drops.iter().filter(|d| d.is_none_or(|d| step < d)).count();
    let floor = usize::from(p.min_survivors());
    let threshold = usize::from(p.threshold());
    [
        (Step::Advertise, floor),
        (Step::Share, floor),
        (Step::Mask, floor),
        (Step::Consent, threshold),
        (Step::Unmask, threshold),
    ]
    .into_iter()
    .find(|(step, need)| left(*step) < *need)
    .map(|(step, _)| step)
}

fn check(fed: &Federation, colluding: u16, min_survivors: u16, cells: u32, drops: &Drops, seed: u64) -> Option<Step> {
    let envelope = fed.envelope(cells, colluding, min_survivors);
    let fate = fate(drops, &envelope.parameters().unwrap());
    match (sim::run(fed, envelope, drops, seed), fate) {
        (Ok(run), None) => {
            assert_eq!(run.outcome.sum.cells, run.expected, "{drops:?}");
            assert!(run.outcome.wrong_shares.is_empty());
            let summed: Vec<&String> =
                fed.codes.iter().zip(&run.vectors).filter(|(_, v)| v.is_some()).map(|(c, _)| c).collect();
            assert_eq!(run.outcome.sum.councils.iter().collect::<Vec<_>>(), summed);
            let report = sim::audit(fed, &run);
            assert_eq!(report.councils, run.outcome.sum.councils);
        }
        (Err(Failure::TooFew { step, .. }), Some(end)) => assert_eq!(step, end, "{drops:?}"),
        (result, fate) => panic!("{drops:?}: {:?}, but the rules say {fate:?}", result.map(|r| r.outcome)),
    }
    fate
}

/// Runs every way in which `n` nodes can fall silent (six choices for each) that the rules say gives a sum, and every
/// `stride`-th of those that must not. Returns how many gave a sum.
fn exhaust(n: u32, colluding: u16, min_survivors: u16, stride: usize) -> usize {
    let fed = Federation::new(n as usize, u64::from(n));
    let parameters = Parameters::new(n as usize, colluding, min_survivors).unwrap();
    (0..6usize.pow(n))
        .into_par_iter()
        .filter(|code| {
            let drops: Drops = (0..n).map(|i| STEPS[code / 6usize.pow(i) % 6]).collect();
            let sum = fate(&drops, &parameters).is_none();
            (sum || code % stride == 0) && check(&fed, colluding, min_survivors, 2, &drops, *code as u64).is_none()
        })
        .count()
}

// The counts are sums over the binomial: with at most k of n silent, each at one of five steps, C(n, k) * 5^k.
#[test]
fn sums_are_exact_for_every_pattern_of_three() {
    assert_eq!(exhaust(3, 0, 2, 1), 1 + 3 * 5);
    assert_eq!(exhaust(3, 1, 3, 1), 1);
}

#[test]
fn sums_are_exact_for_every_pattern_of_four() {
    assert_eq!(exhaust(4, 0, 3, 7), 1 + 4 * 5);
    assert_eq!(exhaust(4, 1, 3, 31), 1 + 4 * 5);
}

#[test]
fn sums_are_exact_for_every_pattern_of_five() {
    assert_eq!(exhaust(5, 0, 3, 97), 1 + 5 * 5 + 10 * 25);
    assert_eq!(exhaust(5, 1, 4, 193), 1 + 5 * 5);
}

#[test]
fn sums_are_exact_for_every_pattern_of_six() {
    assert_eq!(exhaust(6, 0, 4, 1009), 1 + 6 * 5 + 15 * 25);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn sums_are_exact_for_random_patterns_up_to_forty(n in 7usize..=40, seed in any::<u64>(), rate in 0u32..30) {
        let mut rng = sim::rng(seed);
        let fed = Federation::new(n, seed);
        let colluding = u16::try_from(n / 10).unwrap();
        let threshold = Parameters::new(n, colluding, u16::try_from(n).unwrap()).unwrap().threshold();
        let drops: Drops = (0..n)
            .map(|_| if rng.next_u32() % 100 < rate { STEPS[(rng.next_u32() % 6) as usize] } else { None })
            .collect();
        check(&fed, colluding, threshold, 5, &drops, seed);
    }
}

#[test]
fn exact_rounds_draw_no_noise() {
    let fed = Federation::new(5, 9);
    let mut draft = fed.draft(10, 1, 4);
    draft.plan.mechanism = Mechanism::Exact;
    (draft.plan.grid, draft.plan.rho_nano, draft.plan.sigma_nano) = (1, 0, 0);
    let run = sim::run(&fed, draft.sign(&fed.coordinator), &vec![None; 5], 1).unwrap();
    assert_eq!(run.outcome.sum.cells, run.expected);
    assert_eq!(run.outcome.sum.grid, 1);
}

#[test]
fn long_vectors_travel_in_chunks() {
    let fed = Federation::new(4, 10);
    let mut draft = fed.draft(50_001, 0, 3);
    draft.plan.blocks = 3;
    let run = sim::run(&fed, draft.sign(&fed.coordinator), &vec![None, None, Some(Step::Consent), None], 2).unwrap();
    assert_eq!(run.outcome.sum.cells, run.expected);
    let chunks: Vec<_> = run.vectors[0].as_ref().unwrap().chunks().collect();
    assert_eq!(chunks.len(), 3);
    assert!(chunks.iter().all(|c| c.bytes.len() <= 1 << 20));
    sim::audit(&fed, &run);
}

#[test]
fn masked_vectors_are_uniform_bytes() {
    // Two nodes' vectors of 20,000 cells: one with small counts, one with large. Fixed seeds; the bounds are the 1e-6
    // quantiles of chi-square with 255 degrees of freedom.
    let fed = Federation::new(4, 11);
    let run = sim::run(&fed, fed.envelope(20_000, 0, 4), &vec![None; 4], 3).unwrap();
    for vector in run.vectors.iter().flatten() {
        let mut bins = [0f64; 256];
        let mut by_place = [[0f64; 256]; 8];
        for chunk in vector.chunks() {
            for (i, b) in chunk.bytes.iter().enumerate() {
                bins[usize::from(*b)] += 1.0;
                by_place[i % 8][usize::from(*b)] += 1.0;
            }
        }
        for bins in by_place.iter().chain([&bins]) {
            let expected = bins.iter().sum::<f64>() / 256.0;
            let chi2: f64 = bins.iter().map(|b| (b - expected).powi(2) / expected).sum();
            assert!((158.0..377.0).contains(&chi2), "chi-square {chi2}");
        }
    }
}
