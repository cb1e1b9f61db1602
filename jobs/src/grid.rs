//! A day's status polls as a grid: a row for each station, a column for each poll. Most polls say of
//! most stations what the poll before said, so a row is kept as runs of polls that say the same.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array as _, StringArray};

use crate::observations::{PollRows, Said};

/// In [`Counts`]: not told.
pub(crate) const UNKNOWN: i32 = hotspots_data::NULL;

/// What a poll says of a station. Each is at least 0, or [`UNKNOWN`]; where `bikes` is unknown, the
/// station was not observed, and all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) bikes: i32,
    pub(crate) ebikes: i32,
    pub(crate) mechanical: i32,
    pub(crate) docks: i32,
}

/// All polls of a day.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    stations: Vec<StationRow>,
    by_id: HashMap<String, usize>,
    last: Option<LastPoll>,
}

/// One station over the day.
#[derive(Clone, Debug)]
pub(crate) struct StationRow {
    pub(crate) id: String,
    /// What was seen from some poll on until the next of these, in order; before the first of them,
    /// nothing.
    states: Vec<(u32, Counts)>,
    /// The polls before this one are in `states`.
    covered: usize,
    /// Whether some poll has more than one row of it; only the first counts.
    pub(crate) is_duplicated: bool,
    /// Whether some poll does not say that it is not installed.
    pub(crate) was_installed: bool,
    /// Whether some poll has a negative number of it.
    pub(crate) has_negative_count: bool,
}

/// The stations of the rows of the poll that was added last. Polls list the same stations in the same
/// order nearly always, so they mostly serve the next one as they are.
#[derive(Debug)]
struct LastPoll {
    ids: Arc<StringArray>,
    stations: Vec<usize>,
    /// Rows whose station had a row before in the same poll.
    repeated: Vec<usize>,
    /// What it said, by row.
    said: Vec<Said>,
    /// The column after it.
    next: usize,
    /// Whether none of its stations has a later one.
    is_at_end: bool,
}

impl Grid {
    /// Fills in the column of a poll. Where it follows another, that is the one added last.
    pub(crate) fn add(&mut self, poll: usize, rows: &PollRows) {
        match &mut self.last {
            Some(last) if rows.follows => {
                for &(row, said) in &rows.said {
                    last.said[row as usize] = said;
                }
                if last.is_at_end && last.next == poll && last.repeated.is_empty() {
                    for &(row, said) in &rows.said {
                        self.stations[last.stations[row as usize]].take(poll, said);
                    }
                    last.next += 1;
                    return;
                }
            }
            _ => self.begin(rows),
        }
        self.add_all(poll);
    }

    fn begin(&mut self, rows: &PollRows) {
        self.settle();
        let (stations, repeated) = match self.last.take() {
            Some(last) if last.ids == rows.ids => (last.stations, last.repeated),
            _ => self.stations_of(&rows.ids),
        };
        let (ids, said) = (Arc::clone(&rows.ids), rows.said.iter().map(|row| row.1).collect());
        self.last = Some(LastPoll { ids, stations, repeated, said, next: 0, is_at_end: false });
    }

    fn add_all(&mut self, poll: usize) {
        self.settle();
        let Some(last) = &mut self.last else { return };
        let mut repeats = last.repeated.iter().copied().peekable();
        last.is_at_end = true;
        for (row, (&station, &said)) in last.stations.iter().zip(&last.said).enumerate() {
            let is_repeated = repeats.next_if_eq(&row).is_some();
            let station = &mut self.stations[station];
            station.add(poll, said, is_repeated);
            last.is_at_end &= station.covered == poll + 1;
        }
        last.next = poll + 1;
    }

    /// Adds polls of a station that come after all that it has.
    pub(crate) fn append(&mut self, polls: StationRow) {
        let code = self.code(&polls.id);
        self.stations[code].append(polls);
    }

    /// The stations in order of their ids.
    pub(crate) fn into_stations(mut self) -> Vec<StationRow> {
        self.settle();
        self.stations.sort_by(|a, b| a.id.cmp(&b.id));
        self.stations
    }

