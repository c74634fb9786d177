//! Receivers of notifications on loopback: a webhook and a mail server that can be told to refuse or to hang, and a command.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::secrets::Marked;

/// How long anything here may take before a test gives it up.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a receiver does with what it gets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behavior {
    /// Answers with these lines: status and headers of HTTP, or a reply of SMTP.
    Answers(&'static str),
    /// Reads and never answers.
    Hangs,
}

/// What was received, in order.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Of HTTP the path.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    /// Whether the answer was that it is taken.
    pub(crate) is_taken: bool,
}

impl Received {
    /// The body as JSON.
    #[allow(dead_code, reason = "each test program uses some of these")]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// What several threads know of a receiver.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    known: Mutex<Known>,
    changed: Condvar,
}

struct Known {
    received: Vec<Received>,
    behavior: Behavior,
}

#[allow(dead_code, reason = "each test program uses some of these")]
impl Log {
    fn new(behavior: Behavior) -> Self {
        let known = Mutex::new(Known { received: Vec::new(), behavior });
        Self(Arc::new(Shared { known, changed: Condvar::new() }))
    }

    pub(crate) fn behave(&self, behavior: Behavior) {
        self.0.known.lock().expect("whole").behavior = behavior;
    }

    fn behavior(&self) -> Behavior {
        self.0.known.lock().expect("whole").behavior
    }

    /// What is received has no secret; a webhook may know its own address.
    fn push(&self, received: Received) {
        Marked::of_sandbox().assert_absent(&format!("{:?}{}", received.headers, received.body));
        self.0.known.lock().expect("whole").received.push(received);
        self.0.changed.notify_all();
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.0.known.lock().expect("whole").received.clone()
    }

    pub(crate) fn taken(&self) -> Vec<Received> {
        self.all().into_iter().filter(|received| received.is_taken).collect()
    }

    /// Waits until so many came that pass the test.
    pub(crate) fn await_such(&self, count: usize, is_such: impl Fn(&Received) -> bool) -> Vec<Received> {
        let begin = Instant::now();
        let mut known = self.0.known.lock().expect("whole");
        loop {
            let such: Vec<Received> = known.received.iter().filter(|received| is_such(received)).cloned().collect();
            if such.len() >= count {
                return such;
            }
            let left = DEADLINE.saturating_sub(begin.elapsed());
            assert!(!left.is_zero(), "{count} did not come, but {:?}", known.received);
            known = self.0.changed.wait_timeout(known, left).expect("whole").0;
        }
    }
}

/// Serves connections of a port of its own, each in a thread, for as long as the test program runs.
fn serve(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// An HTTP server that takes POSTs.
#[allow(dead_code, reason = "each test program uses some of these")]
pub(crate) fn webhook(behavior: Behavior) -> (String, Log) {
    let log = Log::new(behavior);
    let shared = log.clone();
    let port = serve(move |stream| answer_http(stream, &shared));
    (format!("http://127.0.0.1:{port}"), log)
}

fn answer_http(mut stream: TcpStream, log: &Log) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let behavior = log.behavior();
    let is_post = first.starts_with("POST ");
    let is_taken = is_post && matches!(behavior, Behavior::Answers(head) if head.starts_with('2'));
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    // Noted first: a peer that has the answer finds the request in the log.
    log.push(Received { path, headers, body: String::from_utf8(body).expect("UTF-8"), is_taken });
    if let Behavior::Answers(head) = behavior {
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nanswer");
        let _ = stream.write_all(answer.as_bytes());
    }
    if matches!(behavior, Behavior::Hangs) {
        // Until the peer has had enough.
        let _ = reader.read(&mut [0]);
    }
}

/// A mail server without TLS. What it answers to `MAIL FROM` is its behavior; recipients that begin with `nobody` are refused.
#[allow(dead_code, reason = "each test program uses some of these")]
pub(crate) fn mail_server(behavior: Behavior) -> (String, Log) {
    let log = Log::new(behavior);
    let shared = log.clone();
    let port = serve(move |stream| {
        // A peer that leaves ends the conversation.
        let _ = talk_smtp(stream, &shared);
    });
    (format!("smtp://127.0.0.1:{port}"), log)
}

fn talk_smtp(mut stream: TcpStream, log: &Log) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes());
    let mut recipients = Vec::new();
    say("220 mail.example.test")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        match verb.as_str() {
            "EHLO" => say("250-mail.example.test\r\n250 8BITMIME")?,
            "MAIL" => match log.behavior() {
                Behavior::Answers(reply) if reply.starts_with('2') => {
                    recipients.clear();
                    say(reply)?;
                }
                behavior => {
                    log.push(Received {
                        path: String::new(),
                        headers: HashMap::new(),
                        body: String::new(),
                        is_taken: false,
                    });
                    match behavior {
                        Behavior::Answers(reply) => say(reply)?,
                        Behavior::Hangs => while lines.next().transpose()?.is_some() {},
                    }
                }
            },
            "RCPT" if line.to_lowercase().contains("<nobody") => say("550 5.1.1 no such user")?,
            "RCPT" => {
                recipients.push(line.clone());
                say("250 ok")?;
            }
            "DATA" => {
                say("354 go on")?;
                let message = read_message(&mut lines)?;
                log.push(Received { path: recipients.join(" "), ..message });
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 ok")?,
        }
    }
    Ok(())
}

fn read_message(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> std::io::Result<Received> {
    let (mut headers, mut body, mut is_head) = (HashMap::new(), String::new(), true);
    while let Some(line) = lines.next().transpose()? {
        match line.split_once(": ") {
            _ if line == "." => break,
            _ if line.is_empty() && is_head => is_head = false,
            Some((name, value)) if is_head => {
                headers.insert(name.to_lowercase(), value.to_owned());
            }
            _ => body += &(line + "\n"),
        }
    }
    Ok(Received { path: String::new(), headers, body, is_taken: true })
}

/// A script that may be executed.
pub(crate) fn script(path: &Path, text: &str) -> PathBuf {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
    path.to_owned()
}

/// What a file holds once it holds something; the file may not be there yet.
#[allow(dead_code, reason = "each test program uses some of these")]
pub(crate) fn await_text(path: &Path) -> String {
    let begin = Instant::now();
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => assert!(begin.elapsed() < DEADLINE, "{} stays empty", path.display()),
        }
        thread::yield_now();
    }
}
