//! What somebody else knows already: read when it is asked for, never kept twice.

mod links;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fallback::Status;
use process::metrics::{Scrape, Started, seconds};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::labels::{
    BreakerLabels, BreakerState, Divergence, DivergenceLabels, InCurrency, OrderLabels, Ordered,
    ShedCause, ShedLabels,
};
use super::*;
use crate::authorize::{Gateway, now};
use crate::door::{Door as Entrance, Shed};
use crate::drain::Draining;
use crate::iso::Link;
use crate::orders::Moment;

/// The text of all metrics, whenever it is asked for.
#[derive(Debug)]
pub struct Page {
    registry: Registry,
}

impl Page {
    /// The metrics of this gateway and its door, and whether it is about to stop.
    pub fn new(
        gateway: Gateway,
        door: Entrance,
        draining: Draining,
        links: Arc<[Arc<Link>]>,
    ) -> Self {
        let mut registry = Registry::default();
        process::metrics::register_build(&mut registry, env!("CARGO_PKG_VERSION"));
        gateway.parts().metrics.register(&mut registry);
        registry.register_collector(Box::new(Known {
            gateway,
            door,
            draining,
            links,
            started: Started::now(),
        }));
        Self { registry }
    }

    /// As OpenMetrics text. The status is read once, under the lock of stand-in, in constant time; the
    /// text is written without it.
    pub fn text(&self) -> String {
        process::metrics::text(&self.registry)
    }
}

struct Known {
    gateway: Gateway,
    door: Entrance,
    draining: Draining,
    links: Arc<[Arc<Link>]>,
    started: Started,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Collector for Known {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut scrape = Scrape::new(encoder);
        let status = self.gateway.parts().stand_in.status(now());
        self.started.write(&mut scrape)?;
        // As `/readyz` says it.
        let journal_fails = status.journal.poisoned || status.journal.exhausted;
        let ready = !journal_fails && !self.draining.is_noticed();
        scrape.gauge(&READY, u32::from(ready))?;
        self.doors(&mut scrape)?;
        links::write(&mut scrape, &self.links)?;
        self.ledger(&mut scrape)?;
        self.shadow(&mut scrape, InCurrency(status.currency))?;
        money(&mut scrape, &status)?;
        advices(&mut scrape, &status)?;
        knowledge(&mut scrape, &status.knowledge)?;
        journal(&mut scrape, &status.journal)?;
        let reloads = &self.gateway.parts().policy.reloads;
        scrape.counter(&POLICY_TAKEN, reloads.taken())?;
        scrape.gauge(&POLICY_REFUSED, u32::from(reloads.refused().is_some()))?;
        scrape.gauge(&FENCED, u32::from(status.fenced.is_some()))?;
        self.orders(&mut scrape)
    }
}

impl Known {
    fn doors(&self, scrape: &mut Scrape<'_>) -> fmt::Result {
        let parts = self.gateway.parts();
        let shed = |cause| {
            let count = match cause {
                ShedCause::Rate => self.door.shed(Shed::Rate),
                ShedCause::InFlight => self.door.shed(Shed::InFlight),
            };
            (ShedLabels { cause }, count)
        };
        scrape.counter(&DUPLICATES, parts.duplicates.load(Ordering::Relaxed))?;
        scrape.gauge(&DOOR_IN_FLIGHT, self.door.in_flight())?;
        scrape.gauge(&DOOR_IN_FLIGHT_MAX, self.door.in_flight_max())?;
        scrape.gauge(&IDS_IN_FLIGHT, parts.lanes.in_use())?;
        scrape.counters(&SHED, ShedCause::ALL.iter().copied().map(shed))
    }

    fn ledger(&self, scrape: &mut Scrape<'_>) -> fmt::Result {
        let (state, trips, recoveries) = self.gateway.parts().breaker.read();
        let is_in = |other: &BreakerState| {
            let here = *other == BreakerState::from(state);
            (BreakerLabels { state: *other }, f64::from(u8::from(here)))
        };
        scrape.gauges(&BREAKER_STATE, BreakerState::ALL.iter().map(is_in))?;
        scrape.counter(&BREAKER_TRIPS, trips)?;
        scrape.counter(&BREAKER_RECOVERIES, recoveries)
    }

