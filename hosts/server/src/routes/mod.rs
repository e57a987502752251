//! The endpoints, one file a room: each parses, calls one service method and renders.

mod analytics;
mod auth;
mod batches;
mod bulk;
mod companies;
mod contacts;
mod custom_fields;
mod deals;
mod docs;
mod document;
mod email;
mod exchange_rates;
mod exports;
mod health;
mod imports;
mod jobs;
mod live;
mod mailbox;
mod metrics;
mod new_deal;
mod notes;
mod permissions;
mod pipelines;
mod queues;
mod search;
mod start;
mod tags;
mod tasks;
mod teams;
mod timeline;
mod transfer;
mod unsubscribe;
mod users;
mod webhook_endpoints;
mod workspace;

use utoipa_actix_web::scope::scope;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where the API lives.
pub(crate) const API: &str = "/api/v1";

/// Every endpoint. Rooms are scopes of their own, so that a request is compared with the few paths
/// of its room; what is asked most comes first.
pub(crate) fn all(config: &mut ServiceConfig<'_>) {
    config.service(
        scope(API)
            .service(scope("/contacts").configure(contacts::routes))
            .service(scope("/companies").configure(companies::routes))
            .service(scope("/deals/analytics").configure(analytics::of_deals))
            .service(scope("/deals").configure(deals::routes))
            .service(scope("/tasks").configure(tasks::routes))
            .service(scope("/auth").configure(auth::routes))
            .service(scope("/search").configure(search::routes))
            .service(scope("/users").configure(users::routes))
            .service(scope("/teams").configure(teams::routes))
            .service(scope("/analytics").configure(analytics::routes))
            .service(scope("/pipelines").configure(pipelines::routes))
            .service(scope("/exchange-rates").configure(exchange_rates::routes))
            .service(scope("/email").configure(email::routes))
            .service(scope("/notes").configure(notes::routes))
            .service(scope("/tags").configure(tags::routes))
            .service(scope("/custom-fields").configure(custom_fields::routes))
            .service(scope("/jobs").configure(jobs::routes))
            .service(scope("/queues").configure(queues::routes))
            .service(scope("/webhook-endpoints").configure(webhook_endpoints::routes))
            .service(scope("/batches").configure(batches::routes))
            .service(scope("/exports").configure(exports::routes))
            .service(scope("/imports").configure(imports::routes))
            .service(scope("/workspace").configure(workspace::routes))
            .service(scope("/permissions").configure(permissions::routes))
            .configure(live::routes)
            .configure(document::routes),
    );
    config.configure(start::routes).configure(unsubscribe::routes).configure(mailbox::routes);
    config.configure(docs::routes).configure(health::routes).configure(metrics::routes);
}
