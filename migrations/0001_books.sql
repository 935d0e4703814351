-- The books. Every key begins with the bucket, so that the tables can be distributed by it later;
-- for now there is one bucket, 0. Money is in minor units of the currency that stands beside it.

CREATE TABLE head (
    bucket   smallint NOT NULL,
    epoch    bigint   NOT NULL,
    position bigint   NOT NULL DEFAULT 0,
    entry    bigint   NOT NULL DEFAULT 0,
    CONSTRAINT head_one_per_bucket PRIMARY KEY (bucket),
    CONSTRAINT head_epoch_is_drawn CHECK (epoch > 0),
    CONSTRAINT head_numbers_count_up CHECK (position >= 0 AND entry >= 0)
);
COMMENT ON TABLE head IS 'Where the numbers of a bucket stand. Locked last in every transaction and kept to its commit, so that positions have no holes (rule 13).';
COMMENT ON COLUMN head.bucket IS 'Which part of the books.';
COMMENT ON COLUMN head.epoch IS 'Drawn when the books were founded; a restored ledger must draw a new one, so that gateways list again.';
COMMENT ON COLUMN head.position IS 'The last position in the feed.';
COMMENT ON COLUMN head.entry IS 'The number of the last entry.';

CREATE TABLE account (
    bucket          smallint NOT NULL,
    id              bigint   NOT NULL,
    currency        smallint NOT NULL,
    closed          boolean  NOT NULL DEFAULT false,
    debits_pending  bigint   NOT NULL DEFAULT 0,
    debits_posted   bigint   NOT NULL DEFAULT 0,
    credits_pending bigint   NOT NULL DEFAULT 0,
    credits_posted  bigint   NOT NULL DEFAULT 0,
    position        bigint   NOT NULL DEFAULT 0,
    CONSTRAINT account_one_per_id PRIMARY KEY (bucket, id),
    CONSTRAINT account_totals_never_negative CHECK (
        debits_pending >= 0 AND debits_posted >= 0 AND credits_pending >= 0 AND credits_posted >= 0
    )
) WITH (fillfactor = 70);
COMMENT ON TABLE account IS 'Accounts with their four totals (never a signed balance). A customer may spend credits_posted - debits_posted - debits_pending, which advices may bring below zero.';
COMMENT ON COLUMN account.bucket IS 'Which part of the books.';
COMMENT ON COLUMN account.id IS 'Chosen by whoever opens it; from 2^62 on the ledger''s own (clearing, funding).';
COMMENT ON COLUMN account.currency IS 'ISO 4217 numeric code. Immutable.';
COMMENT ON COLUMN account.closed IS 'True once it may not be used any more.';
COMMENT ON COLUMN account.debits_pending IS 'Sum of its pending debit entries: holds.';
COMMENT ON COLUMN account.debits_posted IS 'Sum of its posted debit entries: booked spend.';
COMMENT ON COLUMN account.credits_pending IS 'Sum of its pending credit entries.';
COMMENT ON COLUMN account.credits_posted IS 'Sum of its posted credit entries: booked money in.';
COMMENT ON COLUMN account.position IS 'Feed position of its last change; 0 for the ledger''s own, which are not in the feed.';

CREATE TABLE card (
    bucket                smallint NOT NULL,
    token                 bytea    NOT NULL,
    account               bigint   NOT NULL,
    status                smallint NOT NULL,
    expiry                smallint NOT NULL,
    transaction_max_minor bigint   NOT NULL,
    position              bigint   NOT NULL,
    CONSTRAINT card_one_per_token PRIMARY KEY (bucket, token),
    CONSTRAINT card_token_is_17_bytes CHECK (length(token) = 17),
    CONSTRAINT card_status_is_known CHECK (status IN (0, 1, 2))
);
COMMENT ON TABLE card IS 'Cards. A card''s row changes only under the lock of its account''s row.';
COMMENT ON COLUMN card.bucket IS 'Which part of the books.';
COMMENT ON COLUMN card.token IS 'One byte that names the key, and 16 bytes of keyed hash of the card number (rule 21). Never the number.';
COMMENT ON COLUMN card.account IS 'The account that it spends from.';
COMMENT ON COLUMN card.status IS '0 open, 1 frozen, 2 closed.';
COMMENT ON COLUMN card.expiry IS 'YYMM: the last month in which it may be used.';
COMMENT ON COLUMN card.transaction_max_minor IS 'The most that one transaction may be.';
COMMENT ON COLUMN card.position IS 'Feed position of its last change.';

