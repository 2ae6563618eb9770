-- What this council keeps of other councils' ledgers, and what it has told them of its own.

-- Heads of others' ledgers, as they signed them in joint rounds. The latest of each council, and any that a later one of
-- the same council contradicted: such a ledger forgot an entry that it had told.
CREATE TABLE peer_head (
    council   TEXT NOT NULL,                                     -- whose ledger
    entries   INTEGER NOT NULL CHECK (entries > 0),              -- number of its last entry
    digest    BLOB NOT NULL CHECK (length(digest) = 32),         -- that entry's digest
    advert    BLOB NOT NULL,                                     -- the message in which the council signed it
    signer    BLOB NOT NULL CHECK (length(signer) = 32),         -- Ed25519 key under which the signature was checked
    seen      INTEGER NOT NULL,                                  -- moment
    contested INTEGER NOT NULL DEFAULT 0 CHECK (contested IN (0, 1)),
    PRIMARY KEY (council, entries, digest)
) STRICT;
CREATE UNIQUE INDEX peer_head_latest ON peer_head (council) WHERE contested = 0;

-- The head that this ledger told last, to be named with the next.
CREATE TABLE told (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    entries INTEGER NOT NULL CHECK (entries >= 0),
    digest  BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

-- Ed25519 keys with which this council signed heads: what peers show of it counts under any of them, so that a renewed
-- certificate does not make its witnesses forget.
CREATE TABLE signer (
    key   BLOB PRIMARY KEY CHECK (length(key) = 32),
    since INTEGER NOT NULL                                       -- moment of its first use
) STRICT;
