//! Where each figure of an answer stands: known from the query alone, before any data is read.
//!
//! Cells are the product of the categories of the query's dimensions, in catalogue order, with the measure's components
//! fastest; a filter on a dimension that is also broken down by leaves only its categories. The sums that the
//! publication shows follow the cells. The order is part of the protocol.

use std::collections::BTreeMap;

use crate::catalogue::{Measure, Unit};
use crate::query::{Canonical, Error, Query};
use sha2::{Digest as _, Sha256};

/// The most cells that one answer may have (sums not counted).
pub const CELL_LIMIT: usize = 1 << 17;

/// The layout of one query's answer.
///
/// # Shape
/// Cell `i` is at `values(i)`; `cells()` of them. Sum `j` adds the cells that [`Layout::sum_of`] names; `sums()` of
/// them. In every vector of figures the sums follow the cells.
#[derive(Debug, Clone)]
pub struct Layout {
    measure: &'static Measure,
    axes: Vec<Axis>,
    components: &'static [&'static str],
    cells: usize,
    sums: Vec<Sum>,
}

#[derive(Debug, Clone)]
struct Axis {
    dimension: usize,
    labels: Vec<String>,
    /// From the dimension's category to its place on the axis, `None` when filtered away.
    places: Vec<Option<usize>>,
    stride: usize,
}

#[derive(Debug, Clone)]
struct Sum {
    /// One fixed place per axis, `None` where all are added.
    fixed: Vec<Option<usize>>,
    component: usize,
}

/// Which categories a filter keeps on a dimension that the answer is not broken down by.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Place in the measure's dimensions.
    pub dimension: usize,
    /// `kept[category]`.
    pub kept: Vec<bool>,
}

/// What to leave out of a layout of so many cells: the largest dimensions, as many as it takes.
fn hint(measure: &Measure, axes: &[Axis], mut cells: u128) -> String {
    let mut axes: Vec<&Axis> = axes.iter().collect();
    axes.sort_by_key(|axis| std::cmp::Reverse(axis.labels.len()));
    let mut dropped = Vec::new();
    for axis in axes {
        if cells <= CELL_LIMIT as u128 {
            break;
        }
        cells /= axis.labels.len() as u128;
        let name = measure.dimensions[axis.dimension].name;
        dropped.push(format!("`{name}`, which has {} categories", axis.labels.len()));
    }
    let (what, them) = (dropped.join(" and "), if dropped.len() == 1 { "it" } else { "them" });
    format!("leave out {what}, or filter {them} to fewer")
}

impl Layout {
    /// Lays a query out.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the size and what to leave out.
    pub fn of(query: &Query) -> Result<Self, Error> {
        let measure = query.measure();
        let components = measure.kind.components();
        let mut axes: Vec<Axis> = query
            .by()
            .iter()
            .map(|&dimension| {
                let all = measure.dimensions[dimension].categories.labels(query.period());
                let filter = query.filters().iter().find(|(place, _)| *place == dimension);
                let kept: Vec<usize> = filter.map_or((0..all.len()).collect(), |(_, categories)| categories.clone());
                let mut places = vec![None; all.len()];
                for (place, &category) in kept.iter().enumerate() {
                    places[category] = Some(place);
                }
                Axis {
                    dimension,
                    labels: kept.iter().map(|&category| all[category].clone()).collect(),
                    places,
                    stride: 0,
                }
            })
            .collect();
        let wide = axes.iter().map(|axis| axis.labels.len() as u128).product::<u128>() * components.len() as u128;
        if wide > CELL_LIMIT as u128 {
            return Err(Error::TooLarge { cells: wide, limit: CELL_LIMIT, hint: hint(measure, &axes, wide) });
        }
        let mut stride = components.len();
        for axis in axes.iter_mut().rev() {
            axis.stride = stride;
            stride *= axis.labels.len();
        }
        let mut layout = Self { measure, axes, components, cells: stride, sums: Vec::new() };
        layout.sums = layout.lay_sums_out();
        Ok(layout)
    }

