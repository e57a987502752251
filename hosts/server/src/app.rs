//! The application of one worker thread: state, routes, envelope.

use std::sync::Arc;

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, Error, body::BoxBody};
use crm_boot::{Backend, Booted, Proxies};
use crm_core::Crm;
use utoipa_actix_web::AppExt as _;

use crate::envelope::envelope;
use crate::fallback::{Known, fallback};
use crate::{openapi, routes};

/// What every handler may ask.
pub(crate) struct State {
    pub(crate) crm: Crm,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) body_limit: usize,
    pub(crate) proxies: Proxies,
    pub(crate) document: String,
    pub(crate) known: Known,
}

impl State {
    pub(crate) fn new(booted: &Booted) -> Self {
        let document = openapi::document();
        Self {
            crm: booted.crm().clone(),
            backend: booted.backend(),
            body_limit: booted.config().body_limit,
            proxies: booted.config().trusted_proxies.clone(),
            known: Known::of(&document),
            document: openapi::pretty(&document),
        }
    }
}

/// The application of one worker.
pub(crate) fn app(
    state: Data<State>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>,
> {
    let (app, _) = App::new().app_data(state).into_utoipa_app().configure(routes::all).split_for_parts();
    app.default_service(web::to(fallback)).wrap(from_fn(envelope))
}
