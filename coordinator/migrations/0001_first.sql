-- One run of a question over many councils.
CREATE TABLE jobs (
    id         TEXT PRIMARY KEY,            -- 32 hexadecimal characters: the id of the question
    state      TEXT NOT NULL,               -- planned, asking, waiting, merging, released, failed
    analyst    TEXT NOT NULL,               -- identity URI of whoever asked
    request    BLOB NOT NULL,               -- folkmoot.v1.AskRequest with the question as signed by both
    digest     BLOB NOT NULL,               -- SHA-256 of the canonical question, as-of day included
    sentence   TEXT NOT NULL,               -- the question for people
    created    INTEGER NOT NULL,            -- seconds since 1970-01-01 UTC
    wait_until INTEGER NOT NULL,            -- seconds since 1970-01-01 UTC: no longer waiting for anybody after this
    release    TEXT NOT NULL DEFAULT '',    -- id of the release it ended in
    message    TEXT NOT NULL DEFAULT ''     -- why it failed, or the last thing to say about it
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state);

-- How each council's part in a job stands.
CREATE TABLE job_councils (
    job     TEXT NOT NULL REFERENCES jobs (id),
    council TEXT NOT NULL,                  -- council code
    state   TEXT NOT NULL,                  -- answered, stored, refused, held, unreachable, late, malformed
    code    TEXT NOT NULL,                  -- stable code of the refusal, may be empty
    reason  TEXT NOT NULL,                  -- sentence, may be empty
    PRIMARY KEY (job, council)
) STRICT, WITHOUT ROWID;

-- What was told about a job, for everybody who watches it now or later.
CREATE TABLE job_events (
    job      TEXT NOT NULL REFERENCES jobs (id),
    number   INTEGER NOT NULL,              -- 1, 2, 3 ... within the job
    progress BLOB NOT NULL,                 -- folkmoot.v1.Progress
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- Councils' protected answers, as they arrived and were checked.
CREATE TABLE answers (
    job          TEXT NOT NULL REFERENCES jobs (id),
    council      TEXT NOT NULL,             -- council code, from the link's certificate
    digest       BLOB NOT NULL,             -- SHA-256 of the canonical question
    received     INTEGER NOT NULL,          -- seconds since 1970-01-01 UTC
    snapshot     BLOB NOT NULL,             -- which data
    as_of        INTEGER NOT NULL,          -- days since 1970-01-01
    sigma_nano   INTEGER NOT NULL,          -- standard deviation of the noise in a cell, billionths
    charged_nano INTEGER NOT NULL,          -- billionths of rho
    stored       INTEGER NOT NULL,          -- 1 when the council had it in store
    notes        TEXT NOT NULL,             -- JSON list of sentences
    figures      BLOB NOT NULL,             -- layout order, 8 bytes each, little endian
    hidden       BLOB NOT NULL,             -- one byte a figure, 1 hidden
    PRIMARY KEY (job, council)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_question ON answers (digest, council, received);

-- What a round over many councils came to: sums by block, never a single council's figures.
CREATE TABLE sums (
    job         TEXT PRIMARY KEY REFERENCES jobs (id),
    received    INTEGER NOT NULL,           -- seconds since 1970-01-01 UTC
    contributed TEXT NOT NULL,              -- JSON list of council codes whose vectors are in the sums
    grid        INTEGER NOT NULL,           -- units to a count; 1 for exact sums
    sigma_nano  INTEGER NOT NULL,           -- standard deviation of the noise in a cell of a block, in counts, billionths
    blocks      INTEGER NOT NULL,           -- areas, in the order of the plan
    figures     BLOB NOT NULL               -- grid units, block by block, cells in layout order, 8 bytes each, little endian
) STRICT;

-- Releases. Rows are never changed, except that a withdrawal is noted.
CREATE TABLE releases (
    id               TEXT PRIMARY KEY,      -- 32 hexadecimal characters
    number           INTEGER NOT NULL,
    revision         INTEGER NOT NULL,
    job              TEXT NOT NULL REFERENCES jobs (id),
    series           TEXT NOT NULL,         -- question digest, level, board, structure and councils asked: revisions share it
    digest           BLOB NOT NULL,         -- SHA-256 of the canonical question
    measure          TEXT NOT NULL,
    created          INTEGER NOT NULL,      -- seconds since 1970-01-01 UTC
    manifest         TEXT NOT NULL,         -- JSON
    figures          TEXT NOT NULL,         -- JSON; its SHA-256 stands in the manifest
    withdrawn_at     INTEGER,               -- seconds since 1970-01-01 UTC
    withdrawn_by     TEXT,
    withdrawn_reason TEXT,
    UNIQUE (number, revision)
) STRICT;
CREATE INDEX releases_by_series ON releases (series, revision);
CREATE INDEX releases_by_question ON releases (digest);

-- Every head of a council's ledger that was ever seen, so that a restored or forked one is noticed.
CREATE TABLE heads (
    council TEXT NOT NULL,                  -- council code, from the link's certificate
    record  TEXT NOT NULL,                  -- ledger or audit
    entries INTEGER NOT NULL,
    digest  BLOB NOT NULL,
    seen    INTEGER NOT NULL,               -- seconds since 1970-01-01 UTC, first time
    PRIMARY KEY (council, record, entries, digest)
) STRICT, WITHOUT ROWID;
