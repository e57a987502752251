//! Bodies of requests, held until the answer is sent.
//!
//! Where a handler lets go of a chunked body that has not ended, the framework reads on until it ends,
//! however long that takes: whoever sends no further chunk would have a connection for ever. Of a body
//! that is still held it says in the answer that the connection ends, and ends it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures::Stream;

/// The body of a request that has one.
pub(crate) struct Held(Rc<RefCell<Payload>>);

/// The same body, as the handler reads it.
struct Lent(Rc<RefCell<Payload>>);

/// The body of an answer, and of the request that it answers.
struct Both {
    answer: BoxBody,
    _request: Rc<RefCell<Payload>>,
}

impl Held {
    /// Holds the body of a request, where it has one, and lends it to the handler.
    pub(crate) fn of(request: &mut ServiceRequest) -> Option<Self> {
        let payload = match request.take_payload() {
            Payload::None => return None,
            payload => Rc::new(RefCell::new(payload)),
        };
        request.set_payload(Payload::Stream { payload: Box::pin(Lent(payload.clone())) });
        Some(Self(payload))
    }

    /// Holds it on until the answer is sent.
    pub(crate) fn until_sent(self, answer: BoxBody) -> BoxBody {
        BoxBody::new(Both { answer, _request: self.0 })
    }
}

impl Stream for Lent {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

impl MessageBody for Both {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
