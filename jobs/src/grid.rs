//! A day's status polls as a grid: a row for each station, a column for each poll. Most polls say of
//! most stations what the poll before said, so a row is kept as runs of polls that say the same.

use std::collections::HashMap;
use std::ops::Range;
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
    stations: Vec<StationRow>,
    by_id: HashMap<String, usize>,
    last: Option<Codes>,
}

/// One station over the day.
#[derive(Clone, Debug)]
pub(crate) struct StationRow {
    pub(crate) id: String,
    /// What is said from some poll on until the next of these, in order; unseen before the first.
    states: Vec<(u32, Counts)>,
    /// The polls before this one are in `states`.
    covered: usize,
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
        self.stations.push(StationRow::new(id));
        code
    }
}

impl StationRow {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            states: Vec::new(),
            covered: 0,
            mentioned: 0,
            not_installed: 0,
            duplicated: 0,
            negative: 0,
        }
    }

    /// Adds what a poll says, unless it said something of the station before. Quickest when polls come
    /// in order, which all do but those that came late to a compacted day.
    pub(crate) fn add(&mut self, poll: usize, counts: Counts, is_repeated: bool) {
        if is_repeated {
            self.duplicated += 1;
            return;
        }
        self.mentioned += 1;
        if poll < self.covered {
            return self.insert(poll, counts);
        }
        if poll > self.covered {
            self.set_from(self.covered, Counts::UNSEEN);
        }
        self.set_from(poll, counts);
        self.covered = poll + 1;
    }

    /// The runs of polls that say the same of the station, in order; polls that do not mention it are
    /// in none.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Range<usize>, Counts)> + '_ {
        self.states.iter().enumerate().filter(|(_, (_, counts))| counts.is_observed()).map(
            |(index, &(from, counts))| {
                let next = self.states.get(index + 1);
                (from as usize..next.map_or(self.covered, |&(poll, _)| poll as usize), counts)
            },
        )
    }

    fn set_from(&mut self, poll: usize, counts: Counts) {
        let last = self.states.last().map_or(Counts::UNSEEN, |&(_, counts)| counts);
        if counts != last {
            self.states.push((poll as u32, counts));
        }
    }

    /// Sets one poll among those that are there already.
    fn insert(&mut self, poll: usize, counts: Counts) {
        let after = self.states.partition_point(|&(from, _)| from as usize <= poll);
        let mut rest = self.states.split_off(after);
        let before = self.states.last().map_or(Counts::UNSEEN, |&(_, counts)| counts);
        if self.states.last().is_some_and(|&(from, _)| from as usize == poll) {
            self.states.pop();
        }
        self.set_from(poll, counts);
        let next = rest.first().map_or(self.covered, |&(from, _)| from as usize);
        if poll + 1 < next {
            self.set_from(poll + 1, before);
        }
        let is_same =
            rest.first().is_some_and(|first| self.states.last().is_some_and(|l| l.1 == first.1));
        self.states.extend(rest.drain(usize::from(is_same)..));
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
    use proptest::prelude::*;

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

    /// By poll.
    fn bikes(station: &StationRow, polls: usize) -> Vec<i32> {
        let mut bikes = vec![UNKNOWN; polls];
        for (polls, counts) in station.runs() {
            bikes[polls].fill(counts.bikes);
        }
        bikes
    }

    #[test]
    fn a_station_has_the_counts_of_the_polls_that_mention_it() {
        let mut grid = Grid::default();
        grid.add(0, &poll(&[("b", 1), ("a", 2)]));
        grid.add(1, &poll(&[("a", 3), ("c", 4), ("a", 9)]));
        grid.add(2, &poll(&[("a", 5), ("c", 6), ("a", 9)]));
        let stations: Vec<_> = grid
            .into_stations()
            .into_iter()
            .map(|s| (s.id.clone(), bikes(&s, 3), s.duplicated))
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

    proptest! {
        #[test]
        fn polls_may_come_in_any_order(
            order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
            counts in prop::collection::vec(-1..3_i32, 12),
        ) {
            let mut station = StationRow::new("a");
            let mut expected = vec![UNKNOWN; 12];
            // A count below 0 stands for a poll that does not mention the station.
            for &poll in order.iter().filter(|&&poll| counts[poll] >= 0) {
                expected[poll] = counts[poll];
                station.add(poll, Counts { bikes: counts[poll], ..Counts::UNSEEN }, false);
            }
            prop_assert_eq!(bikes(&station, 12), expected);
            prop_assert!(station.states.windows(2).all(|pair| pair[0].1 != pair[1].1));
        }
    }
}