    fn lay_sums_out(&self) -> Vec<Sum> {
        let mut sums = Vec::new();
        let mut seen = Vec::new();
        for added in self.measure.totals {
            let open: Vec<bool> =
                self.axes.iter().map(|axis| added.adds_up(self.measure.dimensions[axis.dimension].name)).collect();
            // A total over dimensions that the query does not use would repeat the cells themselves.
            if !open.contains(&true) || seen.contains(&open) {
                continue;
            }
            let combinations: usize =
                self.axes.iter().zip(&open).map(|(axis, &open)| if open { 1 } else { axis.labels.len() }).product();
            for combination in 0..combinations {
                let mut rest = combination;
                let mut fixed = vec![None; self.axes.len()];
                for (place, axis) in self.axes.iter().enumerate().rev() {
                    if !open[place] {
                        fixed[place] = Some(rest % axis.labels.len());
                        rest /= axis.labels.len();
                    }
                }
                for component in 0..self.components.len() {
                    sums.push(Sum { fixed: fixed.clone(), component });
                }
            }
            seen.push(open);
        }
        sums
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Number of published sums.
    pub fn sums(&self) -> usize {
        self.sums.len()
    }

    /// Cells and sums together: the length of a vector of figures.
    pub fn len(&self) -> usize {
        self.cells + self.sums.len()
    }

    /// True when there is no cell (never for a checked query).
    pub fn is_empty(&self) -> bool {
        self.cells == 0
    }

    /// Number of components.
    pub fn components(&self) -> &'static [&'static str] {
        self.components
    }

    /// The cell of a contribution, `None` when a filter drops it.
    ///
    /// `coordinates[d]` is the category of the measure's dimension `d`; `component` a place in the measure's
    /// components.
    ///
    /// # Panics
    /// When a coordinate is not a category of its dimension: a fault of the measure's method, found by its tests.
    #[inline]
    pub fn cell(&self, coordinates: &[u16], component: usize) -> Option<usize> {
        let mut cell = component;
        for axis in &self.axes {
            cell += axis.places[usize::from(coordinates[axis.dimension])]? * axis.stride;
        }
        Some(cell)
    }

    /// The filters on dimensions that the answer is not broken down by.
    pub fn conditions(query: &Query) -> Vec<Condition> {
        query
            .filters()
            .iter()
            .filter(|(place, _)| !query.by().contains(place))
            .map(|(place, categories)| {
                let mut kept = vec![false; query.measure().dimensions[*place].categories.labels(query.period()).len()];
                for &category in categories {
                    kept[category] = true;
                }
                Condition { dimension: *place, kept }
            })
            .collect()
    }

    /// Dimension names and category labels of a figure (cell or sum), in layout order, and its component.
    pub fn values(&self, figure: usize) -> (Vec<(&'static str, &str)>, &'static str) {
        if figure < self.cells {
            let pairs = self
                .axes
                .iter()
                .map(|axis| {
                    let place = figure / axis.stride % axis.labels.len();
                    (self.measure.dimensions[axis.dimension].name, axis.labels[place].as_str())
                })
                .collect();
            return (pairs, self.components[figure % self.components.len()]);
        }
        let sum = &self.sums[figure - self.cells];
        let pairs = self
            .axes
            .iter()
            .zip(&sum.fixed)
            .filter_map(|(axis, place)| {
                place.map(|place| (self.measure.dimensions[axis.dimension].name, axis.labels[place].as_str()))
            })
            .collect();
        (pairs, self.components[sum.component])
    }

    /// The `group` text of a figure: `dimension=value` pairs in alphabetical order of dimension, joined by `;`; empty
    /// for the total.
    pub fn group(&self, figure: usize) -> String {
        let (mut pairs, _) = self.values(figure);
        pairs.sort_unstable();
        pairs.iter().map(|(name, label)| format!("{name}={label}")).collect::<Vec<_>>().join(";")
    }

    /// The component of a figure.
    pub fn component(&self, figure: usize) -> &'static str {
        self.values(figure).1
    }

    /// Place of a figure's component in [`Layout::components`].
    pub fn component_place(&self, figure: usize) -> usize {
        if figure < self.cells { figure % self.components.len() } else { self.sums[figure - self.cells].component }
    }

    /// For a ratio: the figure of the same group with another component.
    pub fn with_component(&self, figure: usize, component: usize) -> usize {
        figure - self.component_place(figure) + component
    }