    fn orders(&self, scrape: &mut Scrape<'_>) -> fmt::Result {
        let overview = self.gateway.parts().orders.overview(Moment::now());
        let count = |order: &Ordered| {
            let orders = overview.orders.iter();
            let those = orders.filter(|it| Ordered::from(it.what) == *order);
            // There are few.
            let count = u32::try_from(those.count()).unwrap_or(u32::MAX);
            (OrderLabels { order: *order }, f64::from(count))
        };
        scrape.gauges(&ORDERS, Ordered::ALL.iter().map(count))?;
        scrape.gauge(&ORDERS_REFUSED, u32::from(overview.audit_error.is_some()))
    }

    fn shadow(&self, scrape: &mut Scrape<'_>, currency: InCurrency) -> fmt::Result {
        let table = self.gateway.parts().shadow.read();
        let count = |verdicts: &Divergence| match verdicts {
            Divergence::BothApproved => table.both_approved,
            Divergence::BothDeclined => table.both_declined,
            Divergence::OnlyStandIn => table.only_stand_in_approved,
            Divergence::OnlyLedger => table.only_ledger_approved,
        };
        let labels = |verdicts| DivergenceLabels { verdicts };
        let all = Divergence::ALL.iter();
        scrape.counters(&SHADOW, all.map(|one| (labels(*one), count(one))))?;
        let money = [
            (Divergence::OnlyStandIn, table.only_stand_in_approved_minor),
            (Divergence::OnlyLedger, table.only_ledger_approved_minor),
        ];
        let rows = money.map(|(verdicts, minor)| ((labels(verdicts), currency), minor));
        scrape.counters(&SHADOW_MONEY, rows)
    }
}

fn money(scrape: &mut Scrape<'_>, status: &Status) -> fmt::Result {
    let currency = InCurrency(status.currency);
    let amounts = [
        (&EXPOSURE, status.exposure_minor),
        (&EXPOSURE_PEAK, status.exposure_peak_minor),
        (&EXPOSURE_MAX, status.exposure_max_minor),
        (&BOUND, status.bound_minor),
        (&REALISED, status.realised_minor),
    ];
    (amounts.into_iter()).try_for_each(|(what, minor)| scrape.money(what, &currency, minor))
}

fn advices(scrape: &mut Scrape<'_>, status: &Status) -> fmt::Result {
    scrape.gauge(&BACKLOG, status.backlog)?;
    let age_ms = status.backlog_age_ms.unwrap_or_default();
    scrape.gauge(&BACKLOG_AGE, seconds(age_ms))?;
    scrape.counter(&ADVICES_WRITTEN, status.advices_written)?;
    scrape.gauge(&ADVICES_ACKNOWLEDGED, status.advices_acknowledged)?;
    scrape.counter(&ADVICES_DUPLICATE, status.advices_duplicate)?;
    scrape.gauge(&ADVICES_PARKED, status.parked)
}

fn knowledge(scrape: &mut Scrape<'_>, knowledge: &fallback::stand_in::Knowledge) -> fmt::Result {
    scrape.gauge_if_known(&KNOWLEDGE_AGE, knowledge.age_ms.map(seconds))?;
    scrape.gauge(&KNOWLEDGE_LISTED, u32::from(knowledge.listed))?;
    scrape.gauge(&KNOWLEDGE_CARDS, knowledge.cards)?;
    scrape.gauge(&KNOWLEDGE_ACCOUNTS, knowledge.accounts)?;
    scrape.gauge(&KNOWLEDGE_POSITION, knowledge.position)
}

fn journal(scrape: &mut Scrape<'_>, journal: &fallback::stand_in::JournalState) -> fmt::Result {
    scrape.gauge(&JOURNAL_SEQ, journal.seq)?;
    scrape.gauge(&JOURNAL_SYNCED_SEQ, journal.synced_seq)?;
    scrape.gauge(&JOURNAL_BYTES, journal.bytes)?;
    scrape.counter(&JOURNAL_WRITES, journal.writes)?;
    scrape.counter(&JOURNAL_SYNCS, journal.syncs)?;
    scrape.gauge(&JOURNAL_POISONED, u32::from(journal.poisoned))?;
    scrape.gauge(&JOURNAL_FULL, u32::from(journal.full.is_some()))
}
