//! The floor: the least that a chat server can do. One thread reads what comes, and writes it to all
//! other sockets, a system call each. No names, no lines, no order, no care.

use std::io::{ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

/// Serves until it is killed; says on its first line of output where.
pub fn serve() {
    let mut poll = Poll::new().unwrap();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(4096).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut listener = TcpListener::from_std(socket.into());
    println!("{}", listener.local_addr().unwrap());
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).unwrap();
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 65536];
    loop {
        if poll.poll(&mut events, None).is_err() {
            continue;
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true).unwrap();
                    let token = Token(streams.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE).unwrap();
                    streams.push(Some(stream));
                }
                continue;
            }
            relay(&mut streams, event.token().0, &mut buffer);
        }
    }
}

fn relay(streams: &mut [Option<TcpStream>], from: usize, buffer: &mut [u8]) {
    loop {
        let Some(stream) = &mut streams[from] else { return };
        let count = match stream.read(buffer) {
            Ok(0) => {
                streams[from] = None;
                return;
            }
            Ok(count) => count,
            Err(_) => return,
        };
        for (number, stream) in streams.iter_mut().enumerate() {
            if let Some(stream) = stream.as_mut().filter(|_| number != from) {
                write(stream, &buffer[..count]);
            }
        }
        // An edge: a read that fills the buffer may have left something.
        if count < buffer.len() {
            return;
        }
    }
}

/// All of it, whatever it takes: a floor that loses something would be none.
fn write(stream: &mut TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(_) => return,
        }
    }
}
