-- The life of a payment after its answer: increments, captures, refunds, releases, and the clock by
-- which holds expire.
--
-- Locks: every statement but one changes only the catalogue, under a lock that is held for
-- milliseconds. The index is built under a lock that stops writes to authorization_record, about one
-- second per million rows. Where that is too long, build it first, without the lock, and this file
-- leaves it alone:
--   CREATE INDEX CONCURRENTLY authorization_record_due ON authorization_record (bucket, held_at)
--       WHERE effect_minor > 0 AND kind IS NULL;
-- after adding the two columns that it names, as below.

ALTER TABLE authorization_record
    ADD COLUMN IF NOT EXISTS kind    smallint,
    ADD COLUMN IF NOT EXISTS held_at bigint NOT NULL DEFAULT 0,
    ADD COLUMN moved_minor           bigint,
    ADD COLUMN more                  boolean,
    ADD COLUMN original              bytea,
    ADD COLUMN original_counts       boolean,
    ADD COLUMN incremented_minor     bigint NOT NULL DEFAULT 0,
    ADD COLUMN captured_minor        bigint NOT NULL DEFAULT 0,
    ADD COLUMN refunded_minor        bigint NOT NULL DEFAULT 0,
    ADD COLUMN stages                smallint NOT NULL DEFAULT 0,
    ADD COLUMN transaction_minor     bigint,
    ADD COLUMN transaction_currency  smallint,
    ADD COLUMN shown_minor           bigint,
    ADD COLUMN resolved              text,
    ADD COLUMN settled               boolean NOT NULL DEFAULT false;

-- What increments add is held on top of what a reversal left.
ALTER TABLE authorization_record
    DROP CONSTRAINT authorization_record_reversal_lowers_effect,
    ADD CONSTRAINT authorization_record_reversal_lowers_effect CHECK (
        effect_minor <= reversed_to_minor + incremented_minor
    ) NOT VALID,
    ADD CONSTRAINT authorization_record_move_is_whole CHECK (
        num_nulls(kind, moved_minor, more) IN (0, 3)
    ) NOT VALID,
    ADD CONSTRAINT authorization_record_kind_is_known CHECK (kind IN (1, 2)) NOT VALID,
    ADD CONSTRAINT authorization_record_move_posts_its_amount_at_most CHECK (
        effect_minor <= moved_minor
    ) NOT VALID,
    ADD CONSTRAINT authorization_record_original_is_whole CHECK (
        num_nulls(original, original_counts) IN (0, 2)
    ) NOT VALID,
    ADD CONSTRAINT authorization_record_terminal_states_hold_nothing CHECK (
        stages & 14 = 0 OR effect_minor = 0 OR kind IS NOT NULL
    ) NOT VALID,
    ADD CONSTRAINT authorization_record_transaction_is_whole CHECK (
        num_nulls(transaction_minor, transaction_currency) IN (0, 2)
    ) NOT VALID,
    ADD CONSTRAINT authorization_record_sums_never_negative CHECK (
        incremented_minor >= 0 AND captured_minor >= 0 AND refunded_minor >= 0
    ) NOT VALID;

CREATE INDEX IF NOT EXISTS authorization_record_due ON authorization_record (bucket, held_at)
    WHERE effect_minor > 0 AND kind IS NULL;

COMMENT ON COLUMN authorization_record.effect_minor IS 'The money in the books now: the hold of an authorization, or what a capture or a refund has posted.';
COMMENT ON COLUMN authorization_record.kind IS '1 a capture, 2 a refund; NULL for an authorization, or while only messages about it are known. Immutable once set.';
COMMENT ON COLUMN authorization_record.held_at IS 'When its hold was placed, by head.hold_clock_ms in seconds; 0 where nothing is held, and for holds from before there was that clock.';
COMMENT ON COLUMN authorization_record.moved_minor IS 'What a capture took or a refund gave back; NULL for an authorization. Immutable once set.';
COMMENT ON COLUMN authorization_record.more IS 'True where more captures of the same authorization follow; NULL for an authorization. Immutable once set.';
COMMENT ON COLUMN authorization_record.original IS 'The authorization that it adds to, takes or gives back; NULL where it stands alone. Immutable once set.';
COMMENT ON COLUMN authorization_record.original_counts IS 'False where it contradicts its original and stands alone; NULL where it names none. Immutable once set.';
COMMENT ON COLUMN authorization_record.incremented_minor IS 'What its increments hold on top.';
COMMENT ON COLUMN authorization_record.captured_minor IS 'What captures have taken of it.';
COMMENT ON COLUMN authorization_record.refunded_minor IS 'What refunds have given back of it.';
COMMENT ON COLUMN authorization_record.stages IS 'What has happened to it, as bits that are never taken away: 1 named by others, 2 captured for good, 4 released, 8 expired. Beyond 1 nothing is held for it, ever.';
COMMENT ON COLUMN authorization_record.transaction_minor IS 'What the merchant charged, for people; NULL where that was not said.';
COMMENT ON COLUMN authorization_record.transaction_currency IS 'Its currency, ISO 4217 numeric code; NULL where that was not said.';
COMMENT ON COLUMN authorization_record.shown_minor IS 'The balance that a balance inquiry was told, for its repeats; NULL for all others.';
COMMENT ON COLUMN authorization_record.resolved IS 'What a person has decided about it, as JSON of ledger_api::Resolved; NULL where nobody has.';
COMMENT ON COLUMN authorization_record.settled IS 'True while that person''s word is the last one: it is not listed in suspense.';

ALTER TABLE entry
    ADD COLUMN booked_at bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN entry.booked_at IS 'Seconds of Unix time by the ledger''s wall clock, for people; 0 where that was not noted. Nothing is decided by it.';

ALTER TABLE head
    ADD COLUMN hold_clock_ms bigint NOT NULL DEFAULT 0,
    ADD COLUMN ticked_at     timestamptz;
COMMENT ON COLUMN head.hold_clock_ms IS 'The clock by which holds expire, in milliseconds: goes on while a ledger runs and no gateway has an undrained journal (rule 17).';
COMMENT ON COLUMN head.ticked_at IS 'When a ledger last moved hold_clock_ms, by the database''s clock; NULL before the first time.';

ALTER TABLE gateway_head
    ADD COLUMN undrained bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN gateway_head.undrained IS 'How many advices of its journal waited behind its last batch (rule 17).';
