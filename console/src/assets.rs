//! The page's files: `console/web`, compiled in. (A debug build reads them from the disk, so that a change shows at once.)

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use producer::params::Id;
use producer::problem::{self, Problem};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "web"]
struct Web;

/// Kept, but asked for again each time: an old module never runs beside a new one.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The page, whichever of its views is asked for.
pub(crate) async fn page(headers: HeaderMap) -> Result<Response, Problem> {
    file("index.html", &headers)
}

/// A page that is not the console, and shows the graph.
pub(crate) async fn example(headers: HeaderMap) -> Result<Response, Problem> {
    file("embed.html", &headers)
}

/// The module that any page can show the graph with.
pub(crate) async fn embed(headers: HeaderMap) -> Result<Response, Problem> {
    file("embed.js", &headers)
}

/// One of its files.
pub(crate) async fn asset(Id(path): Id<String>, headers: HeaderMap) -> Result<Response, Problem> {
    // Drawings are made by the graph's renderer, and so are their colours.
    if path == "graph.css" {
        let colours = asl_graph::stylesheet(asl_graph::Theme::Auto);
        return Ok(answer("text/css; charset=utf-8", &Sha256::digest(&colours), colours.into_bytes(), &headers));
    }
    file(&path, &headers)
}

fn file(path: &str, request: &HeaderMap) -> Result<Response, Problem> {
    let file = Web::get(path).ok_or_else(|| Problem::new(problem::NOT_FOUND, "The console has no such file."))?;
    let kind = match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Ok(answer(kind, &file.metadata.sha256_hash(), file.data.into_owned(), request))
}

/// The file, or that the browser has it (RFC 9110, 13.1.2).
fn answer(kind: &'static str, hash: &[u8], data: Vec<u8>, request: &HeaderMap) -> Response {
    let tag: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let known = request.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let is_known =
        known.is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag));
    let head = [(header::ETAG, tag.try_into().unwrap_or(REVALIDATE)), (header::CACHE_CONTROL, REVALIDATE)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, kind)], data).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<(String, Vec<u8>)> {
        Web::iter().map(|path| (path.to_string(), Web::get(&path).unwrap().data.into_owned())).collect()
    }

    /// Paths in quotes after one of these, as the browser would resolve them.
    fn references(path: &str, text: &str) -> Vec<String> {
        let starts = ["from '", "import('", "href=\"", "src=\"", "src: '"];
        let named = starts.iter().flat_map(|start| text.split(start).skip(1));
        let named = named.map(|rest| rest.split(['\'', '"']).next().unwrap_or_default());
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let resolve = |reference: &str| match reference.strip_prefix("/console/assets/") {
            None if reference == "/console/embed.js" => Some("embed.js".to_owned()),
            Some(absolute) => Some(absolute.to_owned()),
            None if reference.starts_with("../") => Some(reference.trim_start_matches("../").to_owned()),
            None => Some(format!("{folder}/{}", reference.strip_prefix("./")?).trim_start_matches('/').to_owned()),
        };
        named.filter_map(resolve).collect()
    }

    #[test]
    fn the_whole_page_weighs_300_kb_at_most() {
        let weight: usize = files().iter().map(|(_, data)| data.len()).sum();
        let weight = weight + asl_graph::stylesheet(asl_graph::Theme::Auto).len();
        assert!(weight <= 300 * 1024, "{weight} bytes");
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for (path, data) in files() {
            let text = String::from_utf8(data).unwrap().replace("http://www.w3.org/2000/svg", "");
            for elsewhere in ["http:", "https:", "ws://", "wss://", "'//", "\"//", "url(//"] {
                assert!(!text.contains(elsewhere), "{path} has {elsewhere}");
            }
        }
    }

    #[test]
    fn every_file_that_is_named_is_there() {
        let files = files();
        let mut named = 0;
        for (path, data) in &files {
            for reference in references(path, std::str::from_utf8(data).unwrap()) {
                named += 1;
                let is_there = reference == "graph.css" || files.iter().any(|(path, _)| *path == reference);
                assert!(is_there, "{path} names {reference}");
            }
        }
        assert!(named > 20, "{named}");
    }

    #[test]
    fn no_markup_is_made_from_text() {
        for (path, data) in files() {
            let text = String::from_utf8(data).unwrap();
            for way in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"]
            {
                assert!(!text.contains(way), "{path} has {way}");
            }
        }
    }

    #[test]
    fn every_kind_of_file_has_its_media_type() {
        for path in Web::iter() {
            let response = file(&path, &HeaderMap::new()).unwrap();
            assert_ne!(response.headers()[header::CONTENT_TYPE], "application/octet-stream", "{path}");
        }
    }
}
