use std::process::ExitCode;

use anyhow::Context as _;
use hotspots_pipeline::fetch::Answer;
use hotspots_pipeline::{Fetcher, Limits, catalogue};

/// Search a catalogue of bike-share systems and print ready configuration
///
/// Prints each system found as an entry for hotspots.toml. Every word must occur in its country,
/// name, place or id, as in `hotspots systems bergen` or `hotspots systems FR lyon`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to look for; nothing finds all
    words: Vec<String>,

    /// A catalogue in the form of systems.csv: a file or a URL
    #[arg(long, env = "HOTSPOTS_CATALOGUE", value_name = "FILE|URL", default_value = CATALOGUE)]
    catalogue: String,
}

const CATALOGUE: &str = "https://raw.githubusercontent.com/MobilityData/gbfs/master/systems.csv";

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let text = read(&arguments.catalogue).await?;
    let listed = catalogue::parse(&text)
        .with_context(|| format!("`{}` cannot be used", arguments.catalogue))?;
    let found: Vec<_> = catalogue::search(&listed, &arguments.words).collect();
    for one in &found {
        println!("{one}");
    }
    eprintln!("{} of {} systems", found.len(), listed.len());
    Ok(if found.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn read(place: &str) -> anyhow::Result<String> {
    let url = match place.parse::<url::Url>() {
        Ok(url) if url.scheme().starts_with("http") => url,
        _ => {
            return std::fs::read_to_string(place)
                .with_context(|| format!("the catalogue `{place}` cannot be read"));
        }
    };
    let answer = Fetcher::new(Limits::default(), None)?.get(&url, None, None).await;
    match answer.with_context(|| format!("the catalogue at {url} cannot be had"))? {
        Answer::Body(body, _) => Ok(String::from_utf8(body)?),
        Answer::NotModified => anyhow::bail!("{url} answered 304 to a request without conditions"),
    }
}
