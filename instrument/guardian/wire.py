"""What travels between guardian and client: one JSON object a line, bounded, errors by class name.

Requests are ``{"id": 7, "op": "on", …}``, replies ``{"id": 7, "ok": true, …}`` or
``{"id": 7, "ok": false, "error": "InterlockOpen", "message": "…"}``; a line with ``event`` comes unasked.
"""

import json
import os
import socket
import struct
from typing import Any

from .. import errors
from ..errors import InstrumentError, ProtocolError

Message = dict[str, Any]

#: Longest request line, bytes: the longest we send is below 100.
MAX_REQUEST = 4096
#: Longest reply line, bytes: a transcript of many minutes fits.
MAX_REPLY = 16 << 20

#: A client says that it lives this often, s.
BEAT_S = 0.3
#: Silence of the active client after which the laser goes off, s.
SILENCE_S = 1.0

_CLASSES: dict[str, type[InstrumentError]] = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, InstrumentError)
}


def encode(message: Message) -> bytes:
    """Return one message as a line."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def error_fields(error: BaseException) -> Message:
    """Return an error as the fields that carry it; unknown classes travel as `InstrumentError`."""
    name = type(error).__name__
    if name not in _CLASSES:
        return {"error": "InstrumentError", "message": f"{name}: {error}"}
    return {"error": name, "message": str(error)}


def error_from(message: Message) -> InstrumentError:
    """Rebuild the error that a message carries."""
    cls = _CLASSES.get(str(message.get("error")), InstrumentError)
    return cls(str(message.get("message", "the guardian gave no reason")))


class LineParser:
    """Cut a byte stream into messages.

    Parameters
    ----------
    limit
        Longest line accepted, bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes and return the messages they completed, oldest first.

        Raises
        ------
        ProtocolError
            A line is too long, no JSON, or no object.
        """
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        if any(len(line) > self._limit for line in (*lines, rest)):
            raise ProtocolError(f"a line on the guardian's socket exceeds {self._limit} bytes")
        self._rest = bytearray(rest)
        return [_decoded(bytes(line)) for line in lines]


def _decoded(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a line on the guardian's socket is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise ProtocolError("a line on the guardian's socket is no JSON object")
    return message


def check_peer(connection: socket.socket) -> None:
    """Refuse a peer of another user.

    Linux says who is at the other end (``SO_PEERCRED``, unix(7)); elsewhere the socket file's
    mode 0600 has to do.

    Raises
    ------
    ProtocolError
        The other end belongs to another user.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return
    raw = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", raw)
    if uid != os.getuid():
        raise ProtocolError(
            f"process {pid} of user {uid} is at the guardian's socket; only {os.getuid()} may be"
        )
