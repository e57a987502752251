//! Redis servers that live as long as a value, and the one that tests speak to: the caller's, or one of these, which
//! keeps everything in memory.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cluster::free_port;
use crate::{process, tools};

/// Where the tests find a Redis server.
pub(crate) const VARIABLE: &str = "SLACKCRM_TEST_REDIS";
const PROGRAM: &str = "redis-server";
const READY_WITHIN: Duration = Duration::from_secs(180);

/// A running server.
pub(crate) enum TestRedis {
    Started(Server),
    Given(String),
}

impl TestRedis {
    /// The server that the environment names, or one of our own. `otherwise` says how else to go on where there is
    /// neither, beside naming one.
    pub(crate) fn find_or_start(otherwise: &str) -> Result<Self> {
        if let Ok(url) = std::env::var(VARIABLE) {
            println!("xtask: the tests use {VARIABLE} as it is set");
            return Ok(Self::Given(url));
        }
        let otherwise = format!(", name a server in {VARIABLE}{otherwise}");
        Server::start("a Redis server", &otherwise, &["--appendonly", "no"]).map(Self::Started)
    }

    /// Tells a command where the server is.
    pub(crate) fn pass_to(&self, command: &mut Command) {
        command.env(VARIABLE, self.url());
    }

    fn url(&self) -> String {
        match self {
            Self::Started(server) => server.url(),
            Self::Given(url) => url.clone(),
        }
    }
}

/// The server's process; dropping it ends the server.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts one with further arguments, on a free port. Where the program is `missing`, it is installed, and
    /// `otherwise` says how to go on without it.
    pub(crate) fn start(missing: &str, otherwise: &str, arguments: &[&str]) -> Result<Self> {
        let program = match tools::find(PROGRAM) {
            Some(program) => program,
            None => {
                tools::install_package(PROGRAM, missing, otherwise)?;
                tools::find(PROGRAM).with_context(|| format!("the package {PROGRAM} brought no server{otherwise}"))?
            }
        };
        // Another program may take the free port first.
        for _ in 0..2 {
            let attempt = Self::start_once(&program, arguments);
            if attempt.is_ok() || process::go_on().is_err() {
                return attempt;
            }
        }
        Self::start_once(&program, arguments)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn start_once(program: &Path, arguments: &[&str]) -> Result<Self> {
        process::go_on()?;
        let port = free_port()?;
        let mut command = tools::ending_with_xtask(program, "KILL");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no", "--save", ""]);
        command.args(arguments).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let process = command.spawn().with_context(|| format!("start {}", process::show(&command)))?;
        let mut server = Self { process, port };
        server.wait_until_ready()?;
        println!("xtask: Redis listens on 127.0.0.1:{port}");
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            process::go_on()?;
            if let Some(status) = self.process.try_wait()? {
                bail!("Redis ended while starting ({status})");
            }
            if answers(self.port).is_ok_and(|is_ready| is_ready) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("Redis was not ready within {READY_WITHIN:?}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it kept goes with it.
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

fn answers(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"+PONG")
}
