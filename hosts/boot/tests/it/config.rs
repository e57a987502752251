//! Where settings come from, and which are refused.

use std::ffi::OsString;
use std::fs;

use crm_boot::{Config, Database, LogFormat, Options, WebhookHttp};
use crm_core::Error;
use crm_core::auth::Signup;
use secrecy::ExposeSecret as _;

const SECRET: &str = "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi";

fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn from_environment(pairs: &[(&str, &str)]) -> Result<Config, Error> {
    Config::from_sources(Options::default(), environment(pairs))
}

/// The place and the code of a refusal.
fn refusal(result: Result<Config, Error>) -> (String, String) {
    let error = result.unwrap_err();
    let [fault] = error.fields() else { panic!("{error:?}") };
    assert!(error.to_string().starts_with(&fault.field), "{error}");
    (fault.field.clone(), fault.code.to_string())
}

#[test]
fn nothing_set_is_a_file_here_and_this_machine_alone() {
    let config = from_environment(&[("PATH", "/bin"), ("SLACKCRM_TEST_POSTGRES", "postgres://x")]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.file().unwrap().to_str(), Some("slackcrm.db"));
    assert_eq!((config.log.as_str(), config.log_format, config.body_limit), ("info", LogFormat::Json, 1_048_576));
    assert!(config.secret_key.is_none());
    assert_eq!(config.signup, Signup::Closed);
    assert_eq!(from_environment(&[("SLACKCRM_SIGNUP", "open")]).unwrap().signup, Signup::Open);
    assert!(!config.trusted_proxies.trust("127.0.0.1".parse().unwrap()));
    assert_eq!((config.cors_origins.iter().count(), config.hsts, config.max_connections), (0, None, 25_000));
    assert!(config.metrics_token.is_none() && config.otlp_endpoint.is_none() && config.redis_url.is_none());
}

