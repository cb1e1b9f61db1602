//! Where high numbers lie beside high numbers: the Getis–Ord statistic Gi*.
//!
//! Formula: A. Getis, J. K. Ord, "Local Spatial Autocorrelation Statistics: Distributional Issues and
//! an Application", Geographical Analysis 27 (1995), equation 14, with binary weights and the cell
//! itself included. Adjustment for many cells: Y. Benjamini, Y. Hochberg, "Controlling the False
//! Discovery Rate", J. R. Statist. Soc. B 57 (1995).

use std::collections::HashMap;

use foldhash::fast::FixedState;
use hotspots_data::{Cell, Resolution};

/// The statistic of one cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gi {
    /// Standard deviations from what chance would give.
    pub(crate) z: f64,
    /// Probability of a |z| as large by chance, two-sided, under the normal distribution.
    pub(crate) p: f64,
    /// `p` adjusted for the number of cells.
    pub(crate) p_adjusted: f64,
}

/// The largest adjusted p that is taken for more than chance.
pub(crate) const SIGNIFICANT: f64 = 0.05;
/// A neighbourhood reaches at least so far, a walk of about six minutes…
const REACH_M: f64 = 500.0;
/// …but over no more rings than this (469 cells), which keeps the finest resolutions affordable.
const MOST_RINGS: u32 = 12;

/// Rings of cells around a cell that are its neighbourhood.
pub(crate) fn rings(resolution: Resolution) -> u32 {
    let rings = (REACH_M / resolution.spacing_m()).ceil() as u32;
    rings.clamp(1, MOST_RINGS)
}

/// How far the neighbourhood reaches, from centre to centre, in metres.
pub(crate) fn radius_m(resolution: Resolution) -> f64 {
    f64::from(rings(resolution)) * resolution.spacing_m()
}

/// For each cell the indices of those cells that are within its neighbourhood, itself included, in
/// order. Takes the cells in order.
pub(crate) fn neighbours(cells: &[Cell], rings: u32) -> Vec<Vec<usize>> {
    let index: HashMap<Cell, usize, FixedState> = cells.iter().copied().zip(0..).collect();
    let of = |cell: &Cell| {
        let near = cell.disk(rings).into_iter();
        let mut near: Vec<usize> = near.filter_map(|near| index.get(&near).copied()).collect();
        near.sort_unstable();
        near
    };
    cells.iter().map(of).collect()
}

/// Gi* of each value among its neighbours; `None` where it is not defined: all values alike, or the
/// neighbourhood is everything.
pub(crate) fn getis_ord(values: &[f64], neighbours: &[Vec<usize>]) -> Vec<Option<Gi>> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let is_constant = values.iter().all(|x| x.to_bits() == values[0].to_bits());
    let z = |near: &Vec<usize>| {
        // With binary weights the sum of the weights' squares is their sum.
        let weights = near.len() as f64;
        let spread = (n * weights - weights * weights) / (n - 1.0);
        let difference = near.iter().map(|&j| values[j]).sum::<f64>() - mean * weights;
        (!is_constant && spread > 0.0 && variance > 0.0)
            .then(|| difference / (variance.sqrt() * spread.sqrt()))
    };
    let z: Vec<Option<f64>> = neighbours.iter().map(z).collect();
    let p: Vec<f64> = z.iter().flatten().map(|&z| two_sided(z)).collect();
    let mut adjusted = p.iter().copied().zip(adjust(&p));
    z.into_iter()
        .map(|z| {
            let (p, p_adjusted) = z.and_then(|_| adjusted.next())?;
            Some(Gi { z: z?, p, p_adjusted })
        })
        .collect()
}

impl Gi {
    /// `hot`, `cold` or `neither`.
    pub(crate) fn class(gi: Option<Self>) -> &'static str {
        match gi {
            Some(gi) if gi.p_adjusted <= SIGNIFICANT && gi.z > 0.0 => "hot",
            Some(gi) if gi.p_adjusted <= SIGNIFICANT && gi.z < 0.0 => "cold",
            _ => "neither",
        }
    }
}

fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Benjamini–Hochberg: of p in ascending order, the i-th times n ÷ i, but no more than any later one.
fn adjust(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]).then(a.cmp(&b)));
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        least = least.min(p[index] * p.len() as f64 / (rank + 1) as f64);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistic_of_five_in_a_row_is_as_worked_out_by_hand() {
        // Values 1 2 3 4 10, each with its left and right neighbour. Mean 4, variance 10.
        // First: (1+2) − 4×2 = −5; √10 × √((5×2 − 4)/4) = √15; −5/√15.
        // Last: (4+10) − 8 = 6; 6/√15. Third: (2+3+4) − 12 = −3; √10 × √((15−9)/4) = √15.
        let near = vec![vec![0, 1], vec![0, 1, 2], vec![1, 2, 3], vec![2, 3, 4], vec![3, 4]];
        let gi = getis_ord(&[1.0, 2.0, 3.0, 4.0, 10.0], &near);
        let z: Vec<f64> = gi.iter().map(|gi| gi.unwrap().z).collect();
        let root = 15.0_f64.sqrt();
        for (got, expected) in z.iter().zip([-5.0, -6.0, -3.0, 5.0, 6.0]) {
            assert!((got - expected / root).abs() < 1e-12, "{got} {expected}");
        }
    }

    #[test]
    fn p_is_that_of_the_normal_distribution() {
        // Tables of the normal distribution: 1.959964 leaves 5 %, 2.575829 leaves 1 %.
        assert!((two_sided(1.959_963_984_540_054) - 0.05).abs() < 1e-15);
        assert!((two_sided(-2.575_829_303_548_901) - 0.01).abs() < 1e-15);
    }

    #[test]
    fn p_is_adjusted_as_benjamini_and_hochberg_do() {
        // By hand: 0.01×4/1, 0.02×4/2, 0.03×4/3, 0.5×4/4, then the least from the right.
        let adjusted = adjust(&[0.5, 0.01, 0.03, 0.02]);
        for (got, expected) in adjusted.iter().zip([0.5, 0.04, 0.04, 0.04]) {
            assert!((got - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn where_all_are_alike_or_all_are_near_nothing_is_hot() {
        assert_eq!(getis_ord(&[2.0, 2.0], &[vec![0], vec![1]]), [None, None]);
        assert_eq!(getis_ord(&[1.0, 2.0], &[vec![0, 1], vec![0, 1]]), [None, None]);
        assert_eq!(getis_ord(&[1.0], &[vec![0]]), [None]);
        assert!(getis_ord(&[], &[]).is_empty());
        assert_eq!(Gi::class(None), "neither");
    }

    #[test]
    fn the_neighbourhood_is_a_walk_of_some_minutes() {
        let rings = |text: &str| super::rings(text.parse().unwrap());
        assert_eq!(["8", "9", "10", "15"].map(rings), [1, 2, 4, 12]);
        assert!((radius_m(Resolution::HOTSPOTS) - 525.6).abs() < 0.5);
    }
}
