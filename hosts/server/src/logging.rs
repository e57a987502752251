//! Log lines on standard error.

use crm_boot::{Config, LogFormat};
use crm_core::{Error, Result};
use tracing_subscriber::EnvFilter;

/// The driver that tells statements and their values at level debug: names and addresses of people. It
/// is asked for by name or not at all.
const DRIVER: &str = "tokio_postgres";

/// Starts logging as configured. A program that logs already keeps its own way.
///
/// # Errors
/// `Invalid` at `log` for a filter that cannot be read.
pub(crate) fn start(config: &Config) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Error::invalid("log", "value", error.to_string());
    let mut filter = EnvFilter::try_new(&config.log).map_err(|error| failed(&error))?;
    if !config.log.contains(DRIVER) {
        filter = filter.add_directive(format!("{DRIVER}=info").parse().map_err(|error| failed(&error))?);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _started_before = match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.try_init(),
    };
    Ok(())
}
