//! The entries of a feed as rows: each id once, in order of id.

use std::collections::HashSet;

use super::fields::Fields;
use super::problems::Problems;

/// Reads a feed's entries. Of those with one id the first is kept; what is left out is noted.
pub(super) fn rows<'a, R>(
    entries: Vec<Fields<'a>>,
    id_name: &str,
    id: fn(&R) -> &str,
    mut read: impl FnMut(Fields<'a>, &mut Problems) -> Option<R>,
) -> (Vec<R>, Problems) {
    let mut problems = Problems::default();
    let mut seen = HashSet::with_capacity(entries.len());
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        if !entry.is_object() {
            problems.note("entry of the list that is no object", "left out");
            continue;
        }
        let Some(row) = read(entry, &mut problems) else { continue };
        if seen.insert(id(&row).to_owned()) {
            rows.push(row);
        } else {
            problems.note(&format!("duplicate {id_name}, first kept"), id(&row));
        }
    }
    rows.sort_unstable_by(|a, b| id(a).cmp(id(b)));
    (rows, problems)
}
