//! H3 cells: the equal hexagons that the map is divided into.
//!
//! Source of the grid: the H3 specification (<https://h3geo.org/docs/core-library/restable>); at
//! resolution 10 the mean edge is 75.86 m over the globe.

use std::fmt;
use std::str::FromStr;

use h3o::{CellIndex, LatLng};

/// An H3 cell; written as the lower-case hexadecimal string that DuckDB, kepler.gl and h3 libraries read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell(CellIndex);

/// An H3 resolution, 0 (continents) to 15 (half a metre).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resolution(h3o::Resolution);

/// Why there is no cell.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CellError {
    /// A latitude or longitude outside the globe, or not a number.
    #[error("({lat}, {lng}) is no place: latitude is -90 to 90 degrees, longitude -180 to 180")]
    NoPlace {
        /// Latitude in degrees, as given.
        lat: f64,
        /// Longitude in degrees, as given.
        lng: f64,
    },
    /// (0, 0), which feeds send for "unknown".
    #[error("(0, 0) is a placeholder, not a place")]
    NullIsland,
    /// Not an H3 cell index.
    #[error(
        "`{0}` is not an H3 cell: write its 15-digit hexadecimal index, such as 8a1fb475a4dffff"
    )]
    NotACell(String),
    /// Not a resolution.
    #[error("`{0}` is not an H3 resolution: write a whole number from 0 to 15")]
    NotAResolution(String),
}

impl Cell {
    /// The cell of `resolution` that holds the point (degrees, WGS 84).
    ///
    /// Coarser than 10 it is the cell that the point's cell of resolution 10 is part of: H3's hexagons
    /// do not nest exactly, and so each coarser cell is made of whole hexagons of 75 m and their sums
    /// agree.
    ///
    /// # Errors
    /// [`CellError::NoPlace`] or [`CellError::NullIsland`] where the point cannot be a station's.
    pub fn at(lat: f64, lng: f64, resolution: Resolution) -> Result<Self, CellError> {
        if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lng) {
            return Err(CellError::NoPlace { lat, lng });
        }
        // Feeds send exactly 0 for a position they do not know.
        if lat == 0.0 && lng == 0.0 {
            return Err(CellError::NullIsland);
        }
        let point = LatLng::new(lat, lng).map_err(|_| CellError::NoPlace { lat, lng })?;
        let finest = resolution.max(Resolution::HOTSPOTS);
        let cell = Self(point.to_cell(finest.0));
        Ok(cell.parent(resolution).unwrap_or(cell))
    }

    /// Latitude and longitude of the cell's centre, in degrees.
    #[must_use]
    pub fn centre(self) -> (f64, f64) {
        let centre = LatLng::from(self.0);
        (centre.lat(), centre.lng())
    }

    /// Latitudes and longitudes of the cell's corners in degrees, counter-clockwise: six, or five for
    /// a pentagon, and more where an edge crosses a face of the grid.
    #[must_use]
    pub fn corners(self) -> Vec<(f64, f64)> {
        self.0.boundary().iter().map(|corner| (corner.lat(), corner.lng())).collect()
    }

    /// The cell's resolution.
    #[must_use]
    pub fn resolution(self) -> Resolution {
        Resolution(self.0.resolution())
    }

    /// The cells within so many rings around this one, itself included, in no order.
    #[must_use]
    pub fn disk(self, rings: u32) -> Vec<Self> {
        self.0.grid_disk::<Vec<_>>(rings).into_iter().map(Self).collect()
    }

    /// Whether it is one of the twelve of its resolution that have five neighbours in place of six.
    #[must_use]
    pub fn is_pentagon(self) -> bool {
        self.0.is_pentagon()
    }

    /// The cell of a coarser resolution that this one is part of; `None` for a finer resolution.
    #[must_use]
    pub fn parent(self, resolution: Resolution) -> Option<Self> {
        self.0.parent(resolution.0).map(Self)
    }
}

impl Resolution {
    /// 10: the hexagon of 75 m edges that hotspots are about.
    pub const HOTSPOTS: Self = Self(h3o::Resolution::Ten);
    /// 9 and 8: the coarser roll-ups whose cells `station_information` carries too.
    pub const COARSER: [Self; 2] = [Self(h3o::Resolution::Nine), Self(h3o::Resolution::Eight)];

    /// All there are, from coarse to fine.
    pub fn all() -> impl Iterator<Item = Self> {
        h3o::Resolution::range(h3o::Resolution::Zero, h3o::Resolution::Fifteen).map(Self)
    }

    /// Mean length of a hexagon's edge over the globe, in metres.
    #[must_use]
    pub fn edge_m(self) -> f64 {
        self.0.edge_length_m()
    }

    /// Mean distance between the centres of neighbouring cells over the globe, in metres: √3 edges.
    #[must_use]
    pub fn spacing_m(self) -> f64 {
        3.0_f64.sqrt() * self.edge_m()
    }
}

