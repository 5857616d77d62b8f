//! The document that describes this API, put together from the handlers' annotations, and the errors they share.
//!
//! `tests/documented.rs` proves that no status is answered that is not in here.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{OneOf, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::{currencies, docs, health, orders, products, wire};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Orderflow",
        description = "Orders are accepted with `202`, carried by queues, and end confirmed or rejected. Money is integer minor units \
            plus an ISO 4217 code; `/currencies` says how many decimals each has. Every error is `application/problem+json` (RFC 9457). \
            Unknown fields and parameters are refused. Lengths of strings are counted in characters. What an earlier version accepted is \
            given back as it was, also where a rule is stricter now. An unknown path is `404`, a known one with another method `405` with \
            `Allow`. Only what is no HTTP, or has a head of more than 16 KiB or 100 fields, is answered without a body (`400`, `431`), and \
            its connection closed.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "orders", description = "Place, read and cancel orders."),
        (name = "products", description = "The catalogue. Reading needs any key, writing one with the scope `ops`."),
        (name = "operation", description = "How the process is."),
    ),
    paths(
        orders::place, orders::list, orders::read, orders::cancel,
        products::list, products::create, products::read, products::put, products::delete, products::change_stock,
        currencies::list,
        health::health, health::ready, health::metrics, docs::openapi,
    ),
    components(
        schemas(wire::schemas::OrderId, wire::schemas::IdempotencyKey, crate::problem::ProblemBody, crate::problem::FaultBody),
        responses(
            refusals::Invalid, refusals::Unauthenticated, refusals::Forbidden, refusals::Foreign, refusals::NotFound, refusals::BodyLate, refusals::Exists,
            refusals::Reserved, refusals::OutOfRange, refusals::TooLate, refusals::Stale, refusals::BodyTooLarge,
            refusals::UnsupportedMediaType, refusals::KeyReused, refusals::PreconditionRequired, refusals::RateLimited,
            refusals::Internal, refusals::Unavailable,
        ),
    ),
    modifiers(&Bearer, &NoNullParameters),
)]
struct Document;

/// API keys and JWTs alike are bearer tokens.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("An API key; one with the scope `ops` reads and writes everything.".into());
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// A parameter that is optional can be absent; unlike a field it has no way to be null.
struct NoNullParameters;

impl Modify for NoNullParameters {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let operations =
            document.paths.paths.values_mut().flat_map(|path| {
                [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten()
            });
        for parameter in operations.filter_map(|operation| operation.parameters.as_mut()).flatten() {
            if let RefOr::T(parameter) = parameter {
                parameter.schema = parameter.schema.take().map(without_null);
            }
        }
    }
}

fn without_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    let is_null = |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null));
    match schema {
        RefOr::T(Schema::OneOf(mut one_of)) if one_of.items.iter().any(is_null) => {
            one_of.items.retain(|item| !is_null(item));
            match <[_; 1]>::try_from(one_of.items) {
                Ok([only]) => only,
                Err(items) => RefOr::T(Schema::OneOf(OneOf { items, ..one_of })),
            }
        }
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Array(types) = &object.schema_type
                && let [only] = types.iter().filter(|kind| **kind != Type::Null).collect::<Vec<_>>()[..]
            {
                object.schema_type = SchemaType::Type(only.clone());
            }
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}

/// The document behind `/openapi.json`.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Each error as the document shows it. An operation names those it can answer.
pub(crate) mod refusals {
    use std::time::Duration;

    use utoipa::openapi::schema::{Schema, Type};
    use utoipa::openapi::{ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder};
    use utoipa::{PartialSchema, ToResponse, ToSchema};

    use crate::problem::{self, Fault, MEDIA_TYPE, Problem, ProblemBody};

