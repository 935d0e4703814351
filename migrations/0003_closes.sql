-- Closed days, and a small index to read entries in order of their number. The index locks writes for as
-- long as it takes to read the entries once: about four seconds for ten million.

CREATE TABLE daily_close (
    bucket      smallint NOT NULL,
    number      bigint   NOT NULL,
    day         text     NOT NULL,
    closed_by   text     NOT NULL,
    closed_at   bigint   NOT NULL,
    epoch       bigint   NOT NULL,
    position    bigint   NOT NULL,
    first_entry bigint   NOT NULL,
    last_entry  bigint   NOT NULL,
    entries     bigint   NOT NULL,
    previous    bytea    NOT NULL,
    hash        bytea    NOT NULL,
    CONSTRAINT daily_close_one_per_number PRIMARY KEY (bucket, number),
    CONSTRAINT daily_close_one_per_day UNIQUE (bucket, day),
    CONSTRAINT daily_close_counts_up CHECK (number > 0),
    CONSTRAINT daily_close_has_every_entry CHECK (entries = last_entry - first_entry + 1),
    CONSTRAINT daily_close_hashes_are_sha256 CHECK (length(previous) = 32 AND length(hash) = 32)
);
COMMENT ON TABLE daily_close IS 'Closed days. A row is written once and never changes; its hash chains the entries of its range and the close before.';
COMMENT ON COLUMN daily_close.bucket IS 'Which part of the books.';
COMMENT ON COLUMN daily_close.number IS 'Counts up from 1 in the bucket.';
COMMENT ON COLUMN daily_close.day IS 'Which day, YYYY-MM-DD; each is later than the one before.';
COMMENT ON COLUMN daily_close.closed_by IS 'Who closed it.';
COMMENT ON COLUMN daily_close.closed_at IS 'When, in seconds of Unix time, by the ledger''s wall clock; for people.';
COMMENT ON COLUMN daily_close.epoch IS 'The epoch of the books at that moment.';
COMMENT ON COLUMN daily_close.position IS 'The last position of the feed at that moment.';
COMMENT ON COLUMN daily_close.first_entry IS 'The number of the first entry in it: one after the last of the close before.';
COMMENT ON COLUMN daily_close.last_entry IS 'The number of the last entry in it; first_entry - 1 where there is none.';
COMMENT ON COLUMN daily_close.entries IS 'How many entries.';
COMMENT ON COLUMN daily_close.previous IS 'hash of the close before; 32 zero bytes for the first.';
COMMENT ON COLUMN daily_close.hash IS 'SHA-256 of the lines that ledger_api::Close describes.';

CREATE TABLE daily_close_currency (
    bucket                    smallint NOT NULL,
    number                    bigint   NOT NULL,
    currency                  smallint NOT NULL,
    debits_pending            bigint   NOT NULL,
    debits_posted             bigint   NOT NULL,
    credits_pending           bigint   NOT NULL,
    credits_posted            bigint   NOT NULL,
    cumulated_debits_pending  bigint   NOT NULL,
    cumulated_debits_posted   bigint   NOT NULL,
    cumulated_credits_pending bigint   NOT NULL,
    cumulated_credits_posted  bigint   NOT NULL,
    CONSTRAINT daily_close_currency_one_per_currency PRIMARY KEY (bucket, number, currency),
    CONSTRAINT daily_close_currency_is_level CHECK (
        debits_pending = credits_pending AND debits_posted = credits_posted
        AND cumulated_debits_pending = cumulated_credits_pending
        AND cumulated_debits_posted = cumulated_credits_posted
    )
);
COMMENT ON TABLE daily_close_currency IS 'The sums of a closed day in each currency that the books have ever had. Written with the close, never changed.';
COMMENT ON COLUMN daily_close_currency.bucket IS 'Which part of the books.';
COMMENT ON COLUMN daily_close_currency.number IS 'Which close.';
COMMENT ON COLUMN daily_close_currency.currency IS 'ISO 4217 numeric code.';
COMMENT ON COLUMN daily_close_currency.debits_pending IS 'Sum of the close''s pending debits; negative where more holds were lowered than placed.';
COMMENT ON COLUMN daily_close_currency.debits_posted IS 'Sum of the close''s posted debits.';
COMMENT ON COLUMN daily_close_currency.credits_pending IS 'Sum of the close''s pending credits.';
COMMENT ON COLUMN daily_close_currency.credits_posted IS 'Sum of the close''s posted credits.';
COMMENT ON COLUMN daily_close_currency.cumulated_debits_pending IS 'The same of all entries up to the close''s last one.';
COMMENT ON COLUMN daily_close_currency.cumulated_debits_posted IS 'The same of all entries up to the close''s last one.';
COMMENT ON COLUMN daily_close_currency.cumulated_credits_pending IS 'The same of all entries up to the close''s last one.';
COMMENT ON COLUMN daily_close_currency.cumulated_credits_posted IS 'The same of all entries up to the close''s last one.';

-- Entries are written in order of number, so their places on the disk tell their numbers well enough.
CREATE INDEX entry_by_number ON entry USING brin (number) WITH (autosummarize = on);
