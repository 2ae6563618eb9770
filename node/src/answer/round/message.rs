//! The messages of a round's steps, as they come and go over the link in pieces.

use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::round::node::MaskedVector;
use folkmoot_proto::wire::v1 as wire;
use tonic::{Status, Streaming};

/// Most bytes of one step's message to a node.
const MOST_BYTES: usize = 1 << 20;

/// One step as it came over the link.
pub struct Asked {
    pub(super) round: [u8; 32],
    pub(super) step: u32,
    pub(super) question: Option<wire::SignedQuery>,
    pub(super) payload: Vec<u8>,
}

impl Asked {
    /// Puts a step's message together from its pieces.
    ///
    /// # Errors
    /// The status of the stream, or [`Reason::InvalidQuestion`] when the pieces do not fit together.
    pub async fn read(mut stream: Streaming<wire::RoundChunk>) -> Result<Self, Status> {
        let invalid = |what: &str| Status::from(Refusal::new(Reason::InvalidQuestion, what.to_owned()));
        let first = stream.message().await?.ok_or_else(|| invalid("the step of the round is empty"))?;
        let round = first.round_id.as_slice().try_into();
        let round = round.map_err(|_| invalid("a round's id is the 32 bytes of its first hash"))?;
        let mut asked = Self { round, step: first.step, question: first.question, payload: first.payload };
        if first.offset != 0 {
            return Err(invalid("the first piece of a round's step starts at 0"));
        }
        while let Some(piece) = stream.message().await? {
            let fits = piece.round_id == asked.round && piece.step == asked.step && piece.question.is_none();
            if !fits || piece.offset != asked.payload.len() as u64 {
                return Err(invalid("the pieces of a round's step do not follow each other"));
            }
            if asked.payload.len() + piece.payload.len() > MOST_BYTES {
                return Err(invalid("the message of a round's step is larger than any can be"));
            }
            asked.payload.extend(piece.payload);
        }
        Ok(asked)
    }

    /// The round's id: its `T0`.
    pub fn round(&self) -> &[u8; 32] {
        &self.round
    }

    /// Which step, 0 to 4.
    pub fn step_number(&self) -> u32 {
        self.step
    }
}

/// What may be sent for a step.
pub(in crate::answer) enum Reply {
    Message(Vec<u8>),
    Vector(MaskedVector),
}

impl Reply {
    /// The pieces in order: a message at 0; a masked vector as its announcement at 0, then its elements, each piece at
    /// the index of its first element.
    pub(in crate::answer) fn pieces(self) -> Box<dyn Iterator<Item = (u64, Vec<u8>)> + Send> {
        match self {
            Self::Message(bytes) => Box::new(std::iter::once((0, bytes))),
            Self::Vector(vector) => {
                let header = vector.header().to_vec();
                let chunks = vector.into_chunks().map(|chunk| (chunk.offset, chunk.bytes));
                Box::new(std::iter::once((0, header)).chain(chunks))
            }
        }
    }
}
