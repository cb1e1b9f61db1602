//! Logs: lines for a person on a terminal, JSON elsewhere; always on stderr.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Common;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log. A demo is quiet unless something is wrong.
pub(crate) fn start(common: &Common, is_demo: bool) -> anyhow::Result<()> {
    let default = if is_demo { LevelFilter::WARN } else { LevelFilter::INFO };
    let level = match common.log.as_deref() {
        None => default,
        Some(text) => text.parse().map_err(|_| {
            anyhow::anyhow!(
                "`{text}` is not a log level: use off, error, warn, info, debug or trace"
            )
        })?,
    };
    // Other libraries speak up only for warnings.
    let targets =
        ["hotspots", "hotspots_api", "hotspots_jobs", "hotspots_pipeline", "hotspots_data"];
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(targets.map(|target| (target, level)));
    let is_terminal = std::io::stderr().is_terminal();
    let format =
        common.log_format.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Json });
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => {
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(is_terminal)
                .with_target(false)
                .fmt_fields(MessageOnly)
                .with_writer(std::io::stderr);
            registry.with(layer).init();
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_target(false)
                .with_writer(std::io::stderr);
            registry.with(layer).init();
        }
    }
    Ok(())
}

/// A person reads the message, which names what matters; the fields are for machines.
struct MessageOnly;

impl<'w> tracing_subscriber::fmt::FormatFields<'w> for MessageOnly {
    fn format_fields<R: tracing_subscriber::field::RecordFields>(
        &self,
        writer: tracing_subscriber::fmt::format::Writer<'w>,
        fields: R,
    ) -> std::fmt::Result {
        struct Visit<'w>(tracing_subscriber::fmt::format::Writer<'w>, std::fmt::Result);
        impl tracing::field::Visit for Visit<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.1 = write!(self.0, "{value:?}");
                }
            }
        }
        let mut visit = Visit(writer, Ok(()));
        fields.record(&mut visit);
        visit.1
    }
}
