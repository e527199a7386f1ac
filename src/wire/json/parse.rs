//! Reading requests, and saying what is wrong with those that are none.

use super::JsonRequest;
use crate::room::Refusal;

/// The most bytes of an id that a client makes.
pub const MAX_ID_BYTES: usize = 64;

/// The names of the requests, to tell an unknown type from a wrong field.
const REQUEST_TYPES: &[&str] =
    &["hello", "say", "direct", "who", "history", "moderate", "ping", "quit"];

/// Reads a request.
///
/// # Errors
/// Why it is none, with its id where it has one.
pub fn parse_request(line: &str) -> Result<JsonRequest, (Refusal, Option<String>)> {
    match serde_json::from_str::<JsonRequest>(line) {
        Ok(
            JsonRequest::Say { id: Some(id), .. }
            | JsonRequest::Direct { id: Some(id), .. }
            | JsonRequest::Moderate { id: Some(id), .. },
        ) if id.len() > MAX_ID_BYTES => {
            let problem = format!("An id has at most {MAX_ID_BYTES} bytes.");
            Err((Refusal::BadRequest(problem), None))
        }
        Ok(request) => Ok(request),
        Err(error) => Err(explain(line, &error)),
    }
}

/// Finds out, off the usual path, what is wrong with a request.
fn explain(line: &str, error: &serde_json::Error) -> (Refusal, Option<String>) {
    let value: serde_json::Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => {
            let place = error.column();
            let problem = format!("That is not valid JSON (see character {place}).");
            return (Refusal::BadRequest(problem), None);
        }
    };
    let id = value.get("id").and_then(|id| id.as_str()).filter(|id| id.len() <= MAX_ID_BYTES);
    let refusal = match value.get("type").and_then(|kind| kind.as_str()) {
        _ if !value.is_object() => {
            Refusal::BadRequest("A request is one JSON object on a line.".to_owned())
        }
        None => Refusal::BadRequest("A request has a \"type\", which is a string.".to_owned()),
        Some(kind) if !REQUEST_TYPES.contains(&kind) => Refusal::UnknownType(kind.to_owned()),
        Some(kind) => {
            // Where in the line that is, is of no use to a person.
            let problem = error.to_string().replace('`', "\"");
            let problem = problem.split(" at line ").next().unwrap_or_default();
            Refusal::BadRequest(format!("That \"{kind}\" is not understood: {problem}."))
        }
    };
    (refusal, id.map(str::to_owned))
}
