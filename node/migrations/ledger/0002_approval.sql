-- Questions that wait for a person, and what people decided.
CREATE TABLE hold (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),   -- of the canonical question
    recurring    BLOB NOT NULL CHECK (length(recurring) = 32),-- of the question without its period
    question     BLOB NOT NULL CHECK (length(question) = 16), -- query id it was first asked under
    wire         BLOB NOT NULL,                               -- the question's own encoding
    analyst      TEXT NOT NULL,                               -- identity URI
    purpose      TEXT NOT NULL,                               -- as stated
    lawful_basis TEXT NOT NULL,                               -- as stated
    why          TEXT NOT NULL,                               -- the rule that holds it
    nano         INTEGER NOT NULL CHECK (nano >= 0),          -- price
    asked        INTEGER NOT NULL,                            -- moment
    expires      INTEGER NOT NULL,                            -- void after this moment
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'denied', 'used', 'expired')),
    first_by     TEXT,                                        -- who approved first, where two must
    first_until  INTEGER,                                     -- until when the first one approved equal questions, if so
    decided_by   TEXT,                                        -- who decided last
    reason       TEXT                                         -- why it was denied; the asker reads it
) STRICT;
CREATE INDEX hold_by_question ON hold (digest, analyst, state);
CREATE TRIGGER hold_goes_forward BEFORE UPDATE OF state ON hold
WHEN NOT (
    (OLD.state = 'waiting' AND NEW.state IN ('approved', 'denied', 'expired'))
    OR (OLD.state = 'approved' AND NEW.state IN ('used', 'denied', 'expired'))
    OR (OLD.state = 'denied' AND NEW.state = 'expired'))
BEGIN
    SELECT RAISE(ABORT, 'a decision only goes forward');
END;

-- Approvals for equal questions about any period, until a day.
CREATE TABLE standing (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    recurring BLOB NOT NULL CHECK (length(recurring) = 32),
    analyst   TEXT NOT NULL,
    purpose   TEXT NOT NULL,                                  -- as stated
    hold      INTEGER NOT NULL REFERENCES hold (id),
    until     INTEGER NOT NULL                                -- void after this moment
) STRICT;
CREATE INDEX standing_by_question ON standing (recurring, analyst);
