//! The query string as typed wishes.

use hotspots_data::SystemId;

use crate::problem::Problem;

/// What a request may ask for beyond its path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    /// The system; the configured or the only one where absent.
    pub(crate) system: Option<SystemId>,
}

impl Params {
    /// Reads a query string.
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let mut params = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "system" if params.system.is_some() => {
                    return Err(Problem::bad_request("`system` is given twice"));
                }
                "system" => {
                    let system = value.parse().map_err(|error| {
                        Problem::bad_request(format!("system: {error}")).with("parameter", "system")
                    })?;
                    params.system = Some(system);
                }
                other => {
                    let detail = format!("there is no parameter `{other}`, only `system`");
                    return Err(Problem::bad_request(detail).with("parameter", other));
                }
            }
        }
        Ok(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_unknown_doubled_or_malformed_is_refused() {
        assert_eq!(Params::read("").ok(), Some(Params::default()));
        let velib = Params::read("system=velib").unwrap();
        assert_eq!(velib.system.unwrap().as_str(), "velib");
        for wrong in ["colour=red", "system=", "system=a&system=b", "system=a%2Fb"] {
            assert_eq!(Params::read(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
