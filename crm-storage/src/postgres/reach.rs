//! Reaching the server, and noticing when it cannot be reached any more.

use std::time::Duration;

use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, Error, NoTls, Socket};

/// How long a connection is silent before its other end is asked whether it is there. A URL may say otherwise, as it
/// may of the others.
const SILENCE: Duration = Duration::from_secs(15);
/// How long to wait before it is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it is asked before the connection is given up.
const TIMES: u32 = 3;
/// How long what was sent may go unacknowledged before the connection is given up.
const UNHEARD: Duration = Duration::from_secs(30);
/// What `tokio-postgres` takes for the silence where nobody has said anything: that of the standard.
const UNSAID: Duration = Duration::from_secs(2 * 60 * 60);

/// Makes a server say in English what `error.rs` reads, unless it does. One that speaks English already is
/// asked for nothing, because not every role may ask.
pub(super) const ENGLISH: &str = "SELECT set_config('lc_messages', 'C', false) \
    WHERE current_setting('lc_messages') !~* '^(c|posix|en|english)([^a-z]|$)'";

/// A connection to the server of a URL. Where packets vanish, as behind a firewall that has forgotten it, the system
/// ends it within half a minute.
pub(super) async fn connect(url: &str) -> Result<(Client, Connection<Socket, NoTlsStream>), Error> {
    let mut config: Config = url.parse()?;
    attend(&mut config);
    config.connect(NoTls).await
}

/// Says how soon a lost connection is noticed, as far as the URL did not.
fn attend(config: &mut Config) {
    if config.get_keepalives_idle() == UNSAID {
        config.keepalives_idle(SILENCE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(AGAIN);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(TIMES);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNHEARD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_noticed_as_soon_as_the_url_says_or_else_within_half_a_minute() {
        let told = |url: &str| {
            let mut config: Config = url.parse().unwrap();
            attend(&mut config);
            let (interval, retries) = (config.get_keepalives_interval(), config.get_keepalives_retries());
            (config.get_keepalives_idle(), interval, retries, config.get_tcp_user_timeout().copied())
        };
        let usual = (SILENCE, Some(AGAIN), Some(TIMES), Some(UNHEARD));
        assert_eq!(told("postgres://crm@db.example/crm"), usual);
        assert!(SILENCE + AGAIN * TIMES <= UNHEARD);
        let said = "postgres://db.example/crm?keepalives_idle=60&keepalives_interval=7&keepalives_retries=2&\
            tcp_user_timeout=90";
        let seconds = Duration::from_secs;
        assert_eq!(told(said), (seconds(60), Some(seconds(7)), Some(2), Some(seconds(90))));
    }
}
