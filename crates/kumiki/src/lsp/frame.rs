//! Messages as bytes. What is no message is told apart from the end, so that one bad message does
//! not end the conversation; nothing is ever allocated on the word of a header alone.
//!
//! <https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#baseProtocol>

use lsp_server::Message;
use std::io::{self, BufRead, Read};

/// The largest message that is read: more than any template with room for its escapes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The longest line of a header.
const MAX_HEADER: u64 = 4096;

/// What came in.
pub(super) enum Frame {
    Message(Message),
    /// Bytes that are no message, and why.
    Garbage(String),
}

/// Reads one message; nothing at the end.
///
/// # Errors
/// When the input cannot be read.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.take(MAX_HEADER).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        match (line.split_once(':'), length) {
            (None, Some(length)) if line.is_empty() => return body(input, length),
            (Some((name, value)), _) if name.eq_ignore_ascii_case("Content-Length") => {
                match value.trim().parse::<u64>() {
                    Ok(it) if it <= MAX_BYTES => length = Some(it),
                    _ => return Ok(Some(Frame::Garbage(line.to_owned()))),
                }
            }
            (Some((name, _)), _) if name.eq_ignore_ascii_case("Content-Type") => {}
            (None, None) if line.is_empty() => {}
            _ => return Ok(Some(Frame::Garbage(line.to_owned()))),
        }
    }
}

fn body(input: &mut impl BufRead, length: u64) -> io::Result<Option<Frame>> {
    let mut bytes = Vec::new();
    if (input.take(length).read_to_end(&mut bytes)? as u64) < length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&bytes) {
        Ok(message) => Frame::Message(message),
        Err(error) => Frame::Garbage(error.to_string()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Vec<String> {
        let mut input = io::Cursor::new(bytes);
        let mut found = Vec::new();
        while let Some(frame) = read(&mut input).unwrap() {
            found.push(match frame {
                Frame::Message(Message::Request(it)) => it.method,
                Frame::Message(Message::Notification(it)) => it.method,
                Frame::Message(Message::Response(it)) => it.id.to_string(),
                Frame::Garbage(_) => "garbage".to_owned(),
            });
        }
        found
    }

    #[test]
    fn garbage_does_not_end_the_conversation() {
        let exit = "Content-Length: 17\r\n\r\n{\"method\":\"exit\"}";
        let cases = [
            (exit.to_owned(), vec!["exit"]),
            (format!("content-length:17\n\n{}", &exit[22..]), vec!["exit"]),
            (format!("Content-Length: 2\r\n\r\n{{]{exit}"), vec!["garbage", "exit"]),
            (format!("Content-Length: 2\r\n\r\n[]{exit}"), vec!["garbage", "exit"]),
            (format!("Content-Length: 99999999999999\r\n\r\n{exit}"), vec!["garbage", "exit"]),
            (format!("Content-Length: -1\r\n{exit}"), vec!["garbage", "exit"]),
            (format!("hello\n{exit}"), vec!["garbage", "exit"]),
            (format!("\r\n\r\n{exit}"), vec!["exit"]),
            (exit[..30].to_owned(), vec![]),
            (String::new(), vec![]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(frames(bytes.as_bytes()), expected, "{bytes:?}");
        }
        let bytes = [&b"\xff\xfe\n"[..], exit.as_bytes()].concat();
        assert_eq!(frames(&bytes), ["garbage", "exit"]);
    }
}
