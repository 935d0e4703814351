-- Who wrote last. A ledger that was the last to write to a bucket knows what it wrote, and need not read
-- it again; see ledger/src/store/postgres/direct.rs.
--
-- Locks: the catalogue only, for milliseconds. Ledgers of the version before do not write the column; that
-- they wrote shows in the numbers beside it.

ALTER TABLE head
    ADD COLUMN writer        bigint NOT NULL DEFAULT 0,
    ADD COLUMN writer_before bigint NOT NULL DEFAULT 0;

COMMENT ON COLUMN head.writer IS
    'The ledger process that wrote last: drawn at its start; 0 where none has since this column came to be. Whoever changes accounts or cards by hand sets it to 0 in the same transaction, after which no ledger relies on what it remembers.';
COMMENT ON COLUMN head.writer_before IS
    'The one that wrote before it.';
