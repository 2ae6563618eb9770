-- What the council has imported, as submissions of rows. Everything about a person is in the blobs of block and
-- interned; the rest is about files.

-- One file as received. Its facts stay when rows are erased or purged.
CREATE TABLE submission (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- order of import; of two received on one day the larger is later
    received    INTEGER NOT NULL,                  -- day the council handed it over, in days since 1970-01-01
    imported_at INTEGER NOT NULL,                  -- when it was imported here, in seconds since 1970-01-01 UTC
    file_name   TEXT    NOT NULL,                  -- as imported, without its folder
    sha256      BLOB    NOT NULL UNIQUE,           -- of the file's bytes
    bytes       INTEGER NOT NULL,                  -- length of the file
    codelists   TEXT    NOT NULL,                  -- version of the closed lists it was cleaned with
    aliases     BLOB    NOT NULL,                  -- digest of the aliases it was cleaned with
    revision    INTEGER NOT NULL DEFAULT 0,        -- grows when rows are erased, purged, or newly restricted or freed
    facts       TEXT    NOT NULL                   -- counts and what the header said, as JSON; nothing about a person
) STRICT;

-- Event ends by month and kind, over all accepted rows: what the derived reporting period is told from.
CREATE TABLE month_end (
    submission INTEGER NOT NULL REFERENCES submission (id),
    month      INTEGER NOT NULL,                   -- year * 12 + month - 1
    kind       INTEGER NOT NULL,                   -- 0 request, 1 assessment, 2 service, 3 review, 4 anything else
    rows       INTEGER NOT NULL,
    PRIMARY KEY (submission, month, kind)
) STRICT, WITHOUT ROWID;

-- National status and result codes, counted over all accepted rows.
CREATE TABLE quality (
    submission INTEGER NOT NULL REFERENCES submission (id),
    field      TEXT    NOT NULL,                   -- machine name of the column
    status     INTEGER NOT NULL,                   -- 2 mandatory, 1 applicable, 0 not applicable, -1 undetermined
    result     INTEGER NOT NULL,                   -- 1 valid, 0 blank allowed, below 0 failed
    cells      INTEGER NOT NULL,
    PRIMARY KEY (submission, field, status, result)
) STRICT, WITHOUT ROWID;

-- Findings by rule and column, counted over all rows, with the first row as an example.
CREATE TABLE finding (
    submission INTEGER NOT NULL REFERENCES submission (id),
    rule       TEXT    NOT NULL,
    field      TEXT    NOT NULL,                   -- empty for a whole row
    cells      INTEGER NOT NULL,
    example    INTEGER NOT NULL,                   -- row number in the file
    PRIMARY KEY (submission, rule, field)
) STRICT, WITHOUT ROWID;

-- About a thousand rows each, in file order by id. The format of the blobs is node/src/store/codec.rs.
CREATE TABLE block (
    id         INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submission (id),
    facts      BLOB    NOT NULL,                   -- values that figures are made from
    texts      BLOB    NOT NULL,                   -- every cell as it was in the file
    findings   BLOB    NOT NULL                    -- row, column, rule
) STRICT;
CREATE INDEX block_by_submission ON block (submission, id);

-- NHS numbers, council person ids and event key texts, numbered from 1 without gaps; an erased one leaves its number.
CREATE TABLE interned (
    first   INTEGER PRIMARY KEY,                   -- number of the first entry
    entries BLOB    NOT NULL
) STRICT;

-- Texts of columns with few different ones.
CREATE TABLE term (
    field INTEGER NOT NULL,                        -- place of the column in the specification
    id    INTEGER NOT NULL,                        -- from 0 in each column
    text  TEXT    NOT NULL,
    PRIMARY KEY (field, id)
) STRICT, WITHOUT ROWID;

-- Key of the fingerprints in mark: it never leaves the store.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO secret (name, bytes) VALUES ('fingerprint', randomblob(32));

-- People who were erased, restricted or who opted out, by keyed fingerprint of an id, so that the list itself names
-- nobody.
CREATE TABLE mark (
    kind        INTEGER NOT NULL,                  -- 1 erased, 2 restricted, 3 opted out
    fingerprint BLOB    NOT NULL,                  -- HMAC-SHA256
    person      BLOB    NOT NULL,                  -- fingerprint of the first of the person's ids: lifted together
    since       INTEGER NOT NULL,                  -- day, since 1970-01-01
    PRIMARY KEY (kind, fingerprint)
) STRICT, WITHOUT ROWID;

-- Which interned ids carry a mark.
CREATE TABLE marked (
    kind INTEGER NOT NULL,
    id   INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
