//! Progress on a terminal, nothing elsewhere; and numbers as people read them.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts `what`; its length is set as the work becomes known.
pub(crate) fn bar(what: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = "{msg} {wide_bar} {pos}/{len} · {elapsed}";
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_message(what.to_owned());
    bar
}

/// A whole number with thousands apart, as in 1,495.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing, as in 1 day or 1,495 days.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_a_day_and_none_or_many_are_days() {
        assert_eq!([0, 1, 1495].map(|n| counted(n, "day")), ["0 days", "1 day", "1,495 days"]);
    }
}