    macro_rules! refusals {
        ($($name:ident $description:literal = $example:expr $(, $header:literal is $kind:ident $meaning:literal)*;)+) => {
            $(
                pub(crate) struct $name;
                impl<'r> ToResponse<'r> for $name {
                    fn response() -> (&'r str, RefOr<Response>) {
                        let response = described($description, &$example)$(.header($header, response_header(Type::$kind, $meaning)))*;
                        (stringify!($name), response.build().into())
                    }
                }
                // The document's derive also asks what a response refers to as a schema.
                impl PartialSchema for $name {
                    fn schema() -> RefOr<Schema> {
                        ProblemBody::schema()
                    }
                }
                impl ToSchema for $name {
                    fn name() -> std::borrow::Cow<'static, str> {
                        ProblemBody::name()
                    }
                }
            )+
        };
    }

    fn described(description: &str, example: &Problem) -> ResponseBuilder {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .example(serde_json::to_value(example.body()).ok())
            .build();
        ResponseBuilder::new().description(description).content(MEDIA_TYPE, content)
    }

    fn response_header(kind: Type, meaning: &str) -> utoipa::openapi::Header {
        let value = ObjectBuilder::new().schema_type(kind).build();
        HeaderBuilder::new().schema(Some(value)).description(Some(meaning)).build()
    }

    const RETRY: Duration = Duration::from_secs(1);

    refusals! {
        Invalid "The request does not fit its description; `errors` has every fault, with its JSON pointer." =
            Problem::invalid(vec![
                Fault::at("/lines/0/quantity", "greater than 999"),
                Fault::at("/customer/email", "not an e-mail address"),
            ]);
        Unauthenticated "No API key, or one that nobody knows." =
            Problem::new(problem::UNAUTHENTICATED, "Send `Authorization: Bearer <API key>`."),
            "WWW-Authenticate" is String "Always `Bearer`.";
        Forbidden "The key lacks the scope; or there are none, and the request names another machine or comes from another site's page." =
            Problem::new(problem::FORBIDDEN, "This needs a key with the scope `ops`.");
        Foreign "There are no API keys, and the request names another machine or comes from another site's page." =
            Problem::new(problem::FOREIGN, "The request's Host or Origin is neither `localhost` nor a loopback address.");
        NotFound "There is no such thing, or it is another storefront's, or the id is none." =
            Problem::new(problem::NOT_FOUND, "There is no such order.");
        BodyLate "The body did not arrive in time; nothing was done." =
            Problem::new(problem::BODY_LATE, "A body has 10s to arrive. Nothing was done.");
        Exists "There is a product of this SKU." =
            Problem::new(problem::EXISTS, "There is a product of this SKU already.");
        Reserved "Open orders hold some of it." = Problem::new(problem::RESERVED, "Open orders hold 3 of it.");
        OutOfRange "The stock would leave its range." =
            Problem::new(problem::OUT_OF_RANGE, "There are 2 now; a stock is 0 to 1000000000.");
        TooLate "The order is final." = Problem::new(problem::TOO_LATE, "the order is confirmed");
        Stale "It is not what the precondition names." =
            Problem::new(problem::STALE, "Read the product again, and decide on what it is now.");
        BodyTooLarge "The body has more than 64 KiB." =
            Problem::new(problem::BODY_TOO_LARGE, "A body may have 65536 bytes.");
        UnsupportedMediaType "The body is not plain JSON." =
            Problem::new(problem::UNSUPPORTED_MEDIA_TYPE, "Send `Content-Type: application/json`."),
            "Accept-Encoding" is String "`identity`, if the body was encoded.";
        KeyReused "The idempotency key was used for an order with another content." =
            Problem::new(problem::KEY_REUSED, "Its order has another content. Use a new key for a new order.");
        PreconditionRequired "The product exists, and the request doesn't say which version of it is meant." =
            Problem::new(problem::PRECONDITION_REQUIRED, "Name in `If-Match` the ETag that you have read; `*` is not enough.");
        RateLimited "This key posts too fast." =
            Problem::try_again(problem::RATE_LIMITED, "This order was not accepted.", RETRY),
            "Retry-After" is Integer "Seconds.";
        Internal "A fault of the service." =
            Problem::new(problem::INTERNAL, "This is a fault of the service, and it was logged.");
        Unavailable "The store can't answer in time, or (`POST /orders`) too many orders wait." =
            Problem::try_again(problem::UNAVAILABLE, problem::OUTCOME_UNKNOWN, RETRY),
            "Retry-After" is Integer "Seconds.";
    }
}
