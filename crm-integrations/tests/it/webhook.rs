//! Messages to webhook endpoints.

use crm_integrations::webhook::{HttpSender, Reachable};

fn sender() -> HttpSender {
    HttpSender::new(Reachable::default()).allowing_http()
}

crm_core::testkit::webhook_sender_suite!(sender);
