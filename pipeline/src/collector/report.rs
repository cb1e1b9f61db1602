//! A round's rows on their way to the ledger, the figures and the log.

use hotspots_data::table::Poll;
use tracing::error;

use super::{Collector, Rows};
use crate::feeds::Kind;
use crate::{journal, ledger};

impl Collector {
    pub(super) fn note(&mut self, rows: &mut Rows, row: Poll, is_odd: bool) {
        let before = self.oddities.insert(row.feed.clone(), row.message.clone());
        let is_news = before.as_ref() != Some(&row.message);
        let is_live = Kind::of(&row.feed).is_live();
        self.tools.metrics.attempt(&self.target.system, &row, is_live);
        rows.push((row, is_odd && is_news));
    }

    /// Brings a round's rows to the ledger, and only then says that polls were stored.
    pub(super) async fn report(&mut self, rows: &Rows, last: bool) {
        self.recover_journals().await;
        if let Some((first, _)) = rows.first() {
            let date = self.date(first.started_at);
            if self.journal.due(first.started_at, date, false).is_some() {
                self.write_journal(true).await;
            }
            let plain: Vec<Poll> = rows.iter().map(|(row, _)| row.clone()).collect();
            self.journal.append(&plain, date);
        }
        self.write_journal(last).await;
        for (row, is_odd) in rows {
            ledger::log(self.target.system.as_str(), row, *is_odd);
        }
    }

    pub(super) async fn write_journal(&mut self, last: bool) {
        let now = self.tools.clock.now();
        let Some(rows) = self.journal.due(now, self.date(now), last) else { return };
        match ledger::write(self.shelf(), rows).await {
            Ok(()) => self.journal.clear(),
            Err(error) => {
                let system = &self.target.system;
                error!(%system, "{system}: the ledger was not written and will be: {error}");
            }
        }
    }

    async fn recover_journals(&mut self) {
        for (file, rows) in std::mem::take(&mut self.left) {
            match ledger::write(self.shelf(), &rows).await {
                Ok(()) => journal::remove(&file),
                Err(error) => {
                    let system = &self.target.system;
                    error!(%system, "{system}: the ledger was not recovered and will be: {error}");
                    self.left.push((file, rows));
                }
            }
        }
    }
}
