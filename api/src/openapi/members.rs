//! What the documents hold: one line per member. Rows of tables are described by the tables themselves.

use super::schemas::Kind::{
    Anything, Count, Date, Degrees, Either, Flag, Hour, Instant, List, Number, Object, Of, Only,
    OrNull, Share, Status, Text,
};
use super::schemas::Member;
use super::schemas::Presence::{Always, Sometimes};

/// What is said of a day.
const OF_DAY: &[Member] = &[
    ("system", Text, Always, "The bike-share system."),
    ("date", Date, Always, "The local date."),
    ("time_zone", Text, Sometimes, "The time zone of the date, by its IANA name."),
    ("provisional", Flag, Sometimes, "Whether the day was not over when it was computed."),
    ("attribution", Of("Attribution"), Always, "Who must be credited for the data, and its licence."),
];

/// How much of a day was seen.
const SUMMARY: &[Member] = &[
    ("coverage", Share, Sometimes, "Share of the day for which an observation holds, 0 to 1."),
    ("polls", Count, Sometimes, "How often the system was observed that day."),
    ("polls_expected", Count, Sometimes, "How often it would have been observed at its own cadence (the median time between observations)."),
    ("vehicle_polls", Count, Sometimes, "How often its free-standing vehicles were observed that day."),
    ("first_poll", OrNull(&Instant), Sometimes, "When it was observed first that day."),
    ("last_poll", OrNull(&Instant), Sometimes, "When it was observed last that day."),
    ("longest_unobserved_s", Number, Sometimes, "The longest time for which no observation holds, in seconds."),
    ("stations", Count, Sometimes, "Stations whose bikes are counted."),
    ("stations_without_information", Count, Sometimes, "Stations that report bikes but are not in the list of stations: in no cell."),
    ("stations_without_position", Count, Sometimes, "Stations whose coordinates are missing or impossible: in no cell."),
    ("bikes", Number, Sometimes, "Mean number of bikes in the whole city that day."),
    ("vehicles", Number, Sometimes, "Of these, free-standing: at no station."),
];

/// The rest of a day's record.
const RECORD: &[Member] = &[
    ("stations_without_status", Count, Sometimes, "Stations in the list of stations that no poll mentions."),
    ("stations_not_installed", Count, Sometimes, "Stations that were not installed at any poll."),
    ("stations_without_counts", Count, Sometimes, "Stations that are installed but never tell a number of bikes."),
    ("polls_outside_day", Count, Sometimes, "Polls in the day's folder that are not of the day, as the time zone was changed in between: not used."),
    ("cadence_s", OrNull(&Number), Sometimes, "The median time between polls, in seconds; null below two polls."),
    ("max_gap_s", Number, Sometimes, "The longest time that a poll's state is taken to hold, in seconds."),
    ("baseline_days", Count, Sometimes, "Earlier days of the same weekday that the baseline is the median of."),
    ("gi_rings", Count, Sometimes, "Rings of cells around a cell that are its neighbourhood for Gi*."),
    ("gi_radius_m", Number, Sometimes, "How far that reaches between centres of cells, in metres."),
    ("method", Count, Sometimes, "The version of the method: another number, other results from the same observations."),
    ("observations", Text, Sometimes, "SHA-256 over the names of the observations and the parameters."),
    ("inputs", Text, Sometimes, "SHA-256 over all that the day's hotspots were computed from."),
];

/// How cells were chosen.
const CELLS: &[Member] = &[
    ("resolution", Count, Always, "H3 resolution of the cells."),
    ("metric", Text, Always, "The column that decides; `smoothed_bikes` with `smooth`, `baseline_difference` with `baseline`."),
    ("relative_to", Text, Always, "What a weight of 1 is, in words."),
    ("cells", Count, Always, "Cells of the whole city that have the metric."),
    ("selected", Count, Always, "How many of these are in this answer."),
];

/// Where a cell is.
pub(super) const CENTRE: &[Member] = &[
    ("lat", Degrees, Always, "Latitude of the cell's centre. Unit: degrees, WGS 84."),
    ("lng", Degrees, Always, "Longitude of the cell's centre. Unit: degrees, WGS 84."),
];