CREATE TABLE authorization_record (
    bucket            smallint NOT NULL,
    id                bytea    NOT NULL,
    card              bytea    NOT NULL,
    account           bigint,
    requested_minor   bigint   NOT NULL,
    currency          smallint,
    fingerprint       bigint,
    decided_approved  boolean,
    decided_minor     bigint,
    decided_reason    smallint,
    asked             text     NOT NULL,
    approval_minor    bigint,
    approval_reason   smallint,
    approved_by       text     NOT NULL,
    decline_reason    smallint,
    declined_by       text     NOT NULL,
    network_approved  boolean,
    network_minor     bigint,
    network_reason    smallint,
    reversed_to_minor bigint,
    parked            smallint,
    differing         boolean  NOT NULL,
    contested         boolean  NOT NULL,
    effect_minor      bigint   NOT NULL,
    position          bigint   NOT NULL,
    CONSTRAINT authorization_record_one_per_id PRIMARY KEY (bucket, id),
    CONSTRAINT authorization_record_id_is_16_bytes CHECK (length(id) = 16),
    CONSTRAINT authorization_record_decision_is_whole CHECK (
        num_nulls(decided_approved, decided_minor, decided_reason) IN (0, 3)
    ),
    CONSTRAINT authorization_record_network_answer_is_whole CHECK (
        num_nulls(network_approved, network_minor, network_reason) IN (0, 3)
    ),
    CONSTRAINT authorization_record_approval_is_whole CHECK (
        num_nulls(approval_minor, approval_reason) IN (0, 2)
    ),
    CONSTRAINT authorization_record_effect_never_negative CHECK (effect_minor >= 0),
    CONSTRAINT authorization_record_reversal_lowers_effect CHECK (effect_minor <= reversed_to_minor),
    CONSTRAINT authorization_record_parked_has_no_effect CHECK (parked IS NULL OR effect_minor = 0),
    CONSTRAINT authorization_record_effect_has_an_account CHECK (
        account IS NOT NULL OR effect_minor = 0
    )
) WITH (fillfactor = 85);
CREATE INDEX authorization_record_suspense ON authorization_record (bucket, id)
    WHERE parked IS NOT NULL OR contested;
COMMENT ON TABLE authorization_record IS 'What the books know of one authorization: what the ledger decided, what the network was told, what was taken back. effect_minor follows from the other columns alone (I2, I13).';
COMMENT ON COLUMN authorization_record.bucket IS 'Which part of the books.';
COMMENT ON COLUMN authorization_record.id IS 'Keyed hash of the natural key. Derived at the door, never drawn.';
COMMENT ON COLUMN authorization_record.card IS 'The card''s token.';
COMMENT ON COLUMN authorization_record.account IS 'The account that bears the effect; NULL while the card is unknown.';
COMMENT ON COLUMN authorization_record.requested_minor IS 'The largest amount asked for; 0 while only a reversal is known.';
COMMENT ON COLUMN authorization_record.currency IS 'ISO 4217 numeric code; NULL while only a reversal is known.';
COMMENT ON COLUMN authorization_record.fingerprint IS 'Digest of the request''s content, 64 bits; NULL while only a reversal is known.';
COMMENT ON COLUMN authorization_record.decided_approved IS 'What the ledger decided; NULL if an advice came first.';
COMMENT ON COLUMN authorization_record.decided_minor IS 'How much the ledger approved.';
COMMENT ON COLUMN authorization_record.decided_reason IS 'By which rule; number of ledger_api::Reason.';
COMMENT ON COLUMN authorization_record.asked IS 'Gateways that were given the ledger''s decision, in order, with commas between.';
COMMENT ON COLUMN authorization_record.approval_minor IS 'The largest approval that a gateway told; NULL if none did.';
COMMENT ON COLUMN authorization_record.approval_reason IS 'By which rule.';
COMMENT ON COLUMN authorization_record.approved_by IS 'Gateways that told an approval, by name, with commas between.';
COMMENT ON COLUMN authorization_record.decline_reason IS 'By which rule a gateway told a decline; NULL if none did.';
COMMENT ON COLUMN authorization_record.declined_by IS 'Gateways that told a decline, by name, with commas between.';
COMMENT ON COLUMN authorization_record.network_approved IS 'What the network itself answered (rule 5); NULL if it did not.';
COMMENT ON COLUMN authorization_record.network_minor IS 'How much the network approved.';
COMMENT ON COLUMN authorization_record.network_reason IS 'By which rule.';
COMMENT ON COLUMN authorization_record.reversed_to_minor IS 'The least that a reversal left; NULL if there was none.';
COMMENT ON COLUMN authorization_record.parked IS 'Why a told approval cannot be booked; NULL if it can. A person must look.';
COMMENT ON COLUMN authorization_record.differing IS 'True where two advices contradicted each other or the request.';
COMMENT ON COLUMN authorization_record.contested IS 'True where answers for this id differed (rule 3). A person should look.';
COMMENT ON COLUMN authorization_record.effect_minor IS 'The hold in the books now.';
COMMENT ON COLUMN authorization_record.position IS 'Feed position of the last change.';

