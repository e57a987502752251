//! Log lines on standard error.

use crm_boot::{Config, LogFormat};
use crm_core::{Error, Result};
use tracing_subscriber::EnvFilter;

/// Starts logging as configured. A program that logs already keeps its own way.
///
/// # Errors
/// `Invalid` at `log` for a filter that cannot be read.
pub(crate) fn start(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| Error::invalid("log", "value", error.to_string()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _started_before = match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.try_init(),
    };
    Ok(())
}
