//! Starting, stopping and what lies between.

use std::any::Any;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::web::Data;
use crm_boot::{Booted, Config, boot, boot_for_jobs};
use crm_core::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{State, app};
use crate::logging;
use crate::trace::Exporter;

/// How long requests that are under way may take when the server stops, in seconds.
const GRACE_SECONDS: u64 = 30;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what is sent to it, in milliseconds.
#[cfg(target_os = "linux")]
const TAKING_MILLIS: u32 = 30_000;
/// How long an idle connection stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Boots the engine and serves it until the process is told to end (SIGTERM or SIGINT). Then no new
/// connection and no new job is taken, requests under way are finished for at most 30 s, jobs beside them for
/// at most 10 s, and the store is let go.
/// A signal before the server listens, and a second one after that, end this at once: what was not
/// committed by then is not done.
///
/// # Errors
/// As [`crm_boot::boot`]; `Unavailable` where the address cannot be listened on.
pub async fn serve(config: Config) -> Result<()> {
    logging::start(&config)?;
    let mut told = Told::listening()?;
    let booted = tokio::select! {
        booted = boot(config) => booted?,
        // A migration may wait for its lock for long.
        () = told.wait() => return Ok(()),
    };
    let server = Server::start(booted)?;
    tracing::info!(address = %server.address(), "listening");
    told.wait().await;
    tracing::info!("finishing the requests under way");
    tokio::select! {
        stopped = server.stop() => {
            stopped?;
            tracing::info!("stopped");
        }
        // Its workers are not asked again: they would finish what they have before they listen.
        () = told.wait() => tracing::warn!("ending with requests under way"),
    }
    Ok(())
}

/// Does the jobs of the configured queues until the process is told to end, and answers nobody. Then no
/// further job is taken, and those that run have their time to end. A second signal ends this at once.
///
/// # Errors
/// As [`crm_boot::boot_for_jobs`].
pub async fn work(config: Config) -> Result<()> {
    logging::start(&config)?;
    let mut told = Told::listening()?;
    let booted = tokio::select! {
        booted = boot_for_jobs(config) => booted?,
        () = told.wait() => return Ok(()),
    };
    tracing::info!("working");
    told.wait().await;
    tracing::info!("finishing the jobs under way");
    tokio::select! {
        () = booted.close() => tracing::info!("stopped"),
        () = told.wait() => tracing::warn!("ending with jobs under way"),
    }
    Ok(())
}

/// The signals that end the process.
struct Told {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Told {
    fn listening() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(Error::internal);
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A running server on threads of its own.
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    state: Data<State>,
    thread: JoinHandle<std::io::Result<()>>,
    booted: Booted,
    exporter: Option<Exporter>,
}

impl Server {
    /// Listens on the configured address and answers, on as many threads as there are cores.
    ///
    /// # Errors
    /// `Unavailable` where the address cannot be listened on; `Internal` where traces cannot be exported.
    pub fn start(booted: Booted) -> Result<Self> {
        let wanted = booted.config().listen;
        let failed = |error: std::io::Error| {
            Error::unavailable(format!("cannot listen on {wanted}: {error}")).with_source(error)
        };
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (state, exporter) = State::new(&booted)?;
        let state = Data::new(state);
        let shared = state.clone();
        let (started, starting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("slackcrm-http".to_owned())
            .spawn(move || run(listener, shared, &started))
            .map_err(failed)?;
        let handle = starting.recv().map_err(Error::internal)?.map_err(failed)?;
        Ok(Self { address, handle, state, thread, booted, exporter })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection and no new job, finishes the requests under way for at most 30 s and beside them
    /// the jobs, sends the spans that wait, ends the workers and lets go of the store.
    ///
    /// # Errors
    /// `Internal` when a thread of the server had died.
    pub async fn stop(self) -> Result<()> {
        // Whoever watches would be a request under way for ever.
        self.state.closing.send_replace(true);
        // Their time to end is over long before that of the requests.
        self.booted.take_no_more();
        self.handle.stop(true).await;
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await.map_err(Error::internal)?;
        ended.map_err(|_| Error::internal("the server's thread panicked"))?.map_err(Error::internal)?;
        if let Some(exporter) = self.exporter {
            exporter.stop().await;
        }
        self.booted.close().await;
        Ok(())
    }
}

/// Runs the server on this thread. Each worker has a runtime of its own, so a request stays on the
/// core that took it.
fn run(
    listener: TcpListener,
    state: Data<State>,
    started: &mpsc::Sender<std::io::Result<ServerHandle>>,
) -> std::io::Result<()> {
    System::new().block_on(async move {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let connections = state.config.max_connections;
        let bound = HttpServer::new(move || app(state.clone()))
            .workers(cores)
            .max_connections(connections)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .on_connect(|connection, _| cut_off_in_time(connection))
            .shutdown_timeout(GRACE_SECONDS)
            .disable_signals()
            .listen(listener);
        match bound {
            Ok(bound) => {
                let server = bound.run();
                let _starter_waits = started.send(Ok(server.handle()));
                server.await
            }
            Err(error) => {
                let _starter_waits = started.send(Err(error));
                Ok(())
            }
        }
    })
}

/// Has the kernel end a connection whose client takes nothing for long: the framework asks no body for more while there
/// is no room for it, and looks at no clock meanwhile.
#[cfg(target_os = "linux")]
fn cut_off_in_time(connection: &dyn Any) {
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, TAKING_MILLIS) {
        tracing::debug!(%error, "a connection is not ended whose client takes nothing");
    }
}

/// No other kernel counts this.
#[cfg(not(target_os = "linux"))]
fn cut_off_in_time(_: &dyn Any) {}
