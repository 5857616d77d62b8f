//! Reads a JSON body: its media type, its size, its types, and then every rule of it at once. Or a text.
//!
//! What doesn't fit the types is refused with that one fault; what does is validated whole. Not for what the rules are
//! (see `wire/`).

use axum::body::HttpBody as _;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::guard::AwaitsBody;
use crate::misfit::{self, join};
use crate::object::Object;
use crate::problem::{self, Fault, Problem};

/// The largest body, if nothing else is said.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most faults that are listed: more than a body can have whose lists are no longer than they may be.
const MAX_FAULTS: usize = 200;

/// A body with rules.
pub trait WireBody: DeserializeOwned + garde::Validate<Context = ()> {
    /// The largest. A route that takes more than [`MAX_BODY_BYTES`] has a `DefaultBodyLimit` of its own.
    const MAX_BYTES: usize = MAX_BODY_BYTES;

    /// Faults that no single field has.
    fn faults_across_fields(&self) -> Vec<Fault> {
        Vec::new()
    }
}

/// A valid JSON body.
pub struct Json<T>(pub T);

impl<T: WireBody, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_media_type(request.headers())?;
        parse(&whole(request, state, T::MAX_BYTES).await?).map(Json)
    }
}

/// Any text, of whatever media type; [`MAX_BODY_BYTES`] at most.
pub struct Text(pub String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = whole(request, state, MAX_BODY_BYTES).await?;
        String::from_utf8(bytes.into()).map(Text).map_err(|_| Fault::at("", "the body is not UTF-8").into())
    }
}

async fn whole<S: Send + Sync>(request: Request, state: &S, max_bytes: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(problem::BODY_TOO_LARGE, format!("A body may have {max_bytes} bytes."));
    // Said before anything of it is read: who waits for `100 Continue` need not send it.
    if request.body().size_hint().lower() > max_bytes as u64 {
        return Err(too_large());
    }
    let awaits_body = request.extensions().get::<AwaitsBody>().cloned().unwrap_or_default();
    awaits_body.set(true);
    let read = Bytes::from_request(request, state).await;
    awaits_body.set(false);
    read.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(),
        _ => Fault::at("", "the body could not be read to its end").into(),
    })
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let is_json = essence.as_deref().is_some_and(|essence| {
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    });
    let is_plain = headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let refused = |detail: &str| Problem::new(problem::UNSUPPORTED_MEDIA_TYPE, detail);
    if !is_json {
        Err(refused("Send `Content-Type: application/json`."))
    } else if !is_plain {
        Err(refused("Send the body without a Content-Encoding.")
            .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
    } else {
        Ok(())
    }
}

fn parse<T: WireBody>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(body): Object<T> = serde_path_to_error::deserialize(&mut json).map_err(|error| misfit::fault(&error))?;
    json.end().map_err(|error| Fault::at("", misfit::of_json(&error)))?;
    let mut faults: Vec<Fault> = match body.validate() {
        Ok(()) => Vec::new(),
        Err(report) => report.iter().map(|(path, error)| Fault::at(pointer_of_rule(path), error)).collect(),
    };
    faults.extend(body.faults_across_fields());
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(body) } else { Err(Problem::invalid(faults)) }
}

/// A garde path shows its components only by serialising, as pairs of kind and text; a component of the kind `none` is
/// an `Option`, which JSON doesn't show.
fn pointer_of_rule(path: &garde::Path) -> String {
    let components: Vec<(String, String)> =
        serde_json::to_value(path).and_then(serde_json::from_value).unwrap_or_default();
    components.iter().filter(|(kind, _)| kind != "none").fold(String::new(), |pointer, (_, text)| join(pointer, text))
}
