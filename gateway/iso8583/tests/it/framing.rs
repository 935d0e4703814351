//! Framings, byte by byte, and for streams that follow from a seed.

use iso8583::frame::{
    Cut, FrameDecoder, FrameError, Framing, LENGTH_MAX_DEFAULT, Routing, UnknownFraming,
    encode_frame,
};

use crate::damage::with_seeds;
use crate::framing_invariants::{LENGTH_MAX, Owned, any_stream, in_pieces};
use crate::random::Random;

const ROUTING: Routing = Routing::new([0x12, 0x34], [0xAB, 0xCD]);

#[test]
fn a_message_has_its_header_in_front() {
    for (framing, bytes) in [
        (Framing::Be2, &b"\x00\x03abc"[..]),
        (Framing::Be2Inclusive, b"\x00\x05abc"),
        (Framing::Le2, b"\x03\x00abc"),
        (Framing::Ascii4, b"0003abc"),
        (Framing::Vap, b"\x00\x03\x00\x00abc"),
        (Framing::Tpdu, b"\x00\x08\x60\x12\x34\xAB\xCDabc"),
    ] {
        let mut out = Vec::new();
        assert_eq!(encode_frame(framing, ROUTING, b"abc", &mut out), Ok(()));
        assert_eq!(out, bytes, "{framing}");
        assert_eq!(out.len(), framing.header_length() + 3, "{framing}");
    }
    // 258 bytes show which byte of the length is the higher one.
    for (framing, header) in [
        (Framing::Be2, &b"\x01\x02"[..]),
        (Framing::Be2Inclusive, b"\x01\x04"),
        (Framing::Le2, b"\x02\x01"),
        (Framing::Ascii4, b"0258"),
        (Framing::Vap, b"\x01\x02\x00\x00"),
        (Framing::Tpdu, b"\x01\x07\x60\x12\x34\xAB\xCD"),
    ] {
        let mut out = Vec::new();
        assert_eq!(
            encode_frame(framing, ROUTING, &[b'x'; 258], &mut out),
            Ok(())
        );
        assert_eq!(out.get(..header.len()), Some(header), "{framing}");
    }
}

#[test]
fn words_name_framings() {
    for framing in Framing::ALL {
        assert_eq!(framing.word().parse(), Ok(framing));
        assert_eq!(format!("{framing:>13}").trim_start(), framing.word());
    }
    assert_eq!("BE2".parse::<Framing>(), Err(UnknownFraming));
    assert_eq!(Framing::default(), Framing::Be2);
}

#[test]
fn frames_come_out_whole_wherever_the_stream_is_split() {
    for framing in Framing::ALL {
        let wanted = [b"first".to_vec(), b"second".to_vec(), b"3".to_vec()];
        let mut stream = Vec::new();
        for message in &wanted {
            encode_frame(framing, ROUTING, message, &mut stream).unwrap();
        }
        for split in 0..=stream.len() {
            let mut decoder = FrameDecoder::new(framing, LENGTH_MAX_DEFAULT);
            let mut out = Vec::new();
            let (head, tail) = stream.split_at(split);
            for part in [head, tail] {
                decoder.push(part);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    out.push(frame.message.to_vec());
                }
            }
            assert_eq!(out, wanted, "{framing} split at {split}");
            assert_eq!(decoder.pending(), 0);
        }
    }
}

#[test]
fn what_can_be_no_frame_is_refused_for_good_before_it_is_buffered() {
    let too_long = |length, max| FrameError::TooLong { length, max };
    let too_short = |length, min| FrameError::TooShort { length, min };
    for (framing, header, error) in [
        (Framing::Be2, &b"\x00\x00"[..], FrameError::Empty),
        (Framing::Be2, b"\x10\x01", too_long(4_097, 4_096)),
        (Framing::Be2, b"01", too_long(0x3031, 4_096)), // no length at all
        (Framing::Be2Inclusive, b"\x00\x00", too_short(0, 2)),
        (Framing::Be2Inclusive, b"\x00\x01", too_short(1, 2)),
        (Framing::Be2Inclusive, b"\x00\x02", FrameError::Empty),
        (Framing::Be2Inclusive, b"\x10\x03", too_long(4_097, 4_096)),
        (Framing::Le2, b"\x00\x00", FrameError::Empty),
        (Framing::Le2, b"\x01\x10", too_long(4_097, 4_096)),
        (Framing::Ascii4, b"00a3", FrameError::NotDigits),
        (Framing::Ascii4, b"+003", FrameError::NotDigits),
        (Framing::Ascii4, b"4097", too_long(4_097, 4_096)),
        (Framing::Vap, b"\x08\x01", too_long(2_049, 2_048)),
        (Framing::Vap, b"\x00\x03\x00\x01", FrameError::Reserved),
        (Framing::Vap, b"\x00\x00\x01\x00", FrameError::Reserved),
        (Framing::Tpdu, b"\x00\x04", too_short(4, 5)),
        (Framing::Tpdu, b"\x00\x05", FrameError::Empty),
        (Framing::Tpdu, b"\x10\x06", too_long(4_097, 4_096)),
        (
            Framing::Tpdu,
            b"\x00\x09\x61\x00\x01\x00\x02",
            FrameError::NotTpdu,
        ),
    ] {
        let mut decoder = FrameDecoder::new(framing, LENGTH_MAX_DEFAULT);
        decoder.push(header);
        assert_eq!(decoder.next_frame(), Err(error), "{framing} {header:02X?}");
        assert_eq!(decoder.pending(), 0, "nothing is kept");
        decoder.push(b"\x00\x01x");
        assert_eq!(decoder.next_frame(), Err(error), "{framing} {header:02X?}");
    }
}

