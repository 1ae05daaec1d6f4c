"""The test kit itself: wrong, missing and left-over bytes all fail."""

import pytest

from instrument.errors import ConnectionLost
from instrument.testing import TranscriptStream
from instrument.transport.stream import deadline_in


def write(stream, data):
    stream.write(data, deadline=deadline_in(1))


def test_a_conversation_as_written_down():
    with TranscriptStream(
        [(None, b"hello"), (b"ab", b"1"), (b"c", None), (b"d", b"2")], fragment=3
    ) as stream:
        assert stream.receive(9, wait_s=0) == b"hel"
        assert stream.read(2, deadline=deadline_in(1)) == b"lo"
        write(stream, b"a")
        write(stream, b"bcd")
        assert stream.read(2, deadline=deadline_in(1)) == b"12"


def test_wrong_bytes_fail():
    stream = TranscriptStream([(b"ab", None)])
    with pytest.raises(AssertionError, match="due"):
        write(stream, b"ax")


def test_too_many_bytes_fail():
    stream = TranscriptStream([(b"ab", None)])
    with pytest.raises(AssertionError, match="nothing more is due"):
        write(stream, b"abc")


@pytest.mark.parametrize(
    ("written", "read", "words"),
    [
        (b"", 0, "never written"),
        (b"a", 0, "only the start"),
        (b"ab", 0, "never read"),
        (b"ab", 1, "never used"),
    ],
)
def test_what_did_not_happen_fails(written, read, words):
    stream = TranscriptStream([(b"ab", b"12")])
    write(stream, written)
    if read:
        stream.read(read, deadline=deadline_in(1))
    with pytest.raises(AssertionError, match=words), stream:
        """Leaving the block is what fails."""


def test_an_exception_happens_to_the_reader():
    with TranscriptStream([(b"a", ConnectionLost("gone"))]) as stream:
        write(stream, b"a")
        with pytest.raises(ConnectionLost):
            stream.receive(1, wait_s=0)


def test_an_error_in_the_block_is_not_hidden():
    with pytest.raises(ZeroDivisionError), TranscriptStream([(b"a", None)]):
        raise ZeroDivisionError
