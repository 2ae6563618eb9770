//! How far a joint figure is from the truth, held against what one central curator would publish at the same price.
//!
//! No council's noise is ever seen alone in a round, so here the shares that the product would draw are summed as the
//! protocol sums them, without the masks that cancel; and once through the protocol itself.
//!
//! Chance of a false alarm of all tests in this file together: below 1e-6. The longer measurement is
//! `cargo test -p folkmoot-node --test accuracy -- --ignored --nocapture`; its table stands in `docs/performance.md`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "../../proto/tests/round/sim.rs"]
mod sim;

use folkmoot_node::protect::{NoiseSource, OpenDp};
use folkmoot_proto::joint::{self, Areas, Joint, Shares};
use folkmoot_proto::period::ReferencePeriod;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Query, Release};
use folkmoot_proto::round::{Plan, coordinator};
use rayon::prelude::*;

/// What the coordinator's defaults make of England: 153 councils, 16 of which may collude, 8 of which may drop out.
const COUNCILS: usize = 153;
const HONEST: u16 = 145 - 16;
/// Five of a normal variable's standard deviations, both sides: 5.8e-7.
const FIVE: f64 = 5.0;

fn plan(rho: &str, areas: &Areas, honest: u16) -> (Joint, Plan, Shares) {
    let period = ReferencePeriod::inclusive("2025-04-01".parse().unwrap(), "2026-03-31".parse().unwrap()).unwrap();
    let release = Release::JointPrivate(Rho::parse(rho).unwrap());
    let query = Query::new("2E", period, None, &[], &[], DataRule::default(), release).unwrap();
    let joint = Joint::of(&query, areas).unwrap();
    let plan = joint.plan(honest).unwrap();
    let shares = joint::shares(&plan, honest).unwrap();
    (joint, plan, shares)
}

/// The noise in `cells` sums over this many councils' shares, in grid units.
fn sums(councils: usize, cells: usize, shares: &Shares) -> Vec<i64> {
    let one = || OpenDp.draw(cells, shares.sigma, shares.l2).unwrap().0;
    let add = |mut a: Vec<i64>, b: Vec<i64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    (0..councils).into_par_iter().map(|_| one()).reduce(|| vec![0; cells], add)
}

fn rms(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    (values.map(|v| v * v).sum::<f64>() / n).sqrt()
}