#[test]
fn only_what_a_header_can_say_is_sent() {
    for framing in Framing::ALL {
        let mut out = Vec::new();
        let longest = vec![b'x'; framing.length_max()];
        let encoded = encode_frame(framing, ROUTING, &longest, &mut out);
        assert_eq!(encoded, Ok(()), "{framing}");
        let Ok(Cut::Whole { frame, rest: [] }) = framing.cut(&out, usize::MAX) else {
            panic!("{framing}");
        };
        assert_eq!(frame.message, longest);

        out.clear();
        let (length, max) = (longest.len() + 1, longest.len());
        let encoded = encode_frame(framing, ROUTING, &vec![b'x'; length], &mut out);
        assert_eq!(encoded, Err(FrameError::TooLong { length, max }));
        assert!(out.is_empty(), "nothing is written by half");
    }
}

#[test]
fn polls_are_empty_frames_where_there_are_polls() {
    for (framing, poll) in [
        (Framing::Be2, None),
        (Framing::Be2Inclusive, None),
        (Framing::Le2, None),
        (Framing::Ascii4, Some(&b"0000"[..])),
        (Framing::Vap, Some(b"\x00\x00\x00\x00")),
        (Framing::Tpdu, None),
    ] {
        let mut out = Vec::new();
        let encoded = encode_frame(framing, ROUTING, b"", &mut out);
        let Some(poll) = poll else {
            assert_eq!(encoded, Err(FrameError::Empty), "{framing}");
            continue;
        };
        assert_eq!(out, poll, "{framing}");
        let mut decoder = FrameDecoder::new(framing, LENGTH_MAX_DEFAULT);
        decoder.push(poll);
        assert!(decoder.next_frame().unwrap().unwrap().is_poll());
        assert_eq!(decoder.next_frame(), Ok(None));
    }
}

#[test]
fn an_answer_goes_back_to_where_its_request_came_from() {
    let mut decoder = FrameDecoder::new(Framing::Tpdu, LENGTH_MAX_DEFAULT);
    decoder.push(b"\x00\x08\x60\x12\x34\xAB\xCDabc");
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!(frame.routing, ROUTING);
    assert_eq!(frame.routing.destination(), [0x12, 0x34]);
    assert_eq!(frame.routing.source(), [0xAB, 0xCD]);
    let mut answer = Vec::new();
    encode_frame(Framing::Tpdu, frame.routing.answer(), b"de", &mut answer).unwrap();
    assert_eq!(answer, b"\x00\x07\x60\xAB\xCD\x12\x34de");
}

#[test]
fn an_unfinished_frame_says_how_much_is_missing() {
    for framing in Framing::ALL {
        let mut stream = Vec::new();
        encode_frame(framing, ROUTING, b"abc", &mut stream).unwrap();
        // The length, the rest of the header, the message: each is asked for when it is known.
        let length_bytes = if framing == Framing::Ascii4 { 4 } else { 2 };
        let ends = [length_bytes, framing.header_length(), stream.len()];
        for length in 0..stream.len() {
            let begun = stream.get(..length).unwrap();
            let end = ends.iter().find(|end| **end > length).unwrap();
            let missing = end - length;
            let cut = framing.cut(begun, usize::MAX);
            assert_eq!(cut, Ok(Cut::Missing(missing)), "{framing} {length}");
            let mut decoder = FrameDecoder::new(framing, LENGTH_MAX_DEFAULT);
            decoder.push(begun);
            assert_eq!(decoder.next_frame(), Ok(None));
            assert_eq!(decoder.pending(), length);
        }
    }
}

#[test]
fn any_messages_in_any_pieces_come_out_in_order() {
    with_seeds(|random| {
        for framing in Framing::ALL {
            let frames = frames(framing, random);
            let stream = encoded(framing, &frames);
            let chop = random.next() as u8;
            assert_eq!(in_pieces(framing, chop, &stream), (frames, Ok(0)));
            any_stream(framing, chop, &stream);
        }
    });
}

#[test]
fn any_bytes_in_any_pieces_are_read_as_if_they_came_at_once() {
    with_seeds(|random| {
        for framing in Framing::ALL {
            let frames = frames(framing, random);
            let mut stream = encoded(framing, &frames);
            random.damage(&mut stream);
            any_stream(framing, random.next() as u8, &stream);
            any_stream(framing, random.next() as u8, &random.bytes(300));
        }
    });
}

fn frames(framing: Framing, random: &mut Random) -> Vec<Owned> {
    let mut frames = Vec::new();
    for _ in 0..random.below(12) {
        let length_max = random.one_of(&[3, 80, usize::from(LENGTH_MAX)]);
        let message = random.bytes(length_max);
        if message.is_empty() && !framing.has_polls() {
            continue;
        }
        let routing = match framing {
            Framing::Tpdu => Routing::new([random.next() as u8, 1], [2, random.next() as u8]),
            _ => Routing::default(),
        };
        frames.push((message, routing));
    }
    frames
}

fn encoded(framing: Framing, frames: &[Owned]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (message, routing) in frames {
        encode_frame(framing, *routing, message, &mut stream).unwrap();
    }
    stream
}
