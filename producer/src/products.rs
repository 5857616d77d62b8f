//! `/products`: the catalogue. Reads may be a second old; every decision is the store's, on a version or a delta.

use std::sync::Arc;

use ::orders::ports::Changed;
use ::orders::{Product, Sku};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::Api;
use crate::auth::{OpsScope, Require, StorefrontScope};
use crate::body;
use crate::openapi::refusals::{
    BodyLate, BodyTooLarge, Exists, Forbidden, Foreign, Internal, Invalid, NotFound, OutOfRange, PreconditionRequired,
    Reserved, Stale, Unauthenticated, Unavailable, UnsupportedMediaType,
};
use crate::params::{Id, Query};
use crate::preconditions::{Tags, etag};
use crate::problem::{self, Fault, Problem};
use crate::product_cache::FRESH_FOR;
use crate::wire::product::{ChangeStock, Product as Body, ProductPage};
use crate::wire::schemas;

/// List products
///
/// By SKU.
#[utoipa::path(
    get,
    path = "/products",
    tag = "products",
    operation_id = "listProducts",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "At most so many; 20 if absent.", minimum = 1, maximum = 100),
        ("cursor" = Option<schemas::Cursor>, Query, description = "A `next_cursor` of the same listing with the same filter."),
    ),
    responses(
        (status = 200, description = "One page.", body = ProductPage),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Foreign),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn list(
    State(api): State<Api>,
    _caller: Require<StorefrontScope>,
    uri: Uri,
) -> Result<Response, Problem> {
    let listing = Query::of(&uri).listing(&api.ports.cursors, None).await?;
    let page = listing.sealed(api.ports.catalogue.list(&listing.page).await?)?;
    let page = ProductPage { products: page.items.into_iter().map(Into::into).collect(), next_cursor: page.next };
    Ok(([(header::CACHE_CONTROL, "private, no-cache")], Json(page)).into_response())
}

