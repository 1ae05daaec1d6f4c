import hashlib
import json

import pytest

from instrument.errors import ProtocolError
from instrument.transport.transcript import ENTRY_BYTES, GENESIS, Transcript, read_transcript


def filled(**options):
    transcript = Transcript(**options)
    transcript.record("w", b"l?\r")
    transcript.record("r", b"\x00\xff\r\n")
    transcript.note("3 bytes thrown away")
    return transcript


def test_round_trip_keeps_bytes_directions_and_order():
    entries = read_transcript(filled().to_bytes())
    assert [(e.direction, e.data) for e in entries] == [
        ("w", b"l?\r"),
        ("r", b"\x00\xff\r\n"),
        ("n", b"3 bytes thrown away"),
    ]
    assert [e.ns for e in entries] == sorted(e.ns for e in entries)


def test_links_are_what_the_documentation_says():
    entry = filled().entries()[0]
    line = json.dumps({"ns": entry.ns, "dir": "w", "hex": b"l?\r".hex()}, separators=(",", ":"))
    assert entry.chain == hashlib.sha256((GENESIS + line).encode()).hexdigest()


def test_digest_is_that_of_the_bytes():
    transcript = filled()
    assert transcript.sha256() == hashlib.sha256(transcript.to_bytes()).hexdigest()


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [lines[0], lines[2], lines[1], lines[3]],
        lambda lines: [lines[0], lines[1].replace(b"6c", b"6d", 1), *lines[2:]],
        lambda lines: [lines[0].replace(b'"start":"0', b'"start":"1'), *lines[1:]],
    ],
    ids=["missing", "moved", "changed", "other start"],
)
def test_damage_breaks_the_chain(damage):
    lines = filled().to_bytes().splitlines()
    with pytest.raises(ProtocolError, match="does not follow"):
        read_transcript(b"\n".join(damage(lines)))


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"{}", b"[]", b'{"transcript":2,"start":"0"}', b'{"transcript":1}']
)
def test_other_bytes_are_no_transcript(data):
    with pytest.raises(ProtocolError):
        read_transcript(data)


def test_a_full_record_drops_the_oldest_and_still_holds_together():
    transcript = Transcript(limit=10 * (10 + ENTRY_BYTES))
    for number in range(50):
        transcript.record("r", bytes([number]) * 10)
    head = json.loads(transcript.to_bytes().splitlines()[0])
    entries = read_transcript(transcript.to_bytes())
    assert head["dropped"] == 40
    assert len(entries) == 10
    assert entries[-1].data == bytes([49]) * 10


def test_restart_begins_a_new_record():
    transcript = filled()
    transcript.restart()
    assert transcript.entries() == ()
    transcript.record("w", b"x")
    assert len(read_transcript(transcript.to_bytes())) == 1


def test_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="direction"):
        Transcript().record("x", b"")
