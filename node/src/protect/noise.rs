//! Discrete Gaussian noise from OpenDP, with its privacy map and guards. The only module that calls OpenDP.
//!
//! # Guarantee
//! A vector of counts of which one person can change at most the measure's [`Bound`], released through [`Noise::add`],
//! satisfies rho-zCDP with the rho that [`Noise::rho`] says, for neighbours that differ by all records of one person in
//! this council. The rho is OpenDP's own map of the measurement, rounded up.
//!
//! # Source
//! Canonne, Kamath and Steinke 2020 (arXiv:2004.00010), as OpenDP's `make_gaussian` on integers implements it.

use folkmoot_proto::catalogue::Bound;
use folkmoot_proto::disclosure::Figure;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::privacy::Rho;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::make_gaussian;
use opendp::measures::ZeroConcentratedDivergence;
use opendp::metrics::L2Distance;

use super::ProtectedCells;
use crate::tabulate::CellCounts;

/// Why no noise can be made. Nothing was read or released.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OpenDP refused the parameters.
    #[error("OpenDP refused to make noise of scale {scale}: {why}")]
    Refused {
        /// The scale asked for.
        scale: f64,
        /// Its words.
        why: String,
    },
    /// The privacy map does not stay within what was reserved.
    #[error("noise of scale {scale} would cost rho {cost}, more than the {reserved} that is reserved for it")]
    OverReserve {
        /// The scale.
        scale: f64,
        /// What OpenDP's map says.
        cost: f64,
        /// What was reserved.
        reserved: Rho,
    },
}

/// Where noise comes from. Tests replace it; the product has [`OpenDp`] alone.
pub trait NoiseSource {
    /// Draws `length` whole numbers of discrete Gaussian noise of this scale (about its standard deviation), for a
    /// vector of this L2 sensitivity, and says what releasing the vector costs.
    ///
    /// # Errors
    /// [`Error`] when the scale is unusable.
    fn draw(&self, length: usize, scale: f64, l2: f64) -> Result<(Vec<i64>, f64), Error>;
}

/// OpenDP's discrete Gaussian: exact arithmetic, randomness of the operating system stretched by ChaCha20.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenDp;

type Gaussian = Measurement<VectorDomain<AtomDomain<i64>>, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i64>>;

impl NoiseSource for OpenDp {
    fn draw(&self, length: usize, scale: f64, l2: f64) -> Result<(Vec<i64>, f64), Error> {
        let refused = |error: opendp::error::Error| Error::Refused { scale, why: error.to_string() };
        // Scale 0 and scales near it are accepted by the constructor and add no noise at all.
        if !(scale.is_finite() && (1e-3..1e12).contains(&scale)) {
            return Err(Error::Refused { scale, why: "a scale between 0.001 and 10^12 is needed".into() });
        }
        let domain = VectorDomain::new(AtomDomain::<i64>::default());
        let measurement: Gaussian =
            make_gaussian(domain, L2Distance::<f64>::default(), scale, None).map_err(refused)?;
        let cost = measurement.map(&l2).map_err(refused)?;
        if !(cost.is_finite() && cost > 0.0) {
            return Err(Error::Refused { scale, why: "its privacy map is not a positive number".into() });
        }
        // Invoked on zeros: the noise exists before the data is read, so the time it takes says nothing about them.
        let noise = measurement.invoke(&vec![0; length]).map_err(refused)?;
        Ok((noise, cost))
    }
}

/// Noise for one answer, drawn and not yet used. Used once: adding it consumes it.
pub struct Noise {
    cells: Vec<i64>,
    sigma: f64,
    rho: Rho,
}