    /// Lets the stations of the last poll know of the polls that changed nothing of theirs.
    fn settle(&mut self) {
        if let Some(last) = &self.last {
            for &station in &last.stations {
                let covered = &mut self.stations[station].covered;
                *covered = last.next.max(*covered);
            }
        }
    }

    fn stations_of(&mut self, ids: &Arc<StringArray>) -> (Vec<usize>, Vec<usize>) {
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
        (stations, repeated)
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
            is_duplicated: false,
            was_installed: false,
            has_negative_count: false,
        }
    }

    /// Adds what a poll says, unless it said something of the station before. Quickest when polls come
    /// in order, which all do but those that came late to a compacted day.
    pub(crate) fn add(&mut self, poll: usize, said: Said, is_repeated: bool) {
        if is_repeated {
            self.is_duplicated = true;
        } else {
            self.add_alike(poll..poll + 1, said);
        }
    }

    /// Adds polls that say the same, none of which said anything of the station before.
    pub(crate) fn add_alike(&mut self, polls: Range<usize>, said: Said) {
        for poll in polls.start..polls.end.min(self.covered) {
            self.insert(poll, said);
        }
        let start = polls.start.max(self.covered);
        if start < polls.end {
            self.unseen_until(start);
            self.take(start, said);
            self.covered = polls.end;
        }
    }

    /// Begins another station in the memory of this one, which is given back in no more than it needs.
    pub(crate) fn next(&mut self, id: &str) -> Self {
        let done = self.clone();
        let states = std::mem::take(&mut self.states);
        *self = Self { states, ..Self::new(id) };
        self.states.clear();
        done
    }

    /// Whether any poll mentions it.
    pub(crate) fn is_mentioned(&self) -> bool {
        self.covered > 0
    }

    /// The runs of polls that observed the same, in order; polls that did not observe the station are
    /// in none.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Range<usize>, Counts)> + '_ {
        let run = |(index, &(from, counts)): (usize, &(u32, Counts))| {
            let next = self.states.get(index + 1).map_or(self.covered, |&(poll, _)| poll as usize);
            counts.is_observed().then_some((from as usize..next, counts))
        };
        self.states.iter().enumerate().filter_map(run)
    }

    fn append(&mut self, polls: Self) {
        self.is_duplicated |= polls.is_duplicated;
        self.was_installed |= polls.was_installed;
        self.has_negative_count |= polls.has_negative_count;
        if self.states.is_empty() {
            self.states = polls.states;
        } else {
            let next = polls.states.first().map_or(polls.covered, |&(poll, _)| poll as usize);
            self.unseen_until(next);
            for (poll, counts) in polls.states {
                self.set_from(poll as usize, counts);
            }
        }
        self.covered = polls.covered;
    }

    fn unseen_until(&mut self, poll: usize) {
        if self.covered < poll {
            self.set_from(self.covered, Counts::UNSEEN);
        }
    }

    /// Takes what a poll says from it on.
    fn take(&mut self, poll: usize, said: Said) {
        self.was_installed |= said.is_installed;
        self.has_negative_count |= said.is_negative;
        self.set_from(poll, said.counts);
    }

    fn set_from(&mut self, poll: usize, counts: Counts) {
        if counts != self.last() {
            self.states.push((poll as u32, counts));
        }
    }

    fn last(&self) -> Counts {
        self.states.last().map_or(Counts::UNSEEN, |&(_, counts)| counts)
    }

    /// Sets one poll among those that are there already.
    fn insert(&mut self, poll: usize, said: Said) {
        let after = self.states.partition_point(|&(from, _)| from as usize <= poll);
        let rest = self.states.split_off(after);
        let before = self.last();
        if self.states.last().is_some_and(|&(from, _)| from as usize == poll) {
            self.states.pop();
        }
        self.take(poll, said);
        let next = rest.first().map_or(self.covered, |&(from, _)| from as usize);
        if poll + 1 < next {
            self.set_from(poll + 1, before);
        }
        for (poll, counts) in rest {
            self.set_from(poll as usize, counts);
        }
    }
}

