-- Heads of this chain that somebody else has seen and that this file does not know: the file was restored or copied.
CREATE TABLE doubt (
    entries INTEGER NOT NULL CHECK (entries > 0),          -- number of the last entry that was seen
    digest  BLOB NOT NULL CHECK (length(digest) = 32),     -- its digest
    noticed INTEGER NOT NULL,                              -- moment
    PRIMARY KEY (entries, digest)
) STRICT;

-- Recoveries that the authority countersigned: heads in this range belong to a lost branch.
CREATE TABLE recovery (
    after   INTEGER NOT NULL CHECK (after >= 0),           -- last entry that both branches share
    through INTEGER NOT NULL CHECK (through >= after),     -- last entry of the lost branch that anybody has seen
    number  INTEGER NOT NULL REFERENCES entry (number)     -- the entry that records it
) STRICT;
