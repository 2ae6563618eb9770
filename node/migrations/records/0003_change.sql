-- Every change of the records, for ever: what the audit log must say, and a name for the state that each change led to.
-- The log holds the same names; so a file that was put back, or a change whose entry was never written, can be told.
CREATE TABLE change (
    generation INTEGER PRIMARY KEY CHECK (generation >= 0),   -- 0 for the state in which the table was made; gaps after a reconciliation
    stamp      BLOB NOT NULL CHECK (length(stamp) = 32),      -- random: two files that went different ways never share a name
    what       TEXT NOT NULL,                                 -- which kind of change
    who        TEXT NOT NULL,                                 -- as the log has it
    words      TEXT NOT NULL,                                 -- for the log: nothing about a person, no figure
    digest     TEXT                                           -- for the log: of a receipt or a list
) STRICT;
CREATE TRIGGER change_is_never_changed BEFORE UPDATE ON change BEGIN
    SELECT RAISE(ABORT, 'the list of changes is append only');
END;
CREATE TRIGGER change_is_never_removed BEFORE DELETE ON change BEGIN
    SELECT RAISE(ABORT, 'the list of changes is append only');
END;
INSERT INTO change (generation, stamp, what, who, words) VALUES (0, randomblob(32), 'begun', 'node', 'the list of changes begins');
