//! The client of the control socket.

use std::{io, path::Path};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

use super::{ControlRequest, ControlResponse};

/// A connection to the daemon.
#[derive(Debug)]
pub struct ControlClient(BufReader<UnixStream>);

impl ControlClient {
    /// Connects to the daemon at `socket`; `None` where no daemon listens.
    pub async fn connect(socket: &Path) -> io::Result<Option<Self>> {
        match UnixStream::connect(socket).await {
            Ok(stream) => Ok(Some(Self(BufReader::new(stream)))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a request; the responses follow.
    pub async fn send(&mut self, request: &ControlRequest) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        match self.0.write_all(&line).await {
            // A daemon that does not admit this user refuses and closes before it reads: its response can still be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    /// Receives the next response.
    pub async fn receive(&mut self) -> io::Result<ControlResponse> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}