#[test]
fn a_server_that_the_world_reaches_is_set_by_variables_and_file_alike() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.toml");
    let text = "trusted_proxies = \"10.0.0.0/8, ::1\"\ncors_origins = \"https://crm.example.com\"\nhsts = 60\n\
                max_connections = 7\notlp_endpoint = \"http://127.0.0.1:4318\"\nsignup = \"open\"\n";
    fs::write(&file, text).unwrap();
    let read = Config::from_sources(Options { config: Some(file), ..Options::default() }, []).unwrap();
    let set = from_environment(&[
        ("SLACKCRM_TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        ("SLACKCRM_CORS_ORIGINS", "https://crm.example.com"),
        ("SLACKCRM_HSTS", "60"),
        ("SLACKCRM_MAX_CONNECTIONS", "7"),
        ("SLACKCRM_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
        ("SLACKCRM_SIGNUP", "open"),
        ("SLACKCRM_METRICS_TOKEN", SECRET),
    ])
    .unwrap();
    for config in [&read, &set] {
        assert!(config.trusted_proxies.trust("10.9.9.9".parse().unwrap()));
        assert_eq!(config.cors_origins.iter().collect::<Vec<_>>(), ["https://crm.example.com"]);
        assert_eq!((config.hsts, config.max_connections, config.signup), (Some(60), 7, Signup::Open));
        assert_eq!(config.otlp_endpoint.as_ref().unwrap().traces(), "http://127.0.0.1:4318/v1/traces");
    }
    assert!(!format!("{set:?}").contains(SECRET));
}

#[test]
fn a_refused_setting_says_why() {
    for (name, value, why) in [
        ("SLACKCRM_SIGNUP", "yes", "neither open nor closed"),
        ("SLACKCRM_TRUSTED_PROXIES", "::/0", "everybody"),
        ("SLACKCRM_TRUSTED_PROXIES", "proxy.internal", "neither an address nor a network"),
        ("SLACKCRM_CORS_ORIGINS", "*", "every web site"),
        ("SLACKCRM_CORS_ORIGINS", "https://crm.example.com/", "slash"),
        ("SLACKCRM_HSTS", "a year", "number of seconds"),
        ("SLACKCRM_MAX_CONNECTIONS", "0", "at least 1"),
        ("SLACKCRM_METRICS_TOKEN", "short", "at least 32"),
        ("SLACKCRM_OTLP_ENDPOINT", "https://collector:4318", "without TLS"),
        ("SLACKCRM_OTLP_ENDPOINT", "collector", "no address of a collector"),
    ] {
        let error = from_environment(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(name), "{error}");
    }
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.toml");
    fs::write(&file, "listen = \"127.0.0.1:1\"\nlog = \"error\"\nlog_format = \"text\"\nbody_limit = 7\n").unwrap();
    let options = Options { listen: Some("127.0.0.1:3".into()), ..Options::default() };
    let pairs =
        [("SLACKCRM_CONFIG", file.to_str().unwrap()), ("SLACKCRM_LISTEN", "127.0.0.1:2"), ("SLACKCRM_LOG", "warn")];
    let config = Config::from_sources(options, environment(&pairs)).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!((config.log.as_str(), config.log_format, config.body_limit), ("warn", LogFormat::Text, 7));
    // A file that a flag names comes before the one of the environment.
    let options = Options { config: Some(file), ..Options::default() };
    let config = Config::from_sources(options, environment(&[("SLACKCRM_CONFIG", "absent.toml")])).unwrap();
    assert_eq!(config.log, "error");
}

#[test]
fn unknown_settings_are_refused_by_name() {
    let unknown = |name: &str| (name.to_owned(), "unknown_setting".to_owned());
    assert_eq!(refusal(from_environment(&[("SLACKCRM_LISTN", "x")])), unknown("SLACKCRM_LISTN"));
    assert_eq!(refusal(from_environment(&[("SLACKCRM_listen", "127.0.0.1:1")])), unknown("SLACKCRM_listen"));
    let error = from_environment(&[("SLACKCRM_X", "y")]).unwrap_err().to_string();
    assert!(error.contains("SLACKCRM_DATABASE_URL") && error.contains("SLACKCRM_CONFIG"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.toml");
    let read = |text: &str| {
        fs::write(&file, text).unwrap();
        refusal(Config::from_sources(Options { config: Some(file.clone()), ..Options::default() }, []))
    };
    assert_eq!(read("listn = 1"), unknown(&format!("listn in {}", file.display())));
    assert_eq!(read("listen = true").1, "value");
    assert_eq!(read("listen = ").1, "toml");
    let absent = Options { config: Some("absent.toml".into()), ..Options::default() };
    assert_eq!(refusal(Config::from_sources(absent, [])), ("absent.toml".into(), "unreadable".into()));
}

#[test]
fn values_that_do_not_fit_are_refused_where_they_were_set() {
    for (name, value) in [
        ("SLACKCRM_LISTEN", "8080"),
        ("SLACKCRM_LISTEN", "localhost:99999"),
        ("SLACKCRM_DATABASE_URL", "mysql://x"),
        ("SLACKCRM_DATABASE_URL", "sqlite://"),
        ("SLACKCRM_DATABASE_URL", "crm.db"),
        ("SLACKCRM_LOG_FORMAT", "xml"),
        ("SLACKCRM_BODY_LIMIT", "much"),
        ("SLACKCRM_SIGNUP", "perhaps"),
        ("SLACKCRM_TRUSTED_PROXIES", "10.0.0.0/8,proxy.internal"),
        ("SLACKCRM_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("SLACKCRM_CORS_ORIGINS", "*"),
        ("SLACKCRM_HSTS", "-1"),
        ("SLACKCRM_MAX_CONNECTIONS", "0"),
        ("SLACKCRM_OTLP_ENDPOINT", "ftp://collector"),
        ("SLACKCRM_REDIS_URL", "rediss://cache"),
        ("SLACKCRM_REDIS_URL", "redis://:sesame@"),
    ] {
        assert_eq!(refusal(from_environment(&[(name, value)])), (name.to_owned(), "value".to_owned()), "{value}");
    }
}

#[test]
fn weak_secrets_are_refused_with_the_reason_and_without_the_secret() {
    for weak in [
        "",
        "short",
        &SECRET[..31],
        &"a".repeat(64),
        "abababababababababababababababab",
        "please-change-me-please-change-me-now",
        "my super secret key for production!!",
        "Password1234567890Password1234567890",
        "0123456789abcdef0123456789abcdef",
        "12345678901234567890123456789012",
        "31415926535897932384626433832795",
        "3141-5926-5358-9793-2384-6264-3383",
        "abcdefghabcdefghabcdefghabcdefgh",
        "kq8Zr2VnX0cTkq8Zr2VnX0cTkq8Zr2Vn",
        "qwertyuiopasdfghjklzxcvbnmqwerty1",
        "QWERTZUIOP-asdfghjkl-yxcvbnm-4321",
        "zyxwvutsrqponmlkjihgfedcba987654",
        "aaaabbbbccccddddeeeeffffgggghhhhii",
    ] {
        let result = from_environment(&[("SLACKCRM_SECRET_KEY", weak)]);
        let error = result.as_ref().unwrap_err().to_string();
        assert!(weak.len() < 6 || !error.contains(weak), "{error}");
        assert_eq!(refusal(result), ("SLACKCRM_SECRET_KEY".to_owned(), "weak_secret".to_owned()), "{weak}");
    }
    for strong in [SECRET, &SECRET.repeat(2), &format!("abcdefghijklmnop{SECRET}"), "9f86d081884c7d659a2feaa0c55ad015"]
    {
        let config = from_environment(&[("SLACKCRM_SECRET_KEY", strong)]).unwrap();
        assert_eq!(config.secret_key.unwrap().expose_secret(), strong);
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_a_secret_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.toml");
    let read = |text: &str, mode| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        Config::from_sources(Options { config: Some(file.clone()), ..Options::default() }, [])
    };
    for (key, value) in [
        ("secret_key", SECRET),
        ("secret_key_previous", SECRET),
        ("metrics_token", SECRET),
        ("redis_url", "redis://:sesame@cache"),
    ] {
        let text = format!("{key} = \"{value}\"\n");
        for mode in [0o640, 0o604, 0o666] {
            let place = format!("{key} in {}", file.display());
            assert_eq!(refusal(read(&text, mode)), (place, "exposed_secret".to_owned()));
        }
        assert!(read(&text, 0o600).is_ok());
    }
    assert!(read("listen = \"127.0.0.1:1\"\n", 0o644).is_ok());
}

#[test]
fn secrets_do_not_print() {
    let pairs = [("SLACKCRM_SECRET_KEY", SECRET), ("SLACKCRM_DATABASE_URL", "postgres://crm:hunter2@db/crm")];
    let config = from_environment(&pairs).unwrap();
    assert!(matches!(config.database, Database::Postgres(_)));
    let shown = format!("{config:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("hunter2"), "{shown}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.toml");
    fs::write(&file, format!("secret_key = \"{SECRET}\n")).unwrap();
    let error = Config::from_sources(Options { config: Some(file), ..Options::default() }, []).unwrap_err();
    assert!(!format!("{error:?} {error}").contains(SECRET), "{error:?}");
}

#[test]
fn webhooks_go_to_public_addresses_unless_networks_are_named() {
    let inside = "10.1.2.3".parse().unwrap();
    let config = from_environment(&[]).unwrap();
    assert!(!config.webhook_allow.contain(inside) && config.webhook_http == WebhookHttp::Refused);
    let config =
        from_environment(&[("SLACKCRM_WEBHOOK_ALLOW", "10.1.0.0/16, fd00::/8"), ("SLACKCRM_WEBHOOK_HTTP", "allowed")]);
    let config = config.unwrap();
    assert!(config.webhook_allow.contain(inside) && config.webhook_http == WebhookHttp::Allowed);
    for (name, value) in [
        ("SLACKCRM_WEBHOOK_ALLOW", "10.0.0.0/33"),
        ("SLACKCRM_WEBHOOK_ALLOW", "intranet"),
        ("SLACKCRM_WEBHOOK_ALLOW", "0.0.0.0/0"),
        ("SLACKCRM_WEBHOOK_HTTP", "yes"),
    ] {
        assert_eq!(refusal(from_environment(&[(name, value)])), (name.to_owned(), "value".to_owned()), "{value}");
    }
}

#[test]
fn mail_says_by_what_means_from_whom_and_where_links_lead() {
    let from = ("SLACKCRM_MAIL_FROM", "Acme Sales <crm@acme.example>");
    let config = from_environment(&[
        ("SLACKCRM_MAIL", "smtp://user:sesame@mail.example.com"),
        from,
        ("SLACKCRM_PUBLIC_URL", "https://crm.acme.example/"),
    ]);
    let config = config.unwrap();
    assert!(!format!("{config:?}").contains("sesame"));
    assert_eq!(config.mail_from.unwrap().name.as_deref(), Some("Acme Sales"));
    assert_eq!(config.public_url.unwrap().to_string(), "https://crm.acme.example");
    let none = from_environment(&[]).unwrap();
    assert!(none.mail.is_none() && none.mail_from.is_none() && none.public_url.is_none());
    for (variable, value) in [
        ("SLACKCRM_MAIL", "mail.example.com"),
        ("SLACKCRM_MAIL", "smtp://u:sesame%@host"),
        ("SLACKCRM_MAIL_FROM", "Acme Sales"),
        ("SLACKCRM_MAIL_FROM", "crm@acme.example\r\nBcc: eve@example.com"),
        ("SLACKCRM_PUBLIC_URL", "crm.acme.example"),
    ] {
        let result = from_environment(&[(variable, value)]);
        assert!(!format!("{:?}", result.as_ref().err()).contains("sesame"));
        assert_eq!(refusal(result), (variable.to_owned(), "value".to_owned()), "{value}");
    }
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("ca.pem");
    let named = ("SLACKCRM_MAIL_CA", authorities.to_str().unwrap());
    assert_eq!(refusal(from_environment(&[named])), (named.0.to_owned(), "value".to_owned()));
    std::fs::write(&authorities, "a certificate").unwrap();
    assert_eq!(from_environment(&[named]).unwrap().mail_ca.as_deref(), Some("a certificate"));
    let result = from_environment(&[("SLACKCRM_MAIL", "mailbox://mail")]);
    assert_eq!(refusal(result), ("SLACKCRM_MAIL_FROM".to_owned(), "required".to_owned()));
}
