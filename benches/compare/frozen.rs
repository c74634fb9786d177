//! A server in a process of its own that passes a call on once, and serves the response from memory from then on: fast
//! enough not to be what is measured.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Response, StatusCode, header},
};

use super::Failure;

/// The first argument of the process that serves; the second is the address of the server whose responses it keeps.
pub(crate) const SERVE: &str = "--serve-frozen";

/// Requests of a client are larger than this only by mistake.
const LARGEST_REQUEST: usize = 16 << 20;

/// The running server; stops when dropped.
pub(crate) struct Frozen {
    process: Child,
    pub(crate) address: String,
}

impl Frozen {
    pub(crate) fn start(upstream: &str) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.args([SERVE, upstream]).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("the server has no output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the process is ended.
pub(crate) fn serve(upstream: &str) -> Result<(), Failure> {
    // Fails if there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let state = Arc::new(Server { upstream: upstream.to_owned(), client, responses: Mutex::default() });
        axum::serve(listener, Router::new().fallback(answer).with_state(state)).await?;
        Ok(())
    })
}

struct Server {
    upstream: String,
    client: reqwest::Client,
    responses: Mutex<HashMap<Key, Recorded>>,
}

/// What distinguishes two calls: method, path with query, SOAP action, accepted encoding and body. Tokens do not.
type Key = (String, String, Option<Bytes>, Option<Bytes>, Bytes);

#[derive(Clone)]
struct Recorded {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    match server.recorded(request).await {
        Ok(Recorded { status, headers, body }) => {
            let mut response = Response::new(Body::from(body));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            response
        }
        Err(error) => {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

impl Server {
    async fn recorded(&self, request: Request) -> Result<Recorded, Box<dyn std::error::Error + Send + Sync>> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, LARGEST_REQUEST).await?;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let of = |name: HeaderName| head.headers.get(name).map(|value| Bytes::copy_from_slice(value.as_bytes()));
        let soap_action = of(HeaderName::from_static("soapaction"));
        let key: Key = (head.method.to_string(), path.clone(), soap_action, of(header::ACCEPT_ENCODING), body.clone());
        let known = self.responses.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut headers = head.headers;
        headers.remove(header::HOST);
        let url = format!("{}{path}", self.upstream);
        let response = self.client.request(head.method, url).headers(headers).body(body).send().await?;
        let (status, mut headers) = (response.status(), response.headers().clone());
        for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        let recorded = Recorded { status, headers, body: response.bytes().await? };
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).insert(key, recorded.clone());
        Ok(recorded)
    }
}
