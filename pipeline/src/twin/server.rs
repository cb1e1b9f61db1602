//! The twin as an HTTP server on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;
use warp::Filter as _;
use warp::http::{Response, StatusCode};

use super::city::City;
use super::fault::Fault;
use super::feeds;
use super::standard::{self, Shape};
use crate::clock::Clock;

/// How often the feeds change, in seconds.
const REFRESH_S: i64 = 60;

/// A running twin; it ends when dropped.
#[derive(Debug)]
pub struct Twin {
    address: SocketAddr,
    fault: Arc<Mutex<Option<Fault>>>,
    server: JoinHandle<()>,
}

struct State {
    shape: Shape,
    city: City,
    clock: Arc<dyn Clock>,
    fault: Arc<Mutex<Option<Fault>>>,
    started: DateTime<Utc>,
    base: String,
}

impl Twin {
    /// Serves `city` as it is at `clock`'s time, on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(city: City, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        Self::start_as(Shape::default(), city, clock).await
    }

    /// The same in the shape of another GBFS version; these have no faults to switch on.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start_as(
        shape: Shape,
        city: City,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let fault = Arc::new(Mutex::new(None));
        let started = clock.now();
        let base = format!("http://{address}");
        let state =
            Arc::new(State { shape, city, clock, fault: Arc::clone(&fault), started, base });
        let feed = warp::path!("opendata" / "Velib_Metropole" / String)
            .map(move |file: String| state.answer(&file));
        let server = tokio::spawn(warp::serve(feed).incoming(listener).run());
        Ok(Self { address, fault, server })
    }

    /// The address of `gbfs.json`.
    ///
    /// # Panics
    /// Never: a socket address makes a URL.
    #[must_use]
    pub fn discovery(&self) -> Url {
        let text = format!("http://{}/{}/gbfs.json", self.address, feeds::FOLDER);
        Url::parse(&text).expect("a socket address makes a URL")
    }

    /// Switches a fault on, or with `None` off.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    fn answer(&self, file: &str) -> Response<Bytes> {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let now = now - TimeDelta::seconds(now.timestamp().rem_euclid(REFRESH_S));
        if self.shape != Shape::Velib {
            let name = file.trim_end_matches(".json");
            return match standard::feed(self.shape, name, &self.city, &self.base, now) {
                Some(body) => json(body.into()),
                None => status(StatusCode::NOT_FOUND),
            };
        }
        let body: Bytes = match file {
            "gbfs.json" => feeds::discovery(&self.base, now).into(),
            "system_information.json" => {
                let unknown = fault == Some(Fault::UnknownTimeZone);
                let time_zone = if unknown { "Europe/Lutetia" } else { "Europe/Paris" };
                feeds::system_information(now, time_zone).into()
            }
            "station_information.json" => {
                let body = feeds::station_information(&self.city, now);
                match fault {
                    Some(Fault::FarAway) => body.replacen("\"lat\":48.", "\"lat\":148.", 1).into(),
                    _ => body.into(),
                }
            }
            "station_status.json" => {
                if fault == Some(Fault::ServerError) {
                    return status(StatusCode::INTERNAL_SERVER_ERROR);
                }
                self.status_with(fault, now)
            }
            _ => return status(StatusCode::NOT_FOUND),
        };
        json(body)
    }

    fn status_with(&self, fault: Option<Fault>, now: DateTime<Utc>) -> Bytes {
        let body = feeds::station_status(&self.city, now);
        let stamp = format!("\"lastUpdatedOther\":{}", now.timestamp());
        let stamped = |new: String| Bytes::from(body.replacen(&stamp, &new, 1));
        match fault {
            Some(Fault::CutShort) => Bytes::from(body[..body.len() / 2].to_owned()),
            Some(Fault::Zip) => Bytes::from_static(b"PK\x03\x04\x14\x00\x08\x00data.csv"),
            Some(Fault::Html) => {
                Bytes::from_static(b"<!DOCTYPE html><html><body>Maintenance</body></html>")
            }
            Some(Fault::OtherFeed) => feeds::station_information(&self.city, now).into(),
            Some(Fault::NoStations) => {
                Bytes::from(format!("{{{stamp},\"ttl\":3600,\"data\":{{\"stations\":[]}}}}"))
            }
            Some(Fault::OddCounts) => odd_counts(&body).into(),
            Some(Fault::NoTimestamp) => stamped("\"lastUpdatedOther\":null".into()),
            Some(Fault::Future) => {
                stamped(format!("\"lastUpdatedOther\":{}", now.timestamp() + 86_400))
            }
            Some(Fault::Milliseconds) => {
                stamped(format!("\"lastUpdatedOther\":{}", now.timestamp_millis()))
            }
            Some(Fault::Frozen) => {
                stamped(format!("\"lastUpdatedOther\":{}", self.started.timestamp()))
            }
            _ => body.into(),
        }
    }
}

/// The first station without counts, the second with null, the third with a word.
fn odd_counts(body: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let names = ["num_bikes_available", "numBikesAvailable"];
    for name in names {
        if let Some(station) = value["data"]["stations"][0].as_object_mut() {
            station.remove(name);
        }
        value["data"]["stations"][1][name] = serde_json::Value::Null;
        value["data"]["stations"][2][name] = "many".into();
    }
    value.to_string()
}

fn json(body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    let kind = warp::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    response
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
