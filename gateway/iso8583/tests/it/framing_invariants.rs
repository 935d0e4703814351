//! What must hold for any bytes as a stream of frames, however they are chopped. Used by the property
//! tests and by a fuzz target, through the public interface alone.

use iso8583::frame::{Cut, FrameDecoder, FrameError, Framing, Routing, encode_frame};

/// The longest message in these streams, in bytes.
pub(crate) const LENGTH_MAX: u16 = 600;

/// A message, and its addresses.
pub(crate) type Owned = (Vec<u8>, Routing);

/// Cuts a stream at once and in pieces, and checks that both find the same, that what is found is
/// written again byte by byte, and that no more waits than one frame.
pub(crate) fn any_stream(framing: Framing, chop: u8, stream: &[u8]) {
    let (whole, end) = at_once(framing, stream);
    let (frames, pending) = in_pieces(framing, chop, stream);
    assert_eq!(frames, whole, "the pieces make no difference");
    assert_eq!(pending, end);

    let mut again = Vec::new();
    for (message, routing) in &whole {
        assert!(!message.is_empty() || framing.has_polls());
        assert!(message.len() <= usize::from(LENGTH_MAX).min(framing.length_max()));
        assert_eq!(routing.answer().answer(), *routing);
        let written = encode_frame(framing, *routing, message, &mut again);
        assert_eq!(written, Ok(()));
    }
    assert!(stream.starts_with(&again), "it is written as it was read");
    if let Ok(pending) = end {
        assert_eq!(again.len() + pending, stream.len());
    }
}

/// All frames, and how many bytes are left, or why it does not go on.
fn at_once(framing: Framing, mut stream: &[u8]) -> (Vec<Owned>, Result<usize, FrameError>) {
    let mut frames = Vec::new();
    loop {
        match framing.cut(stream, usize::from(LENGTH_MAX)) {
            Ok(Cut::Whole { frame, rest }) => {
                frames.push((frame.message.to_vec(), frame.routing));
                stream = rest;
            }
            Ok(Cut::Missing(missing)) => {
                assert!(missing > 0);
                return (frames, Ok(stream.len()));
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (frames, Err(error));
            }
        }
    }
}

/// The same by a decoder, with lengths of pieces that follow from `chop`; all at once for zero.
pub(crate) fn in_pieces(
    framing: Framing,
    chop: u8,
    stream: &[u8],
) -> (Vec<Owned>, Result<usize, FrameError>) {
    let mut decoder = FrameDecoder::new(framing, LENGTH_MAX);
    let mut frames = Vec::new();
    let mut rest = stream;
    let mut state = chop;
    let mut failed = None;
    while !rest.is_empty() {
        let length = match chop {
            0 => rest.len(),
            _ => rest.len().min(1 + usize::from(state % 37)),
        };
        state = state.wrapping_mul(5).wrapping_add(chop | 1);
        let (piece, later) = rest.split_at(length);
        rest = later;
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push((frame.message.to_vec(), frame.routing)),
                Ok(None) => break,
                Err(error) => {
                    assert!(failed.is_none_or(|first| first == error), "it is for good");
                    failed = Some(error);
                    break;
                }
            }
        }
        let frame_max = framing.header_length() + usize::from(LENGTH_MAX);
        assert!(decoder.pending() < frame_max, "memory is bounded");
    }
    (frames, failed.map_or(Ok(decoder.pending()), Err))
}
