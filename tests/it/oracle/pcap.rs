//! A capture of one TCP conversation, made of what its two ends wrote: capturing needs privileges.

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Client,
    Server,
}

/// The port of the server.
pub(super) const PORT: u16 = 8583;

const CLIENT_PORT: u16 = 40_000;
const SERVER_ADDRESS: [u8; 4] = [10, 0, 0, 1];
const CLIENT_ADDRESS: [u8; 4] = [10, 0, 0, 2];
const IP_HEADER_LENGTH: usize = 20;
const TCP_HEADER_LENGTH: usize = 20;
/// Packets begin with their IPv4 header.
const LINK_TYPE: u32 = 228;

/// A file in the format of libpcap.
pub(super) struct Capture {
    file: Vec<u8>,
    /// What the client and the server have sent so far.
    sent: [u32; 2],
    packets: u32,
}

impl Capture {
    pub(super) fn new() -> Self {
        let mut file = Vec::new();
        file.extend(0xA1B2_C3D4_u32.to_be_bytes());
        for version in [2_u16, 4] {
            file.extend(version.to_be_bytes());
        }
        for word in [0, 0, u32::MAX >> 1, LINK_TYPE] {
            file.extend(word.to_be_bytes());
        }
        Self {
            file,
            sent: [0; 2],
            packets: 0,
        }
    }

    /// Adds a segment.
    pub(super) fn segment(&mut self, from: From, payload: &[u8]) -> anyhow::Result<()> {
        let length = u32::try_from(payload.len())?;
        let packet_length = IP_HEADER_LENGTH + TCP_HEADER_LENGTH + payload.len();
        let [ours, theirs] = match from {
            From::Client => [0, 1],
            From::Server => [1, 0],
        };
        // Seconds, microseconds, captured and true length.
        let packet_words = [self.packets, 0, length + 40, length + 40];
        self.file
            .extend(packet_words.iter().flat_map(|word| word.to_be_bytes()));

        let (addresses, ports) = match from {
            From::Client => ([CLIENT_ADDRESS, SERVER_ADDRESS], [CLIENT_PORT, PORT]),
            From::Server => ([SERVER_ADDRESS, CLIENT_ADDRESS], [PORT, CLIENT_PORT]),
        };
        self.file.extend([0x45, 0]);
        self.file
            .extend(u16::try_from(packet_length)?.to_be_bytes());
        // No fragment, 64 hops, TCP, no checksum.
        self.file.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        self.file.extend(addresses.as_flattened());

        self.file
            .extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        self.file.extend((1 + self.sent[ours]).to_be_bytes());
        self.file.extend((1 + self.sent[theirs]).to_be_bytes());
        // Five words of header, PSH and ACK, a full window, no checksum, nothing urgent.
        self.file.extend([0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
        self.file.extend(payload);

        self.sent[ours] += length;
        self.packets += 1;
        Ok(())
    }

    pub(super) fn into_file(self) -> Vec<u8> {
        self.file
    }
}
