//! Addresses and time zones from the command line and the file, with an error that says what to write.

use std::net::SocketAddr;

use chrono_tz::Tz;
use serde::de::{Deserialize, Deserializer, Error as _};
use url::Url;

/// An address and port to listen on.
pub(crate) fn bind_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an IP address and a port: write 127.0.0.1:8080, or 0.0.0.0:8080 for every network of this machine")
    })
}

/// A token that a header can hold.
pub(crate) fn token(text: &str) -> Result<String, String> {
    let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| text.to_owned()).ok_or_else(|| {
        "a token has one or more ASCII characters and no spaces: leave the option out to answer everybody".to_owned()
    })
}

/// A time zone.
pub(crate) fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not a time zone: write its IANA name, such as Europe/Paris")
    })
}

/// The address of a feed, or of a folder of feeds.
pub(crate) fn web_address(text: &str) -> Result<Url, String> {
    match text.parse::<Url>() {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(format!("`{text}` is not a web address: write https://…/gbfs.json in full")),
    }
}

/// A value of a file that [`bind_address`] reads.
pub(super) fn file_bind_address<'de, D: Deserializer<'de>>(
    file: D,
) -> Result<Option<SocketAddr>, D::Error> {
    read(file, bind_address)
}

/// A value of a file that [`time_zone`] reads.
pub(super) fn file_time_zone<'de, D: Deserializer<'de>>(file: D) -> Result<Option<Tz>, D::Error> {
    read(file, time_zone)
}

/// A value of a file that [`web_address`] reads.
pub(super) fn file_web_address<'de, D: Deserializer<'de>>(
    file: D,
) -> Result<Option<Url>, D::Error> {
    read(file, web_address)
}

/// One web address of a file, or a list of such.
pub(super) fn file_web_addresses<'de, D: Deserializer<'de>>(file: D) -> Result<Vec<Url>, D::Error> {
    let texts = one_or_many(file)?;
    texts.iter().map(|text| web_address(text).map_err(D::Error::custom)).collect()
}

/// One text of a file, or a list of such.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(file: D) -> Result<Vec<String>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged, expecting = "expected an address such as \"https://…\", or a list of such")]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Form::deserialize(file)? {
        Form::One(text) => vec![text],
        Form::Many(texts) => texts,
    })
}

fn read<'de, D: Deserializer<'de>, T>(
    file: D,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(file)?;
    parse(&text).map(Some).map_err(D::Error::custom)
}
