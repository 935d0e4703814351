-- Entries in partitions by number: the newest one is the only one that is written to, and its index
-- stays small however many entries there are.
--
-- Locks: entry is locked against everybody while the table that there is becomes the first partition,
-- and read once to prove that it fits: about a second per ten million entries. Ledgers of the version
-- before wait meanwhile, and go on with the new table afterwards. Everything else is of the catalogue.

-- A report that runs is not waited for: everybody who writes would wait behind. Run it again later.
--
-- Ledgers before this version lock the clearing accounts before the head row, this one after it. While
-- both run, some of their transactions are done again, up to two seconds: keep that time short.

SET LOCAL lock_timeout = '2s';
LOCK TABLE entry IN ACCESS EXCLUSIVE MODE;

DO $$
DECLARE size constant bigint := 8388608;
DECLARE part constant bigint := (SELECT coalesce(max(entry), 0) FROM head) / size;
DECLARE first constant text := 'entry_' || part;
BEGIN
    EXECUTE format('ALTER TABLE entry RENAME TO %I', first);
    EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT entry_one_per_number TO %I', first, first || '_one_per_number');
    EXECUTE format('ALTER INDEX entry_by_number RENAME TO %I', first || '_by_number');
    EXECUTE format('CREATE TABLE entry (LIKE %I INCLUDING ALL) PARTITION BY RANGE (number)', first);
    EXECUTE format('ALTER TABLE entry ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)', first, (part + 1) * size);
END
$$;

ALTER TABLE entry RENAME CONSTRAINT entry_pkey TO entry_one_per_number;
ALTER INDEX entry_number_idx RENAME TO entry_by_number;
COMMENT ON TABLE entry IS 'Lines of the books, immutable, in pairs whose debits equal their credits (I6). Partition entry_N has the numbers from N * 8388608 on, the first one all before it, too.';

CREATE TABLE entry_rest PARTITION OF entry DEFAULT;
COMMENT ON TABLE entry_rest IS 'Entries for which no partition had been made ahead. They are in the books like all others; only slower.';

-- By whoever runs migrations, for a ledger that may not change the schema.
CREATE FUNCTION make_entry_partitions(ahead bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE size constant bigint := 8388608;
DECLARE first bigint;
DECLARE part bigint;
BEGIN
    -- One ledger at a time; the others need not wait for it.
    IF NOT pg_try_advisory_xact_lock(hashtext('make_entry_partitions')) THEN
        RETURN 0;
    END IF;
    SELECT min(substring(relname FROM '^entry_([0-9]+)$')::bigint) INTO first
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'entry'::regclass;
    FOR part IN
        SELECT DISTINCT number FROM head, generate_series(entry / size, entry / size + ahead) AS number
        ORDER BY number
    LOOP
        CONTINUE WHEN part <= first OR to_regclass('entry_' || part) IS NOT NULL;
        -- What has gone to the default partition stays there, and what belongs beside it goes there, too.
        CONTINUE WHEN EXISTS (
            SELECT FROM entry_rest WHERE number >= part * size AND number < (part + 1) * size
        );
        EXECUTE format('CREATE TABLE %I (LIKE entry INCLUDING ALL)', 'entry_' || part);
        EXECUTE format('ALTER TABLE entry ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            'entry_' || part, part * size, (part + 1) * size);
    END LOOP;
    RETURN size;
END
$$;
COMMENT ON FUNCTION make_entry_partitions IS 'Makes the partitions of entry that the next entries need, and so many more; says how many numbers one has, or 0 while somebody else does it. Locks nothing that batches need.';

-- For the entries of ledgers that run on, before the first one of this version makes more.
SELECT make_entry_partitions(2);
