//! A day's status polls as a grid: a row for each station, a column for each poll.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, StringArray};

use crate::observations::Observed;

/// In [`Counts`]: not told.
pub(crate) const UNKNOWN: i32 = i32::MIN;

/// What a poll says of a station. Each is at least 0, or [`UNKNOWN`]; where `bikes` is unknown, the
/// station was not observed, and all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) bikes: i32,
    pub(crate) ebikes: i32,
    pub(crate) mechanical: i32,
    pub(crate) docks: i32,
}

/// One poll, decoded.
#[derive(Clone, Debug)]
pub(crate) struct PollRows {
    pub(crate) ids: Arc<StringArray>,
    pub(crate) observed: Observed,
}

/// All polls of a day.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    polls: usize,
    stations: Vec<StationRow>,
    by_id: HashMap<String, usize>,
    last: Option<Codes>,
}

/// One station over the day.
#[derive(Clone, Debug)]
pub(crate) struct StationRow {
    pub(crate) id: String,
    /// By poll.
    pub(crate) counts: Vec<Counts>,
    /// Polls that mention it, and of those the ones that say it is not installed, mention it more than
    /// once, or have a negative number of it.
    pub(crate) mentioned: u32,
    pub(crate) not_installed: u32,
    pub(crate) duplicated: u32,
    pub(crate) negative: u32,
}

/// The stations of the rows of a poll. Polls list the same stations in the same order nearly always,
/// so those of the last poll mostly serve the next one as they are.
#[derive(Debug)]
struct Codes {
    ids: Arc<StringArray>,
    stations: Vec<usize>,
    /// Rows whose station had a row before in the same poll: only the first counts.
    repeated: Vec<usize>,
}

impl Grid {
    /// An empty grid for so many polls.
    pub(crate) fn new(polls: usize) -> Self {
        Self { polls, ..Self::default() }
    }

    /// Fills in the column of a poll.
    pub(crate) fn add(&mut self, poll: usize, rows: &PollRows) {
        let codes = match self.last.take() {
            Some(last) if Arc::ptr_eq(&last.ids, &rows.ids) || last.ids == rows.ids => last,
            _ => self.codes(&rows.ids),
        };
        let mut repeated = codes.repeated.iter().copied().peekable();
        let counts = &rows.observed.counts;
        for (row, (&station, &counts)) in codes.stations.iter().zip(counts).enumerate() {
            let is_repeated = repeated.next_if_eq(&row).is_some();
            self.stations[station].add(poll, counts, is_repeated);
        }
        for &row in &rows.observed.not_installed {
            self.stations[codes.stations[row as usize]].not_installed += 1;
        }
        for &row in &rows.observed.negative {
            self.stations[codes.stations[row as usize]].negative += 1;
        }
        self.last = Some(codes);
    }

    /// The row of a station, made when it is new.
    pub(crate) fn station(&mut self, id: &str) -> &mut StationRow {
        let code = self.code(id);
        &mut self.stations[code]
    }

    /// The stations in order of their ids.
    pub(crate) fn into_stations(mut self) -> Vec<StationRow> {
        self.stations.sort_by(|a, b| a.id.cmp(&b.id));
        self.stations
    }

    fn codes(&mut self, ids: &Arc<StringArray>) -> Codes {
        let mut stations = Vec::with_capacity(ids.len());
        let mut repeated = Vec::new();
        let mut seen = vec![false; self.stations.len()];
        for (row, id) in ids.iter().enumerate() {
            let code = self.code(id.unwrap_or_default());
            seen.resize(seen.len().max(code + 1), false);
            if std::mem::replace(&mut seen[code], true) {
                repeated.push(row);
            }
            stations.push(code);
        }
        Codes { ids: Arc::clone(ids), stations, repeated }
    }

    fn code(&mut self, id: &str) -> usize {
        if let Some(&code) = self.by_id.get(id) {
            return code;
        }
        let code = self.stations.len();
        self.by_id.insert(id.to_owned(), code);
        self.stations.push(StationRow::new(id, self.polls));
        code
    }
}

impl StationRow {
    pub(crate) fn new(id: &str, polls: usize) -> Self {
        Self {
            id: id.to_owned(),
            counts: vec![Counts::UNSEEN; polls],
            mentioned: 0,
            not_installed: 0,
            duplicated: 0,
            negative: 0,
        }
    }

    /// Adds what a poll says, unless it said something of the station before.
    pub(crate) fn add(&mut self, poll: usize, counts: Counts, is_repeated: bool) {
        if is_repeated {
            self.duplicated += 1;
        } else {
            self.mentioned += 1;
            self.counts[poll] = counts;
        }
    }
}

impl Counts {
    /// Of a station that a poll does not mention.
    pub(crate) const UNSEEN: Self =
        Self { bikes: UNKNOWN, ebikes: UNKNOWN, mechanical: UNKNOWN, docks: UNKNOWN };

    pub(crate) fn is_observed(self) -> bool {
        self.bikes != UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(rows: &[(&str, i32)]) -> PollRows {
        PollRows {
            ids: Arc::new(rows.iter().map(|(id, _)| Some(*id)).collect()),
            observed: Observed {
                counts: rows.iter().map(|&(_, bikes)| Counts { bikes, ..Counts::UNSEEN }).collect(),
                not_installed: Vec::new(),
                negative: Vec::new(),
            },
        }
    }

    #[test]
    fn a_station_has_the_counts_of_the_polls_that_mention_it() {
        let mut grid = Grid::new(3);
        grid.add(0, &poll(&[("b", 1), ("a", 2)]));
        grid.add(1, &poll(&[("a", 3), ("c", 4), ("a", 9)]));
        grid.add(2, &poll(&[("a", 5), ("c", 6), ("a", 9)]));
        let stations: Vec<_> = grid
            .into_stations()
            .into_iter()
            .map(|s| (s.id, s.counts.iter().map(|c| c.bikes).collect::<Vec<_>>(), s.duplicated))
            .collect();
        assert_eq!(
            stations,
            [
                ("a".to_owned(), vec![2, 3, 5], 2),
                ("b".to_owned(), vec![1, UNKNOWN, UNKNOWN], 0),
                ("c".to_owned(), vec![UNKNOWN, 4, 6], 0),
            ]
        );
    }
}