/// Probabilities of a discrete Gaussian of this variance at `-reach ..= reach`; what lies beyond is below 1e-20.
fn pmf(variance: f64, reach: i64) -> Vec<f64> {
    let weights: Vec<f64> = (-reach..=reach).map(|k| (-((k * k) as f64) / (2.0 * variance)).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// Pearson's statistic over bins of nearly equal probability, and its degrees of freedom.
fn chi_square(draws: &[i64], pmf: &[f64], bins: usize) -> (f64, f64) {
    let reach = (pmf.len() / 2) as i64;
    // The bin of each value: bins are filled from the left until their share of probability is reached.
    let (mut of, mut chances) = (Vec::with_capacity(pmf.len()), vec![0.0; bins]);
    let (mut bin, mut before) = (0, 0.0);
    for p in pmf {
        if before >= (bin + 1) as f64 / bins as f64 && bin + 1 < bins {
            bin += 1;
        }
        of.push(bin);
        chances[bin] += p;
        before += p;
    }
    let mut seen = vec![0.0; bins];
    for draw in draws {
        seen[of[(draw.clamp(&-reach, &reach) + reach) as usize]] += 1.0;
    }
    let n = draws.len() as f64;
    let statistic = seen.iter().zip(&chances).map(|(seen, chance)| (seen - n * chance).powi(2) / (n * chance)).sum();
    (statistic, bins as f64 - 1.0)
}

/// The value that a chi-square variable passes with a chance below 3e-7 (Wilson and Hilferty's cube root of a normal
/// variable, at 5 standard deviations).
fn chi_square_limit(freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + FIVE * spread.sqrt()).powi(3)
}

#[test]
fn the_sum_of_all_shares_is_one_discrete_gaussian_of_the_stated_width() {
    const SUMS: usize = 5_000;
    let (_, plan, shares) = plan("0.005", &Areas::Boards("icb-2022".into()), HONEST);
    let draws = sums(COUNCILS, SUMS, &shares);
    let variance = COUNCILS as f64 * shares.sigma * shares.sigma;
    // The width: the standard error of a variance of n normal draws is sqrt(2 / n) of it.
    let found = draws.iter().map(|d| (*d as f64).powi(2)).sum::<f64>() / SUMS as f64;
    let off = found / variance - 1.0;
    assert!(off.abs() < FIVE * (2.0 / SUMS as f64).sqrt(), "variance off by {off}");
    // The stated width is what the release prints: sigma * sqrt(s / h), in counts.
    let stated = plan.sigma_nano as f64 / 1e9 * (COUNCILS as f64 / f64::from(HONEST)).sqrt();
    assert!((variance.sqrt() / plan.grid as f64 / stated - 1.0).abs() < 1e-6);
    // The shape.
    let (statistic, freedom) = chi_square(&draws, &pmf(variance, (40.0 * variance.sqrt()) as i64), 40);
    assert!(statistic < chi_square_limit(freedom), "{statistic} on {freedom} degrees of freedom");
}

#[test]
fn the_test_of_shape_sees_a_sum_that_is_too_narrow_or_shifted() {
    // Shares without a grid: what they add up to is far from the stated width (the reference's warning).
    const SUMS: usize = 5_000;
    let sigma = 4.53;
    let share = sigma / f64::from(HONEST).sqrt();
    let shares = Shares { sigma: share, l2: 1.0, sum: Rho::from_nano(1).unwrap(), alone: Rho::from_nano(1).unwrap() };
    let draws = sums(COUNCILS, SUMS, &shares);
    let variance = COUNCILS as f64 * share * share;
    let (statistic, freedom) = chi_square(&draws, &pmf(variance, 300), 20);
    assert!(statistic > chi_square_limit(freedom), "{statistic}");
    let right = OpenDp.draw(SUMS, variance.sqrt(), 1.0).unwrap().0;
    let shifted: Vec<i64> = right.iter().map(|d| d + 1).collect();
    let (statistic, freedom) = chi_square(&shifted, &pmf(variance, 300), 20);
    assert!(statistic > chi_square_limit(freedom), "{statistic}");
    let (statistic, freedom) = chi_square(&right, &pmf(variance, 300), 20);
    assert!(statistic < chi_square_limit(freedom), "{statistic}");
}

#[test]
fn the_error_is_at_most_a_tenth_above_one_central_curators_at_every_price() {
    for nano in [1_000_000, 5_000_000, 24_356_000, 100_000_000, 500_000_000] {
        let rho = Rho::from_nano(nano).unwrap();
        let (_, plan, shares) = plan(&rho.to_string(), &Areas::England, HONEST);
        let joint = (COUNCILS as f64).sqrt() * shares.sigma / plan.grid as f64;
        let central = rho.sigma(u128::from(plan.d2_squared));
        assert!(joint / central <= 1.10, "rho {rho}: {}", joint / central);
        assert!((joint / central - (COUNCILS as f64 / f64::from(HONEST)).sqrt()).abs() < 1e-6);
    }
}

/// A whole round at 153 councils: keys, shares, masks, signatures. Returns the noise left in each cell of each block.
fn through_the_protocol(areas: &Areas, dropped: usize) -> (Joint, Plan, Vec<f64>) {
    let (joint, plan, shares) = plan("0.005", areas, HONEST);
    let fed = sim::Federation::new(COUNCILS, 5);
    let mut draft = fed.draft(joint.len() as u32, 16, 145);
    draft.plan = plan.clone();
    let envelope = draft.sign(&fed.coordinator);
    let mut rng = sim::rng(6);
    let mut hub = coordinator::Round::new(envelope, &fed.roll, sim::NOW).unwrap();
    let invitation = hub.invitation().to_vec();
    let mut nodes = Vec::new();
    for (i, code) in fed.codes.iter().enumerate() {
        let (round, advert) = fed.join(i, &invitation, &mut rng).unwrap();
        hub.advert(code, &advert).unwrap();
        nodes.push(round);
    }
    let roster = hub.close_adverts().unwrap();
    for (code, node) in fed.codes.iter().zip(&mut nodes) {
        hub.sealed(code, &node.share(&roster, sim::NOW, &mut rng).unwrap()).unwrap();
    }
    hub.close_shares().unwrap();
    let alive = COUNCILS - dropped;
    let mut truth = vec![0; joint.len()];
    for (i, (code, node)) in fed.codes.iter().zip(&mut nodes).enumerate().take(alive) {
        let noise = OpenDp.draw(joint.len(), shares.sigma, shares.l2).unwrap().0;
        // Councils 0 and 1 are a block of two; the others are spread over the rest.
        let block = if i < 2 { 0 } else { 1 + i % (joint.blocks().len() - 1) };
        let mut counts = vec![0; joint.len()];
        for cell in &mut counts[block * joint.per_block()..(block + 1) * joint.per_block()] {
            *cell = (40 + i as i64) * plan.grid as i64;
        }
        truth.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count);
        let mut part = sim::Numbers { noise, counts, asked: Vec::new() };
        let vector = sim::sent(node.mask(&hub.relay(code).unwrap(), sim::NOW, &mut part).unwrap());
        sim::upload(&mut hub, code, &vector).unwrap();
    }
    let survivors = hub.close_masks().unwrap();
    for (code, node) in fed.codes.iter().zip(&mut nodes).take(alive) {
        hub.consent(code, &sim::sent(node.consent(&survivors, sim::NOW).unwrap())).unwrap();
    }
    let quorum = hub.close_consents().unwrap();
    for (code, node) in fed.codes.iter().zip(&mut nodes).take(alive) {
        hub.revealed(code, &sim::sent(node.unmask(&quorum, sim::NOW).unwrap())).unwrap();
    }
    let sum = hub.unmask(&fed.coordinator).unwrap().sum;
    let grid = plan.grid as f64;
    let errors = sum.cells.iter().zip(truth).map(|(cell, exact)| (cell - exact) as f64 / grid).collect();
    (joint, plan, errors)
}

