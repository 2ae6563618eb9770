//! The currency of privacy: zero-concentrated differential privacy, in whole nano-rho.
//!
//! # Source
//! Bun and Steinke 2016 (arXiv:1605.02065) for zCDP and its additive composition; Canonne, Kamath and Steinke 2020
//! (arXiv:2004.00010) for the discrete Gaussian: noise of scale sigma on a vector of L2 sensitivity D2 has
//! rho = D2² / (2 sigma²).

use std::fmt;

/// A privacy loss or budget: zCDP's rho in billionths, never negative, rounded **up** wherever it is a loss.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Rho(u64);

impl Rho {
    /// Nothing spent.
    pub const ZERO: Self = Self(0);
    /// The most that any single figure in this system may be about: rho 1000.
    const MOST: u64 = 1_000_000_000_000;

    /// A positive loss of that many billionths, at most 1000 in all.
    pub fn from_nano(nano: u64) -> Option<Self> {
        (1..=Self::MOST).contains(&nano).then_some(Self(nano))
    }

    /// Rounds a loss up to the next billionth. `None` unless it is positive, finite and at most 1000.
    pub fn rounded_up(rho: f64) -> Option<Self> {
        if !(rho.is_finite() && rho > 0.0) {
            return None;
        }
        let nano = (rho * 1e9).ceil();
        // One more when the product was rounded down below the true value.
        let nano = if nano / 1e9 < rho { nano + 1.0 } else { nano };
        (nano <= Self::MOST as f64).then_some(Self(nano as u64))
    }

    /// Parses a decimal such as `0.005`, exactly.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 || whole.len() + fraction.len() == 0 {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
        Self::from_nano(whole.checked_mul(1_000_000_000)?.checked_add(fraction)?)
    }

    /// Billionths.
    pub fn nano(self) -> u64 {
        self.0
    }

    /// As a number, for people and for choosing a scale.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The sum, `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The scale of the discrete Gaussian noise that this loss pays for at this squared L2 sensitivity.
    pub fn sigma(self, l2_squared: u128) -> f64 {
        (l2_squared as f64 / (2.0 * self.as_f64())).sqrt()
    }

    /// For people: the epsilon of approximate differential privacy at `delta` that this loss implies.
    ///
    /// # Source
    /// Canonne, Kamath and Steinke 2020, proposition 12, minimised over alpha by golden section; an upper bound.
    pub fn epsilon(self, delta: f64) -> f64 {
        let rho = self.as_f64();
        if rho <= 0.0 {
            return 0.0;
        }
        let at = |alpha: f64| {
            alpha * rho + ((1.0 / (alpha * delta)).ln() + (alpha - 1.0) * (1.0 - 1.0 / alpha).ln()) / (alpha - 1.0)
        };
        let (mut low, mut high) = (1.0 + 1e-9_f64, 2.0 + 2.0 * ((1.0 / delta).ln() / rho).sqrt());
        let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
        for _ in 0..200 {
            let (left, right) = (high - golden * (high - low), low + golden * (high - low));
            if at(left) < at(right) { high = right } else { low = left }
        }
        at(f64::midpoint(low, high)).max(0.0)
    }
}

impl fmt::Display for Rho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Half the width of the interval that holds 19 in 20 errors of noise with this standard deviation: a whole number for
/// whole figures.
pub fn margin(standard_deviation: f64) -> u64 {
    if standard_deviation <= 0.0 { 0 } else { (1.959_963_984_540_054 * standard_deviation).ceil() as u64 }
}

/// The delta at which epsilon is shown to people.
pub const SHOWN_DELTA: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_round_up_and_never_down() {
        assert_eq!(Rho::rounded_up(1e-9).map(Rho::nano), Some(1));
        assert_eq!(Rho::rounded_up(1.000_000_000_1e-9).map(Rho::nano), Some(2));
        assert_eq!(Rho::rounded_up(0.005).map(Rho::nano), Some(5_000_000));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
            assert_eq!(Rho::rounded_up(bad), None);
        }
    }

    #[test]
    fn decimals_parse_exactly_and_print_back() {
        for text in ["0.005", "1", "0.000000001", "12.5"] {
            assert_eq!(Rho::parse(text).map(|rho| rho.to_string()), Some(text.to_owned()));
        }
        for bad in ["", ".", "0", "-1", "1e-3", "0.0000000001", "1001", "NaN"] {
            assert_eq!(Rho::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn conversions_agree_with_the_published_table() {
        // Values that opendp's own map gives (rho to sigma at D2 = 1, epsilon at delta 1e-6).
        for (rho, sigma, epsilon) in [(0.005, 10.0, 0.43), (0.02, 5.0, 0.90), (0.1, 2.236, 2.14), (1.0, 0.707, 7.77)] {
            let rho = Rho::rounded_up(rho).expect("positive");
            assert!((rho.sigma(1) - sigma).abs() < 0.01);
            assert!((rho.epsilon(1e-6) - epsilon).abs() < 0.02, "{rho}: {}", rho.epsilon(1e-6));
        }
        assert_eq!(margin(10.0), 20);
    }
}
