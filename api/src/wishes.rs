//! What can be wished of a day's cells: by what, in which order, where, how many.

use std::fmt::Write as _;

/// What cells can be ranked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Metric {
    #[default]
    Bikes,
    Ebikes,
    Mechanical,
    Docks,
    Occupancy,
    EmptyShare,
    FullShare,
}

/// Which of a metric's columns counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// The metric itself.
    #[default]
    Plain,
    /// Its mean over the cell and its six neighbours.
    Smoothed,
    /// Its difference from the usual of that weekday.
    Baseline,
}

/// What a weight of 1 is the largest of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RelativeTo {
    /// All cells of the system on that day.
    #[default]
    City,
    /// The cells within `bbox` and `near` (and of `hour`).
    Selection,
}

/// An area on the map; a row is in it when its point is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Area {
    pub(crate) bbox: Option<Bbox>,
    pub(crate) near: Option<Circle>,
}

/// Degrees, WGS 84; `west` above `east` crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bbox {
    pub(crate) west: f64,
    pub(crate) south: f64,
    pub(crate) east: f64,
    pub(crate) north: f64,
}

/// All within `radius_m` of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Circle {
    pub(crate) lat: f64,
    pub(crate) lng: f64,
    pub(crate) radius_m: f64,
}

/// Which cells are wanted, and in what order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) metric: Metric,
    pub(crate) order: Order,
    /// Local hour, 0 to 23.
    pub(crate) hour: Option<u32>,
    pub(crate) area: Area,
    pub(crate) relative_to: RelativeTo,
    pub(crate) min_weight: Option<f64>,
    pub(crate) limit: Option<usize>,
}

impl Metric {
    pub(crate) const ALL: [Self; 7] = [
        Self::Bikes,
        Self::Ebikes,
        Self::Mechanical,
        Self::Docks,
        Self::Occupancy,
        Self::EmptyShare,
        Self::FullShare,
    ];

    /// The column's name, which is the parameter's value.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bikes => "bikes",
            Self::Ebikes => "ebikes",
            Self::Mechanical => "mechanical",
            Self::Docks => "docks",
            Self::Occupancy => "occupancy",
            Self::EmptyShare => "empty_share",
            Self::FullShare => "full_share",
        }
    }

    /// Whether a sum over cells means something.
    pub(crate) fn adds_up(self) -> bool {
        matches!(self, Self::Bikes | Self::Ebikes | Self::Mechanical | Self::Docks)
    }
}

impl Wishes {
    /// Equal for equal wishes, and short for the usual ones.
    pub(crate) fn name(&self) -> String {
        if *self == Self::default() { String::new() } else { format!("{self:?}") }
    }

    /// What tells a file of these rows from one of all: empty for the usual wishes.
    pub(crate) fn suffix(&self) -> String {
        let mut suffix = match (self.order, self.metric) {
            (Order::Plain, Metric::Bikes) => String::new(),
            (Order::Plain, metric) => format!("-{}", metric.name()),
            (Order::Smoothed, _) => "-smooth".to_owned(),
            (Order::Baseline, _) => "-baseline".to_owned(),
        };
        if let Some(hour) = self.hour {
            let _ = write!(suffix, "-hour-{hour:02}");
        }
        let is_part =
            !self.area.is_everywhere() || self.min_weight.is_some() || self.limit.is_some();
        suffix + if is_part { "-part" } else { "" }
    }

    /// The column that decides.
    pub(crate) fn column(&self) -> &'static str {
        match self.order {
            Order::Plain => self.metric.name(),
            Order::Smoothed => "smoothed_bikes",
            Order::Baseline => "baseline_difference",
        }
    }

    /// What weights are relative to, in words.
    pub(crate) fn reference(&self) -> &'static str {
        match (self.relative_to, self.order, self.hour) {
            (RelativeTo::City, Order::Baseline, _) => {
                "the largest difference, up or down, of any cell of the city that day"
            }
            (RelativeTo::City, _, None) => "the largest value of any cell of the city that day",
            (RelativeTo::City, _, Some(_)) => {
                "the largest value of any cell of the city in any hour of that day"
            }
            (RelativeTo::Selection, Order::Baseline, _) => {
                "the largest difference, up or down, of any cell selected"
            }
            (RelativeTo::Selection, ..) => "the largest value of any cell selected",
        }
    }
}

impl Area {
    /// Whether a point (degrees) lies in it.
    pub(crate) fn contains(&self, lat: f64, lng: f64) -> bool {
        self.bbox.is_none_or(|bbox| bbox.contains(lat, lng))
            && self.near.is_none_or(|near| near.distance_m(lat, lng) <= near.radius_m)
    }

    /// Whether it is the whole globe.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.bbox.is_none() && self.near.is_none()
    }
}

impl Bbox {
    fn contains(self, lat: f64, lng: f64) -> bool {
        let within = if self.west <= self.east {
            (self.west..=self.east).contains(&lng)
        } else {
            lng >= self.west || lng <= self.east
        };
        within && (self.south..=self.north).contains(&lat)
    }
}

impl Circle {
    /// Great-circle distance in metres on a sphere of the mean earth radius (haversine formula).
    fn distance_m(self, lat: f64, lng: f64) -> f64 {
        const EARTH_RADIUS_M: f64 = 6_371_008.8;
        let half = |a: f64, b: f64| ((a - b).to_radians() / 2.0).sin().powi(2);
        let cosines = self.lat.to_radians().cos() * lat.to_radians().cos();
        let h = half(lat, self.lat) + cosines * half(lng, self.lng);
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_latitude_is_111_km() {
        // The mean earth radius times pi / 180 is 111,195 m.
        let circle = Circle { lat: 48.0, lng: 2.0, radius_m: 0.0 };
        assert!((circle.distance_m(49.0, 2.0) - 111_195.0).abs() < 1.0);
    }
}
