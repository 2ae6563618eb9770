-- Sums of rounds are kept protected, in rounds.body alone. This table could hold exact ones, which nothing may.
PRAGMA secure_delete = ON;
DROP TABLE sums;
