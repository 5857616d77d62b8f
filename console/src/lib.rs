//! The web console: one page that watches the state machine work, finds what failed, and acts on it.
//!
//! ```text
//! GET    /console[/…]                                 the page; every address below it is one of its views
//! GET    /console/assets/{path}                       its modules, its stylesheet
//! GET    /console/embed[.js]                          the live graph for another page: an example, and its module
//! GET    /console/session                             who is asking, and what there is to see here
//! POST   /console/session {key}                       signs in
//! DELETE /console/session                             signs out
//! GET    /console/api/graph[.svg]                     all executions at once: how many are where, how fast
//! GET    /console/api/definition[.svg]                what new executions run
//! GET    /console/api/executions/{name}/graph[.svg]   one of them, drawn from its history
//! GET    /console/api/executions/{name}/definition    what it runs
//! ```
//!
//! The page is plain ES modules, stylesheets and HTML (`console/web`; `console/README.md` says how they are made); they are compiled
//! in. Its data comes from the routes of `ops` and of the platform; only what needs drawing is answered here, by
//! [`asl_graph`]. Nothing here knows a platform.

mod assets;
mod definitions;
mod graph;
mod policy;
mod session;
mod traffic;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{from_extractor_with_state, map_response};
use axum::routing::{MethodRouter, get};
use ops::Ops;
use producer::auth::{Access, OpsScope, Require};
use producer::{REQUEST_TIMEOUT, guarded};
use serde::Serialize;

use crate::definitions::Definitions;
use crate::traffic::Traffic;

/// Where the pipeline runs, as far as the page has to know.
#[derive(Debug, Clone, Serialize)]
pub struct Platform {
    /// `embedded`, or the name of a stack.
    pub name: String,
    /// What an execution's name is appended to for its ARN.
    pub execution_arn: String,
    /// Whether the API of orders and products is here as well.
    pub api: bool,
    /// Whether mails are captured here.
    pub mailbox: bool,
    /// Whether `/ops/events` tells what changes.
    pub events: bool,
}

/// What the handlers share.
#[derive(Clone)]
struct Console {
    ops: Ops,
    access: Access,
    platform: Arc<Platform>,
    definitions: Arc<Definitions>,
    traffic: Arc<Traffic>,
}

impl FromRef<Console> for Access {
    fn from_ref(console: &Console) -> Self {
        console.access.clone()
    }
}

/// The routes, to be merged beside those of [`ops::http`].
pub fn router(ops: Ops, access: Access, platform: Platform) -> Router {
    let definitions = Arc::new(Definitions::new(Arc::clone(&ops.ports().executions)));
    let traffic = Arc::new(Traffic::new(ops.clone()));
    let console = Console { ops, access: access.clone(), platform: Arc::new(platform), definitions, traffic };
    let quick = |handlers: MethodRouter<Console>| guarded(handlers, REQUEST_TIMEOUT);
    let data = Router::new()
        .route("/console/api/graph", quick(get(graph::traffic)))
        .route("/console/api/graph.svg", quick(get(graph::traffic_svg)))
        .route("/console/api/definition", quick(get(graph::definition)))
        .route("/console/api/definition.svg", quick(get(graph::definition_svg)))
        .route("/console/api/executions/{name}/graph", quick(get(graph::execution)))
        .route("/console/api/executions/{name}/graph.svg", quick(get(graph::execution_svg)))
        .route("/console/api/executions/{name}/definition", quick(get(graph::execution_definition)))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access));
    Router::new()
        .route("/console", quick(get(assets::page)))
        .route("/console/", quick(get(assets::page)))
        .route("/console/{*view}", quick(get(assets::page)))
        .route("/console/assets/{*path}", quick(get(assets::asset)))
        .route("/console/embed", quick(get(assets::example)))
        .route("/console/embed.js", quick(get(assets::embed)))
        .route("/console/session", quick(get(session::read).post(session::begin).delete(session::end)))
        .merge(data)
        .with_state(console)
        .layer(map_response(policy::apply))
}

/// Nobody between us and the page keeps it.
const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
