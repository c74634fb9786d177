//! The client of the control socket.

use std::{io, path::Path};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

use super::{Addressee, ControlRequest, ControlResponse, messages::AddressedRequest};

/// A connection to the daemon.
#[derive(Debug)]
pub struct ControlClient {
    stream: BufReader<UnixStream>,
    to: Addressee,
}

impl ControlClient {
    /// Connects to the daemon at `socket`; `None` where no daemon listens. A daemon other than `to` refuses each request.
    pub async fn connect(socket: &Path, to: Addressee) -> io::Result<Option<Self>> {
        match UnixStream::connect(socket).await {
            Ok(stream) => Ok(Some(Self { stream: BufReader::new(stream), to })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a request; the responses follow.
    pub async fn send(&mut self, request: &ControlRequest) -> io::Result<()> {
        let addressed = AddressedRequest { request: request.clone(), to: self.to.clone() };
        let mut line = serde_json::to_vec(&addressed)?;
        line.push(b'\n');
        match self.stream.write_all(&line).await {
            // A daemon that does not admit this user refuses and closes before it reads: its response can still be
            // read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    /// Receives the next response.
    pub async fn receive(&mut self) -> io::Result<ControlResponse> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}