/// The documents: a name, what it is, and its members.
pub(super) const DOCUMENTS: &[(&str, &str, &[&[Member]])] = &[
    ("Days", "The days of a system, or one of its cells on each of them.", &[&[
        ("system", Text, Always, "The bike-share system."),
        ("from", Date, Sometimes, "The first date asked for."),
        ("to", Date, Sometimes, "The last date asked for."),
        ("resolution", Count, Sometimes, "H3 resolution of the cells."),
        ("attribution", Of("Attribution"), Always, "Who must be credited for the data, and its licence."),
        ("hex_id", Text, Sometimes, "The cell asked for."),
        ("lat", Degrees, Sometimes, "Latitude of that cell's centre, in degrees."),
        ("lng", Degrees, Sometimes, "Longitude of that cell's centre, in degrees."),
        ("days", List(&Either(&["DayFigures", "HotspotOfDay"])), Always, "One row per day: its figures, or with `hex_id` that cell's row."),
    ]]),
    ("DayFigures", "A day in figures; null where its table is damaged.", &[&[
        ("date", Date, Always, "The local date."),
        ("provisional", OrNull(&Flag), Always, "Whether the day was not over when it was computed."),
        ("coverage", OrNull(&Share), Always, "Share of the day for which an observation holds, 0 to 1."),
        ("polls", OrNull(&Count), Always, "How often the system was observed that day."),
        ("cells", OrNull(&Count), Always, "Cells with a station."),
        ("stations", OrNull(&Count), Always, "Stations whose bikes are counted."),
        ("bikes", OrNull(&Number), Always, "Mean number of bikes in the whole city that day."),
        ("href", Text, Always, "Where the day's cells are."),
    ]]),
    ("Day", "The cells of a day, or of an hour of it.", &[OF_DAY, CELLS, &[
        ("weight_of_one", Number, Always, "The metric's value that has weight 1."),
        ("hour", Hour, Sometimes, "The local hour asked for."),
        ("hotspots", List(&Either(&["Hotspot", "HotspotOfHour"])), Always, "One row per cell, the heaviest first; with `hour`, of that hour."),
    ], SUMMARY]),
    ("Hours", "All hours of a day, one list per column.", &[OF_DAY, CELLS, &[
        ("max", Number, Always, "The largest value of any cell in any hour of the day: weight 1."),
        ("hours", List(&Of("HourOfDay")), Always, "The hours of the day in order: 23, 24 or 25 of them."),
        ("hex_id", List(&Text), Always, "The cells."),
        ("lat", List(&Degrees), Always, "Latitudes of their centres, in degrees, in the same order."),
        ("lng", List(&Degrees), Always, "Longitudes of their centres, in degrees, in the same order."),
        ("values", List(&List(&OrNull(&Number))), Always, "One list per cell with the metric's value in each hour; null where it was not observed."),
    ], SUMMARY]),
    ("HourOfDay", "An hour of a day.", &[&[
        ("hour", Hour, Always, "The hour on the local clock."),
        ("hour_start", Instant, Always, "When it begins."),
    ]]),
    ("Cell", "One cell on a day.", &[OF_DAY, &[
        ("resolution", Count, Always, "H3 resolution of the cell."),
        ("cell", Of("Hotspot"), Always, "The cell's row of that day."),
        ("hours", OrNull(&List(&Of("HourOfCell"))), Always, "Its row in each hour of the day; in an hour in which it was not observed, all but the hour is null. Null as a whole if the lake has no hourly table for that day."),
        ("stations_of_cell", OrNull(&List(&Of("StationDay"))), Always, "Its stations; null if the lake has no table of stations for that day."),
    ], SUMMARY]),
    ("Stations", "The stations of a day.", &[OF_DAY, &[
        ("stations_of_day", Count, Always, "Stations in the whole city."),
        ("selected", Count, Always, "How many of these are in this answer."),
        ("stations", List(&Of("StationDay")), Always, "One row per station, by `station_id`."),
    ]]),
    ("Station", "One station on a day.", &[OF_DAY, &[
        ("station", Of("StationDay"), Always, "The station's row of that day."),
    ]]),
    ("Quality", "What is odd in a day's data.", &[OF_DAY, &[
        ("checks", List(&Of("QualityCheck")), Always, "One row per check."),
    ], SUMMARY, RECORD]),
    ("Systems", "The bike-share systems in the lake.", &[&[
        ("systems", List(&Of("System")), Always, "One row per system."),
    ]]),
    ("System", "A bike-share system.", &[&[
        ("system", Text, Always, "Its name in this lake: the value of the parameter `system`."),
        ("days", Count, Always, "Days that have hotspots."),
        ("first", OrNull(&Date), Always, "The first of these days."),
        ("last", OrNull(&Date), Always, "The last of these days."),
        ("href", Text, Always, "Where its days are."),
        ("attribution", Of("Attribution"), Always, "Who must be credited for its data, and the licence."),
    ]]),
    ("Attribution", "Who must be credited for the data, and its licence, as published in GBFS `system_information`; null where it is not.", &[&[
        ("name", OrNull(&Text), Always, "The system's name."),
        ("operator", OrNull(&Text), Always, "Who operates it."),
        ("url", OrNull(&Text), Always, "Its web site."),
        ("license_id", OrNull(&Text), Always, "The data's licence, by its SPDX identifier."),
        ("license_url", OrNull(&Text), Always, "The text of the licence."),
        ("attribution_organization_name", OrNull(&Text), Always, "Who must be credited."),
    ]]),
    ("Index", "The paths of the API.", &[&[
        ("name", Text, Always, "The name of this program."),
        ("version", Text, Always, "Its version."),
        ("paths", Object, Always, "Each path with a short summary."),
    ]]),
    ("Status", "The state of the server.", &[&[
        ("status", Text, Always, "`ok` if the process is alive, `ready` if the lake can be read."),
    ]]),
];

