//! What is said of each path, for people and for programs.

use Tag::{Data, Hotspots, Operations, Stations};

use crate::routes::{OfDay, Route};

/// What is said of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// A name for programs, and the anchor on the page for people.
    pub(crate) id: &'static str,
    pub(crate) tag: Tag,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    /// A request worth trying, on a server of one system.
    pub(crate) request: &'static str,
}

/// A group of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Hotspots,
    Stations,
    Data,
    Operations,
}

impl Tag {
    /// Every group, in the order in which they are explained.
    pub(crate) const ALL: [Self; 4] =
        [Self::Hotspots, Self::Stations, Self::Data, Self::Operations];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hotspots => "Hotspots",
            Self::Stations => "Stations",
            Self::Data => "About the data",
            Self::Operations => "Operations",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Hotspots => "H3 hexagons and how many bikes stood in them, by day and by hour.",
            Self::Stations => "Single stations, by day.",
            Self::Data => {
                "Which systems there are, who must be credited, and what is odd in a day's data."
            }
            Self::Operations => "For whoever runs or explores the server.",
        }
    }
}

/// What is said of a path.
pub(crate) fn words(route: &Route) -> Words {
    let (tag, id, request, summary, description) = match route {
        Route::Days => (
            Hotspots,
            "days",
            "/hotspots",
            "The days there are, or one cell over days",
            "Without `hex_id`: each day that has hotspots, with its figures. With `hex_id`: that cell's row on each day on which a station was observed in it.",
        ),
        Route::OfDay(_, what) => return words_of_day(what),
        Route::Systems => (
            Data,
            "systems",
            "/systems",
            "The bike-share systems in the lake",
            "With the first and last day of each, its licence and who must be credited.",
        ),
        Route::Index => (
            Operations,
            "index",
            "/",
            "Index of paths",
            "Each path with a short summary. Browsers, which ask for `text/html`, get the map instead.",
        ),
        Route::Docs => (
            Operations,
            "docs",
            "/docs",
            "This documentation as a web page",
            "HTML without scripts.",
        ),
        Route::OpenApi => (
            Operations,
            "openapi",
            "/openapi.json",
            "This documentation for programs",
            "An OpenAPI 3.1 document.",
        ),
        Route::Health => (
            Operations,
            "health",
            "/healthz",
            "Whether the process is alive",
            "200 for as long as it is. Needs no token.",
        ),
        Route::Ready => (
            Operations,
            "ready",
            "/readyz",
            "Whether the server can answer from the lake",
            "503 while the lake cannot be read or the server is about to stop; what is in memory is served all the same. Needs no token.",
        ),
        Route::Metrics => (
            Operations,
            "metrics",
            "/metrics",
            "Metrics for Prometheus",
            "Text format, version 0.0.4.",
        ),
    };
    Words { id, tag, summary, description, request }
}

fn words_of_day(what: &OfDay) -> Words {
    let (tag, id, request, summary, description) = match what {
        OfDay::Cells => (
            Hotspots,
            "day",
            "/hotspots/latest?metric=ebikes&limit=20",
            "The cells of a day, heaviest first",
            "`weight` is the metric's value divided by the largest value of any cell in the whole city that day, unless `relative_to` says otherwise: `bbox`, `near`, `min_weight` and `limit` choose cells without changing weights or ranks. With `hour`, rows have the columns of the hourly table, and weights are relative to all hours of the day; when clocks are set back, the repeated hour gives two rows per cell.",
        ),
        OfDay::Hours => (
            Hotspots,
            "hours",
            "/hotspots/latest/hours?metric=docks",
            "All hours of a day in one compact answer",
            "Made for a time slider. The JSON has one list per column: `values[i][j]` is the metric in cell `hex_id[i]` during `hours[j]`, null where it was not observed; divided by `max` it is the weight. CSV, Arrow and Parquet have one row per cell and hour, with every column.",
        ),
        OfDay::Cell(_) => (
            Hotspots,
            "cell",
            "/hotspots/latest/8a1fb475a4dffff",
            "One cell with its hours and its stations",
            "`hours` and `stations_of_cell` are null if the lake has no such table for that day.",
        ),
        OfDay::Stations => (
            Stations,
            "stations",
            "/stations/latest?near=48.8566,2.3522&radius_m=500&format=csv",
            "The stations of a day",
            "One row per station, ordered by `station_id`. `bbox` and `near` go by the station's own position.",
        ),
        OfDay::Station(_) => (
            Stations,
            "station",
            "/stations/latest/213688169",
            "One station on a day",
            "Identified by its GBFS `station_id`, percent-encoded where necessary.",
        ),
        OfDay::Quality => (
            Data,
            "quality",
            "/quality/latest?format=csv",
            "What is odd in a day's data",
            "One row per check. Odd data is reported, never repaired.",
        ),
    };
    Words { id, tag, summary, description, request }
}
