//! Following a journal from its first frame, for as long as checksum, chain and sequence hold.

use ledger_api::GatewayId;

use super::error::OpenError;
use super::frame::{self, Broken, Chain, Frame, HEADER_BYTES, Header};
use super::record::Record;
use super::recovery::{Segment, first_nonzero, read};
use crate::disk::Disk;

/// A record, and where its frame is.
pub(super) struct Step {
    pub(super) seq: u64,
    pub(super) record: Record,
    /// The segment's number.
    pub(super) segment: u64,
    /// Where in the segment.
    pub(super) offset: usize,
}

/// How far a journal has been followed.
pub(super) struct Walk<'a> {
    disk: &'a dyn Disk,
    /// Whose journal it must be; `None` where anybody's will do.
    gateway: Option<&'a GatewayId>,
    pub(super) gateway_hash: [u8; 32],
    pub(super) epoch: u64,
    pub(super) chain: Chain,
    pub(super) next_seq: u64,
    /// The highest synced point that a frame has named.
    pub(super) synced_through: u64,
    /// Those that continue the journal.
    pub(super) segments: Vec<Segment>,
    /// Where the last frame of the last segment ends.
    pub(super) offset: usize,
}

impl<'a> Walk<'a> {
    /// At the start. `new_epoch` is the journal's where there is none yet.
    pub(super) fn new(disk: &'a dyn Disk, gateway: Option<&'a GatewayId>, new_epoch: u64) -> Self {
        let gateway_hash = gateway.map_or([0; 32], |gateway| frame::gateway_hash(gateway.as_str()));
        Self {
            disk,
            gateway,
            gateway_hash,
            epoch: new_epoch,
            chain: frame::origin(&gateway_hash, new_epoch),
            next_seq: 1,
            synced_through: 0,
            segments: Vec::new(),
            offset: 0,
        }
    }

    /// Goes as far as it goes, through these segments. Returns where that is: segment and offset.
    pub(super) fn go(
        &mut self,
        listed: &[(u64, u64)],
        visit: &mut dyn FnMut(Step),
    ) -> Result<(u64, usize), OpenError> {
        let mut stop = (1, 0);
        for (number, bytes) in listed {
            stop = (*number, 0);
            let content = read(self.disk, *number)?;
            let Some(end) = self.segment(*number, *bytes, &content, visit)? else {
                break;
            };
            stop = (*number, end);
            if first_nonzero(content.get(end..).unwrap_or_default()).is_some() {
                break;
            }
        }
        Ok(stop)
    }

    /// Follows one segment as far as it goes; `None` where it does not continue the journal.
    fn segment(
        &mut self,
        number: u64,
        bytes: u64,
        content: &[u8],
        visit: &mut dyn FnMut(Step),
    ) -> Result<Option<usize>, OpenError> {
        let file = || self.disk.name(number);
        let header = match Header::decode(content) {
            Ok(header) => header,
            Err(Broken::Bytes) => return Ok(None),
            Err(Broken::Version(version)) => {
                return Err(OpenError::UnknownVersion {
                    file: file(),
                    offset: 0,
                    version,
                });
            }
        };
        if let Some(gateway) = self.gateway
            && header.gateway != self.gateway_hash
        {
            return Err(OpenError::OtherGateway {
                file: file(),
                gateway: gateway.clone(),
            });
        }
        if header.bytes != bytes {
            return Err(OpenError::Resized {
                file: file(),
                bytes,
            });
        }
        if self.segments.is_empty() {
            self.gateway_hash = header.gateway;
            self.epoch = header.epoch;
            self.chain = frame::origin(&self.gateway_hash, header.epoch);
        }
        let continues = header.gateway == self.gateway_hash
            && header.epoch == self.epoch
            && header.segment == number
            && header.first_seq == self.next_seq
            && header.chain == self.chain;
        if !continues {
            return Ok(None);
        }
        self.segments.push(Segment {
            number,
            bytes,
            first_seq: self.next_seq,
        });
        self.offset = HEADER_BYTES;
        while let Some(length) = self.frame(number, content, visit)? {
            self.offset += length;
        }
        Ok(Some(self.offset))
    }

    /// Takes the next frame; `None` where there is none that continues.
    fn frame(
        &mut self,
        number: u64,
        content: &[u8],
        visit: &mut dyn FnMut(Step),
    ) -> Result<Option<usize>, OpenError> {
        let (file, offset) = (|| self.disk.name(number), self.offset as u64);
        let frame = match Frame::decode(content.get(self.offset..).unwrap_or_default()) {
            Ok(frame) if frame.continues(&self.chain, self.next_seq) => frame,
            Ok(_) | Err(Broken::Bytes) => return Ok(None),
            Err(Broken::Version(version)) => {
                return Err(OpenError::UnknownVersion {
                    file: file(),
                    offset,
                    version,
                });
            }
        };
        let record = Record::decode(frame.kind, frame.payload).map_err(|source| {
            OpenError::UnknownRecord {
                file: file(),
                offset,
                source,
            }
        })?;
        visit(Step {
            seq: frame.seq,
            record,
            segment: number,
            offset: self.offset,
        });
        self.chain = frame.chain;
        self.next_seq = frame.seq + 1;
        self.synced_through = self.synced_through.max(frame.synced_through);
        Ok(Some(frame.len()))
    }
}
