-- Caps for each analyst; what a person looked at before deciding; how often an analyst was refused in a day.

-- As before, with the scope 'analyst'. A table's checks cannot be changed in place.
CREATE TABLE account_4 (
    year     TEXT NOT NULL,                            -- budget year
    scope    TEXT NOT NULL CHECK (scope IN ('year', 'query', 'role', 'purpose', 'measure', 'analyst')),
    name     TEXT NOT NULL,                            -- which query, role, purpose, measure or analyst; empty for the year
    cap      INTEGER NOT NULL CHECK (cap >= 0),        -- the policy's cap when this account was last reserved on
    used     INTEGER NOT NULL CHECK (used >= 0),       -- charged for good
    reserved INTEGER NOT NULL CHECK (reserved >= 0),   -- for answers under way
    PRIMARY KEY (year, scope, name),
    CHECK (used + reserved <= cap)
) STRICT;
INSERT INTO account_4 (year, scope, name, cap, used, reserved) SELECT year, scope, name, cap, used, reserved FROM account;
DROP TRIGGER account_is_never_given_back;
DROP TRIGGER account_is_never_removed;
DROP TABLE account;
ALTER TABLE account_4 RENAME TO account;
CREATE TRIGGER account_is_never_given_back BEFORE UPDATE OF used ON account WHEN NEW.used < OLD.used BEGIN
    SELECT RAISE(ABORT, 'a charge is never given back');
END;
CREATE TRIGGER account_is_never_removed BEFORE DELETE ON account BEGIN
    SELECT RAISE(ABORT, 'an account is never removed');
END;

-- What the last person who looked at a held question saw: a decision on something else is refused.
ALTER TABLE hold ADD COLUMN shown_policy BLOB;         -- digest of the rules; NULL when nobody has looked
ALTER TABLE hold ADD COLUMN shown_data BLOB;           -- state of the records; NULL when it was not looked at
ALTER TABLE hold ADD COLUMN shown_at INTEGER;          -- moment
-- What the first of two people approved: the second approves the same, or their word is the first one.
ALTER TABLE hold ADD COLUMN first_policy BLOB;
ALTER TABLE hold ADD COLUMN first_data BLOB;

CREATE INDEX hold_by_state ON hold (state, analyst);

-- Refusals by day, so that nobody can fill the log with questions that are refused.
CREATE TABLE refusals (
    day     INTEGER NOT NULL,                          -- since 1970-01-01, UTC
    analyst TEXT NOT NULL,                             -- identity URI
    refused INTEGER NOT NULL CHECK (refused > 0),
    PRIMARY KEY (day, analyst)
) STRICT, WITHOUT ROWID;
