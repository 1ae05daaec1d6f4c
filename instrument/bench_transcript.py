"""The record of a bench's scan: what went over its wires, each part under the name of its device."""

import json
from collections.abc import Callable

from .errors import InstrumentError, ProtocolError

_SOURCE = "source"


def part_of(source: str, url: str, fetch: Callable[[], bytes]) -> bytes:
    """Return what a device's connection recorded, under a line that names it.

    A record that cannot be had is noted: it must not hide the scan, nor the error that lost it.
    """
    head: dict[str, str] = {_SOURCE: source, "url": url}
    try:
        data = fetch()
    except InstrumentError as error:
        head["missing"] = str(error)
        data = b""
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + data


def split_transcript(data: bytes) -> dict[str, bytes]:
    """Return the wire transcripts of a bench's scan by source: ``spectrometer``, ``laser``.

    Each can be checked with `instrument.transport.transcript.read_transcript`; a connection opened again in
    mid-scan starts a new record, and such parts are joined.

    Raises
    ------
    ProtocolError
        The bytes are no joined transcript.
    """
    parts: dict[str, bytes] = {}
    source = ""
    for line in data.splitlines(keepends=True):
        try:
            fields = json.loads(line)
            source = str(fields.get(_SOURCE, source))
        except (ValueError, AttributeError) as error:
            raise ProtocolError(f"no transcript of a bench: {error}") from error
        is_head = _SOURCE in fields
        if not source or (is_head and source in parts):
            raise ProtocolError("no transcript of a bench: its sources are missing or twice")
        parts[source] = b"" if is_head else parts[source] + line
    return parts
