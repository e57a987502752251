//! The body of an answer to `HEAD`.
//!
//! The framework leaves a body out of such an answer, and asks it for more all the same until it ends. One that never
//! ends would keep its connection and all behind it for ever, since nothing is written by which the client's going
//! could be noticed.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// As large as another body, and at its end.
struct Bare(BodySize);

/// Lets go of a body, of which nothing but the size is told.
pub(crate) fn bare(body: BoxBody) -> BoxBody {
    BoxBody::new(Bare(body.size()))
}

impl MessageBody for Bare {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
