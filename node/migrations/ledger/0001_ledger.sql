-- What was asked, what it cost, what left, and the chain of entries that proves it.
-- Money-like columns are whole billionths of rho (zCDP), called nano. Moments are seconds since 1970-01-01 UTC unless a
-- column says otherwise. Digests are SHA-256.

-- Whose ledger this is. One row, written when the file is made.
CREATE TABLE owner (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    council TEXT NOT NULL,                             -- council code
    genesis BLOB NOT NULL CHECK (length(genesis) = 32) -- random; makes every ledger's chain its own
) STRICT;

-- The chain. Append only: the triggers refuse anything else, and the digests show whatever went round them.
CREATE TABLE entry (
    number   INTEGER PRIMARY KEY CHECK (number > 0),       -- 1, 2, 3 ...; a gap only before an entry that records a recovery
    moment   TEXT NOT NULL,                                -- RFC 3339, UTC, whole seconds; never before the entry above
    body     TEXT NOT NULL,                                -- JSON: who, what, when, purpose, basis, decision, charge, digests
    previous BLOB NOT NULL CHECK (length(previous) = 32),  -- digest of the entry above; the owner's genesis for the first
    digest   BLOB NOT NULL CHECK (length(digest) = 32)     -- over all of the above
) STRICT;
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry BEGIN
    SELECT RAISE(ABORT, 'the audit log is append only');
END;
CREATE TRIGGER entry_is_never_removed BEFORE DELETE ON entry BEGIN
    SELECT RAISE(ABORT, 'the audit log is append only');
END;

-- Questions that were granted at least once.
CREATE TABLE question (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),   -- query id, from whoever asked
    digest  BLOB NOT NULL CHECK (length(digest) = 32),  -- of the canonical question
    wire    BLOB NOT NULL                               -- the question's own encoding
) STRICT;

-- Each time that this council set about answering a question.
CREATE TABLE attempt (
    id       INTEGER PRIMARY KEY,
    question BLOB NOT NULL REFERENCES question (id),
    number   INTEGER NOT NULL CHECK (number > 0),       -- as the round's envelope counts; council figures count here
    kind     TEXT NOT NULL CHECK (kind IN ('council', 'round')),
    state    TEXT NOT NULL CHECK (state IN
        ('seen', 'reserved', 'masked', 'signed_survivors', 'unmasked', 'closed', 'released', 'refunded')),
    snapshot BLOB NOT NULL CHECK (length(snapshot) = 32), -- of the data
    cohort   BLOB NOT NULL CHECK (length(cohort) = 32),   -- of the councils asked; of none for council figures
    nano     INTEGER NOT NULL CHECK (nano >= 0),          -- price
    year     TEXT NOT NULL,                               -- budget year, such as 2026-27
    expires  INTEGER NOT NULL,                            -- a reservation not used by then is given back
    final    BLOB CHECK (length(final) = 32),             -- transcript of the survivors that were signed
    hold     INTEGER,                                     -- the approval it rests on, if any
    UNIQUE (question, number)
) STRICT;
CREATE INDEX attempt_by_state ON attempt (state, expires);
CREATE TRIGGER attempt_goes_forward BEFORE UPDATE OF state ON attempt
WHEN NOT (
    (OLD.state = 'seen' AND NEW.state = 'reserved')
    OR (OLD.state = 'reserved' AND NEW.state = 'refunded')
    OR (OLD.kind = 'council' AND OLD.state = 'reserved' AND NEW.state = 'released')
    OR (OLD.kind = 'round' AND OLD.state = 'reserved' AND NEW.state = 'masked')
    OR (OLD.kind = 'round' AND OLD.state = 'masked' AND NEW.state IN ('signed_survivors', 'closed'))
    OR (OLD.kind = 'round' AND OLD.state = 'signed_survivors' AND NEW.state IN ('unmasked', 'closed'))
    OR (OLD.kind = 'round' AND OLD.state = 'unmasked' AND NEW.state = 'closed'))
BEGIN
    SELECT RAISE(ABORT, 'an attempt only goes forward');
END;
CREATE TRIGGER attempt_is_never_removed BEFORE DELETE ON attempt BEGIN
    SELECT RAISE(ABORT, 'an attempt is never forgotten');
END;
CREATE TRIGGER attempt_keeps_its_price BEFORE UPDATE OF nano, question, number, kind, year ON attempt BEGIN
    SELECT RAISE(ABORT, 'an attempt keeps its price');
END;

-- Running totals. The check is the last line of defence: no code path can pass it.
CREATE TABLE account (
    year     TEXT NOT NULL,                            -- budget year
    scope    TEXT NOT NULL CHECK (scope IN ('year', 'query', 'role', 'purpose', 'measure')),
    name     TEXT NOT NULL,                            -- which query, role, purpose or measure; empty for the year
    cap      INTEGER NOT NULL CHECK (cap >= 0),        -- the policy's cap when this account was last reserved on
    used     INTEGER NOT NULL CHECK (used >= 0),       -- charged for good
    reserved INTEGER NOT NULL CHECK (reserved >= 0),   -- for answers under way
    PRIMARY KEY (year, scope, name),
    CHECK (used + reserved <= cap)
) STRICT;
CREATE TRIGGER account_is_never_given_back BEFORE UPDATE OF used ON account WHEN NEW.used < OLD.used BEGIN
    SELECT RAISE(ABORT, 'a charge is never given back');
END;
CREATE TRIGGER account_is_never_removed BEFORE DELETE ON account BEGIN
    SELECT RAISE(ABORT, 'an account is never removed');
END;

-- Which accounts an attempt's price stands on.
CREATE TABLE holding (
    attempt INTEGER NOT NULL REFERENCES attempt (id),
    scope   TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (attempt, scope, name)
) STRICT;

-- What left, for ever: the protected bytes of council figures, the digest of a joint result.
CREATE TABLE release (
    digest   BLOB NOT NULL CHECK (length(digest) = 32),   -- of the canonical question
    snapshot BLOB NOT NULL CHECK (length(snapshot) = 32),
    cohort   BLOB NOT NULL CHECK (length(cohort) = 32),
    attempt  INTEGER NOT NULL REFERENCES attempt (id),
    body     BLOB NOT NULL,                               -- protected figures as they left; a digest for joint results
    PRIMARY KEY (digest, snapshot, cohort)
) STRICT;
CREATE TRIGGER release_is_never_changed BEFORE UPDATE ON release BEGIN
    SELECT RAISE(ABORT, 'what left is never changed');
END;
CREATE TRIGGER release_is_never_removed BEFORE DELETE ON release BEGIN
    SELECT RAISE(ABORT, 'what left is never forgotten');
END;

-- Suppressed sums: over which councils, about which period, with which filters. Later ones must not differ by too little.
CREATE TABLE family (
    attempt   INTEGER PRIMARY KEY REFERENCES attempt (id),
    shape     BLOB NOT NULL CHECK (length(shape) = 32),   -- of measure and settings, without period, filters and breakdown
    first_day INTEGER NOT NULL,                           -- days since 1970-01-01
    last_day  INTEGER NOT NULL,
    filters   BLOB NOT NULL CHECK (length(filters) = 32),
    members   TEXT NOT NULL                               -- council codes in order, joined by commas; the survivors once signed
) STRICT;
CREATE INDEX family_by_shape ON family (shape);