    /// The cells that a sum adds; for a cell, the cell itself.
    pub fn sum_of(&self, figure: usize) -> Vec<usize> {
        if figure < self.cells {
            return vec![figure];
        }
        let sum = &self.sums[figure - self.cells];
        let mut cells = vec![sum.component];
        for (axis, fixed) in self.axes.iter().zip(&sum.fixed) {
            let places: Vec<usize> = fixed.map_or((0..axis.labels.len()).collect(), |place| vec![place]);
            cells =
                cells.iter().flat_map(|&cell| places.iter().map(move |&place| cell + place * axis.stride)).collect();
        }
        cells.sort_unstable();
        cells
    }

    /// What the figures are counted in.
    pub fn unit(&self) -> Unit {
        self.measure.unit
    }

    /// Every way in which published sums add up to another one, as row totals do to the grand total: the sum, and those
    /// that together are its cells, each cell once.
    pub fn sums_of_sums(&self) -> Vec<(usize, Vec<usize>)> {
        let is_open = |sum: &Sum| sum.fixed.iter().map(Option::is_none).collect::<Vec<bool>>();
        let mut patterns: Vec<Vec<bool>> = self.sums.iter().map(is_open).collect();
        patterns.sort_unstable();
        patterns.dedup();
        let mut found = BTreeMap::<(&[bool], Vec<Option<usize>>, usize), (usize, BTreeMap<&[bool], Vec<usize>>)>::new();
        for (place, sum) in self.sums.iter().enumerate() {
            let open = is_open(sum);
            let pattern = patterns.iter().find(|pattern| **pattern == open).expect("its own pattern is listed");
            found.insert((pattern, sum.fixed.clone(), sum.component), (self.cells + place, BTreeMap::new()));
        }
        for (place, part) in self.sums.iter().enumerate() {
            let own = is_open(part);
            let fine = patterns.iter().find(|pattern| **pattern == own).expect("its own pattern is listed");
            let coarser = |pattern: &&Vec<bool>| **pattern != own && own.iter().zip(*pattern).all(|(a, b)| !a || *b);
            for coarse in patterns.iter().filter(coarser) {
                let fixed = part.fixed.iter().zip(coarse).map(|(place, open)| place.filter(|_| !open)).collect();
                if let Some((_, parts)) = found.get_mut(&(coarse.as_slice(), fixed, part.component)) {
                    parts.entry(fine).or_default().push(self.cells + place);
                }
            }
        }
        found.into_values().flat_map(|(sum, parts)| parts.into_values().map(move |parts| (sum, parts))).collect()
    }

    /// Cells followed by the published sums.
    ///
    /// # Panics
    /// When `cells` has another length than [`Layout::cells`].
    pub fn with_sums(&self, cells: &[i64]) -> Vec<i64> {
        assert_eq!(cells.len(), self.cells, "a vector of figures is as long as its layout");
        let mut figures = cells.to_vec();
        for figure in self.cells..self.len() {
            figures.push(self.sum_of(figure).iter().map(|&cell| cells[cell]).sum());
        }
        figures
    }

    /// SHA-256 over every figure's group and component: what both sides compare before a round.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Canonical::new("folkmoot/layout/1");
        bytes.number(self.cells as u64).number(self.sums.len() as u64);
        for axis in &self.axes {
            bytes.text(self.measure.dimensions[axis.dimension].name).number(axis.labels.len() as u64);
            for label in &axis.labels {
                bytes.text(label);
            }
        }
        for figure in self.cells..self.len() {
            bytes.text(&self.group(figure)).text(self.component(figure));
        }
        Sha256::digest(bytes.finish()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::Profile;
    use crate::period::ReferencePeriod;
    use crate::query::{DataRule, Filter, Release};
    use std::collections::BTreeSet;

    fn layout(measure: &str, by: Option<&[&str]>, filters: &[Filter]) -> Result<(Query, Layout), Error> {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).expect("forwards");
        let by: Option<Vec<String>> = by.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new(measure, period, by.as_deref(), filters, &[], DataRule::default(), release)?;
        let layout = Layout::of(&query)?;
        Ok((query, layout))
    }

