//! Reading a journal back: every frame is verified, nothing is skipped, and what is not known to be
//! durable is made durable before anybody builds on it.
//!
//! Frames are followed from the first one for as long as checksum, chain and sequence hold. Where
//! they stop, at the place where record *n* should be, everything behind is searched. A valid frame
//! that says that *n* was synced proves that a durable record was damaged: refused (I14). Without
//! one, what is behind is a torn tail, which nobody was ever told is durable: zeroed and reported.
//!
//! What was written after the last point known to be synced is written again and synced: a sync
//! that failed may have left it in memory only, where it reads well and is lost later.

use ledger_api::GatewayId;

use super::error::{OpenError, TornTail};
use super::frame::{ALIGNMENT, Broken, Chain, FRAME_BYTES_MAX, Frame, HEADER_BYTES, Header};
use super::record::Record;
use super::walk::Walk;
use crate::disk::Disk;

/// A segment that has a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) bytes: u64,
    pub(super) first_seq: u64,
}

/// A journal as it was read, durable to its end and ready to be continued.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) gateway: [u8; 32],
    pub(super) epoch: u64,
    pub(super) records: Vec<(u64, Record)>,
    /// Those with a header; the last one is written next.
    pub(super) segments: Vec<Segment>,
    /// Those without.
    pub(super) spares: Vec<(u64, u64)>,
    /// Where the last frame ends.
    pub(super) offset: u64,
    pub(super) next_seq: u64,
    pub(super) chain: Chain,
    pub(super) torn: Option<TornTail>,
}

/// Reads the journal on `disk`, or makes a new one with this epoch and segment size.
pub(super) fn recover(
    disk: &dyn Disk,
    gateway: &GatewayId,
    new_epoch: u64,
    segment_bytes: u64,
) -> Result<Found, OpenError> {
    let listed = list(disk)?;
    let mut scan = Scan::new(disk, gateway, new_epoch);
    let stop = scan.go(&listed)?;
    let rest = look_behind(disk, &listed, stop, scan.walk.next_seq)?;
    if scan.walk.segments.is_empty() {
        return found_nothing(disk, &scan.walk, listed, &rest, segment_bytes);
    }
    let torn = torn(disk, &rest);
    cut(disk, &rest)?;
    scan.settle()?;
    let Scan { walk, records, .. } = scan;
    Ok(Found {
        gateway: walk.gateway_hash,
        epoch: walk.epoch,
        records,
        spares: listed.into_iter().skip(walk.segments.len()).collect(),
        segments: walk.segments,
        offset: walk.offset as u64,
        next_seq: walk.next_seq,
        chain: walk.chain,
        torn,
    })
}

/// The chain value of a record, read from its segment; `None` where it is not there.
pub(super) fn chain_of(
    disk: &dyn Disk,
    segment: Segment,
    seq: u64,
) -> Result<Option<Chain>, OpenError> {
    let content = read(disk, segment.number)?;
    let mut offset = HEADER_BYTES;
    while let Ok(frame) = Frame::decode(content.get(offset..).unwrap_or_default()) {
        if frame.seq == seq {
            return Ok(Some(frame.chain));
        }
        offset += frame.len();
    }
    Ok(None)
}

pub(super) fn list(disk: &dyn Disk) -> Result<Vec<(u64, u64)>, OpenError> {
    let failed = |source| OpenError::Disk {
        file: disk.name(1),
        source,
    };
    let listed = disk.segments().map_err(failed)?;
    for ((number, bytes), expected) in listed.iter().zip(1..) {
        if *number != expected {
            return Err(OpenError::MissingSegment {
                file: disk.name(expected),
            });
        }
        if *bytes < SEGMENT_BYTES_MIN {
            return Err(OpenError::Resized {
                file: disk.name(*number),
                bytes: *bytes,
            });
        }
    }
    Ok(listed)
}

/// A segment must hold its header and the largest frame.
pub(super) const SEGMENT_BYTES_MIN: u64 = (HEADER_BYTES + FRAME_BYTES_MAX) as u64;

/// What was found on the way.
struct Scan<'a> {
    disk: &'a dyn Disk,
    walk: Walk<'a>,
    records: Vec<(u64, Record)>,
    /// Segment and offset of every record, in order.
    places: Vec<(u64, usize)>,
}

impl<'a> Scan<'a> {
    fn new(disk: &'a dyn Disk, gateway: &'a GatewayId, new_epoch: u64) -> Self {
        Self {
            disk,
            walk: Walk::new(disk, Some(gateway), new_epoch),
            records: Vec::new(),
            places: Vec::new(),
        }
    }

    fn go(&mut self, listed: &[(u64, u64)]) -> Result<(u64, usize), OpenError> {
        let (records, places) = (&mut self.records, &mut self.places);
        self.walk.go(listed, &mut |step| {
            records.push((step.seq, step.record));
            places.push((step.segment, step.offset));
        })
    }

    /// Writes again what may be in memory only, and syncs it.
    fn settle(&self) -> Result<(), OpenError> {
        let known = usize::try_from(self.walk.synced_through).unwrap_or(usize::MAX);
        let end = (
            self.walk.segments.last().map_or(1, |last| last.number),
            self.walk.offset,
        );
        let (from, offset) = self.places.get(known).copied().unwrap_or(end);
        for segment in self
            .walk
            .segments
            .iter()
            .filter(|segment| segment.number >= from)
        {
            let inside = segment.number == from && offset > HEADER_BYTES;
            let start = if inside { offset } else { 0 };
            let content = read(self.disk, segment.number)?;
            let last = self
                .walk
                .segments
                .last()
                .is_some_and(|last| last == segment);
            let end = if last {
                self.walk.offset
            } else {
                content.len()
            };
            let bytes = content.get(start..end).unwrap_or_default();
            rewrite(self.disk, segment.number, start, bytes)?;
        }
        Ok(())
    }
}

