//! The checks bite: the engine against a real floor, through a line on which one member's messages
//! are lost, doubled or swapped.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use clap::Parser;

use crate::args::{Args, Scenario};
use crate::engine::wire::{self, Frame};
use crate::floor;
use crate::report::Report;
use crate::scenarios::fanout;

/// Which message of the member is tampered with, counted from 0.
const VICTIM: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tampering {
    Nothing,
    Lose,
    Double,
    /// With the one after it.
    Swap,
}

/// Three members and 20 messages' worth of time, through a line with `tampering`.
fn run(tampering: Tampering) -> anyhow::Result<Report> {
    let url = format!("http://{}", line(tampering));
    let words = ["lab", "fanout", "--members", "3", "--senders", "2", "--window", "4"];
    let rest = ["--warm-up", "0", "--seconds", "0.2", "--floor", "--url", &url];
    let Scenario::Fanout(args) = Args::parse_from(words.iter().chain(&rest)).scenario else {
        panic!("another scenario was parsed");
    };
    fanout::run(&args)
}

fn fault_with(tampering: Tampering) -> String {
    format!("{:#}", run(tampering).err().unwrap())
}

#[test]
fn an_honest_line_passes_every_check() {
    let report = run(Tampering::Nothing).unwrap();
    assert!(report.holds(), "{report}");
}

#[test]
fn one_lost_message_of_one_member_ends_the_bench() {
    let fault = fault_with(Tampering::Lose);
    assert!(fault.contains("got seq 4 where 3 was due"), "{fault}");
}

#[test]
fn one_doubled_message_of_one_member_ends_the_bench() {
    let fault = fault_with(Tampering::Double);
    assert!(fault.contains("got seq 3 again; 4 was due"), "{fault}");
}

#[test]
fn two_swapped_messages_of_one_member_end_the_bench() {
    let fault = fault_with(Tampering::Swap);
    assert!(fault.contains("got seq 4 where 3 was due"), "{fault}");
}

/// A floor, and in front of it a line that tampers with what the second WebSocket receives. Both live
/// as long as the test's process.
fn line(tampering: Tampering) -> SocketAddr {
    let floor = floor::on_a_thread().unwrap();
    let listener = TcpListener::bind(floor::any_port()).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut sockets = 0;
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut server = TcpStream::connect(floor).unwrap();
            let mut first = vec![0; 4096];
            let read = client.read(&mut first).unwrap();
            server.write_all(&first[..read]).unwrap();
            let is_socket = first.starts_with(b"GET /ws");
            sockets += usize::from(is_socket);
            let tampering = if is_socket && sockets == 2 { tampering } else { Tampering::Nothing };
            let (up, down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(up, server));
            thread::spawn(move || tamper(down, client, tampering));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // Either end may hang up, which ends the other.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

fn tamper(mut from: TcpStream, mut to: TcpStream, tampering: Tampering) {
    if tampering == Tampering::Nothing {
        return pass(from, to);
    }
    let (mut bytes, mut in_frames, mut messages, mut held) = (Vec::new(), false, 0, Vec::new());
    let mut some = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut some) {
        bytes.extend_from_slice(&some[..read]);
        let mut out = Vec::new();
        if !in_frames && let Some(head) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            out.extend(bytes.drain(..head + 4));
            in_frames = true;
        }
        while in_frames && let Some(frame) = Frame::at_front(&bytes) {
            let is_message = bytes[frame.payload.clone()].starts_with(b"{\"type\":\"message\"");
            let whole: Vec<u8> = bytes.drain(..frame.end()).collect();
            assert_eq!(frame.opcode, wire::TEXT);
            match tampering {
                Tampering::Lose if is_message && messages == VICTIM => {}
                Tampering::Double if is_message && messages == VICTIM => {
                    out.extend_from_slice(&whole.repeat(2));
                }
                Tampering::Swap if is_message && messages == VICTIM => held = whole,
                _ => {
                    out.extend_from_slice(&whole);
                    out.append(&mut held);
                }
            }
            messages += usize::from(is_message);
        }
        if to.write_all(&out).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
