use std::net::IpAddr;

use super::*;

/// The fate of a connection to an address.
#[derive(Clone, Copy)]
enum Fate {
    /// Made and greeted after this many milliseconds.
    Answers(u64),
    /// There is no reply, not even a refusal.
    Swallows,
    Refuses,
    /// The connection is made, and the server stays silent.
    IsSilent,
    Closes,
    SpeaksTls,
    IsUntrusted,
}
use Fate::{Answers, Closes, IsSilent, IsUntrusted, Refuses, SpeaksTls, Swallows};

fn address(text: &str) -> SocketAddr {
    (text.parse::<IpAddr>().unwrap(), 1).into()
}

/// The address that was reached, or why none was; after how many milliseconds; and which addresses were
/// tried when.
fn dial(fates: &[(&str, Fate)]) -> (Result<String, ConnectError>, u64, Vec<(String, u64)>) {
    let fates: Vec<_> = fates.iter().map(|(text, fate)| (address(text), *fate)).collect();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let start = Instant::now();
        let tried = std::sync::Mutex::new(Vec::new());
        let addresses = interleaved(fates.iter().map(|(address, _)| *address));
        let open = |address: SocketAddr| {
            let at = start.elapsed().as_millis() as u64;
            tried.lock().unwrap().push((address.ip().to_string(), at));
            let fate = fates.iter().find(|it| it.0 == address).unwrap().1;
            async move {
                match fate {
                    Swallows => std::future::pending().await,
                    Refuses => Err(io::ErrorKind::ConnectionRefused.into()),
                    Answers(after) => {
                        tokio::time::sleep(Duration::from_millis(after)).await;
                        Ok((address, fate))
                    }
                    _ => Ok((address, fate)),
                }
            }
        };
        let greet = |(address, fate): (SocketAddr, Fate)| async move {
            let passing = |why: &str| Err(ConnectError::Transient(why.to_owned()));
            match fate {
                IsSilent => std::future::pending().await,
                Closes => passing("the server closed the connection without a word"),
                SpeaksTls => Err(ConnectError::WrongProtocol("it speaks TLS".to_owned())),
                IsUntrusted => Err(ConnectError::Untrusted("it is another one".to_owned())),
                _ => Ok(Connected {
                    stream: Box::new(tokio::io::empty()),
                    first: Vec::new(),
                    news: Some(address.ip().to_string()),
                }),
            }
        };
        let outcome = race(addresses, open, greet).await;
        let outcome = outcome.map(|connected| connected.news.unwrap());
        (outcome, start.elapsed().as_millis() as u64, tried.into_inner().unwrap())
    })
}

#[track_caller]
fn check(fates: &[(&str, Fate)], expect: &str, within: std::ops::RangeInclusive<u64>) {
    let (outcome, took, tried) = dial(fates);
    let got = match outcome {
        Ok(address) => address,
        Err(ConnectError::Transient(why)) => format!("passing: {why}"),
        Err(ConnectError::WrongProtocol(why)) => format!("misdirected: {why}"),
        Err(ConnectError::Untrusted(why)) => format!("untrusted: {why}"),
    };
    assert_eq!(got, expect, "{tried:?}");
    assert!(within.contains(&took), "{took} ms: {tried:?}");
}

#[test]
fn families_take_turns_in_the_order_of_the_resolver() {
    let order = |found: &[&str]| -> Vec<String> {
        let turns = interleaved(found.iter().map(|text| address(text)));
        turns.iter().map(|address| address.ip().to_string()).collect()
    };
    assert_eq!(order(&["::1", "::2", "::3", "1.1.1.1"]), ["::1", "1.1.1.1", "::2", "::3"]);
    assert_eq!(order(&["1.1.1.1", "1.1.1.2", "::1"]), ["1.1.1.1", "::1", "1.1.1.2"]);
    assert_eq!(order(&["1.1.1.1", "1.1.1.1"]), ["1.1.1.1"]);
    assert!(order(&[]).is_empty());
}

#[test]
fn the_first_address_that_answers_is_used() {
    check(&[("::1", Answers(100)), ("1.1.1.1", Answers(0))], "::1", 100..=110);
    check(&[("::1", Swallows), ("1.1.1.1", Answers(10))], "1.1.1.1", 260..=270);
    check(&[("1.1.1.1", Swallows), ("1.1.1.2", Answers(10))], "1.1.1.2", 260..=270);
    check(&[("::1", Refuses), ("1.1.1.1", Answers(10))], "1.1.1.1", 10..=20);
    check(
        &[("::1", Swallows), ("::2", Swallows), ("1.1.1.1", Swallows), ("1.1.1.2", Answers(0))],
        "1.1.1.2",
        750..=760,
    );
    // A slow address is not given up: it may still be the first.
    check(&[("::1", Answers(400)), ("1.1.1.1", Answers(900))], "::1", 400..=410);
}

