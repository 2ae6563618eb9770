//! The numbers of a round and the rules between them.

use thiserror::Error;

/// Fewest nodes in a cohort.
pub const MIN_NODES: u16 = 3;
/// Most nodes in a cohort: shares are points over GF(256), whose coordinates are 1 to 255.
pub const MAX_NODES: u16 = 255;
/// Longest vector, in cells.
pub const MAX_CELLS: u32 = 1 << 20;
/// Attempts allowed for one query id; each one past step 2 is charged.
pub const MAX_ATTEMPTS: u8 = 3;

/// `n`, `c`, `t` and `s_min` of one round, checked against each other.
///
/// **Guarantee**: `2t > n + c` and `t > c`. Two different survivor sets can then never both collect `t` signatures,
/// even if the `c` colluding nodes sign both, so nobody can be shown as present to some and as absent to others.
///
/// **Source**: Bonawitz et al., CCS 2017, active-adversary form; threshold with `c` corrupt nodes as in
/// google-parfait/federated-compute's semi-malicious mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    nodes: u16,
    colluding: u16,
    min_survivors: u16,
}

/// Numbers that no round may have.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ParameterError {
    /// Fewer than three or more than 255 nodes.
    #[error("a round needs 3 to 255 councils, not {nodes}")]
    Nodes {
        /// Nodes in the cohort.
        nodes: usize,
    },
    /// With so many colluding nodes no threshold exists.
    #[error("{colluding} colluding councils of {nodes} leave no threshold; at most {most} can be assumed")]
    Colluding {
        /// Nodes in the cohort.
        nodes: u16,
        /// Colluding nodes assumed.
        colluding: u16,
        /// The most that is possible.
        most: u16,
    },
    /// The survivor floor is not between the threshold and `n`.
    #[error("at least {min_survivors} survivors is outside {threshold}..={nodes} (threshold to cohort size)")]
    Survivors {
        /// Stated floor.
        min_survivors: u16,
        /// Threshold `t`.
        threshold: u16,
        /// Nodes in the cohort.
        nodes: u16,
    },
}

impl Parameters {
    /// Checks the numbers of a round.
    ///
    /// # Errors
    /// [`ParameterError`] when `nodes` is outside 3..=255, when `colluding > nodes - 2` (then `t` would pass `n`), or
    /// when `min_survivors` is outside `t..=nodes`.
    pub fn new(nodes: usize, colluding: u16, min_survivors: u16) -> Result<Self, ParameterError> {
        let n = u16::try_from(nodes).unwrap_or(u16::MAX);
        if !(MIN_NODES..=MAX_NODES).contains(&n) {
            return Err(ParameterError::Nodes { nodes });
        }
        // floor((n + c) / 2) + 1 <= n  <=>  c <= n - 2
        if colluding > n - 2 {
            return Err(ParameterError::Colluding { nodes: n, colluding, most: n - 2 });
        }
        let parameters = Self { nodes: n, colluding, min_survivors };
        let threshold = parameters.threshold();
        if !(threshold..=n).contains(&min_survivors) {
            return Err(ParameterError::Survivors { min_survivors, threshold, nodes: n });
        }
        Ok(parameters)
    }

    /// Cohort size `n`.
    #[must_use]
    pub const fn nodes(&self) -> u16 {
        self.nodes
    }

    /// Nodes `c` assumed to collude with the coordinator.
    #[must_use]
    pub const fn colluding(&self) -> u16 {
        self.colluding
    }

    /// Threshold `t = floor((n + c) / 2) + 1`: shares that open a secret, signatures that settle the survivors.
    #[must_use]
    pub const fn threshold(&self) -> u16 {
        (self.nodes + self.colluding) / 2 + 1
    }

    /// Fewest survivors `s_min`; never below the threshold.
    #[must_use]
    pub const fn min_survivors(&self) -> u16 {
        self.min_survivors
    }

    /// Honest noise floor `h = s_min - c`: nodes whose noise can be counted on.
    #[must_use]
    pub const fn honest_floor(&self) -> u16 {
        self.min_survivors - self.colluding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_examples_hold() {
        let p = Parameters::new(153, 15, 145).expect("valid");
        assert_eq!((p.threshold(), p.honest_floor()), (85, 130));
        let p = Parameters::new(153, 51, 145).expect("valid");
        assert_eq!(p.threshold(), 103);
    }

    #[test]
    fn two_survivor_sets_never_both_reach_the_threshold() {
        for n in MIN_NODES..=MAX_NODES {
            for c in 0..=n - 2 {
                let p = Parameters::new(usize::from(n), c, n).expect("valid");
                let t = p.threshold();
                // Honest nodes sign once; the colluding ones can sign both sets.
                assert!(2 * t > n + c, "n {n} c {c}");
                assert!(t > c && t <= n && p.honest_floor() >= 1);
            }
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        assert_eq!(Parameters::new(2, 0, 2), Err(ParameterError::Nodes { nodes: 2 }));
        assert_eq!(Parameters::new(256, 0, 255), Err(ParameterError::Nodes { nodes: 256 }));
        assert!(matches!(Parameters::new(5, 4, 5), Err(ParameterError::Colluding { most: 3, .. })));
        assert!(matches!(Parameters::new(153, 15, 84), Err(ParameterError::Survivors { threshold: 85, .. })));
        assert!(matches!(Parameters::new(5, 1, 6), Err(ParameterError::Survivors { .. })));
    }
}
