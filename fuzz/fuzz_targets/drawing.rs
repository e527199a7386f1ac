//! What the terminal client decides and draws, whatever comes from the server and from the keys.

#![no_main]
// The programs see the library and never each other: these are the client's own files.
#![allow(dead_code, unused_imports, reason = "this is a part of the client")]

#[path = "../../src/client/fuzz/client.rs"]
mod client;
#[path = "../../src/client/decode.rs"]
mod decode;
#[path = "../../src/client/model/mod.rs"]
mod model;
#[path = "../../src/client/palette.rs"]
mod palette;
#[path = "../../src/client/screen/mod.rs"]
mod screen;

libfuzzer_sys::fuzz_target!(|data: &[u8]| client::run(data));
