//! The end of the control socket that asks.

use std::{io, path::Path};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

use super::{ControlRequest, ControlResponse};

/// A daemon that listens.
#[derive(Debug)]
pub struct ControlClient(BufReader<UnixStream>);

impl ControlClient {
    /// Reaches the daemon at `socket`; `None` where no daemon listens.
    pub async fn connect(socket: &Path) -> io::Result<Option<Self>> {
        match UnixStream::connect(socket).await {
            Ok(stream) => Ok(Some(Self(BufReader::new(stream)))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks; the answers follow.
    pub async fn send(&mut self, ask: &ControlRequest) -> io::Result<()> {
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        match self.0.write_all(&line).await {
            // A daemon that does not admit this user refuses before it is asked, and closes: what it said can still be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    /// The next answer.
    pub async fn receive(&mut self) -> io::Result<ControlResponse> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}
