//! Parses requests, and explains why a line is not a valid request.

use super::JsonRequest;
use crate::commands::COMMANDS;
use crate::room::Refusal;

/// The length limit of an id, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// Parses a request.
///
/// # Errors
/// The problem with the request, and its id if it has one.
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

/// Finds out the problem with a request. This is slower than parsing one.
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
        Some(kind) if COMMANDS.iter().all(|command| command.json_type() != Some(kind)) => {
            Refusal::UnknownType(kind.to_owned())
        }
        Some(kind) => {
            // The place in the line would not help the user.
            let problem = error.to_string().replace('`', "\"");
            let problem = problem.split(" at line ").next().unwrap_or_default();
            Refusal::BadRequest(format!("That \"{kind}\" is not understood: {problem}."))
        }
    };
    (refusal, id.map(str::to_owned))
}