#[test]
fn an_address_whose_server_does_not_speak_is_passed_over() {
    check(&[("::1", IsSilent), ("1.1.1.1", Answers(0))], "1.1.1.1", 3000..=3010);
    check(&[("::1", Closes), ("1.1.1.1", Answers(0))], "1.1.1.1", 0..=10);
    check(&[("::1", SpeaksTls), ("1.1.1.1", Answers(0))], "1.1.1.1", 0..=10);
    // An address that was overtaken is tried again if the faster one is of no use.
    check(&[("::1", Answers(300)), ("1.1.1.1", Closes)], "::1", 550..=560);
}

#[test]
fn each_address_has_its_time_and_says_why_not() {
    check(&[("::1", Refuses)], "passing: nothing is listening there", 0..=0);
    check(&[("::1", Refuses), ("1.1.1.1", Refuses)], "passing: nothing is listening there", 0..=0);
    check(&[("1.1.1.1", Swallows)], "passing: no answer within 10 s", 10_000..=10_010);
    check(&[("1.1.1.1", IsSilent)], "passing: no answer within 10 s", 10_000..=10_010);
    let both = "passing: ::1: nothing is listening there; 1.1.1.1: no answer within 10 s";
    check(&[("::1", Refuses), ("1.1.1.1", Swallows)], both, 10_000..=10_010);
    check(&[], "passing: the name has no address", 0..=0);
    check(&[("::1", Closes), ("1.1.1.1", SpeaksTls)], "misdirected: it speaks TLS", 0..=10);
    // An untrusted server is not ignored because there is a second address.
    check(&[("::1", IsUntrusted), ("1.1.1.1", Answers(0))], "untrusted: it is another one", 0..=0);
}

/// The outcome for a server with these first words, and the data that the server has received.
fn greeted(words: &'static [u8], is_plain: bool) -> (Result<Vec<u8>, ConnectError>, Vec<u8>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (client, mut server) = tokio::io::duplex(1024);
        let serving = tokio::spawn(async move {
            let mut heard = vec![0; 64];
            // It waits for the client, as a TLS server does.
            let count = server.read(&mut heard).await.unwrap();
            server.write_all(words).await.unwrap();
            heard.truncate(count);
            heard
        });
        let connected = until_greeted(client, "host:1", is_plain).await;
        (connected.map(|connected| connected.first), serving.await.unwrap())
    })
}

#[test]
fn a_server_that_waits_for_tls_is_recognised() {
    for words in [
        &b"\x15\x03\x03\x00\x02\x02\x46"[..],
        b"{\"type\":\"closing\",\"code\":\"tls-required\",\"message\":\"No.\"}\n",
        b"[SERVER]: This port speaks TLS only. Connect with TLS: chatroom-client --tls.\n",
    ] {
        let (connected, heard) = greeted(words, true);
        let Err(ConnectError::WrongProtocol(why)) = connected else { panic!("{words:?}") };
        assert_eq!((&*why, &*heard), ("host:1 speaks TLS. Connect with --tls", PING));
    }
    let (connected, _) = greeted(b"{\"type\":\"pong\"}\n", true);
    assert!(connected.is_ok_and(|first| first == b"{\"type\":\"pong\"}\n"));
}

#[test]
fn a_foreign_server_is_recognised_by_its_first_words() {
    let what = |first: &[u8]| foreign(first, true);
    assert_eq!(
        what(b"SSH-2.0-OpenSSH_9.2p1\r\n").unwrap(),
        "is not a chatroomd server. It says: SSH-2.0-OpenSSH_9.2p1"
    );
    let long = what(&[b'x'; 500]).unwrap();
    assert!(long.len() < 120, "{long}");
    assert!(!what(b"220 \x1b]0;owned\x07 ready").unwrap().contains('\x1b'));
    // However little of the first line has arrived.
    for first in [&b"["[..], b"[SERVER]: Hi!", b"[SERVER]: The room is full.", b"{", b"{\"type\""] {
        assert_eq!(what(first), None, "{first:?}");
    }
    // Inside TLS, nothing speaks TLS again.
    assert!(foreign(b"\x15\x03\x03", false).unwrap().contains("is not a chatroomd server"));
}
