//! Messages on standard input and output, where a body that is no message ends nothing.

use anyhow::Context;
use lsp_server::{Connection, ErrorCode, Message};
use std::io::{self, BufRead, Read, Write};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// More than any message has: a text of the longest source, escaped.
const LONGEST: u64 = 1 << 30;

/// The threads that read and write.
pub(super) struct Pipes {
    read: mpsc::Receiver<io::Result<()>>,
    writer: JoinHandle<io::Result<()>>,
}

/// Reads and writes messages on standard input and output.
pub(super) fn open() -> (Connection, Pipes) {
    let (own, editor) = Connection::memory();
    let Connection { sender, receiver } = editor;
    let (tell, read) = mpsc::channel();
    std::thread::spawn(move || {
        let take = |message| sender.send(message).is_ok();
        let ended = read_all(&mut io::stdin().lock(), &mut io::stdout(), take);
        // Nobody may be there any more.
        drop(tell.send(ended));
        // Only now does the server see the end.
        drop(sender);
    });
    let writer = std::thread::spawn(move || {
        receiver.into_iter().try_for_each(|message| message.write(&mut io::stdout().lock()))
    });
    (own, Pipes { read, writer })
}

impl Pipes {
    /// Waits until all is written; what went wrong in reading is told as well. The connection has to be dropped before.
    pub(super) fn join(self) -> anyhow::Result<()> {
        let written = self.writer.join();
        written.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        self.read.try_recv().unwrap_or(Ok(())).context("the editor's messages")
    }
}

/// Hands on messages until one is the last, or nobody takes them. What is none is answered.
fn read_all(
    from: &mut impl BufRead,
    to: &mut impl Write,
    mut take: impl FnMut(Message) -> bool,
) -> io::Result<()> {
    while let Some(body) = read_body(from)? {
        match message(&body) {
            Ok(message) => {
                let is_last =
                    matches!(&message, Message::Notification(one) if one.method == "exit");
                if !take(message) || is_last {
                    break;
                }
            }
            Err(answer) => {
                let answer = answer.to_string();
                // At once, as another thread writes too.
                let whole = format!("Content-Length: {}\r\n\r\n{answer}", answer.len());
                to.write_all(whole.as_bytes())?;
                to.flush()?;
            }
        }
    }
    Ok(())
}

/// The next body; none at the end. Where headers are none, the next message cannot be found.
fn read_body(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    const LONGEST_HEADER: u64 = 1 << 12;
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut length = None;
    loop {
        let mut line = String::new();
        if from.by_ref().take(LONGEST_HEADER).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some(header) = line.strip_suffix("\r\n") else {
            return Err(wrong(format!("a header does not end in CR LF: {line:?}")));
        };
        if header.is_empty() {
            break;
        }
        let (name, value) =
            header.split_once(':').ok_or_else(|| wrong(format!("not a header: {header:?}")))?;
        if name.eq_ignore_ascii_case("Content-Length") {
            let value: Option<u64> = value.trim().parse().ok();
            length = value.filter(|length| *length <= LONGEST);
            length.ok_or_else(|| wrong(format!("not a length: {header:?}")))?;
        }
    }
    let length = length.ok_or_else(|| wrong("a message without Content-Length".to_owned()))?;
    // It grows by what comes, not by what is promised.
    let mut body = Vec::new();
    from.by_ref().take(length).read_to_end(&mut body)?;
    match body.len() as u64 == length {
        true => Ok(Some(body)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The message that a body is, or the answer to what is none.
fn message(body: &[u8]) -> Result<Message, serde_json::Value> {
    use serde_json::Value;
    let answer = |id: Value, code: ErrorCode, why: String| {
        serde_json::json!({
            "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": why },
        })
    };
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| answer(Value::Null, ErrorCode::ParseError, error.to_string()))?;
    let id = value.get("id").filter(|id| id.is_number() || id.is_string()).cloned();
    serde_json::from_value(value).map_err(|error| {
        answer(id.unwrap_or_default(), ErrorCode::InvalidRequest, error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The methods that are handed on, what is answered, and how it ends.
    fn read(text: &[u8]) -> (Vec<String>, String, io::Result<()>) {
        let (mut methods, mut answered) = (Vec::new(), Vec::new());
        let take = |message| {
            match message {
                Message::Request(one) => methods.push(one.method),
                Message::Notification(one) => methods.push(one.method),
                Message::Response(_) => methods.push("response".to_owned()),
            }
            true
        };
        let ended = read_all(&mut &*text, &mut answered, take);
        (methods, String::from_utf8(answered).unwrap(), ended)
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    /// The codes of JSON-RPC 2.0: -32700 for what is no JSON, -32600 for what is no request.
    #[test]
    fn what_is_no_message_is_answered() {
        let next = framed(r#"{"jsonrpc":"2.0","method":"next"}"#);
        for (body, answer) in [
            ("{", r#""code":-32700"#),
            ("", r#""code":-32700"#),
            ("[1]", r#""code":-32600"#),
            ("5", r#""code":-32600"#),
            (r#"{"id":7,"method":5}"#, r#""code":-32600"#),
        ] {
            let (methods, answered, ended) = read(format!("{}{next}", framed(body)).as_bytes());
            assert_eq!(methods, ["next"], "{body}");
            assert!(
                answered.starts_with("Content-Length: ") && answered.contains(answer),
                "{answered}"
            );
            let id = if body.contains('7') { r#""id":7"# } else { r#""id":null"# };
            assert!(answered.contains(id), "{answered}");
            ended.unwrap();
        }
    }

    #[test]
    fn reading_ends_where_the_next_message_cannot_be_found() {
        for text in [
            "Content-Length: 5\n\n",
            "no header\r\n\r\n",
            "Content-Length: x\r\n\r\n",
            "Content-Length: 99999999999999\r\n\r\n",
            "Other: 1\r\n\r\n{}",
            "Content-Length: 9\r\n\r\n{}",
        ] {
            assert!(read(text.as_bytes()).2.is_err(), "{text:?}");
        }
        let last = framed(r#"{"jsonrpc":"2.0","method":"exit"}"#);
        let (methods, answered, ended) = read(format!("{last}no header").as_bytes());
        assert_eq!((methods, answered.as_str()), (vec!["exit".to_owned()], ""));
        ended.unwrap();
        assert!(read(b"").2.is_ok());
    }
}