impl From<Cell> for u64 {
    /// The cell's H3 index, which is never 0.
    fn from(cell: Cell) -> Self {
        cell.0.into()
    }
}

impl TryFrom<u64> for Cell {
    type Error = CellError;

    fn try_from(index: u64) -> Result<Self, CellError> {
        let cell = CellIndex::try_from(index).map(Self);
        cell.map_err(|_| CellError::NotACell(format!("{index:x}")))
    }
}

impl From<Resolution> for u8 {
    fn from(resolution: Resolution) -> Self {
        resolution.0.into()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", u64::from(self.0))
    }
}

impl FromStr for Cell {
    type Err = CellError;

    fn from_str(text: &str) -> Result<Self, CellError> {
        text.parse().map(Self).map_err(|_| CellError::NotACell(text.to_owned()))
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", u8::from(self.0))
    }
}

impl FromStr for Resolution {
    type Err = CellError;

    fn from_str(text: &str) -> Result<Self, CellError> {
        text.parse::<u8>()
            .ok()
            .and_then(|number| h3o::Resolution::try_from(number).ok())
            .map(Self)
            .filter(|resolution| resolution.to_string() == text)
            .ok_or_else(|| CellError::NotAResolution(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_of_paris_falls_into_its_cell() {
        // Benjamin Godard - Victor Hugo; the cell as the reference library (h3-py 4) gives it.
        let cell = Cell::at(48.865_983, 2.275_725, Resolution::HOTSPOTS).unwrap();
        assert_eq!(cell.to_string(), "8a1fb475a4dffff");
        let (lat, lng) = cell.centre();
        assert!((lat - 48.865_983).abs() < 0.001 && (lng - 2.275_725).abs() < 0.001);
        assert_eq!(cell.to_string().parse(), Ok(cell));
    }

    #[test]
    fn a_disk_of_one_ring_is_the_cell_and_its_six_neighbours() {
        let cell: Cell = "8a1fb475a4dffff".parse().unwrap();
        let disk = cell.disk(1);
        assert_eq!((disk.len(), disk.contains(&cell)), (7, true));
        assert_eq!(cell.disk(4).len(), 61);
        // Edge and spacing as the H3 table of resolutions has them: 75.86 m × √3.
        assert!((Resolution::HOTSPOTS.spacing_m() - 131.4).abs() < 0.1);
        let parent = cell.parent(Resolution::COARSER[0]).unwrap();
        assert_eq!(parent.to_string(), "891fb475a4fffff");
        assert_eq!(parent.parent(Resolution::HOTSPOTS), None);
    }

    #[test]
    fn the_corners_of_a_hexagon_run_counter_clockwise_about_its_centre() {
        let cell: Cell = "8a1fb475a4dffff".parse().unwrap();
        let corners = cell.corners();
        assert_eq!(corners.len(), 6);
        // The shoelace formula: twice the area, positive for counter-clockwise.
        let next = corners.iter().cycle().skip(1);
        let doubled: f64 = corners.iter().zip(next).map(|(a, b)| a.1 * b.0 - b.1 * a.0).sum();
        assert!(doubled > 0.0, "{doubled}");
        let (lat, lng) = cell.centre();
        let mean = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).sum::<f64>() / 6.0;
        assert!((mean(|c| c.0) - lat).abs() < 1e-6 && (mean(|c| c.1) - lng).abs() < 1e-6);
    }

    #[test]
    fn coarser_cells_are_made_of_whole_hexagons() {
        for step in 0..400 {
            let (lat, lng) = (48.85 + f64::from(step) * 1e-4, 2.33 + f64::from(step) * 7e-5);
            let fine = Cell::at(lat, lng, Resolution::HOTSPOTS).unwrap();
            for coarser in Resolution::COARSER {
                assert_eq!(Cell::at(lat, lng, coarser).ok(), fine.parent(coarser));
            }
        }
    }

    #[test]
    fn points_outside_the_globe_have_no_cell() {
        for (lat, lng) in [(91.0, 2.0), (48.0, 181.0), (f64::NAN, 2.0), (48.0, f64::INFINITY)] {
            assert!(matches!(
                Cell::at(lat, lng, Resolution::HOTSPOTS),
                Err(CellError::NoPlace { .. })
            ));
        }
        assert_eq!(Cell::at(0.0, 0.0, Resolution::HOTSPOTS), Err(CellError::NullIsland));
    }

    #[test]
    fn a_resolution_is_a_whole_number_from_0_to_15() {
        assert_eq!("10".parse(), Ok(Resolution::HOTSPOTS));
        for wrong in ["16", "-1", "010", "ten", ""] {
            assert!(wrong.parse::<Resolution>().is_err(), "{wrong}");
        }
    }
}
