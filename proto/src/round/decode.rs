//! Finding wrong shares: Reed-Solomon decoding of Shamir shares over GF(256).
//!
//! A set of shares is the value of a polynomial `f` of degree below `t` at the holders' coordinates, with some values
//! wrong. Berlekamp and Welch's key equation: if `E` vanishes at the wrong coordinates, then
//! `Q(x) = y * E(x)` holds at every coordinate with `Q = f * E`. Solving it linearly for `Q` and a monic `E` of the
//! right degree gives the wrong coordinates as the roots of `E`. Runs only when a recovered secret fails its check, on
//! shares that are no longer secret to the coordinator.

use rayon::prelude::*;
use vsss_rs::Gf256;

use super::shares::Share;

const ZERO: Gf256 = Gf256(0);
const ONE: Gf256 = Gf256(1);

/// Coordinates of the wrong shares, ascending; `None` when there are more than can be located.
///
/// A holder may spoil one byte or all 32, so every byte position is decoded, and the answers united.
pub(super) fn wrong_points(shares: &[Share], threshold: usize) -> Option<Vec<u8>> {
    let most = (shares.len() - threshold) / 2;
    let found: Option<Vec<Vec<u8>>> = (0..32usize)
        .into_par_iter()
        .map(|byte| {
            let points: Vec<(Gf256, Gf256)> = shares.iter().map(|s| (Gf256(s.x), Gf256(s.value[byte]))).collect();
            wrong_at_one_byte(&points, threshold, most)
        })
        .collect();
    let mut wrong: Vec<u8> = found?.into_iter().flatten().collect();
    wrong.sort_unstable();
    wrong.dedup();
    Some(wrong)
}

/// Tries the numbers of errors 0, 1, 2, 4, .. up to `most`: few are likely, and the work grows with the cube.
fn wrong_at_one_byte(points: &[(Gf256, Gf256)], threshold: usize, most: usize) -> Option<Vec<u8>> {
    let mut errors = 0;
    loop {
        if let Some(wrong) = decode(points, threshold, errors) {
            return Some(wrong);
        }
        if errors == most {
            return None;
        }
        errors = (errors * 2).clamp(1, most);
    }
}

/// With at most `errors` wrong points: which they are.
fn decode(points: &[(Gf256, Gf256)], threshold: usize, errors: usize) -> Option<Vec<u8>> {
    let unknowns = threshold + 2 * errors;
    // Row: Q(x) - y * (E(x) - x^e) = y * x^e; in characteristic 2 subtraction is addition.
    let mut rows: Vec<Vec<Gf256>> = points[..unknowns]
        .iter()
        .map(|&(x, y)| {
            let mut row = powers(x, threshold + errors);
            let tail = powers(x, errors + 1);
            row.extend(tail[..errors].iter().map(|p| y * p));
            row.push(y * tail[errors]);
            row
        })
        .collect();
    let solution = solve(&mut rows, unknowns)?;
    let (q, e) = solution.split_at(threshold + errors);
    let mut locator = e.to_vec();
    locator.push(ONE);
    let f = divide(q, &locator)?;
    let wrong: Vec<u8> =
        points.iter().filter(|(x, y)| evaluate(&f[..threshold.min(f.len())], *x) != *y).map(|(x, _)| x.0).collect();
    (f.iter().skip(threshold).all(|c| *c == ZERO) && wrong.len() <= (points.len() - threshold) / 2).then_some(wrong)
}

fn powers(x: Gf256, count: usize) -> Vec<Gf256> {
    std::iter::successors(Some(ONE), |p| Some(*p * x)).take(count).collect()
}

fn evaluate(coefficients: &[Gf256], x: Gf256) -> Gf256 {
    coefficients.iter().rev().fold(ZERO, |acc, c| acc * x + *c)
}

/// Gauss and Jordan; free unknowns (fewer errors than allowed for) are set to zero. `None`: no solution.
fn solve(rows: &mut [Vec<Gf256>], unknowns: usize) -> Option<Vec<Gf256>> {
    let mut pivots = Vec::with_capacity(unknowns);
    let mut next = 0;
    for column in 0..unknowns {
        let Some(found) = (next..rows.len()).find(|r| rows[*r][column] != ZERO) else {
            continue;
        };
        rows.swap(next, found);
        let inverse = ONE / rows[next][column];
        for value in &mut rows[next][column..] {
            *value *= inverse;
        }
        let pivot = rows[next].clone();
        for (r, row) in rows.iter_mut().enumerate() {
            let factor = row[column];
            if r != next && factor != ZERO {
                for (value, p) in row[column..].iter_mut().zip(&pivot[column..]) {
                    *value += factor * p;
                }
            }
        }
        pivots.push(column);
        next += 1;
    }
    if rows[next..].iter().any(|row| row[unknowns] != ZERO) {
        return None;
    }
    let mut solution = vec![ZERO; unknowns];
    for (row, column) in pivots.into_iter().enumerate() {
        solution[column] = rows[row][unknowns];
    }
    Some(solution)
}

/// Polynomial division by a monic divisor, lowest coefficient first; `None` when a remainder is left.
fn divide(dividend: &[Gf256], divisor: &[Gf256]) -> Option<Vec<Gf256>> {
    let degree = divisor.len() - 1;
    let mut rest = dividend.to_vec();
    let mut quotient = vec![ZERO; dividend.len() - degree];
    for at in (0..quotient.len()).rev() {
        let lead = rest[at + degree];
        quotient[at] = lead;
        for (value, d) in rest[at..=at + degree].iter_mut().zip(divisor) {
            *value += lead * d;
        }
    }
    rest.iter().all(|c| *c == ZERO).then_some(quotient)
}
