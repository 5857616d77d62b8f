//! Drawings, and what the page patches into them: `….svg` is a picture that stands for itself (`?theme=auto|light|dark`, or
//! `external` for one that takes the page's style); without the ending it is the faces as JSON.

use std::str::FromStr;

use asl_graph::{Execution, Faces, Overlay, Theme, events, statuses, svg};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use ops::OpsError;
use orders::OrderId;
use producer::params::{Id, Query};
use producer::problem::Problem;
use serde::Serialize;

use crate::definitions::Drawn;
use crate::traffic::Seen;
use crate::{Console, NO_STORE, policy};

/// What the page shows of all executions.
#[derive(Serialize)]
struct TrafficNow<'a> {
    faces: Faces,
    #[serde(flatten)]
    seen: &'a Seen,
}

/// What the page shows of one execution.
#[derive(Serialize)]
struct ExecutionNow {
    faces: Faces,
    execution: Execution,
    /// When this was.
    at: Timestamp,
}

pub(crate) async fn traffic(State(console): State<Console>) -> Result<Response, Problem> {
    let (drawn, seen) = all(&console).await?;
    let faces = Faces::of(&drawn.layout, Overlay::Traffic(&seen.traffic));
    Ok((NO_STORE, Json(TrafficNow { faces, seen: &seen })).into_response())
}

pub(crate) async fn traffic_svg(State(console): State<Console>, uri: Uri) -> Result<Response, Problem> {
    let theme = theme(&uri)?;
    let (drawn, seen) = all(&console).await?;
    Ok(picture(svg(&drawn.layout, Overlay::Traffic(&seen.traffic), theme)))
}

pub(crate) async fn definition(State(console): State<Console>) -> Result<Response, Problem> {
    Ok(text(&*console.definitions.of(None).await?))
}

pub(crate) async fn definition_svg(State(console): State<Console>, uri: Uri) -> Result<Response, Problem> {
    let theme = theme(&uri)?;
    let drawn = console.definitions.of(None).await?;
    Ok(picture(svg(&drawn.layout, Overlay::Definition, theme)))
}

pub(crate) async fn execution(State(console): State<Console>, Id(name): Id<OrderId>) -> Result<Response, Problem> {
    let at = console.ops.ports().clock.now();
    let (drawn, execution) = one(&console, &name, at).await?;
    let faces = Faces::of(&drawn.layout, Overlay::Execution(&execution));
    Ok((NO_STORE, Json(ExecutionNow { faces, execution, at })).into_response())
}

pub(crate) async fn execution_svg(
    State(console): State<Console>,
    Id(name): Id<OrderId>,
    uri: Uri,
) -> Result<Response, Problem> {
    let theme = theme(&uri)?;
    let (drawn, execution) = one(&console, &name, console.ops.ports().clock.now()).await?;
    Ok(picture(svg(&drawn.layout, Overlay::Execution(&execution), theme)))
}

pub(crate) async fn execution_definition(
    State(console): State<Console>,
    Id(name): Id<OrderId>,
) -> Result<Response, Problem> {
    Ok(text(&*console.definitions.of(Some(&name)).await?))
}

async fn all(console: &Console) -> Result<(std::sync::Arc<Drawn>, Seen), OpsError> {
    let drawn = console.definitions.of(None).await?;
    let seen = console.traffic.now(&drawn).await?;
    Ok((drawn, seen))
}

async fn one(console: &Console, name: &OrderId, at: Timestamp) -> Result<(std::sync::Arc<Drawn>, Execution), OpsError> {
    let drawn = console.definitions.of(Some(name)).await?;
    let history = console.ops.ports().executions.history(name).await?;
    let history = history.ok_or_else(|| OpsError::NotFound(format!("execution `{name}`")))?;
    let execution = statuses(&drawn.definition, &events(history), at);
    Ok((drawn, execution))
}

/// A theme as it is asked for.
struct Asked(Theme);

impl FromStr for Asked {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self(Theme::Auto)),
            "light" => Ok(Self(Theme::Light)),
            "dark" => Ok(Self(Theme::Dark)),
            "external" => Ok(Self(Theme::External)),
            _ => Err("it is `auto`, `light`, `dark` or `external`"),
        }
    }
}

fn theme(uri: &Uri) -> Result<Theme, Problem> {
    let mut query = Query::of(uri);
    let theme = query.take("theme", str::parse::<Asked>);
    query.finish()?;
    Ok(theme.map_or(Theme::Auto, |Asked(theme)| theme))
}

fn text(drawn: &Drawn) -> Response {
    let kind: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");
    (NO_STORE, [kind], drawn.text.clone()).into_response()
}

fn picture(svg: String) -> Response {
    let head = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CONTENT_SECURITY_POLICY, policy::DRAWING)];
    (NO_STORE, head, svg).into_response()
}
