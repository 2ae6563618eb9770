-- Which state of the records this log knows, and what must be done again when an older one is put back.

CREATE TABLE bound (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL CHECK (generation >= 0),      -- the records' change that the log knows last
    stamp      BLOB NOT NULL CHECK (length(stamp) = 32),      -- its random name
    entry      INTEGER NOT NULL REFERENCES entry (number),    -- the entry that says so
    secret     BLOB NOT NULL CHECK (length(secret) = 32)      -- digest of the key of the records' fingerprints
) STRICT;

-- People who are erased (1) or restricted (2), by the records' keyed fingerprints: without the records' own key nobody can
-- tell whom they are of. Never part of an entry or an export.
CREATE TABLE redo (
    kind        INTEGER NOT NULL CHECK (kind IN (1, 2)),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    person      BLOB NOT NULL CHECK (length(person) = 32),    -- fingerprint of the first of the person's ids
    since       INTEGER NOT NULL,                             -- day, since 1970-01-01
    PRIMARY KEY (kind, fingerprint)
) STRICT, WITHOUT ROWID;
