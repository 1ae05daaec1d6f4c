import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.obp_frames import (
    FOOTER,
    MAX_PAYLOAD,
    MIN_FRAME,
    START,
    ChecksumType,
    Flag,
    FrameError,
    FrameFault,
    FrameParser,
    Message,
    MessageType,
    encode,
)

messages = st.builds(
    Message,
    type=st.integers(0, 2**32 - 1),
    operand=st.binary(max_size=300),
    flags=st.integers(0, 0x3F).map(Flag),
    error=st.integers(0, 255),
    regarding=st.integers(0, 2**32 - 1),
    checksum=st.sampled_from(ChecksumType),
    version=st.sampled_from([0x1000, 0x1100]),
)


def pieces_of(data: bytes, cuts: tuple[int, ...] | list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def fed(data: bytes, cuts: tuple[int, ...] | list[int] = ()) -> list[Message | FrameError]:
    parser = FrameParser()
    return [event for piece in pieces_of(data, cuts) for event in parser.feed(piece)]


def test_layout_of_a_short_message_byte_for_byte():
    frame = encode(
        Message(MessageType.SET_INTEGRATION_TIME, b"\x10\x27\0\0", Flag.ACK_REQUESTED, regarding=7)
    )
    assert frame == (
        b"\xc1\xc0\x00\x11\x04\x00\x00\x00\x10\x00\x11\x00\x07\x00\x00\x00" + bytes(6) + b"\x00\x04"
        b"\x10\x27\0\0" + bytes(12) + b"\x14\0\0\0" + bytes(16) + b"\xc5\xc4\xc3\xc2"
    )
    assert len(frame) == MIN_FRAME == 64


def test_operands_beyond_sixteen_bytes_are_payload():
    assert len(encode(Message(1, bytes(16)))) == 64
    long = encode(Message(1, bytes(17)))
    assert len(long) == 64 + 17
    assert struct.unpack_from("<B", long, 23) == (0,)
    assert struct.unpack_from("<I", long, 40) == (37,)


@given(st.lists(messages, max_size=5), st.lists(st.integers(0, 5000), max_size=12))
@settings(max_examples=80, deadline=None)
def test_any_split_gives_the_messages_back(sent, cuts):
    assert fed(b"".join(map(encode, sent)), cuts) == sent


noise = st.one_of(
    st.binary(max_size=80),
    st.just(START),
    messages.map(encode).map(lambda frame: frame[:-5]),
    messages.map(encode).map(lambda frame: frame[:44]),
)


@given(
    st.lists(st.one_of(noise, messages.map(encode)), max_size=6), st.lists(st.integers(0, 3000), max_size=12)
)
@settings(max_examples=120, deadline=None)
def test_garbage_never_crashes_and_events_do_not_depend_on_the_split(parts, cuts):
    data = b"".join(parts)
    assert fed(data, cuts) == fed(data)


@given(st.binary(max_size=60).filter(lambda b: START not in b and not b.endswith(START[:1])), messages)
@settings(max_examples=60, deadline=None)
def test_a_message_behind_garbage_is_found(garbage, message):
    events = fed(garbage + encode(message))
    assert events == ([FrameError(FrameFault.GARBAGE)] if garbage else []) + [message]


def test_a_frame_cut_short_does_not_swallow_the_next():
    lost, kept = Message(5, bytes(100)), Message(6, b"ok")
    parser = FrameParser()
    events = parser.feed(encode(lost)[:120] + encode(kept))
    assert events == [FrameError(FrameFault.FOOTER, 5, 0, 0x1100), kept]
    assert parser.pending == 0
    assert parser.discarded == 120


def test_md5_is_verified_only_when_the_frame_asks():
    frame = bytearray(encode(Message(9, bytes(range(40)), checksum=ChecksumType.MD5)))
    frame[50] ^= 1
    assert fed(bytes(frame) + encode(Message(2))) == [
        FrameError(FrameFault.CHECKSUM, 9, 0, 0x1100),
        Message(2),
    ]
    plain = bytearray(encode(Message(9, bytes(range(40)))))
    plain[50] ^= 1
    assert isinstance(fed(bytes(plain))[0], Message)


@pytest.mark.parametrize(
    ("offset", "data", "fault"),
    [
        (23, b"\x11", FrameFault.LENGTH),
        (40, struct.pack("<I", 19), FrameFault.LENGTH),
        (40, struct.pack("<I", 25), FrameFault.LENGTH),
        (22, b"\x02", FrameFault.CHECKSUM_TYPE),
        (60, b"XXXX", FrameFault.FOOTER),
    ],
)
def test_damage_is_named_and_followed_by_resync(offset, data, fault):
    frame = bytearray(encode(Message(3, b"abcd", regarding=8)))
    frame[offset : offset + len(data)] = data
    assert fed(bytes(frame) + encode(Message(4))) == [FrameError(fault, 3, 8, 0x1100), Message(4)]


def test_payloads_are_bounded():
    header = bytearray(encode(Message(3))[:44])
    header[40:44] = struct.pack("<I", MAX_PAYLOAD + 21)
    assert FrameParser().feed(bytes(header)) == [FrameError(FrameFault.TOO_LARGE, 3, 0, 0x1100)]
    small = FrameParser(max_payload=100)
    assert small.feed(encode(Message(3, bytes(101))))[0] == FrameError(FrameFault.TOO_LARGE, 3, 0, 0x1100)
    assert small.feed(encode(Message(3, bytes(100)))) == [Message(3, bytes(100))]
    with pytest.raises(ValueError, match="longer than"):
        encode(Message(1, bytes(MAX_PAYLOAD + 1)))
    assert fed(encode(Message(1, bytes(MAX_PAYLOAD)))) == [Message(1, bytes(MAX_PAYLOAD))]


def test_a_number_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        encode(Message(-1))


def test_reset_forgets_half_a_frame():
    parser = FrameParser()
    assert parser.feed(encode(Message(1, bytes(50)))[:70]) == []
    assert parser.pending == 70
    parser.reset()
    assert parser.feed(encode(Message(2))) == [Message(2)]
    assert FOOTER not in START
