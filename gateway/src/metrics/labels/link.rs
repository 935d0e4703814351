//! What happens to the connections of an ISO 8583 link.

process::label! {
    /// Why a connection ended.
    End {
        /// The peer closed it.
        Left = "left",
        /// The peer closed it in the middle of a frame.
        HalfFrame = "half_frame",
        /// It broke.
        Broken = "broken",
        /// Nothing came for too long.
        Idle = "idle",
        /// A frame was not complete in time.
        SlowFrame = "slow_frame",
        /// The peer did not take its answers in time.
        SlowReader = "slow_reader",
        /// A length that no frame of the link can have.
        FrameLength = "frame_length",
        /// Not even a message type could be read.
        Unreadable = "unreadable",
        /// An echo of ours, or a sign-on, got no answer in time.
        Unanswered = "unanswered",
        /// No TLS, or not by somebody who may.
        Handshake = "handshake",
        /// The gateway drains.
        Drained = "drained",
        /// The gateway drained, and the peer did not take its answers.
        Dropped = "dropped",
    }
}

process::label! {
    /// What a message of network management is for.
    Purpose {
        /// Requests may come.
        SignOn = "sign_on",
        /// Requests should go elsewhere.
        SignOff = "sign_off",
        /// To see whether somebody is there.
        Echo = "echo",
    }
}

process::label! {
    /// Whose word it is that counts.
    SignedOn {
        /// The peer said nothing about it.
        Unsaid = "unsaid",
        /// It has signed on.
        On = "on",
        /// It has signed off.
        Off = "off",
    }
}

process::label_set! {
    /// By cause.
    EndLabels {
        /// Why it ended.
        cause: End,
    }
}

process::label_set! {
    /// By purpose.
    PurposeLabels {
        /// What for.
        purpose: Purpose,
    }
}

process::label_set! {
    /// By state.
    SignedOnLabels {
        /// What the peer said last.
        signed_on: SignedOn,
    }
}

impl End {
    /// In words, for a log line.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Left => "the peer left",
            Self::HalfFrame => "the peer left in the middle of a frame",
            Self::Broken => "the connection broke",
            Self::Idle => "nothing came for too long",
            Self::SlowFrame => "a frame was not complete in time",
            Self::SlowReader => "the peer did not take its answers in time",
            Self::FrameLength => "the frame cannot be; check which framing the peer speaks",
            Self::Unreadable => "not even a message type could be read",
            Self::Unanswered => "the peer did not answer an echo or a sign-on in time",
            Self::Handshake => "there was no TLS with somebody who may connect",
            Self::Drained => "the gateway drains",
            Self::Dropped => "the gateway drains, and the peer did not take its answers",
        }
    }

    /// Whether its peer has closed already, or cannot hear us any more.
    pub const fn is_by_the_peer(self) -> bool {
        matches!(self, Self::Left | Self::HalfFrame | Self::Broken)
    }
}
