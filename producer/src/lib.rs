//! The HTTP API of Orderflow: orders and products, as one [`axum::Router`] over the ports of [`::orders`].
//!
//! The same router runs on hyper and on Lambda, so nothing in here knows a peer address, a store or a global state.
//! A request passes, from the outside in:
//!
//! ```text
//! observe (span, log line, duration) -> routes -> idempotency key (POST /orders) -> guard (time-out, panic)
//!   -> query -> Require<scope> -> admission -> body (media type, size, types, rules) -> handler -> port
//! ```
//!
//! Where to read on: `orders` and `products` (the handlers), `wire` (what bodies are like, and their rules), [`problem`]
//! (every error), [`auth`] and [`admission`] (who may, and when), `openapi` (the document).

pub mod admission;
pub mod auth;
pub mod body;
pub mod currencies;
pub mod cursor;
mod docs;
mod guard;
pub mod headers;
mod health;
mod idempotency;
mod local;
pub mod misfit;
pub mod object;
mod observe;
mod openapi;
mod orders;
pub mod params;
mod preconditions;
pub mod problem;
mod product_cache;
mod products;
mod random;
mod session;
pub mod site;
pub mod swagger_ui;
mod trace;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use ::orders::ports::{Catalogue, Clock, OrderStore};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

pub use crate::guard::guarded;
pub use crate::health::Readiness;

/// What the API works on.
#[derive(Clone)]
pub struct Ports {
    /// The orders, and the way in.
    pub orders: Arc<dyn OrderStore>,
    /// The products.
    pub catalogue: Arc<dyn Catalogue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What listings go on with.
    pub cursors: cursor::Cursors,
}

/// Renders the process's numbers in the text format of Prometheus.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// How the API is run.
#[derive(Clone)]
pub struct Settings {
    /// Who is let in.
    pub access: auth::Access,
    /// Asked one after the other whether an order may come in; the first refusal counts.
    pub admission: Vec<Arc<dyn admission::Admission>>,
    /// Asked whether the key of a refused order may be looked up. Needs a store that has no order which was not accepted.
    pub lookups: Arc<dyn admission::Admission>,
    /// What `/metrics` answers; `404` without.
    pub metrics: Option<RenderMetrics>,
    /// What `/ready` asks; without one, whether the catalogue answers.
    pub readiness: Option<Arc<dyn Readiness>>,
    /// Routes beside the API's own, under the same rules for what is not there. Their handlers should be [`guarded`].
    pub more: Router,
    /// A request that takes longer, its body included, is answered `503`.
    pub request_timeout: Duration,
}

/// What a request may take by default.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

impl Default for Settings {
    /// Open to everybody, without limits, ten seconds for a request.
    fn default() -> Self {
        Self {
            access: auth::Access::Open,
            admission: Vec::new(),
            lookups: Arc::new(admission::lookups()),
            metrics: None,
            readiness: None,
            more: Router::new(),
            request_timeout: REQUEST_TIMEOUT,
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
struct Api(Arc<Shared>);

struct Shared {
    ports: Ports,
    access: auth::Access,
    admission: Vec<Arc<dyn admission::Admission>>,
    lookups: Arc<dyn admission::Admission>,
    metrics: Option<RenderMetrics>,
    readiness: Option<Arc<dyn Readiness>>,
    cache: product_cache::ProductCache,
}

impl std::ops::Deref for Api {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<Api> for auth::Access {
    fn from_ref(api: &Api) -> Self {
        api.access.clone()
    }
}

/// The whole API. Install a `metrics` recorder before, if the numbers shall have descriptions.
pub fn router(ports: Ports, settings: Settings) -> Router {
    observe::describe();
    let Settings { access, admission, lookups, metrics, readiness, more, request_timeout } = settings;
    let cache = product_cache::ProductCache::new();
    let api = Api(Arc::new(Shared { ports, access: access.clone(), admission, lookups, metrics, readiness, cache }));
    let guarded = |handlers: MethodRouter<Api>| guard::guarded(handlers, request_timeout);
    // All but the listings.
    let without_query = |handlers: MethodRouter<Api>| guarded(handlers.route_layer(from_fn(params::none)));
    // Its count and its key are on the guards' answers too.
    let place = without_query(post(orders::place))
        .route_layer(from_fn(idempotency::echo))
        .route_layer(from_fn(observe::posted));
    let router = Router::new()
        .route("/orders", place.merge(guarded(get(orders::list))))
        .route("/orders/{order_id}", without_query(get(orders::read)))
        .route("/orders/{order_id}/cancel", without_query(post(orders::cancel)))
        .route("/products", guarded(get(products::list)).merge(without_query(post(products::create))))
        .route("/products/{sku}", without_query(get(products::read).put(products::put).delete(products::delete)))
        .route("/products/{sku}/stock", without_query(post(products::change_stock)))
        .route("/health", without_query(get(health::health)))
        .route("/ready", without_query(get(health::ready)))
        .route("/metrics", without_query(get(health::metrics)))
        .route("/openapi.json", without_query(get(docs::openapi)))
        .with_state(api)
        .merge(currencies::router(access.clone()))
        .merge(more);
    served(router, &access)
}

/// The rules around all routes: what is not there, how large a body may be, whose pages may ask, a span for each request, and what
/// every answer tells a browser.
pub fn served(router: Router, access: &auth::Access) -> Router {
    let router = router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(body::MAX_BODY_BYTES));
    let router = if matches!(access, auth::Access::Open) { router.layer(from_fn(local::only)) } else { router };
    router.layer(from_fn(observe::request)).layer(map_response(async |response: Response| headers::apply(response)))
}

/// The document behind `/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::document()
}

async fn not_found() -> problem::Problem {
    problem::Problem::new(problem::NOT_FOUND, "There is nothing at this path; `/openapi.json` describes this API.")
}

/// The router adds `Allow`, which is all that `OPTIONS` asks for.
async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    problem::Problem::new(problem::METHOD_NOT_ALLOWED, "The header `Allow` has the methods of this path.")
        .into_response()
}
