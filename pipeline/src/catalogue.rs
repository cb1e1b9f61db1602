//! A catalogue of systems in the form of `MobilityData`'s systems.csv, and what to write in
//! `hotspots.toml` for each.

use std::collections::HashMap;
use std::fmt;

use url::Url;

/// A system of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Two letters.
    pub country: String,
    /// The system's name.
    pub name: String,
    /// City or region.
    pub location: String,
    /// GBFS `system_id`.
    pub system_id: String,
    /// The address of its `gbfs.json`.
    pub discovery: Url,
    /// The versions it has, as listed.
    pub versions: String,
    /// Where it wants a key: `(is a header, the header's or parameter's name)`.
    pub key: Option<(bool, String)>,
}

/// The text is no catalogue.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is no catalogue of systems: its first line has no column `{0}`")]
pub struct NoCatalogue(&'static str);

/// Reads a catalogue; lines without a usable address are left out.
///
/// # Errors
/// [`NoCatalogue`] when a column is missing.
pub fn parse(text: &str) -> Result<Vec<Listing>, NoCatalogue> {
    let mut records = records(text.trim_start_matches('\u{feff}')).into_iter();
    let header = records.next().unwrap_or_default();
    let column = |name: &'static str| {
        header.iter().position(|field| field.trim() == name).ok_or(NoCatalogue(name))
    };
    let [country, name, location, id, url, versions] = [
        column("Country Code")?,
        column("Name")?,
        column("Location")?,
        column("System ID")?,
        column("Auto-Discovery URL")?,
        column("Supported Versions")?,
    ];
    let (kind, parameter) =
        (column("Authentication Type").ok(), column("Authentication Parameter Name").ok());
    let listing = |record: Vec<String>| {
        let field = |at: usize| record.get(at).map(|text| text.trim().to_owned());
        let parameter = parameter.and_then(&field).filter(|name| !name.is_empty());
        let is_header = kind.and_then(&field).as_deref() == Some("2");
        Some(Listing {
            country: field(country)?,
            name: field(name)?,
            location: field(location)?,
            system_id: field(id)?,
            discovery: field(url)?.parse().ok()?,
            versions: field(versions)?,
            key: parameter.map(|name| (is_header, name)),
        })
    };
    let mut found: Vec<Listing> = records.filter_map(listing).collect();
    // An id that is there twice would be one system in the lake.
    let mut seen = HashMap::<String, u32>::new();
    for one in &mut found {
        let times = seen.entry(one.system_id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            one.system_id = format!("{}_{times}", one.system_id);
        }
    }
    Ok(found)
}

/// The systems in whose country, name, place or id each of the words occurs.
pub fn search<'c>(catalogue: &'c [Listing], words: &[String]) -> impl Iterator<Item = &'c Listing> {
    let words: Vec<String> = words.iter().map(|word| plain(word)).collect();
    catalogue.iter().filter(move |one| {
        let text = format!("{} {} {} {}", one.country, one.name, one.location, one.system_id);
        let text = plain(&text);
        words.iter().all(|word| text.contains(word.as_str()))
    })
}

/// In lower case and without the accents that people leave out when they type.
fn plain(text: &str) -> String {
    let without = |c: char| match c {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        c => c,
    };
    text.to_lowercase().chars().map(without).collect()
}

/// As an entry of `hotspots.toml`.
impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { country, name, location, versions, .. } = self;
        let comment = format!("{name}: {location}, {country}; GBFS {versions}");
        writeln!(f, "# {}", comment.replace(['\n', '\r'], " "))?;
        writeln!(f, "[[systems]]\nsystem = \"{}\"", self.lake_name())?;
        writeln!(f, "url = [{:?}]", self.discovery.as_str())?;
        if let Some((is_header, name)) = &self.key {
            let place = if *is_header { "header" } else { "query" };
            let variable: String = self.lake_name().to_uppercase().replace(['-', '.'], "_");
            writeln!(f, "key = {{ env = \"HOTSPOTS_KEY_{variable}\", {place} = {name:?} }}")?;
        }
        Ok(())
    }
}

impl Listing {
    /// The name in the lake: its id, with what a path cannot have as `_`.
    fn lake_name(&self) -> String {
        let fit = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = self.system_id.chars().map(fit).take(64).collect();
        let name = name.trim_matches('.');
        if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
    }
}

/// The records of a CSV text (RFC 4180: fields in quotes may have commas, lines and doubled quotes).
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            '\r' if !quoted => {}
            c => field.push(c),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Country Code,Name,Location,System ID,URL,Auto-Discovery URL,Supported Versions,\
        Authentication Info URL,Authentication Type,Authentication Parameter Name\r\n\
        NO,Bergen Bysykkel,Bergen,bergenbysykkel,https://a.example,https://b.example/gbfs.json,2.3 ; 3.0,,,\r\n\
        CH,\"Lime, \"\"Basel\"\"\",Basel,lime basel,https://a.example,https://c.example/gbfs,2.3,,2,Authorization\n\
        FR,Vélo,Orléans,lime basel,https://a.example,https://d.example/gbfs,1.0,,,\n\
        FR,Nowhere,Paris,nowhere,https://a.example,not a URL,1.0,,,\n";

    #[test]
    fn a_catalogue_is_searched_by_words_and_printed_as_configuration() {
        let catalogue = parse(TEXT).unwrap();
        assert_eq!(catalogue.len(), 3);
        let found = |words: &[&str]| -> Vec<String> {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            search(&catalogue, &words).map(ToString::to_string).collect()
        };
        assert_eq!(
            found(&["BERGEN", "no"]),
            ["# Bergen Bysykkel: Bergen, NO; GBFS 2.3 ; 3.0\n[[systems]]\n\
              system = \"bergenbysykkel\"\nurl = [\"https://b.example/gbfs.json\"]\n"]
        );
        let with_key = &found(&["lime"])[0];
        assert!(with_key.contains("Lime, \"Basel\": Basel"), "{with_key}");
        assert!(
            with_key.ends_with(
                "key = { env = \"HOTSPOTS_KEY_LIME_BASEL\", header = \"Authorization\" }\n"
            ),
            "{with_key}"
        );
        assert!(found(&["velo", "ORLEANS"])[0].contains("\"lime_basel_2\""));
        assert_eq!(found(&["bergen", "basel"]), [""; 0]);
        assert_eq!(parse("a,b\n1,2"), Err(NoCatalogue("Country Code")));
    }
}
