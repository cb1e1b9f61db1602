//! The resolutions that are asked for, and the one that is always computed.

use std::str::FromStr;

use hotspots_data::{CellError, Resolution};

/// Some H3 resolutions, each once, in order; written `8,9,10`. That of the hotspots, by whose table a day
/// is known, is always among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolutions(u16);

impl Resolutions {
    /// The resolutions, from coarse to fine.
    #[must_use]
    pub fn list(self) -> Vec<Resolution> {
        Resolution::all().filter(|&resolution| self.0 >> u8::from(resolution) & 1 == 1).collect()
    }
}

impl Default for Resolutions {
    fn default() -> Self {
        Resolution::COARSER.into_iter().collect()
    }
}

impl FromIterator<Resolution> for Resolutions {
    fn from_iter<I: IntoIterator<Item = Resolution>>(resolutions: I) -> Self {
        let all = resolutions.into_iter().chain([Resolution::HOTSPOTS]);
        Self(all.fold(0, |set, resolution| set | 1 << u8::from(resolution)))
    }
}

impl FromStr for Resolutions {
    type Err = CellError;

    fn from_str(text: &str) -> Result<Self, CellError> {
        text.split(',').map(|number| number.trim().parse::<Resolution>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_a_set_in_order() {
        let list = |text: &str| -> Vec<u8> {
            text.parse::<Resolutions>().unwrap().list().into_iter().map(u8::from).collect()
        };
        assert_eq!(list("10, 8,9,8"), [8, 9, 10]);
        assert_eq!(list("12,7"), [7, 10, 12], "without the 10 no day would be known");
        assert_eq!("8,9,10".parse(), Ok(Resolutions::default()));
        assert!("".parse::<Resolutions>().is_err());
        assert!("8,16".parse::<Resolutions>().is_err());
    }
}
