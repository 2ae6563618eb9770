-- Rounds of joint figures: how many attempts a job has begun, and what came of them.
CREATE TABLE rounds (
    job      TEXT PRIMARY KEY REFERENCES jobs (id),
    attempts INTEGER NOT NULL,              -- begun, 1 to 3: an attempt's number is never used twice
    note     TEXT NOT NULL DEFAULT '',      -- why the last one failed; empty when it did not
    body     TEXT                           -- protected sums and the record of the round, JSON; absent before the end
) STRICT;
