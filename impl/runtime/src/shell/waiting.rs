//! Who waits for what, by the tokens that the loop knows them by. On the node's thread alone.

use crate::error::{ProposeError, TransferError};
use crate::state_machine::StateMachine;
use crate::sync::Completer;
use crate::world::{RequestError, Token};
use slab::Slab;

/// A function that looks at the state, or hears why it cannot.
pub(crate) type Reader<S> = Box<dyn FnOnce(Result<&S, RequestError>) + Send>;

/// What a response, or the want of one, is told to.
pub(crate) type Responder<S> = Completer<Result<<S as StateMachine>::Response, ProposeError>>;

/// Of each command of a batch, in its order.
pub(crate) type BatchResponder<S> =
    Completer<Result<Vec<Result<<S as StateMachine>::Response, ProposeError>>, ProposeError>>;

enum One<S: StateMachine> {
    Proposal(Responder<S>),
    /// One command of a batch.
    InBatch {
        batch: usize,
        place: usize,
    },
    Read(Reader<S>),
    Transfer(Completer<Result<(), TransferError>>),
}

struct Batch<S: StateMachine> {
    responses: Vec<Option<Result<S::Response, ProposeError>>>,
    left: usize,
    responder: BatchResponder<S>,
}

/// All that wait.
pub(crate) struct Waiting<S: StateMachine> {
    ones: Slab<One<S>>,
    batches: Slab<Batch<S>>,
}

impl<S: StateMachine> Waiting<S> {
    pub(crate) const fn new() -> Self {
        Self { ones: Slab::new(), batches: Slab::new() }
    }

    fn insert(&mut self, one: One<S>) -> Token {
        Token(self.ones.insert(one) as u64)
    }

    fn remove(&mut self, token: Token) -> Option<One<S>> {
        self.ones.try_remove(usize::try_from(token.0).ok()?)
    }

    pub(crate) fn proposal(&mut self, responder: Responder<S>) -> Token {
        self.insert(One::Proposal(responder))
    }

    /// One token for each command, in order. A batch of none is answered at once.
    pub(crate) fn batch(&mut self, length: usize, responder: BatchResponder<S>) -> Vec<Token> {
        if length == 0 {
            responder.complete(Ok(Vec::new()));
            return Vec::new();
        }
        let responses = (0..length).map(|_| None).collect();
        let batch = self.batches.insert(Batch { responses, left: length, responder });
        (0..length).map(|place| self.insert(One::InBatch { batch, place })).collect()
    }

    pub(crate) fn read(&mut self, reader: Reader<S>) -> Token {
        self.insert(One::Read(reader))
    }

    pub(crate) fn transfer(&mut self, completer: Completer<Result<(), TransferError>>) -> Token {
        self.insert(One::Transfer(completer))
    }

    pub(crate) fn answer(&mut self, token: Token, answer: Result<S::Response, RequestError>) {
        match (self.remove(token), answer) {
            (Some(One::Proposal(responder)), answer) => {
                responder.complete(answer.map_err(ProposeError::from));
            }
            (Some(One::InBatch { batch, place }), answer) => {
                self.answer_in_batch(batch, place, answer.map_err(ProposeError::from));
            }
            (Some(One::Read(reader)), Err(error)) => reader(Err(error)),
            (Some(One::Transfer(completer)), Err(error)) => completer.complete(Err(error.into())),
            // The loop gives a response to proposals only, and an answer once. Whoever were dropped here would be told so.
            (Some(One::Read(_) | One::Transfer(_)), Ok(_)) | (None, _) => {}
        }
    }

    fn answer_in_batch(&mut self, number: usize, place: usize, answer: Result<S::Response, ProposeError>) {
        let Some(batch) = self.batches.get_mut(number) else { return };
        if let Some(response) = batch.responses.get_mut(place) {
            *response = Some(answer);
        }
        batch.left -= 1;
        if batch.left == 0 {
            let Batch { responses, responder, .. } = self.batches.remove(number);
            let unanswered = || Err(ProposeError::Unknown);
            let responses = responses.into_iter().map(|response| response.unwrap_or_else(unanswered));
            responder.complete(Ok(responses.collect()));
        }
    }

    pub(crate) fn reader(&mut self, token: Token) -> Option<Reader<S>> {
        match self.remove(token)? {
            One::Read(reader) => Some(reader),
            One::Proposal(_) | One::InBatch { .. } | One::Transfer(_) => None,
        }
    }

    pub(crate) fn transferred(&mut self, token: Token) {
        if let Some(One::Transfer(completer)) = self.remove(token) {
            completer.complete(Ok(()));
        }
    }
}