/// Read a product
///
/// What changed within the last second may be missing (stock that an order took, another process's edit), but not what this process's
/// API changed. A write is never decided on this answer, but on its `ETag`.
#[utoipa::path(
    get,
    path = "/products/{sku}",
    tag = "products",
    operation_id = "readProduct",
    security(("bearer" = [])),
    params(
        ("sku" = schemas::Sku, Path, description = "The product's SKU."),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` that the client has; ignored if it is none."),
    ),
    responses(
        (status = 200, description = "The product.", body = Body, headers(
            ("ETag" = String, description = "Its version; covers the stock."),
            ("Cache-Control" = String, description = "How long it may be kept."),
        )),
        (status = 304, description = "The client has it already.", headers(("ETag" = String, description = "Its version."))),
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
    _caller: Require<StorefrontScope>,
    Id(sku): Id<Sku>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let product = match api.cache.get(&sku) {
        Some(product) => product,
        None => {
            let product = current(&api, &sku).await?.ok_or_else(missing)?;
            api.cache.saw(&product);
            Arc::new(product)
        }
    };
    let cache_control = HeaderValue::try_from(format!("private, max-age={}", FRESH_FOR.as_secs()));
    let cache_control = cache_control.map_err(|error| Problem::new(problem::INTERNAL, error))?;
    let head = [(header::ETAG, etag(product.version)), (header::CACHE_CONTROL, cache_control)];
    // On a read a condition that can't be understood saves nothing and harms nothing.
    let known = Tags::if_none_match(&headers).ok().flatten();
    if known.is_some_and(|tags| tags.match_weakly(product.version)) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, Json(Body::from(Arc::unwrap_or_clone(product)))).into_response())
}

/// Create a product
#[utoipa::path(
    post,
    path = "/products",
    tag = "products",
    operation_id = "createProduct",
    security(("bearer" = [])),
    request_body(content = Body),
    responses(
        (status = 201, description = "Created.", body = Body, headers(
            ("ETag" = String, description = "Its version."),
            ("Location" = String, description = "The product: `/products/{sku}`."),
        )),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Forbidden),
        (status = 408, response = BodyLate),
        (status = 409, response = Exists),
        (status = 413, response = BodyTooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn create(
    State(api): State<Api>,
    _caller: Require<OpsScope>,
    body::Json(product): body::Json<Body>,
) -> Result<Response, Problem> {
    match api.ports.catalogue.create(&product.into_domain()?).await? {
        Changed::Done(product) => created(&api, product),
        other => Err(refusal(&api, other, Problem::new(problem::EXISTS, "There is a product of this SKU already."))),
    }
}

/// Create or replace a product
///
/// Creates it if it is absent. To replace it, name in `If-Match` the `ETag` that was read: it covers the stock, so that no sale in
/// between is overwritten. For the same reason `If-Match: *` is not enough. With `If-None-Match: *` it is created or left alone.
#[utoipa::path(
    put,
    path = "/products/{sku}",
    tag = "products",
    operation_id = "putProduct",
    security(("bearer" = [])),
    params(
        ("sku" = schemas::Sku, Path, description = "The product's SKU; the body's must be equal."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the product that is replaced."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none yet."),
    ),
    request_body(content = Body),
    responses(
        (status = 200, description = "Replaced.", body = Body, headers(("ETag" = String, description = "Its version."))),
        (status = 201, description = "Created.", body = Body, headers(
            ("ETag" = String, description = "Its version."),
            ("Location" = String, description = "The product: `/products/{sku}`."),
        )),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Forbidden),
        (status = 404, response = NotFound),
        (status = 408, response = BodyLate),
        (status = 412, response = Stale),
        (status = 413, response = BodyTooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 428, response = PreconditionRequired),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn put(
    State(api): State<Api>,
    _caller: Require<OpsScope>,
    Id(sku): Id<Sku>,
    headers: HeaderMap,
    body::Json(product): body::Json<Body>,
) -> Result<Response, Problem> {
    let (if_match, if_none_match) = (Tags::if_match(&headers)?, Tags::if_none_match(&headers)?);
    if product.sku != sku.as_str() {
        return Err(Fault::at("/sku", "not the SKU of the path").into());
    }
    let product = product.into_domain()?;
    match if_match {
        None => create_if_absent(&api, &product, if_none_match.as_ref()).await,
        Some(if_match) => {
            let now = current(&api, &sku).await?.ok_or_else(stale)?;
            if if_match == Tags::Any {
                return Err(needs_etag());
            }
            let excluded = if_none_match.is_some_and(|tags| tags.match_weakly(now.version));
            if !if_match.match_strongly(now.version) || excluded {
                return Err(stale());
            }
            match api.ports.catalogue.replace(&product, now.version).await? {
                Changed::Done(product) => Ok(single(&api, StatusCode::OK, product)),
                Changed::Missing => Err(stale()),
                other => Err(refusal(&api, other, stale())),
            }
        }
    }
}

async fn create_if_absent(api: &Api, product: &Product, if_none_match: Option<&Tags>) -> Result<Response, Problem> {
    match api.ports.catalogue.create(product).await? {
        Changed::Done(product) => created(api, product),
        Changed::Conflict(now) if if_none_match.is_some_and(|tags| tags.match_weakly(now.version)) => Err(stale()),
        other => Err(refusal(api, other, needs_etag())),
    }
}

/// Delete a product
///
/// Not while open orders hold some of it.
#[utoipa::path(
    delete,
    path = "/products/{sku}",
    tag = "products",
    operation_id = "deleteProduct",
    security(("bearer" = [])),
    params(
        ("sku" = schemas::Sku, Path, description = "The product's SKU."),
        ("If-Match" = Option<String>, Header, description = "Only if the product has this `ETag`."),
    ),
    responses(
        (status = 204, description = "Deleted."),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Forbidden),
        (status = 404, response = NotFound),
        (status = 409, response = Reserved),
        (status = 412, response = Stale),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn delete(
    State(api): State<Api>,
    _caller: Require<OpsScope>,
    Id(sku): Id<Sku>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let version = match Tags::if_match(&headers)? {
        None | Some(Tags::Any) => None,
        Some(tags) => {
            let now = current(&api, &sku).await?.ok_or_else(missing)?;
            if !tags.match_strongly(now.version) {
                return Err(stale());
            }
            Some(now.version)
        }
    };
    match api.ports.catalogue.delete(&sku, version).await? {
        Changed::Done(product) => {
            api.cache.saw_deleted(&product);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        other => Err(refusal(&api, other, stale())),
    }
}

/// Change a product's stock
///
/// Adds to it, or takes from it. Not idempotent: after `500`, `503` or no answer at all, read the product before repeating.
#[utoipa::path(
    post,
    path = "/products/{sku}/stock",
    tag = "products",
    operation_id = "changeStock",
    security(("bearer" = [])),
    params(("sku" = schemas::Sku, Path, description = "The product's SKU.")),
    request_body(content = ChangeStock),
    responses(
        (status = 200, description = "The product with its new stock.", body = Body, headers(
            ("ETag" = String, description = "Its version."),
        )),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Forbidden),
        (status = 404, response = NotFound),
        (status = 408, response = BodyLate),
        (status = 409, response = OutOfRange),
        (status = 413, response = BodyTooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn change_stock(
    State(api): State<Api>,
    _caller: Require<OpsScope>,
    Id(sku): Id<Sku>,
    body::Json(change): body::Json<ChangeStock>,
) -> Result<Response, Problem> {
    match api.ports.catalogue.adjust_stock(&sku, change.delta).await? {
        Changed::Done(product) => Ok(single(&api, StatusCode::OK, product)),
        other => Err(refusal(&api, other, stale())),
    }
}

/// As it is now, not as it is cached.
async fn current(api: &Api, sku: &Sku) -> Result<Option<Product>, Problem> {
    Ok(api.ports.catalogue.get(std::slice::from_ref(sku)).await?.into_iter().find(|product| product.sku == *sku))
}

/// Every answer with one product has its `ETag`.
fn single(api: &Api, status: StatusCode, product: Product) -> Response {
    api.cache.saw(&product);
    let head = [(header::ETAG, etag(product.version)), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, head, Json(Body::from(product))).into_response()
}

fn created(api: &Api, product: Product) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(format!("/products/{}", product.sku));
    let location = location.map_err(|error| Problem::new(problem::INTERNAL, error))?;
    let mut response = single(api, StatusCode::CREATED, product);
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// What the store refused; `conflict` is what its conflict means here. What it tells of the product refreshes the cache.
fn refusal(api: &Api, changed: Changed, conflict: Problem) -> Problem {
    match &changed {
        Changed::Missing => return missing(),
        Changed::Done(now) | Changed::Conflict(now) | Changed::OutOfRange(now) | Changed::Reserved(now) => {
            api.cache.saw(now);
        }
    }
    match changed {
        Changed::OutOfRange(now) => Problem::new(
            problem::OUT_OF_RANGE,
            format!("There are {} now; a stock is 0 to {}.", now.stock, ::orders::product::MAX_STOCK),
        ),
        Changed::Reserved(now) => Problem::new(problem::RESERVED, format!("Open orders hold {} of it.", now.reserved)),
        Changed::Missing | Changed::Done(_) | Changed::Conflict(_) => conflict,
    }
}

fn missing() -> Problem {
    Problem::new(problem::NOT_FOUND, "There is no such product.")
}

fn stale() -> Problem {
    Problem::new(problem::STALE, "Read the product again, and decide on what it is now.")
}

fn needs_etag() -> Problem {
    Problem::new(problem::PRECONDITION_REQUIRED, "Name in `If-Match` the ETag that you have read; `*` is not enough.")
}