/// Documents that may have further members.
pub(super) const OPEN_DOCUMENTS: &[(&str, &str, &[Member])] = &[
    ("FeatureCollection", "GeoJSON (RFC 7946). The other members of the JSON answer stand beside `features`.", &[
        ("type", Only("FeatureCollection"), Always, "What it is."),
        ("features", List(&Of("Feature")), Always, "One feature per row."),
    ]),
    ("Feature", "A GeoJSON feature.", &[
        ("type", Only("Feature"), Always, "What it is."),
        ("id", Text, Sometimes, "The row's `hex_id` or `station_id`; of a cell in one of several hours or days, followed by `/` and which."),
        ("geometry", OrNull(&Object), Always, "The cell's hexagon, or the station's point; null where it has none."),
        ("properties", Object, Always, "The columns of the row."),
    ]),
    ("Problem", "What is wrong, and what would be right (RFC 9457).", &[
        ("type", Text, Always, "The kind of problem: the address that explains it, `/docs#<kind>`."),
        ("title", Text, Always, "The kind of problem in a few words."),
        ("status", Status, Always, "The HTTP status."),
        ("detail", Text, Always, "What is wrong with this request, and what would be right."),
        ("instance", Text, Sometimes, "The path asked for; absent if the request could not be parsed."),
        ("request_id", Text, Always, "The request's id, also in `X-Request-Id` and in the server's log."),
        ("parameter", Text, Sometimes, "The parameter that is wrong."),
        ("value", Anything, Sometimes, "Its value as it was given; null if it is missing."),
        ("allowed", List(&Text), Sometimes, "What is allowed: values, or a description of them."),
        ("example", Anything, Sometimes, "A value that would be right."),
        ("contradicts", Text, Sometimes, "The parameter that it cannot be combined with."),
        ("nearest", List(&Date), Sometimes, "The last day before and the first day after the one asked for."),
        ("first", Date, Sometimes, "The first day there is."),
        ("last", Date, Sometimes, "The last day there is."),
        ("stations", Text, Sometimes, "Where the stations of that day are."),
        ("table", Text, Sometimes, "The table that has not been computed."),
        ("tables_in_memory", Count, Sometimes, "Tables that are served from memory while the lake cannot be read."),
    ]),
];
