"""What travels between guardian and client: one JSON object a line, bounded, errors by class name.

Requests are ``{"id": 7, "op": "on", …}``, replies ``{"id": 7, "ok": true, …}`` or
``{"id": 7, "ok": false, "error": "InterlockOpen", "message": "…"}``; a line with ``event`` comes unasked.
"""

import base64
import binascii
import json
import os
import socket
import struct
from typing import Any

import numpy as np

from spectra.errors import SpectraError
from spectra.values import FloatArray, frozen_array

from .. import errors
from ..errors import InstrumentError, ProtocolError

Message = dict[str, Any]

#: Longest request line, bytes: the longest we send is below 1000.
MAX_REQUEST = 4096
#: Longest reply line, bytes: chosen, a spectrum of 65,536 pixels takes 700 kB, a piece of transcript 512 kB.
MAX_REPLY = 2 << 20
#: A client that leaves more unread is dropped, bytes.
MAX_WAITING = 4 * MAX_REPLY
#: Most text of a transcript in one reply, characters.
MAX_PIECE = 512 << 10

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
    """Return one message as a line.

    Raises
    ------
    ProtocolError
        It holds what JSON cannot carry, such as a number that is not finite, or is too long.
    """
    try:
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except (ValueError, TypeError, RecursionError) as error:
        raise ProtocolError(f"a driver answered what cannot be passed on: {error}") from error
    if len(line) > MAX_REPLY:
        raise ProtocolError(f"a driver answered {len(line)} bytes; {MAX_REPLY} can be passed on")
    return line


def encode_array(values: FloatArray) -> str:
    """Return numbers, shape (n,), as base64 of little-endian float64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def decode_array(text: object, name: str) -> FloatArray:
    """Return the numbers of `encode_array`, read-only, shape (n,).

    Raises
    ------
    ProtocolError
        It is no base64 of whole finite numbers.
    """
    try:
        data = base64.b64decode(str(text), validate=True)
        return frozen_array(np.frombuffer(data, dtype="<f8"), name=name)
    except (binascii.Error, ValueError, SpectraError) as error:
        raise ProtocolError(f"the guardian sent {name} that nobody can read: {error}") from error


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
        first, *more = data.split(b"\n")
        self._rest += first
        lines = []
        for part in more:
            lines.append(self._checked(self._rest))
            self._rest = bytearray(part)
        self._checked(self._rest)
        return [_decoded(line) for line in lines]

    def _checked(self, line: bytearray) -> bytearray:
        if len(line) > self._limit:
            raise ProtocolError(f"a line on the guardian's socket exceeds {self._limit} bytes")
        return line


def _decoded(line: bytearray) -> Message:
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
