//! The application of one worker thread: state, routes, envelope.

use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, Error, body::BoxBody};
use crm_boot::{Backend, Booted, Config, Live, MailboxMailer};
use crm_core::{Crm, Result};
use parking_lot::Mutex;
use tokio::sync::watch;
use utoipa_actix_web::AppExt as _;

use crate::browser::Browser;
use crate::cors::Cors;
use crate::envelope::{Gate, envelope};
use crate::fallback::fallback;
use crate::places::Places;
use crate::tally::Tally;
use crate::token::Token;
use crate::trace::{Exporter, Tracer};
use crate::{openapi, routes};

/// What every handler may ask.
pub(crate) struct State {
    pub(crate) crm: Crm,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) config: Config,
    pub(crate) live: Arc<Live>,
    /// The folder that mails are written to, where none is sent.
    pub(crate) mailbox: Option<MailboxMailer>,
    /// Whether the server is about to end: whoever watches is told.
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) metrics_token: Option<Token>,
    pub(crate) document: String,
    pub(crate) places: Arc<Places>,
    pub(crate) tracer: Option<Tracer>,
    /// The tally of each worker thread.
    pub(crate) tallies: Mutex<Vec<Arc<Tally>>>,
    /// Since when, in seconds since 1970.
    pub(crate) started: f64,
}

impl State {
    /// What all workers share, and the exporter of their spans where there is one.
    pub(crate) fn new(booted: &Booted) -> Result<(Self, Option<Exporter>)> {
        let (document, config) = (openapi::document(), booted.config().clone());
        let places = Arc::new(Places::of(&document));
        let (exporter, tracer) = config.otlp_endpoint.as_ref().map(Exporter::start).transpose()?.unzip();
        let state = Self {
            crm: booted.crm().clone(),
            backend: booted.backend(),
            live: booted.live().clone(),
            mailbox: booted.mailbox(),
            closing: watch::Sender::new(false),
            metrics_token: config.metrics_token.clone().map(Token::new),
            config,
            document: openapi::pretty(&document),
            places,
            tracer,
            tallies: Mutex::default(),
            started: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64(),
        };
        Ok((state, exporter))
    }

    /// What the envelopes of one more worker have at hand.
    fn gate(&self) -> Gate {
        let tally = Tally::new(&self.places);
        self.tallies.lock().push(tally.clone());
        Gate {
            places: self.places.clone(),
            browser: Browser::new(self.config.hsts),
            cors: Cors::new(&self.config.cors_origins),
            tally,
            tracer: self.tracer.clone(),
        }
    }
}

/// The application of one worker.
pub(crate) fn app(
    state: Data<State>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>,
> {
    let gate = Rc::new(state.gate());
    let (app, _) = App::new().app_data(state).into_utoipa_app().configure(routes::all).split_for_parts();
    let app = app.default_service(web::to(fallback));
    app.wrap(from_fn(move |request, next: Next<_>| envelope(gate.clone(), request, next)))
}