#[test]
fn a_board_of_two_councils_has_the_error_of_england_through_the_whole_protocol() {
    let (joint, plan, errors) = through_the_protocol(&Areas::Boards("icb-2022".into()), 8);
    let sigma = plan.sigma_nano as f64 / 1e9;
    let stated = sigma * (145.0 / f64::from(HONEST)).sqrt();
    let within = |errors: &[f64]| {
        let off = (rms(errors.iter().copied()) / stated).powi(2) - 1.0;
        // The block of two has few cells, so its bound is wide; that of all blocks is narrow.
        assert!(off.abs() < 6.0 * (2.0 / errors.len() as f64).sqrt(), "variance off by {off} in {}", errors.len());
    };
    within(&errors);
    within(&errors[..joint.per_block()]);
}

#[test]
#[ignore = "minutes long: prints the table of docs/performance.md"]
fn table() {
    println!(
        "| figure | rho | cells drawn | error of one curator, sd | joint, sd | ratio | against sigma*sqrt(s/h) | mean error, ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    const SUMS: usize = 60_000;
    let line = |what: &str, rho: &str, councils: usize, honest: u16| {
        let (_, plan, shares) = plan(rho, &Areas::England, honest);
        let grid = plan.grid as f64;
        let joint: Vec<f64> = sums(councils, SUMS, &shares).into_iter().map(|d| d as f64 / grid).collect();
        let sigma = Rho::parse(rho).unwrap().sigma(u128::from(plan.d2_squared));
        let central: Vec<f64> = OpenDp.draw(SUMS, sigma, 1.0).unwrap().0.into_iter().map(|d| d as f64).collect();
        let mean = |values: &[f64]| values.iter().map(|v| v.abs()).sum::<f64>() / values.len() as f64;
        let (a, b) = (rms(joint.iter().copied()), rms(central.iter().copied()));
        let stated = sigma * (councils as f64 / f64::from(honest)).sqrt();
        println!(
            "| {what} | {rho} | {SUMS} | {b:.3} | {a:.3} | {:.3} | {:+.1} % | {:.3} |",
            a / b,
            100.0 * (a / stated - 1.0),
            mean(&joint) / mean(&central)
        );
        assert!((a / stated - 1.0).abs() < 0.02);
    };
    for rho in ["0.001", "0.005", "0.02", "0.1", "0.5"] {
        line("England, all 153 answer", rho, COUNCILS, HONEST);
    }
    line("England, 145 answer", "0.005", 145, HONEST);
    line("15 assumed to collude (h 130)", "0.005", COUNCILS, 130);
    line("6 councils (c 2, s_min 5, h 3)", "0.005", 6, 3);
    for dropped in [0, 8] {
        let (joint, plan, errors) = through_the_protocol(&Areas::Boards("icb-2022".into()), dropped);
        let stated = plan.sigma_nano as f64 / 1e9 * ((COUNCILS - dropped) as f64 / f64::from(HONEST)).sqrt();
        let (all, two) = (rms(errors.iter().copied()), rms(errors[..joint.per_block()].iter().copied()));
        println!(
            "whole protocol, {dropped} drop-outs, {} blocks of {} cells: sd {all:.3} over all blocks, {two:.3} in the block \
             of two councils; sigma*sqrt(s/h) is {stated:.3}",
            joint.blocks().len(),
            joint.per_block()
        );
    }
}
