use std::process::ExitCode;

use hotspots_pipeline::doctor::{Level, examine};

use super::ingest::tools;
use crate::config::{IntakeArguments, Settings, SystemArguments};
use crate::progress::counted;

/// Check configuration, lake and feeds, and say in words what is wrong
///
/// Reads the settings, tries the lake (conditional put, listing, clock), asks each system's feeds
/// once, and looks at the cadence of the polls in the lake. Fails if anything is bad, or if there is no
/// lake yet.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    system: SystemArguments,

    #[command(flatten)]
    intake: IntakeArguments,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let targets = settings.targets(&arguments.system)?;
    println!("good  settings: {} to poll", counted(targets.len(), "system"));
    let licences = settings.licences();
    for system in targets.iter().map(|target| &target.system) {
        if let Some(licence) = licences.get(system) {
            println!("good  {system}: where its feed does not say: {licence}");
        }
    }
    let tools = tools(settings, settings.lake()?, &arguments.intake)?;
    let findings = examine(&tools, &targets).await;
    for finding in &findings {
        println!("{finding}");
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    Ok(if worst == Some(Level::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