impl Noise {
    /// Draws full-strength noise for one council's figures.
    ///
    /// # Errors
    /// [`Error::OverReserve`] when the map of what was drawn is above `reserved`; nothing can be released with it.
    pub fn draw(source: &dyn NoiseSource, layout: &Layout, bound: Bound, reserved: Rho) -> Result<Self, Error> {
        let l2 = (bound.l2_squared() as f64).sqrt();
        // A little wider than the exact scale, so that rounding in the map never passes the reserve.
        let scale = reserved.sigma(bound.l2_squared()) * (1.0 + 1e-9);
        let (cells, cost) = source.draw(layout.cells(), scale, l2)?;
        match Rho::rounded_up(cost) {
            Some(rho) if rho <= reserved => Ok(Self { cells, sigma: scale, rho }),
            _ => Err(Error::OverReserve { scale, cost, reserved }),
        }
    }

    /// What a release with this noise costs.
    pub fn rho(&self) -> Rho {
        self.rho
    }

    /// Adds the noise to exact counts. Sums are made from the noisy cells and cost nothing more.
    ///
    /// # Panics
    /// When the counts are of another layout than the noise was drawn for.
    pub fn add(self, counts: &CellCounts, layout: &Layout) -> ProtectedCells {
        assert_eq!(self.cells.len(), counts.cells().len(), "noise and counts are of one layout");
        // Saturation cannot be reached by counts of people; it keeps arithmetic total all the same.
        let noisy: Vec<i64> =
            self.cells.iter().zip(counts.cells()).map(|(noise, count)| noise.saturating_add(*count)).collect();
        let figures = layout.with_sums(&noisy).into_iter().map(Figure::Shown).collect();
        ProtectedCells { figures, withheld: Vec::new(), sigma: self.sigma }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkmoot_proto::disclosure::Profile;
    use folkmoot_proto::period::ReferencePeriod;
    use folkmoot_proto::query::{DataRule, Query, Release};

    fn layout() -> Layout {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).expect("forwards");
        let release = Release::CouncilSuppressed(Profile::Hospital);
        Layout::of(&Query::new("2E", period, None, &[], &[], DataRule::default(), release).expect("valid"))
            .expect("small")
    }

    #[test]
    fn unusable_scales_are_refused() {
        for scale in [0.0, 1e-300, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(OpenDp.draw(4, scale, 1.0).is_err(), "{scale}");
        }
        assert!(OpenDp.draw(4, 10.0, f64::INFINITY).is_err());
        assert!(OpenDp.draw(4, 10.0, -1.0).is_err());
    }

    #[test]
    fn the_charge_is_the_map_and_never_above_the_reserve() {
        for nano in [1_000, 5_000_000, 16_666_667, 500_000_000] {
            let reserved = Rho::from_nano(nano).expect("positive");
            for bound in [Bound::ONE, Bound::events(3), Bound::cells(7)] {
                let noise = Noise::draw(&OpenDp, &layout(), bound, reserved).expect("usable");
                assert!(noise.rho() <= reserved);
                assert!(noise.rho().nano() * 1_001 >= reserved.nano() * 1_000, "the reserve is used up");
            }
        }
    }

    /// A source whose map says more than was reserved.
    struct Dear;
    impl NoiseSource for Dear {
        fn draw(&self, length: usize, _: f64, _: f64) -> Result<(Vec<i64>, f64), Error> {
            Ok((vec![0; length], 1.0))
        }
    }

    #[test]
    fn noise_that_costs_more_than_reserved_is_never_handed_out() {
        let reserved = Rho::from_nano(5_000_000).expect("positive");
        assert!(matches!(Noise::draw(&Dear, &layout(), Bound::ONE, reserved), Err(Error::OverReserve { .. })));
    }

    #[test]
    fn noise_has_the_variance_that_its_price_implies() {
        // 100,000 draws at sigma 10: the sample variance has a relative standard error of 0.45%, so 2.5% off is more
        // than 5.5 standard errors, a chance below 1e-7.
        let (draws, _) = OpenDp.draw(100_000, 10.0, 1.0).expect("usable");
        let variance = draws.iter().map(|&draw| (draw * draw) as f64).sum::<f64>() / draws.len() as f64;
        assert!((variance / 100.0 - 1.0).abs() < 0.025, "{variance}");
    }
}
