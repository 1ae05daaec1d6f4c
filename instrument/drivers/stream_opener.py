"""Opening a port once, or again after it vanished."""

from collections.abc import Callable

from ..errors import PortNotFound
from ..transport.stream import ByteStream
from ..transport.transcript import Transcript

#: Opens the port and lets it write into the given transcript.
StreamOpener = Callable[[Transcript], ByteStream]


def once_only(path: str, open_stream: StreamOpener) -> StreamOpener:
    """Return an opener that opens a pseudo-terminal once and other ports as often as asked.

    Linux gives the number of a closed pseudo-terminal to the next program that asks for one. Its opener then
    raises `PortNotFound`.
    """
    opened = False

    def open_port(transcript: Transcript) -> ByteStream:
        nonlocal opened
        if opened and path.startswith("/dev/pts/"):
            raise PortNotFound(f"{path}: the pseudo-terminal is gone")
        stream = open_stream(transcript)
        opened = True
        return stream

    return open_port
