-- The national data opt-out list: whether one was ever loaded, and when. An empty list and no list are different
-- things: without one, nobody can be left out, so figures that must honour opt-outs are refused.
CREATE TABLE opt_out_list (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    loaded INTEGER NOT NULL                        -- day the list in force was loaded, in days since 1970-01-01
) STRICT;
INSERT INTO opt_out_list (one, loaded) SELECT 1, max(since) FROM mark WHERE kind = 3 HAVING count(*) > 0;
