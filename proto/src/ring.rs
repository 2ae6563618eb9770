//! Arithmetic modulo 2^64: how counts enter the masked sum and how the sum comes out again.
//!
//! Counts are signed, masks are uniform ring elements. A signed count enters as its two's complement, sums wrap,
//! and the total is read back as a signed number. That is exact as long as the true total lies within
//! `-2^63 .. 2^63`; [`Headroom::bound`] tells parameters for which it could fall outside, and the round refuses them.

/// The widest tail of the noise, in standard deviations, for which room is kept in the ring.
///
/// A discrete Gaussian exceeds 40 standard deviations with a chance below 1e-347, so no run ever meets the edge.
/// Source: the headroom rule `g * n * max cell + 40 * sigma_i * sqrt(n) < 2^63`.
pub const TAIL: u64 = 40;

/// Bytes of one ring element in a message: little endian, fixed width.
pub const ELEMENT_BYTES: usize = 8;

/// A signed count as a ring element.
#[must_use]
pub const fn from_signed(count: i64) -> u64 {
    count.cast_unsigned()
}

/// A ring element as a signed count.
#[must_use]
pub const fn to_signed(element: u64) -> i64 {
    element.cast_signed()
}

/// Adds `terms[i]` to `sum[i]` modulo 2^64.
///
/// **Shape**: both slices have the same length; the shorter one decides if they do not.
pub fn add_assign(sum: &mut [u64], terms: &[u64]) {
    for (s, t) in sum.iter_mut().zip(terms) {
        *s = s.wrapping_add(*t);
    }
}

/// The elements as little-endian bytes, eight for each.
#[must_use]
pub fn to_bytes(elements: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(elements.len() * ELEMENT_BYTES);
    for e in elements {
        out.extend_from_slice(&e.to_le_bytes());
    }
    out
}

/// Reads little-endian elements; `None` when the length is no multiple of eight.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Option<impl Iterator<Item = u64> + '_> {
    let (chunks, rest) = bytes.as_chunks::<ELEMENT_BYTES>();
    rest.is_empty().then(|| chunks.iter().map(|c| u64::from_le_bytes(*c)))
}

/// What has to fit into the ring in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// Nodes whose values are added.
    pub nodes: u16,
    /// Grid factor `g`: every count is multiplied by it before it is added.
    pub grid: u64,
    /// Largest absolute count one node may put into one cell, before scaling.
    pub max_cell: u64,
    /// Standard deviation of the noise of `honest` nodes together, in billionths of a count; 0 without noise.
    pub sigma_nano: u64,
    /// Nodes whose noise makes up `sigma_nano` (the honest floor `h`).
    pub honest: u16,
}

impl Headroom {
    /// The largest absolute value the decrypted total may have, in grid units, or `None` when it would not stay
    /// below 2^63.
    ///
    /// The total noise has the standard deviation `g * sigma * sqrt(n / h)`; all roundings are upwards.
    #[must_use]
    pub fn bound(&self) -> Option<i64> {
        let nodes = u128::from(self.nodes);
        let honest = u128::from(self.honest.max(1));
        let data = u128::from(self.grid).checked_mul(nodes)?.checked_mul(u128::from(self.max_cell))?;
        let spread = ceil_sqrt(nodes.div_ceil(honest));
        let noise = u128::from(self.grid)
            .checked_mul(u128::from(self.sigma_nano))?
            .checked_mul(u128::from(TAIL))?
            .checked_mul(spread)?
            .div_ceil(1_000_000_000);
        i64::try_from(data.checked_add(noise)?).ok()
    }

    /// The largest absolute noise share of one node for which room is kept, in grid units.
    ///
    /// One share has the standard deviation `g * sigma / sqrt(h)`; the bound is generous (that of `sqrt(n / h)`
    /// shares) so that no honest draw ever meets it, and `n` of them still fit into 2^63.
    #[must_use]
    pub fn share_bound(&self) -> i64 {
        let all = self.bound().unwrap_or(0);
        let nodes = i64::from(self.nodes.max(1));
        let data = i64::try_from(u128::from(self.grid) * u128::from(self.nodes) * u128::from(self.max_cell))
            .unwrap_or(i64::MAX);
        let noise = all.saturating_sub(data);
        noise.min(i64::MAX.saturating_sub(data) / nodes)
    }
}

/// The smallest integer whose square is at least `value`.
pub(crate) fn ceil_sqrt(value: u128) -> u128 {
    let root = value.isqrt();
    if root * root == value { root } else { root + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headroom_refuses_what_would_wrap() {
        let fits = Headroom { nodes: 153, grid: 4, max_cell: 1 << 50, sigma_nano: 10_000_000_000, honest: 130 };
        // 4 * 153 * 2^50 = 6.9e17 < 9.2e18
        assert!(fits.bound().is_some());
        let wraps = Headroom { max_cell: 1 << 54, ..fits };
        assert_eq!(wraps.bound(), None);
        let noisy = Headroom { sigma_nano: u64::MAX, max_cell: 1, grid: 1 << 40, ..fits };
        assert_eq!(noisy.bound(), None);
    }

    #[test]
    fn the_bound_is_the_rule_of_the_protocol() {
        let h = Headroom { nodes: 4, grid: 2, max_cell: 10, sigma_nano: 3_000_000_000, honest: 1 };
        // 2*4*10 + 40 * (2*3) * sqrt(4/1)
        assert_eq!(h.bound(), Some(80 + 480));
    }

    #[test]
    fn shares_of_all_nodes_fit_together() {
        let h = Headroom { nodes: 255, grid: 32, max_cell: 1 << 40, sigma_nano: 1 << 50, honest: 3 };
        let data = i128::from(h.grid) * i128::from(h.nodes) * i128::from(h.max_cell);
        assert!(data + i128::from(h.share_bound()) * i128::from(h.nodes) <= i128::from(i64::MAX));
        assert!(h.share_bound() > 0);
    }

    #[test]
    fn the_square_root_rounds_up() {
        assert_eq!([0, 1, 2, 4, 5].map(ceil_sqrt), [0, 1, 2, 2, 3]);
    }

    proptest! {
        #[test]
        fn signed_counts_survive_wrapping_sums(counts in prop::collection::vec(-(1i64 << 50)..(1i64 << 50), 0..200)) {
            let total = counts.iter().fold(0u64, |s, c| s.wrapping_add(from_signed(*c)));
            prop_assert_eq!(to_signed(total), counts.iter().sum::<i64>());
        }

        #[test]
        fn bytes_are_a_bijection(elements in prop::collection::vec(any::<u64>(), 0..50)) {
            let bytes = to_bytes(&elements);
            let back: Vec<u64> = from_bytes(&bytes).expect("whole elements").collect();
            prop_assert_eq!(back, elements);
            if !bytes.is_empty() {
                prop_assert!(from_bytes(&bytes[1..]).is_none());
            }
        }
    }
}
