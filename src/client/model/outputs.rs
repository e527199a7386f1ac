//! Collects the outputs of the client, in order.

use chatroom::wire::json::JsonRequest;

use super::io::{Output, Show};

#[derive(Debug, Default)]
pub(super) struct Outputs(Vec<Output>);

impl Outputs {
    pub(super) fn push(&mut self, output: Output) {
        self.0.push(output);
    }

    pub(super) fn push_first(&mut self, output: Output) {
        self.0.insert(0, output);
    }

    pub(super) fn send(&mut self, request: JsonRequest) {
        self.push(Output::Send(request));
    }

    pub(super) fn show(&mut self, show: Show) {
        self.push(Output::Show(show));
    }

    /// Shows a sentence of the client itself.
    pub(super) fn status(&mut self, text: &str) {
        self.show(Show::Status(text.to_owned()));
    }

    /// Returns everything that was collected.
    pub(super) fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.0)
    }
}
