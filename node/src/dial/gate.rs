//! Nothing is answered on a connection before the coordinator has welcomed us on it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use folkmoot_proto::identity::Identity;
use folkmoot_proto::text::is_unseen;
use futures_util::future::Either;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

/// The one method that is served before the welcome: it is the welcome.
const WELCOME: &str = "/folkmoot.v1.Node/Welcome";

/// Letters of a refusal's reason that are kept. It comes from the other side.
const REASON: usize = 500;

/// What became of a connection's welcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has not come yet.
    Awaited,
    /// Both sides keep the link.
    Kept,
    /// One side does not, for this reason.
    Refused(String),
}

/// A connection's gate. Whoever answers the welcome finds it in the request's extensions and decides with it.
#[derive(Clone, Debug)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    coordinator: Identity,
    verdict: watch::Sender<Verdict>,
}

impl Gate {
    /// The gate of a new connection to `coordinator`, closed.
    pub fn new(coordinator: Identity) -> Self {
        Self { inner: Arc::new(Inner { coordinator, verdict: watch::Sender::new(Verdict::Awaited) }) }
    }

    /// Who is at the other end, from its certificate.
    pub fn coordinator(&self) -> &Identity {
        &self.inner.coordinator
    }

    /// Opens the gate: the coordinator keeps the link, and so do we. A refused link stays refused.
    pub fn keep(&self) {
        self.inner.verdict.send_if_modified(|verdict| {
            let first = *verdict == Verdict::Awaited;
            if first {
                *verdict = Verdict::Kept;
            }
            first
        });
    }

    /// Closes the gate for good: one side does not keep the link, for `reason`, which an operator will read.
    pub fn refuse(&self, reason: &str) {
        let reason: String = reason.chars().filter(|c| !is_unseen(*c)).take(REASON).collect();
        self.inner.verdict.send_replace(Verdict::Refused(reason));
    }

    /// What became of the welcome so far.
    pub fn verdict(&self) -> Verdict {
        self.inner.verdict.borrow().clone()
    }

    /// Waits until the verdict is another one than `seen`.
    pub(super) async fn after(&self, seen: &Verdict) -> Verdict {
        let mut verdict = self.inner.verdict.subscribe();
        if let Ok(now) = verdict.wait_for(|now| now != seen).await {
            return now.clone();
        }
        // The sender lives in `self`, so it cannot be gone.
        std::future::pending().await
    }
}

/// A service behind a gate.
#[derive(Clone)]
pub(super) struct Gated<S> {
    service: S,
    gate: Gate,
}

impl<S> Gated<S> {
    pub(super) fn new(service: S, gate: Gate) -> Self {
        Self { service, gate }
    }
}

impl<S, B> Service<http::Request<B>> for Gated<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>, Error = Infallible>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Self::Response, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() == WELCOME || self.gate.verdict() == Verdict::Kept {
            return Either::Left(self.service.call(request));
        }
        let status = match self.gate.verdict() {
            Verdict::Refused(reason) => Status::failed_precondition(format!("this link is refused: {reason}")),
            _ => Status::failed_precondition("the first call on a link is Welcome"),
        };
        Either::Right(ready(Ok(status.into_http())))
    }
}
