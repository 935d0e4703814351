//! The words that ledger, gateway and fallback share, and the ledger's wire contract.
//!
//! The contract is plain HTTP/1.1 and JSON, so that any ledger can implement it. The callee owns
//! it: nothing here knows how a ledger keeps its books or how a gateway reaches it.
//!
//! | call | body → answer | repeat | meaning |
//! |---|---|---|---|
//! | `POST /v1/authorizations` | [`AuthorizeBatch`] → [`AuthorizeAnswers`] | same answer | decide and hold |
//! | `POST /v1/advices` | [`AdviceBatch`] → [`AdviceAnswers`] | no second effect | book what was told, verbatim |
//! | `POST /v1/reversals` | [`ReversalBatch`] → [`AdviceAnswers`] | no second effect | take an authorization back |
//! | `POST /v1/captures`, `POST /v1/refunds` | [`CaptureBatch`], [`RefundBatch`] → [`AdviceAnswers`] | no second effect | take money, give it back; booked whatever the balance |
//! | `POST /v1/releases` | [`ReleaseBatch`] → [`ReleaseAnswers`] | `already` | the issuer lets a hold go |
//! | `GET /v1/holds` | [`Holds`] | safe | the clock by which holds expire, and who stops it (rule 17) |
//! | `GET /v1/feed?epoch=&after=&limit=&wait_ms=` | [`FeedPage`] | safe | changes after a position, without holes |
//! | `GET /v1/listing?after=&limit=` | [`ListingPage`] | safe | everything, for a gateway that starts empty |
//! | `GET /v1/gateways/{id}` | [`JournalHead`] or 404 | safe | the last journal head that this gateway reported |
//! | `DELETE /v1/gateways/{id}` | 204 | same state | an operator grants a gateway a new journal: what its old one had left is to be counted as spent |
//! | `POST /v1/accounts`, `POST /v1/cards` | [`AccountBatch`], [`CardBatch`] → 204 | same state | open accounts, put cards |
//! | `POST /v1/accounts/{id}/close` | [`CloseAccount`] → 204 | same state | no new money on this account; advices for it are parked |
//! | `GET /v1/accounts?after=&limit=`, `GET /v1/accounts/{id}` | [`AccountsPage`], [`AccountView`] | safe | accounts and their totals |
//! | `GET /v1/accounts/{id}/entries?after=&limit=` | [`StatementPage`] | safe | one account's entries, with opening and running balance |
//! | `GET /v1/entries?after=&limit=` | [`EntriesPage`] | safe | everybody's entries, by number |
//! | `GET /v1/authorizations?after=&limit=`, `GET /v1/authorizations/{id}` | [`AuthorizationsPage`], [`AuthorizationView`] | safe | what the books hold for an id |
//! | `GET /v1/suspense` | [`AuthorizationsPage`] | safe | advices that wait for a person |
//! | `POST /v1/suspense/{id}` | [`Resolution`] → [`AuthorizationView`] | same state | a person decides about an advice that waits |
//! | `GET /v1/books` | [`TrialBalance`] | safe | Σ debits = Σ credits, on one snapshot |
//! | `POST /v1/closes` | [`CloseRequest`] → [`Close`] | the same close | close a day; 409 where the books do not balance |
//! | `GET /v1/closes?after=&limit=` | [`ClosesPage`] | safe | closed days |
//! | `GET /v1/verification` | [`Verification`] | safe | everything that can be computed again, on one snapshot |
//! | `GET /livez`, `GET /readyz` | text | safe | the process; the store |
//!
//! The ledger keeps the highest [`JournalHead`] of the first journal that a gateway reported. A head
//! of another epoch, or a lower one, changes nothing, though its advices are booked: that gateway has
//! lost its journal and does not stand in until the grant (rule 11).
//!
//! An advice that is parked is answered as parked again when it is repeated.
//!
//! An item may carry a `traceparent` (W3C Trace Context, version 00): the gateway's span that it comes
//! from. It is there only where the gateway records that trace, and it never changes an answer. A
//! ledger that keeps no traces ignores it, and must not refuse an item for having it; one that does
//! hangs its own span under it if its flags say *sampled*. What is no `traceparent` counts as absent.
//!
//! Any other field that a ledger does not know it refuses, with the whole batch: it might be about
//! money. So ledgers are upgraded before gateways. Where a ledger is older than `traceparent`, its 400
//! or 422 makes the gateway send the batch again without, under the same ids; once such a batch is
//! accepted, that gateway sends no `traceparent` until it is started again.
//!
//! Every batch is answered item by item, in order. Whatever is not a 2xx is a [`Problem`]
//! (RFC 9457) that says whether a retry is safe. A time-out or a 5xx means *unknown*: the effect
//! may have happened. Asking again with the same id is always right.

mod advice;
mod authorization;
mod books;
mod closes;
mod desk;
mod feed;
mod ids;
mod money;
mod problem;
mod reason;
mod statement;
mod trace;

pub use advice::*;
pub use authorization::*;
pub use books::*;
pub use closes::*;
pub use desk::*;
pub use feed::*;
pub use ids::*;
pub use money::*;
pub use problem::*;
pub use reason::*;
pub use statement::*;
pub use trace::*;
