//! `/orders`: posting, reading and cancelling. What an order must be like is in `wire/order.rs`; what it does, in the domain.

use ::orders::order::NewOrder;
use ::orders::ports::{Acceptance, OrderFilter, Saved};
use ::orders::{OrderId, Status, TraceId};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::Api;
use crate::admission::Refused;
use crate::auth::{Principal, Require, StorefrontScope};
use crate::body;
use crate::idempotency::{self, Key};
use crate::observe::Posted;
use crate::openapi::refusals::{
    BodyLate, BodyTooLarge, Foreign, Internal, Invalid, KeyReused, NotFound, RateLimited, TooLate, Unauthenticated,
    Unavailable, UnsupportedMediaType,
};
use crate::params::{Id, Query};
use crate::problem::{self, Problem};
use crate::wire::order::{Accepted, CancelRequested, Order, OrderPage, PlaceOrder};
use crate::wire::schemas;

/// Orders are personal: nobody between us and the client keeps them.
const NO_STORE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// Place an order
///
/// Answered when the order is durably stored and its message durably queued. The same `Idempotency-Key` with the same body
/// answers the same again and places nothing twice, also while new orders are refused; after `500`, `503` or no answer at all, repeat with the same key.
#[utoipa::path(
    post,
    path = "/orders",
    tag = "orders",
    operation_id = "placeOrder",
    security(("bearer" = [])),
    params(
        ("Idempotency-Key" = Option<schemas::IdempotencyKey>, Header,
            description = "Names this order; without one the server makes one."),
        ("traceparent" = Option<String>, Header, description = "W3C Trace Context; one that is not valid is ignored."),
    ),
    request_body(content = PlaceOrder, description = "At most 64 KiB."),
    responses(
        (status = 202, description = "Accepted, or accepted before.", body = Accepted, headers(
            ("Location" = String, description = "The order: `/orders/{id}`."),
            ("Idempotency-Key" = String, description = "The key, also one that the server made. Errors have it too."),
        )),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Foreign),
        (status = 408, response = BodyLate),
        (status = 413, response = BodyTooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = KeyReused),
        (status = 429, response = RateLimited),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn place(
    State(api): State<Api>,
    Admitted { principal, earlier }: Admitted,
    Key(key): Key,
    Extension(trace_id): Extension<TraceId>,
    body::Json(order): body::Json<PlaceOrder>,
) -> Result<Response, Problem> {
    let storefront = principal.name;
    let id = OrderId::derive(&storefront, &key);
    tracing::Span::current().record("order_id", id.as_str());
    let order = NewOrder { id, storefront, placed_at: api.ports.clock.now(), trace_id, content: order.into_content()? };
    let acceptance = match earlier {
        None => api.ports.orders.accept(&order).await?,
        Some(earlier) if earlier.placed.content.fingerprint() == order.content.fingerprint() => Acceptance::Repeated,
        Some(_) => Acceptance::KeyReused,
    };
    let posted = match acceptance {
        Acceptance::Created => Posted::Accepted,
        Acceptance::Repeated => Posted::Repeated,
        Acceptance::KeyReused => {
            return Err(Problem::new(
                problem::KEY_REUSED,
                "Its order has another content. Use a new key for a new order.",
            ));
        }
    };
    let location = HeaderValue::try_from(format!("/orders/{}", order.id))
        .map_err(|error| Problem::new(problem::INTERNAL, error))?;
    let accepted = Accepted { order_id: order.id, status: Status::Accepted };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], NO_STORE, Extension(posted), Json(accepted))
        .into_response())
}

/// Who posts, once the admission has let them in: asked before the body is read.
pub(crate) struct Admitted {
    principal: Principal,
    /// What was accepted before under this key, if no new order may come in now.
    earlier: Option<Box<::orders::Order>>,
}

impl FromRequestParts<Api> for Admitted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Require { principal, .. } = Require::<StorefrontScope>::from_request_parts(parts, api).await?;
        let earlier = match api.admission.iter().try_for_each(|admission| admission.admit(&principal)) {
            Ok(()) => None,
            Err(refused) => Some(Box::new(accepted_before(api, &principal, parts, refused).await?)),
        };
        Ok(Self { principal, earlier })
    }
}

