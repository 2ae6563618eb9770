//! Percentages with their intervals.

use super::figure::{Cell, Estimate, Status};

/// The 97.5th percentile of the standard normal distribution.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// An interval for a share, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Least.
    pub lower: f64,
    /// Most.
    pub upper: f64,
    /// False when the data do not bound it: the interval is then everything.
    pub bounded: bool,
}

/// The 95% interval of yes / (yes + no) when both carry independent noise with these variances.
///
/// All shares r for which yes - r x (yes + no) is within 1.96 of its own standard deviations of zero. Where the
/// denominator cannot be told from zero there is no bound, and the interval is 0 to 1.
///
/// # Source
/// Fieller 1954, "Some problems in interval estimation". With D = yes + no: Var(D) = Var(yes) + Var(no) and
/// Cov(yes, D) = Var(yes).
pub fn fieller(yes: f64, no: f64, yes_variance: f64, no_variance: f64) -> Interval {
    const EVERYTHING: Interval = Interval { lower: 0.0, upper: 1.0, bounded: false };
    let denominator = yes + no;
    let (z2, variance, covariance) = (Z * Z, yes_variance + no_variance, yes_variance);
    let a = denominator * denominator - z2 * variance;
    let b = yes * denominator - z2 * covariance;
    let c = yes * yes - z2 * yes_variance;
    let discriminant = b * b - a * c;
    if denominator <= 0.0 || a <= 0.0 || discriminant < 0.0 {
        return EVERYTHING;
    }
    let root = discriminant.sqrt();
    let clip = |share: f64| share.clamp(0.0, 1.0);
    Interval { lower: clip((b - root) / a), upper: clip((b + root) / a), bounded: true }
}

/// 100 x part / whole to one decimal, halves away from zero; exact for whole numbers, since a tie is exact in binary.
pub(super) fn per_cent(part: f64, whole: f64) -> f64 {
    (1000.0 * part / whole).round() / 10.0
}

fn down(share: f64) -> f64 {
    // The small allowance keeps a bound that is exact, such as 25.0, from falling by a tenth through binary dust.
    (share * 1000.0 + 1e-9).floor() / 10.0
}

fn up(share: f64) -> f64 {
    (share * 1000.0 - 1e-9).ceil() / 10.0
}

pub(super) fn percentage(yes: Estimate, no: Estimate) -> Cell {
    let whole = yes.plus(no);
    if whole.parts == 0 {
        return Cell::not_submitted();
    }
    if whole.variance > 0.0 {
        let interval = fieller(yes.value, no.value, yes.variance, no.variance);
        if whole.value < 1.0 {
            return Cell { value: None, margin: None, ..Cell::interval(Status::Low, 0.0, 0.0, 100.0) };
        }
        let value = per_cent(yes.value, whole.value).clamp(0.0, 100.0);
        let status = if interval.bounded { Status::Ok } else { Status::Low };
        return Cell::interval(status, value, down(interval.lower).min(value), up(interval.upper).max(value));
    }
    let share = |part: f64, other: f64| if part + other <= 0.0 { None } else { Some(part / (part + other)) };
    let lower = down(share(yes.lower, no.upper).unwrap_or(0.0));
    let upper = up(share(yes.upper, no.lower).unwrap_or(if yes.upper + no.upper > 0.0 { 1.0 } else { 0.0 }));
    if whole.parts == 1 && whole.hidden > 0 {
        return Cell::suppressed(Some(lower), Some(upper));
    }
    if whole.value <= 0.0 && whole.hidden > 0 {
        // Hidden everywhere and guessed to be nobody: there is no share to guess.
        return Cell::suppressed(Some(lower), Some(upper));
    }
    if whole.value <= 0.0 {
        // The official tables show 0 for an empty denominator; the status keeps it apart from a real zero.
        return Cell::interval(Status::NotApplicable, 0.0, 0.0, 0.0);
    }
    let status = if whole.hidden > 0 { Status::Estimated } else { Status::Ok };
    let value = per_cent(yes.value, whole.value);
    Cell::interval(status, value, lower.min(value), upper.max(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_away_from_zero() {
        // 1/16 = 6.25%, 3/16 = 18.75%, 1/8 = 12.5%, 2/3 = 66.67%.
        assert_eq!(per_cent(1.0, 16.0), 6.3);
        assert_eq!(per_cent(3.0, 16.0), 18.8);
        assert_eq!(per_cent(1.0, 8.0), 12.5);
        assert_eq!(per_cent(2.0, 3.0), 66.7);
        assert_eq!(per_cent(1.0, 2000.0), 0.1);
    }

    #[test]
    fn fieller_agrees_with_a_hand_calculation() {
        // yes 300, no 100, sd 10 each: z² = 3.841459, a = 160000 - 768.29, b = 120000 - 384.15, c = 90000 - 384.15.
        // Roots: (119615.854 ± sqrt(119615.854² - 159231.708 x 89615.854)) / 159231.708 = 0.751206 ± 0.038849.
        let interval = fieller(300.0, 100.0, 100.0, 100.0);
        assert!((interval.lower - 0.712357).abs() < 5e-5, "{interval:?}");
        assert!((interval.upper - 0.790056).abs() < 5e-5, "{interval:?}");
        // The interval contains exactly the shares whose residual is within 1.96 standard deviations.
        for share in [interval.lower, interval.upper] {
            let residual = 300.0 - share * 400.0;
            let sd = ((1.0 - share).powi(2) * 100.0 + share.powi(2) * 100.0).sqrt();
            assert!((residual.abs() - Z * sd).abs() < 1e-6);
        }
    }

    #[test]
    fn a_denominator_lost_in_noise_bounds_nothing() {
        let interval = fieller(10.0, 5.0, 100.0, 100.0);
        assert_eq!(interval, Interval { lower: 0.0, upper: 1.0, bounded: false });
        assert!(!fieller(-30.0, -20.0, 1.0, 1.0).bounded);
    }
}
