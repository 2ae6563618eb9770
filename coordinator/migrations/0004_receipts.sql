-- Pages of receipts as councils signed them, so that auditors can read them while a council is not linked. A page holds what a
-- council's log says of messages that left: ids, digests, words; no figure.
CREATE TABLE receipts (
    council TEXT NOT NULL,                  -- council code, from the signature's certificate
    first   INTEGER NOT NULL,               -- the first entry of the log that the page is about
    last    INTEGER NOT NULL,               -- the last
    taken   INTEGER NOT NULL,               -- seconds since 1970-01-01 UTC
    reply   BLOB NOT NULL,                  -- folkmoot.v1.ReceiptsReply
    PRIMARY KEY (council, first)
) STRICT, WITHOUT ROWID;
