//! The ISO 8583 links.

use std::fmt;
use std::sync::Arc;

use process::metrics::{Label, Scrape};

use super::super::*;
use crate::iso::Link;
use crate::iso::known::Known;
use crate::metrics::labels::OfLink;
use crate::metrics::labels::link::{
    End, EndLabels, Purpose, PurposeLabels, SignedOn, SignedOnLabels,
};

pub(super) fn write(scrape: &mut Scrape<'_>, links: &[Arc<Link>]) -> fmt::Result {
    let name = |link: &Link| OfLink(Arc::clone(&link.terms.name));
    let connections = links.iter().flat_map(|link| {
        let counts = link.known.by_signed_on();
        let label = |index| SignedOn::nth(index).map(|signed_on| SignedOnLabels { signed_on });
        let row = move |(index, count)| {
            let labels = (label(index)?, name(link));
            Some((labels, f64::from(count)))
        };
        counts.into_iter().enumerate().filter_map(row)
    });
    scrape.gauges(&LINK_CONNECTIONS, connections)?;
    let ended = links.iter().flat_map(|link| {
        let row = move |cause: &End| {
            let labels = (EndLabels { cause: *cause }, name(link));
            (labels, link.known.ended(*cause))
        };
        End::ALL.iter().map(row)
    });
    scrape.counters(&LINK_ENDED, ended)?;
    for (what, count) in [
        (&LINK_SENT, Known::sent as fn(&Known, Purpose) -> u64),
        (&LINK_UNANSWERED, Known::unanswered),
    ] {
        let rows = links.iter().flat_map(|link| {
            let row = move |purpose: &Purpose| {
                let labels = (PurposeLabels { purpose: *purpose }, name(link));
                (labels, count(&link.known, *purpose))
            };
            Purpose::ALL.iter().map(row)
        });
        scrape.counters(what, rows)?;
    }
    let single = [
        (&LINK_MALFORMED, Known::malformed as fn(&Known) -> u64),
        (&LINK_POLLS, Known::polls),
        (&LINK_UNMATCHED, Known::unmatched),
        (&LINK_UNWRITTEN, Known::unwritten),
    ];
    for (what, count) in single {
        scrape.counters(
            what,
            links.iter().map(|link| (name(link), count(&link.known))),
        )?;
    }
    Ok(())
}
