//! What councils tell each other of their ledgers in a round, so that a restored or copied ledger is noticed by peers.
//!
//! ```text
//! step 0  i signs with its keys where its ledger stands                       Standing in Advert
//! step 1  every other j has checked that signature, keeps it, and says what
//!         it has kept of i from rounds before                                  Statement in Sealed, bound to the pair j -> i
//! step 2  before anything of its data is touched, i looks for what was said
//!         of it in its own ledger                                              Seen, to Contribution::witnessed
//! ```
//!
//! A statement is i's own signed words, so a peer can withhold it and can invent nothing. The coordinator can do neither:
//! the statements of j about i are associated data of the pair that j sealed for i, so that a pair whose statements were
//! taken out or changed does not open.

use ed25519_dalek::VerifyingKey;

use super::codec::{Malformed, Reader, Writer};
use super::envelope::verifies;
use super::messages::{Advert, Entry};
use super::parameters::MAX_NODES;
use super::seats::Seat;
use super::signed::advert_bytes;
use super::transcript::Hash;

/// Most statements that one council makes in a round.
pub const MOST_STATEMENTS: usize = 2 * MAX_NODES as usize;
/// Most statements about one council that it is shown in a round.
pub const MOST_SHOWN: usize = 8 * MAX_NODES as usize;

pub(super) const STANDING_BYTES: usize = 2 * (8 + 32);
const STATEMENT_BYTES: usize = 1 + 32 + super::messages::ENTRY_BYTES;

/// The last entry of a ledger: its number and its digest. The default stands for a ledger without entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// Number of the last entry; 0 when there is none.
    pub entries: u64,
    /// Digest of that entry.
    pub digest: Hash,
}

/// Where a ledger stands, as its council signs it with its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its head, once the price of this round is put aside in it.
    pub head: Head,
    /// The head that the same ledger told in the round before. Peers recognise a branch by it: whoever has seen a later head
    /// than this one has seen an entry that this ledger forgot to have told.
    pub before: Head,
}

impl Standing {
    pub(super) fn bytes(&self) -> [u8; STANDING_BYTES] {
        let mut out = [0; STANDING_BYTES];
        for (head, into) in [&self.head, &self.before].into_iter().zip(out.chunks_exact_mut(40)) {
            into[..8].copy_from_slice(&head.entries.to_le_bytes());
            into[8..].copy_from_slice(&head.digest);
        }
        out
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut head = || Ok(Head { entries: r.u64("ledger")?, digest: r.array("ledger")? });
        Ok(Self { head: head()?, before: head()? })
    }
}

/// What one council has kept of another's ledger: the advert in which that one signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// In sealed shares: whom the statement is about. In relayed shares: who makes it.
    pub seat: Seat,
    /// The signed words, of an earlier round.
    pub advert: Advert,
}

impl Statement {
    pub(super) fn write(&self, w: &mut Writer) {
        w.u8(self.seat.index()).array(&said(&self.advert));
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let seat = Seat::new(r.u8("statements")?);
        Ok(Self { seat, advert: Advert { t0: r.array("statements")?, entry: Entry::read(r)? } })
    }

    /// The place of a statement in its list: by seat, then by head.
    pub(super) const fn place(&self) -> (Seat, Head) {
        (self.seat, self.advert.entry.ledger.head)
    }
}

pub(super) fn write_statements(w: &mut Writer, statements: &[Statement]) {
    w.length(statements.len());
    for statement in statements {
        statement.write(w);
    }
}

pub(super) fn read_statements(r: &mut Reader<'_>, most: usize) -> Result<Vec<Statement>, Malformed> {
    let len = r.length(most, STATEMENT_BYTES, "statements")?;
    (0..len).map(|_| Statement::read(r)).collect()
}

/// Whether a list is in its one order, nothing in it twice.
pub(super) fn in_order(statements: &[Statement]) -> bool {
    statements.is_sorted_by(|a, b| a.place() < b.place())
}

/// The statements of one list that name `seat`, as the bytes to which the sealed pair between the two is bound.
pub(super) fn bound(statements: &[Statement], seat: Seat) -> Vec<u8> {
    statements.iter().filter(|s| s.seat == seat).flat_map(|s| said(&s.advert)).collect()
}

/// All statements of a list, as their maker signs them.
pub(super) fn signed(statements: &[Statement]) -> Vec<u8> {
    statements.iter().flat_map(|s| std::iter::once(s.seat.index()).chain(said(&s.advert))).collect()
}

fn said(advert: &Advert) -> Vec<u8> {
    let mut bytes = advert.t0.to_vec();
    bytes.extend(advert.entry.bytes());
    bytes
}

/// Another member of the round, with the keys and the head that it has signed: what a witness keeps.
#[derive(Clone, Debug)]
pub struct Peer<'a> {
    /// Its code.
    pub council: &'a str,
    /// Its seat in this round.
    pub seat: Seat,
    /// The signing key of the roll under which its signature was checked.
    pub key: &'a VerifyingKey,
    /// What it signed.
    pub advert: Advert,
}

/// What a peer has shown this council of itself.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who shows it.
    pub by: String,
    /// What this council is said to have signed. Whether it did is the receiver's to check ([`Advert::is_signed_by`]).
    pub advert: Advert,
}

impl Advert {
    /// The bytes that its council signs.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        advert_bytes(&self.t0, &self.entry)
    }

    /// Whether the advert was signed with the private half of `key`.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        verifies(key, &self.signed_bytes(), &self.entry.signature)
    }
}
