//! Lines that were typed and are not acknowledged. They are sent again until they are.

use std::collections::VecDeque;

use chatroom::wire::json::JsonRequest;

use super::io::Show;

#[derive(Debug)]
pub(super) struct PendingLines {
    lines: VecDeque<PendingLine>,
    /// Begins every id; different for each start of the client.
    tag: String,
    next_id: u64,
    /// The longest message in bytes, once the server has said so.
    max_bytes: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct PendingLine {
    pub(super) id: String,
    pub(super) request: JsonRequest,
}

impl PendingLine {
    /// The form in which the line is shown before it is stored.
    pub(super) fn shown(&self) -> Option<Show> {
        let (to, action, text) = match &self.request {
            JsonRequest::Say { text, action, .. } => (None, *action, text),
            JsonRequest::Direct { to, text, .. } => (Some(to.clone()), false, text),
            _ => return None,
        };
        Some(Show::Own { id: self.id.clone(), to, action, text: text.clone() })
    }
}

impl PendingLines {
    pub(super) fn new(tag: String) -> PendingLines {
        PendingLines { lines: VecDeque::new(), tag, next_id: 1, max_bytes: None }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = Some(max_bytes);
    }

    /// Gives a request a new id. The line is not pending yet.
    pub(super) fn number(&mut self, request: impl FnOnce(String) -> JsonRequest) -> PendingLine {
        let id = format!("{}-{}", self.tag, self.next_id);
        self.next_id += 1;
        PendingLine { request: request(id.clone()), id }
    }

    pub(super) fn push(&mut self, line: PendingLine) {
        self.lines.push_back(line);
    }

    /// Puts the saved lines of an earlier run before all others. Returns them as they are shown.
    pub(super) fn restore(&mut self, requests: Vec<JsonRequest>) -> Vec<Show> {
        let lines = requests.into_iter().filter_map(|request| {
            let id = match &request {
                JsonRequest::Say { id, .. } | JsonRequest::Direct { id, .. } => id.clone()?,
                _ => return None,
            };
            Some(PendingLine { id, request })
        });
        let restored: Vec<PendingLine> = lines.collect();
        let shown = restored.iter().filter_map(PendingLine::shown).collect();
        restored.into_iter().rev().for_each(|line| self.lines.push_front(line));
        shown
    }

    /// Removes the first lines. Returns their ids.
    pub(super) fn remove_first(&mut self, count: usize) -> Vec<String> {
        self.lines.drain(..count.min(self.lines.len())).map(|line| line.id).collect()
    }

    /// Removes the lines that the server would not accept. Returns their ids.
    pub(super) fn remove_too_long(&mut self) -> Vec<String> {
        let (max_bytes, mut removed) = (self.max_bytes, Vec::new());
        self.lines.retain(|line| {
            let is_too_long = is_too_long(&line.request, max_bytes);
            if is_too_long {
                removed.push(line.id.clone());
            }
            !is_too_long
        });
        removed
    }

    pub(super) fn acknowledge(&mut self, id: &str) {
        self.lines.retain(|line| line.id != id);
    }

    /// The requests in their order.
    pub(super) fn requests(&self) -> Vec<JsonRequest> {
        self.lines.iter().map(|line| line.request.clone()).collect()
    }

    /// Whether the server would not accept the line, and could not even say which one it was.
    pub(super) fn is_too_long(&self, line: &PendingLine) -> bool {
        is_too_long(&line.request, self.max_bytes)
    }

    pub(super) fn too_long_sentence(&self) -> String {
        let most = self.max_bytes.unwrap_or_default();
        format!("That message was not sent: it is longer than {most} bytes.")
    }

    /// The sentence about unsent lines when the client ends, if there are any.
    pub(super) fn unsent_sentence(&self, are_saved: bool) -> Option<String> {
        let (lines, later) = match self.lines.len() {
            0 => return None,
            1 => ("1 line was not sent".to_owned(), "it will be sent when you return"),
            lines => (format!("{lines} lines were not sent"), "they will be sent when you return"),
        };
        Some(if are_saved { format!("{lines}; {later}.") } else { format!("{lines}.") })
    }
}

fn is_too_long(request: &JsonRequest, max_bytes: Option<usize>) -> bool {
    match (request, max_bytes) {
        (JsonRequest::Say { text, .. } | JsonRequest::Direct { text, .. }, Some(most)) => {
            text.len() > most
        }
        _ => false,
    }
}