    #[test]
    fn a_layout_is_a_bijection_between_cells_and_values() {
        let (_, layout) = layout("people", Some(&["gender", "setting", "age_band"]), &[]).expect("valid");
        let groups: BTreeSet<_> =
            (0..layout.cells()).map(|cell| (layout.group(cell), layout.component(cell))).collect();
        assert_eq!(groups.len(), layout.cells());
        assert_eq!(layout.cells(), 4 * 4 * 4);
        // age_band 2 of 4, gender 1 of 4, setting 3 of 4; other dimensions do not matter.
        let cell = layout.cell(&[2, 8, 1, 0, 0, 3, 0, 0, 0, 0], 0).expect("not filtered");
        assert_eq!(layout.group(cell), "age_band=65 and above;gender=Female;setting=Long term support: Prison");
    }

    #[test]
    fn published_sums_add_their_cells() {
        let (_, layout) = layout("2E", None, &[]).expect("valid");
        assert_eq!((layout.cells(), layout.sums()), (2 * 3 * 2, 2 * 2));
        let figures = layout.with_sums(&(0..12).collect::<Vec<_>>());
        assert_eq!(&figures[12..], &[2 + 4, 1 + 3 + 5, 6 + 8 + 10, 7 + 9 + 11]);
        assert_eq!(layout.group(12), "age_band=18 to 64");
        assert_eq!((layout.component(12), layout.component(13)), ("yes", "no"));
        assert_eq!(layout.with_component(13, 0), 12);
        assert_eq!(layout.sums_of_sums(), [], "neither age's sum is a part of the other's");
        let (_, crossed) = super::tests::layout("3D-clients", Some(&["age_band", "support"]), &[]).expect("valid");
        let cells: Vec<i64> = (0..crossed.cells() as i64).collect();
        let (figures, nested) = (crossed.with_sums(&cells), crossed.sums_of_sums());
        assert_eq!(nested.len(), 2, "the grand total is the sum of the rows and of the columns: {nested:?}");
        for (sum, parts) in nested {
            assert_eq!(figures[sum], parts.iter().map(|&part| figures[part]).sum::<i64>());
        }
        let (_, total) = super::tests::layout("2E", Some(&["gender"]), &[]).expect("valid");
        assert_eq!(total.group(total.cells()), "");
    }

    #[test]
    fn a_table_that_is_too_large_is_refused_with_its_size_and_what_to_drop() {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2016-01-01"), day("2025-12-31")).expect("forwards");
        let ask = |by: &[&str], filters: &[Filter]| {
            let by: Vec<String> = by.iter().map(|&name| name.to_owned()).collect();
            let release = Release::CouncilSuppressed(Profile::Hospital);
            let query = Query::new("services", period, Some(&by), filters, &[], DataRule::default(), release);
            Layout::of(&query.expect("a valid question")).map(|layout| layout.cells())
        };
        let by = ["month", "service_component", "primary_support_reason", "ethnic_group"];
        let refused = ask(&by, &[]).expect_err("too many cells");
        let Error::TooLarge { cells, limit, .. } = &refused else { panic!("{refused}") };
        assert!(*cells > *limit as u128 && *limit == CELL_LIMIT);
        let text = refused.to_string();
        assert!(text.contains(&cells.to_string()) && text.contains("leave out `month`, which has 120"), "{text}");
        assert!(ask(&by[1..], &[]).is_ok(), "what was advised helps");
        let only = Filter { dimension: "month".into(), categories: vec!["2024-04".into()] };
        assert!(ask(&by, &[only]).is_ok(), "so does a filter");
    }

    #[test]
    fn filters_shrink_axes_or_become_conditions() {
        let filter =
            |dimension: &str, category: &str| Filter { dimension: dimension.into(), categories: vec![category.into()] };
        let filters = [filter("gender", "Female"), filter("setting", "Long term support: Prison")];
        let (query, layout) = layout("people", Some(&["gender"]), &filters).expect("valid");
        assert_eq!(layout.cells(), 1);
        assert_eq!(layout.cell(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0), None);
        let conditions = Layout::conditions(&query);
        assert_eq!(conditions.len(), 1);
        assert_eq!(conditions[0].kept, [false, false, false, true]);
    }

    #[test]
    fn digests_tell_layouts_apart() {
        let (_, one) = layout("people", Some(&["gender"]), &[]).expect("valid");
        let (_, other) = layout("people", Some(&["setting"]), &[]).expect("valid");
        assert_ne!(one.digest(), other.digest());
    }
}