impl Counts {
    /// Of a station that a poll does not mention, or does not tell the bikes of.
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

    /// A poll; `changed` where it follows another.
    fn poll(rows: &[(&str, i32)], changed: Option<&[u32]>) -> PollRows {
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let told = changed.unwrap_or(&all).iter();
        PollRows {
            ids: Arc::new(rows.iter().map(|(id, _)| Some(*id)).collect()),
            follows: changed.is_some(),
            said: told.map(|&row| (row, said(rows[row as usize].1))).collect(),
        }
    }

    fn said(bikes: i32) -> Said {
        let counts = Counts { bikes, ..Counts::UNSEEN };
        Said { counts, is_installed: true, is_negative: false }
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
        grid.add(0, &poll(&[("b", 1), ("a", 2)], None));
        grid.add(1, &poll(&[("a", 3), ("c", 4), ("a", 9)], None));
        grid.add(2, &poll(&[("a", 5), ("c", 6), ("a", 9)], Some(&[0, 1])));
        grid.add(3, &poll(&[("a", 5), ("c", 6)], None));
        grid.add(4, &poll(&[("a", 5), ("c", 7)], Some(&[1])));
        grid.add(5, &poll(&[("a", 5), ("c", 7)], Some(&[])));
        grid.add(7, &poll(&[("a", 5), ("c", 7)], Some(&[])));
        let stations: Vec<_> = grid
            .into_stations()
            .into_iter()
            .map(|s| (s.id.clone(), bikes(&s, 8), s.is_duplicated))
            .collect();
        let none = UNKNOWN;
        assert_eq!(
            stations,
            [
                ("a".to_owned(), vec![2, 3, 5, 5, 5, 5, none, 5], true),
                ("b".to_owned(), vec![1, none, none, none, none, none, none, none], false),
                ("c".to_owned(), vec![none, 4, 6, 6, 7, 7, none, 7], false),
            ]
        );
    }

    #[test]
    fn late_polls_of_a_compacted_day_are_filled_in_one_after_another() {
        let mut compacted = StationRow::new("a");
        for poll in [0, 1, 4, 5] {
            compacted.add(poll, said(1), false);
        }
        let mut grid = Grid::default();
        grid.append(compacted);
        grid.add(2, &poll(&[("a", 2), ("b", 7)], None));
        grid.add(3, &poll(&[("a", 3), ("b", 7)], Some(&[0])));
        grid.add(6, &poll(&[("a", 3), ("b", 8)], Some(&[1])));
        let stations = grid.into_stations();
        assert_eq!(bikes(&stations[0], 7), [1, 1, 2, 3, 1, 1, 3]);
        assert_eq!(bikes(&stations[1], 7), [UNKNOWN, UNKNOWN, 7, 7, UNKNOWN, UNKNOWN, 8]);
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
                station.add(poll, said(counts[poll]), false);
            }
            prop_assert_eq!(bikes(&station, 12), expected);
            prop_assert!(station.states.windows(2).all(|pair| pair[0].1 != pair[1].1));
        }

        #[test]
        fn polls_appended_are_as_polls_added(
            counts in prop::collection::vec(-1..3_i32, 12),
            cut in 0..12_usize,
        ) {
            let mut parts = [StationRow::new("a"), StationRow::new("a"), StationRow::new("a")];
            for (poll, &bikes) in counts.iter().enumerate().filter(|(_, bikes)| **bikes >= 0) {
                parts[0].add(poll, said(bikes), false);
                parts[if poll < cut { 1 } else { 2 }].add(poll, said(bikes), false);
            }
            let [all, mut first, second] = parts;
            if second.covered > 0 {
                first.append(second);
            }
            prop_assert_eq!(bikes(&first, 12), bikes(&all, 12));
        }
    }
}