CREATE TABLE entry (
    bucket           smallint NOT NULL,
    account          bigint   NOT NULL,
    number           bigint   NOT NULL,
    authorization_id bytea,
    credit           boolean  NOT NULL,
    posted           boolean  NOT NULL,
    amount_minor     bigint   NOT NULL,
    position         bigint   NOT NULL,
    CONSTRAINT entry_one_per_number PRIMARY KEY (bucket, account, number),
    CONSTRAINT entry_moves_money CHECK (amount_minor <> 0),
    CONSTRAINT entry_only_holds_are_lowered CHECK (amount_minor > 0 OR NOT posted)
);
COMMENT ON TABLE entry IS 'Lines of the books, immutable, in pairs whose debits equal their credits (I6).';
COMMENT ON COLUMN entry.bucket IS 'Which part of the books.';
COMMENT ON COLUMN entry.account IS 'Which account.';
COMMENT ON COLUMN entry.number IS 'Its number in the bucket, without holes.';
COMMENT ON COLUMN entry.authorization_id IS 'For which authorization; NULL for openings.';
COMMENT ON COLUMN entry.credit IS 'True for a credit, false for a debit.';
COMMENT ON COLUMN entry.posted IS 'True for booked money, false for a hold.';
COMMENT ON COLUMN entry.amount_minor IS 'Negative only where a hold is lowered or released.';
COMMENT ON COLUMN entry.position IS 'Feed position of the change of the customer''s account that it belongs to.';

CREATE TABLE feed (
    bucket                smallint NOT NULL,
    position              bigint   NOT NULL,
    account               bigint   NOT NULL,
    card                  bytea,
    status                smallint NOT NULL,
    expiry                smallint,
    transaction_max_minor bigint,
    currency              smallint,
    available_minor       bigint,
    CONSTRAINT feed_no_two_at_one_position PRIMARY KEY (bucket, position),
    CONSTRAINT feed_card_or_account CHECK (
        num_nulls(card, expiry, transaction_max_minor) = 0 AND num_nonnulls(currency, available_minor) = 0
        OR num_nonnulls(card, expiry, transaction_max_minor) = 0 AND num_nulls(currency, available_minor) = 0
    )
);
COMMENT ON TABLE feed IS 'What gateways must know: every change of a card or a customer''s account, as its whole new state, one per position.';
COMMENT ON COLUMN feed.bucket IS 'Which part of the books.';
COMMENT ON COLUMN feed.position IS 'Without holes inside an epoch (rule 13).';
COMMENT ON COLUMN feed.account IS 'The account that changed, or that the card spends from.';
COMMENT ON COLUMN feed.card IS 'The card that changed; NULL for an account.';
COMMENT ON COLUMN feed.status IS '0 open, 1 frozen (cards only), 2 closed.';
COMMENT ON COLUMN feed.expiry IS 'The card''s, as in card.expiry; NULL for an account.';
COMMENT ON COLUMN feed.transaction_max_minor IS 'The card''s; NULL for an account.';
COMMENT ON COLUMN feed.currency IS 'The account''s; NULL for a card.';
COMMENT ON COLUMN feed.available_minor IS 'What the account''s customer may spend at this position; NULL for a card.';

CREATE TABLE gateway_head (
    bucket  smallint NOT NULL,
    gateway text     NOT NULL,
    epoch   bigint   NOT NULL,
    seq     bigint   NOT NULL,
    hash    bigint   NOT NULL,
    CONSTRAINT gateway_head_one_per_gateway PRIMARY KEY (bucket, gateway)
);
COMMENT ON TABLE gateway_head IS 'How far each gateway''s journal was when it last told: a gateway whose disk has less has lost it (rule 11).';
COMMENT ON COLUMN gateway_head.bucket IS 'Which part of the books.';
COMMENT ON COLUMN gateway_head.gateway IS 'Which gateway.';
COMMENT ON COLUMN gateway_head.epoch IS 'Drawn when its journal was made; 64 bits, shown signed.';
COMMENT ON COLUMN gateway_head.seq IS 'The last durable record, 64 bits, shown signed.';
COMMENT ON COLUMN gateway_head.hash IS 'First eight bytes of the hash chain there, 64 bits, shown signed.';
