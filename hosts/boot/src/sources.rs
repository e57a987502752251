//! Where settings come from: flags, then the environment, then a file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crm_core::{Error, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::config::Options;
use crate::secret;

/// Every setting by its name in the file; the variable is the same in capitals after `SLACKCRM_`,
/// the flag the same with hyphens.
const KEYS: [&str; 22] = [
    "listen",
    "database_url",
    "secret_key",
    "secret_key_previous",
    "log",
    "log_format",
    "body_limit",
    "signup",
    "trusted_proxies",
    "cors_origins",
    "hsts",
    "max_connections",
    "metrics_token",
    "otlp_endpoint",
    "queues",
    "webhook_allow",
    "webhook_http",
    "mail",
    "mail_from",
    "mail_ca",
    "public_url",
    "redis_url",
];
/// Settings that nobody but the file's owner may read.
const SECRETS: [&str; 5] = ["secret_key", "secret_key_previous", "metrics_token", "mail", "redis_url"];
const PREFIX: &str = "SLACKCRM_";
/// The variable that names the file.
const FILE_VARIABLE: &str = "SLACKCRM_CONFIG";
/// Variables of the repository's own tests and benches, which start this binary too.
const FOREIGN: [&str; 2] = ["SLACKCRM_TEST_", "SLACKCRM_BENCH_"];

/// What was set, and where.
pub(crate) struct Sources {
    values: BTreeMap<&'static str, (SecretString, String)>,
}

/// One setting.
pub(crate) struct Setting<'a> {
    text: Cow<'a, str>,
    origin: Cow<'a, str>,
}

impl Setting<'_> {
    /// The value as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where it was set, as in `SLACKCRM_LISTEN`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

impl Sources {
    /// Reads all three; the first that names a setting decides it.
    pub(crate) fn read(options: Options, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self> {
        let mut sources = Self { values: BTreeMap::new() };
        let mut file = options.config.clone();
        sources.take_flags(options);
        if let Some(named) = sources.take_environment(environment)? {
            file.get_or_insert(named.into());
        }
        if let Some(path) = file {
            sources.take_file(&path)?;
        }
        Ok(sources)
    }

    /// A setting, where somebody set it.
    pub(crate) fn setting(&self, key: &'static str) -> Option<Setting<'_>> {
        let (text, origin) = self.values.get(key)?;
        Some(Setting { text: text.expose_secret().into(), origin: origin.as_str().into() })
    }

    /// A setting, or what it is where nobody set it.
    pub(crate) fn or(&self, key: &'static str, default: &'static str) -> Setting<'_> {
        self.setting(key).unwrap_or(Setting { text: default.into(), origin: key.into() })
    }

    fn put(&mut self, key: &'static str, value: SecretString, origin: String) {
        self.values.entry(key).or_insert((value, origin));
    }

    fn take_flags(&mut self, options: Options) {
        let Options { config: _, listen, database_url, secret_key, log, log_format, queues } = options;
        let flags = [
            ("listen", listen.map(SecretString::from)),
            ("database_url", database_url),
            ("secret_key", secret_key),
            ("log", log.map(SecretString::from)),
            ("log_format", log_format.map(SecretString::from)),
            ("queues", queues.map(SecretString::from)),
        ];
        for (key, value) in flags {
            if let Some(value) = value {
                self.put(key, value, format!("--{}", key.replace('_', "-")));
            }
        }
    }

    /// Takes the variables that are ours and gives the file's path where one names it.
    fn take_environment(
        &mut self,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Option<OsString>> {
        let mut file = None;
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| is_ours(name)) else { continue };
            if name == FILE_VARIABLE {
                file = Some(value);
                continue;
            }
            let key = name.strip_prefix(PREFIX).and_then(|rest| known(&rest.to_ascii_lowercase()));
            let key = key.filter(|key| *name == variable(key)).ok_or_else(|| unknown_variable(name))?;
            let text = value.into_string().map_err(|_| Error::invalid(name, "value", "is not valid UTF-8"))?;
            self.put(key, text.into(), name.to_owned());
        }
        Ok(file)
    }

    fn take_file(&mut self, path: &Path) -> Result<()> {
        let shown = path.display().to_string();
        let unreadable =
            |error: std::io::Error| Error::invalid(&shown, "unreadable", error.to_string()).with_source(error);
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // The error's own text quotes the line, which may hold a secret.
            let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
            Error::invalid(&shown, "toml", format!("line {line} is not TOML: {}", error.message()))
        })?;
        for (name, value) in table {
            let origin = format!("{name} in {shown}");
            let key = known(&name).ok_or_else(|| {
                Error::invalid(&origin, "unknown_setting", format!("is not a setting; known are {}", KEYS.join(", ")))
            })?;
            if SECRETS.contains(&key)
                && let Some(message) = secret::exposure(path).map_err(unreadable)?
            {
                return Err(Error::invalid(&origin, "exposed_secret", message));
            }
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                _ => return Err(Error::invalid(&origin, "value", "must be text or a number")),
            };
            self.put(key, value.into(), origin);
        }
        Ok(())
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) && !FOREIGN.iter().any(|foreign| name.starts_with(foreign))
}

fn known(name: &str) -> Option<&'static str> {
    KEYS.into_iter().find(|key| *key == name)
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

fn unknown_variable(name: &str) -> Error {
    let known: Vec<String> = KEYS.into_iter().map(variable).collect();
    let message = format!("is not a setting; known are {FILE_VARIABLE}, {}", known.join(", "));
    Error::invalid(name, "unknown_setting", message)
}