/// The order that a refused one repeats. A repeat costs a read, and no write.
async fn accepted_before(
    api: &Api,
    principal: &Principal,
    parts: &Parts,
    refused: Refused,
) -> Result<::orders::Order, Problem> {
    let Some(key) = idempotency::of_client(parts) else { return Err(refused.into()) };
    api.lookups.admit(principal).map_err(|_| refused.not_looked_up())?;
    let found = api.ports.orders.get(&OrderId::derive(&principal.name, key)).await?;
    found.ok_or_else(|| refused.into())
}

/// Read an order
///
/// A storefront reads its own orders; to it, another's does not exist.
#[utoipa::path(
    get,
    path = "/orders/{order_id}",
    tag = "orders",
    operation_id = "readOrder",
    security(("bearer" = [])),
    params(("order_id" = schemas::OrderId, Path, description = "The order's id.")),
    responses(
        (status = 200, description = "The order as it is now.", body = Order),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Foreign),
        (status = 404, response = NotFound),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Require<StorefrontScope>,
    Id(id): Id<OrderId>,
) -> Result<Response, Problem> {
    let order = find(&api, &caller.principal, &id).await?;
    Ok((NO_STORE, Json(Order::from(order))).into_response())
}

/// The order, if this principal may know of it.
async fn find(api: &Api, principal: &Principal, id: &OrderId) -> Result<::orders::Order, Problem> {
    tracing::Span::current().record("order_id", id.as_str());
    let order = api.ports.orders.get(id).await?;
    order
        .filter(|order| principal.only_sees().is_none_or(|storefront| *storefront == order.placed.storefront))
        .ok_or_else(|| Problem::new(problem::NOT_FOUND, "There is no such order."))
}

/// List orders
///
/// Newest first. A storefront sees its own orders, ops see all.
#[utoipa::path(
    get,
    path = "/orders",
    tag = "orders",
    operation_id = "listOrders",
    security(("bearer" = [])),
    params(
        ("status" = Option<schemas::OrderStatus>, Query, description = "Only orders in this status."),
        ("customer" = Option<schemas::CustomerId>, Query, description = "Only orders of this customer."),
        ("limit" = Option<u32>, Query, description = "At most so many; 20 if absent.", minimum = 1, maximum = 100),
        ("cursor" = Option<schemas::Cursor>, Query, description = "A `next_cursor` of the same listing with the same filter."),
    ),
    responses(
        (status = 200, description = "One page.", body = OrderPage),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Foreign),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Require<StorefrontScope>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let filter = OrderFilter {
        storefront: caller.principal.only_sees().cloned(),
        status: query.take("status", str::parse::<Status>),
        customer: query.take("customer", str::parse),
    };
    let listing = query.listing(&api.ports.cursors, filter.storefront.as_ref()).await?;
    let page = listing.sealed(api.ports.orders.list(&filter, &listing.page).await?)?;
    let page = OrderPage { orders: page.items.into_iter().map(Into::into).collect(), next_cursor: page.next };
    Ok((NO_STORE, Json(page)).into_response())
}

/// Others may write the order meanwhile; so often is it read again.
const CANCEL_TRIES: usize = 5;

/// Cancel an order
///
/// Before the charge the order ends rejected as `Cancelled`; charged but not yet confirmed, it is refunded. Cancelling twice
/// is the same as once.
#[utoipa::path(
    post,
    path = "/orders/{order_id}/cancel",
    tag = "orders",
    operation_id = "cancelOrder",
    security(("bearer" = [])),
    params(("order_id" = schemas::OrderId, Path, description = "The order's id.")),
    responses(
        (status = 202, description = "The wish is durably stored; the next step heeds it.", body = CancelRequested),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Foreign),
        (status = 404, response = NotFound),
        (status = 409, response = TooLate),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Require<StorefrontScope>,
    Id(id): Id<OrderId>,
) -> Result<Response, Problem> {
    for _ in 0..CANCEL_TRIES {
        let mut order = find(&api, &caller.principal, &id).await?;
        let before = order.progress.cancel_requested_at;
        order.request_cancel(api.ports.clock.now()).map_err(|late| Problem::new(problem::TOO_LATE, late))?;
        let unchanged = order.progress.cancel_requested_at == before;
        if unchanged || api.ports.orders.update(&order, &[]).await? == Saved::Saved {
            let answer = CancelRequested { order_id: id, status: order.progress.status, cancel_requested: true };
            return Ok((StatusCode::ACCEPTED, NO_STORE, Json(answer)).into_response());
        }
    }
    let detail = "The order is being worked on; it was not cancelled. Please repeat the request.";
    Err(Problem::try_again(problem::UNAVAILABLE, detail, problem::SHORTLY))
}
