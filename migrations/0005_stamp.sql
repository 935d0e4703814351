-- Which transaction wrote last. A ledger that finds the one it knows also knows what cards and accounts
-- there are, and need not read them again; see ledger/src/store/postgres/direct.rs.
--
-- Locks: the catalogue only, for milliseconds. Ledgers of the version before do not write the column; that
-- they wrote shows in the numbers beside it.

ALTER TABLE head
    ADD COLUMN stamp        bigint NOT NULL DEFAULT 0,
    ADD COLUMN stamp_before bigint NOT NULL DEFAULT 0;

COMMENT ON COLUMN head.stamp IS 'Drawn by the transaction that wrote last, so that a state that was lost with a failed server is not taken for one with the same numbers; 0 where none has written since this column came to be. Whoever changes accounts or cards by hand adds 1 to it in the same transaction: then no ledger relies on what it remembers.';
COMMENT ON COLUMN head.stamp_before IS 'The stamp before this one.';
