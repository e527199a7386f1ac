//! People talk.

use std::thread;

use crate::daemon::Daemon;
use crate::harness::Person;

#[test]
fn messages_go_to_all_the_others() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    let (mut jay, _) = Person::json(&daemon, "jay");
    ann.expect("[SERVER]: bo joined the chat!");
    ann.expect("[SERVER]: jay joined the chat!");
    bo.expect("[SERVER]: jay joined the chat!");

    ann.say("good evening");
    bo.expect("ann: good evening");
    assert_eq!(jay.event("message")["text"], "good evening");

    jay.say(r#"{"type":"say","id":"i-1","text":"hello"}"#);
    let own = jay.event("message");
    assert_eq!((&own["id"], &own["name"]), (&"i-1".into(), &"jay".into()));
    // The next that ann gets is jay's message: her own did not come back.
    ann.expect("jay: hello");
    bo.expect("jay: hello");

    bo.say("!me waves");
    ann.expect("* bo waves");
    let action = jay.event("action");
    assert_eq!((&action["name"], &action["text"]), (&"bo".into(), &"waves".into()));
    assert!(action.get("id").is_none(), "the id is for the author only");

    bo.say("!quit");
    bo.expect_end();
    ann.expect("[SERVER]: bo has quit.");
    drop(jay);
    ann.expect("[SERVER]: jay has disconnected.");
}

#[test]
fn two_text_and_two_json_people_see_the_same_order() {
    const EACH: usize = 100;
    let daemon = Daemon::start();
    let mut texts = [Person::text(&daemon, "ta"), Person::text(&daemon, "tb")];
    let mut jsons = [Person::json(&daemon, "ja").0, Person::json(&daemon, "jb").0];
    thread::scope(|scope| {
        for (name, person) in ["ta", "tb"].iter().zip(&texts) {
            let mut sender = person.second_hand();
            scope.spawn(move || (0..EACH).for_each(|n| sender.say(&format!("{name} {n}"))));
        }
        for (name, person) in ["ja", "jb"].iter().zip(&jsons) {
            let mut sender = person.second_hand();
            let line = move |n| format!(r#"{{"type":"say","id":"{n}","text":"{name} {n}"}}"#);
            scope.spawn(move || (0..EACH).for_each(|n| sender.say(&line(n))));
        }
    });
    let seen_by_json: Vec<(u64, String)> = (0..4 * EACH)
        .map(|_| jsons[0].event("message"))
        .map(|event| (event["seq"].as_u64().unwrap(), event["text"].as_str().unwrap().to_owned()))
        .collect();
    assert!(seen_by_json.windows(2).all(|pair| pair[0].0 < pair[1].0), "numbers grow");
    let order: Vec<String> = seen_by_json.into_iter().map(|(_, text)| text).collect();
    let other: Vec<String> = (0..4 * EACH)
        .map(|_| jsons[1].event("message")["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, other);
    for (own, person) in ["ta", "tb"].iter().zip(&mut texts) {
        let expect: Vec<&String> = order.iter().filter(|text| !text.starts_with(own)).collect();
        let mut seen = Vec::new();
        while seen.len() < expect.len() {
            let line = person.line().unwrap();
            if !line.starts_with("[SERVER]") {
                seen.push(line.split_once(": ").unwrap().1.to_owned());
            }
        }
        assert_eq!(seen.iter().collect::<Vec<_>>(), expect);
    }
}

#[test]
fn an_unfit_name_is_asked_for_again() {
    let daemon = Daemon::start();
    let _ann = Person::text(&daemon, "Ann");
    let mut bo = Person::connect(&daemon);
    for (name, reason) in [
        ("a", "A name has at least 2 characters."),
        ("", "A name has at least 2 characters."),
        ("aNN", "The name aNN is taken."),
        ("two words", "A name is one word, without white space."),
        ("!who", "A name does not begin with \"!\"."),
        (&"x".repeat(33), "A name has at most 32 characters."),
        ("server", "That name is kept for the server."),
        ("b\u{202e}o", "A name has only characters that can be seen."),
    ] {
        bo.say(name);
        bo.expect(&format!("[SERVER]: {reason} Choose another name."));
    }
    bo.say("&");
    assert_eq!(bo.piece().as_deref(), Some(&b"&"[..]), "a keep-alive is no name");
    bo.say("bö");
    bo.expect("[SERVER]: Welcome bö! To leave chat write !quit.");
}

#[test]
fn a_client_can_leave_at_the_name_prompt() {
    let daemon = Daemon::start();
    let mut person = Person::connect(&daemon);
    person.say("!quit");
    person.expect_end();
    daemon.until_empty();
}

#[test]
fn commands_answer_only_who_asks() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    bo.say("!who");
    bo.expect("[SERVER]: 2 people are here: ann, bo");
    bo.say("!help");
    let last = "[SERVER]: For operators: !topic TEXT, !kick NAME [REASON], \
                !ban NAME|ADDRESS [TIME] [REASON], !mute NAME|ADDRESS [TIME] [REASON], \
                !unban NAME|ADDRESS, !unmute NAME|ADDRESS";
    let help = bo.lines_until(last);
    assert!(help.iter().any(|line| line.contains("!msg NAME TEXT")), "{help:?}");
    bo.say("!msg");
    assert!(bo.line().unwrap().contains("as in: !msg ann hello"));
    bo.say("!msg nobody hello");
    bo.expect("[SERVER]: Nobody here is called nobody.");
    bo.say("!dance");
    ann.expect("bo: !dance");
}

#[test]
fn a_direct_message_reaches_one_person() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    let (mut jay, _) = Person::json(&daemon, "jay");
    ann.lines_until("[SERVER]: jay joined the chat!");
    bo.lines_until("[SERVER]: jay joined the chat!");
    ann.say("!msg JAY between us");
    let direct = jay.event("direct");
    assert_eq!((&direct["from"], &direct["text"]), (&"ann".into(), &"between us".into()));
    jay.say(r#"{"type":"direct","to":"ann","text":"yes","id":"d1"}"#);
    ann.expect("[private] jay: yes");
    assert_eq!(jay.event("direct")["id"], "d1", "the sender's copy is the acknowledgement");
    ann.say("done");
    bo.expect("ann: done");
}

#[test]
fn the_topic_and_the_greeting_are_shown() {
    let daemon = Daemon::with("[room]\ngreeting = \"Good evening.\"\ntopic = \"Tea\"\n");
    let mut ann = Person::connect_to(daemon.address);
    let prompt = ann.line().unwrap();
    assert!(prompt.starts_with("[SERVER]: Good evening. Type your name"), "{prompt}");
    ann.say("ann");
    ann.expect("[SERVER]: Welcome ann! To leave chat write !quit.");
    ann.expect("[SERVER]: Topic: Tea");
}

#[test]
fn lines_sent_before_a_half_close_are_relayed_and_answered() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut pipe = Person::connect(&daemon);
    pipe.send(b"{\"type\":\"hello\",\"protocol\":1,\"name\":\"pipe\"}\n");
    pipe.send(b"{\"type\":\"say\",\"id\":\"1\",\"text\":\"from a script\"}\n");
    pipe.end_input();
    assert_eq!(pipe.event("message")["id"], "1");
    ann.expect("[SERVER]: pipe joined the chat!");
    ann.expect("pipe: from a script");
    ann.expect("[SERVER]: pipe has disconnected.");
}