/// Bytes that are not zero behind the end: file by file, from the first one to the last one.
pub(super) type Rest = Vec<(u64, std::ops::Range<usize>)>;

/// Searches everything from `stop` on, where record `seq` should be.
pub(super) fn look_behind(
    disk: &dyn Disk,
    listed: &[(u64, u64)],
    stop: (u64, usize),
    seq: u64,
) -> Result<Rest, OpenError> {
    let mut rest = Rest::new();
    for (number, _) in listed.iter().filter(|(number, _)| *number >= stop.0) {
        let content = read(disk, *number)?;
        let start = if *number == stop.0 { stop.1 } else { 0 };
        let behind = content.get(start..).unwrap_or_default();
        let Some(first) = first_nonzero(behind).map(|first| start + first) else {
            continue;
        };
        let last = content.iter().rposition(|byte| *byte != 0).unwrap_or(first);
        rest.push((*number, first..last + 1));
        for offset in (first - first % ALIGNMENT..=last).step_by(ALIGNMENT) {
            let name = || disk.name(*number);
            match Frame::decode(content.get(offset..).unwrap_or_default()) {
                Ok(frame) if frame.synced_through >= seq => {
                    return Err(OpenError::Damaged {
                        file: disk.name(stop.0),
                        offset: stop.1 as u64,
                        seq,
                        witness: format!("record {} ({}, byte {offset})", frame.seq, name()),
                    });
                }
                Err(Broken::Version(version)) => {
                    let offset = offset as u64;
                    return Err(OpenError::UnknownVersion {
                        file: name(),
                        offset,
                        version,
                    });
                }
                Ok(_) | Err(Broken::Bytes) => {}
            }
        }
    }
    Ok(rest)
}

/// Whole blocks are compared at once: most of a segment is zeros.
pub(super) fn first_nonzero(bytes: &[u8]) -> Option<usize> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let (block, content) = bytes
        .chunks(ZEROS.len())
        .enumerate()
        .find(|(_, content)| !ZEROS.starts_with(content))?;
    let inside = content.iter().position(|byte| *byte != 0)?;
    Some(block * ZEROS.len() + inside)
}

/// What a torn tail is called.
pub(super) fn torn(disk: &dyn Disk, rest: &Rest) -> Option<TornTail> {
    let (first, range) = rest.first()?;
    Some(TornTail {
        file: disk.name(*first),
        offset: range.start as u64,
        bytes: rest.iter().map(|(_, range)| range.len() as u64).sum(),
    })
}

/// Zeroes a torn tail, durably.
fn cut(disk: &dyn Disk, rest: &Rest) -> Result<(), OpenError> {
    for (number, range) in rest {
        rewrite(disk, *number, range.start, &vec![0; range.len()])?;
    }
    Ok(())
}

/// Without a first header nothing may stand behind it either.
pub(super) fn never_written(disk: &dyn Disk, rest: &Rest) -> Result<(), OpenError> {
    let is_behind =
        |(number, range): &(u64, std::ops::Range<usize>)| *number != 1 || range.end > HEADER_BYTES;
    if rest.iter().any(is_behind) {
        return Err(OpenError::Damaged {
            file: disk.name(1),
            offset: 0,
            seq: 1,
            witness: "that something was written behind it".to_owned(),
        });
    }
    Ok(())
}

/// Without a first header there is no journal yet. It is made in two steps, the header durably
/// before anything else, so that anything behind a broken header is damage.
fn found_nothing(
    disk: &dyn Disk,
    walk: &Walk<'_>,
    listed: Vec<(u64, u64)>,
    rest: &Rest,
    segment_bytes: u64,
) -> Result<Found, OpenError> {
    never_written(disk, rest)?;
    let failed = |source| OpenError::Disk {
        file: disk.name(1),
        source,
    };
    let bytes = match listed.first() {
        Some((_, bytes)) => *bytes,
        None => disk
            .create(1, segment_bytes)
            .map(|()| segment_bytes)
            .map_err(failed)?,
    };
    let header = Header {
        gateway: walk.gateway_hash,
        epoch: walk.epoch,
        segment: 1,
        first_seq: 1,
        chain: walk.chain,
        bytes,
    };
    let mut encoded = Vec::with_capacity(HEADER_BYTES);
    header.encode(&mut encoded);
    rewrite(disk, 1, 0, &encoded)?;
    Ok(Found {
        gateway: walk.gateway_hash,
        epoch: walk.epoch,
        records: Vec::new(),
        segments: vec![Segment {
            number: 1,
            bytes,
            first_seq: 1,
        }],
        spares: listed.into_iter().skip(1).collect(),
        offset: HEADER_BYTES as u64,
        next_seq: 1,
        chain: walk.chain,
        torn: None,
    })
}

fn rewrite(disk: &dyn Disk, number: u64, offset: usize, bytes: &[u8]) -> Result<(), OpenError> {
    disk.write_at(number, offset as u64, bytes)
        .and_then(|()| disk.sync(number))
        .map_err(|source| OpenError::Disk {
            file: disk.name(number),
            source,
        })
}

pub(super) fn read(disk: &dyn Disk, number: u64) -> Result<Vec<u8>, OpenError> {
    disk.read(number).map_err(|source| OpenError::Disk {
        file: disk.name(number),
        source,
    })
}
