"""What clients ask for that needs the port, and how answers of drivers become fields of a reply."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import DeviceRefused, ProtocolError
from ..interfaces import LaserStatus, SpectrometerStatus, StopCheck
from .port import LaserPort
from .wire import MAX_PIECE, Message, encode_array, error_fields

#: Called with the fields of a reply, from the keeper's thread.
Reply = Callable[[Message], None]

#: What may be asked of the laser.
LASER_OPS = frozenset({"on", "set_power", "status", "settings", "transcript"})
#: Prefix of what may be asked of a spectrometer behind the same port.
SPECTROMETER = "spectrometer."
SPECTROMETER_OPS = frozenset(
    SPECTROMETER + name
    for name in (
        "describe",
        "axis",
        "set_exposure",
        "set",
        "settings",
        "status",
        "available_settings",
        "acquire",
    )
)


@dataclass(eq=False, slots=True)
class Job:
    """One request that waits for the keeper's thread."""

    op: str
    """What to do."""
    fields: Message
    """The request."""
    reply: Reply
    """Where the answer goes."""
    stopped: bool = False
    """Whether its client wants it no more; for acquisitions."""

    def fail(self, error: BaseException, known: Message) -> None:
        """Answer with an error, and with what is known of the laser."""
        self.reply({**known, "ok": False, **error_fields(error)})

    def refuse(self, reason: str) -> None:
        """Answer that the laser is being turned off instead."""
        self.fail(DeviceRefused(f"the laser is being turned off: {reason}"), {})


def number(message: Message, name: str) -> float:
    """Return a number of a request; raises `ProtocolError` where there is none."""
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(f"the guardian's request needs a number in {name!r}")
    return float(value)


def plain(value: Any) -> Any:
    """Return a dataclass, mapping, set or sequence as JSON values; what is none of them stays as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(map(plain, value))
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, StrEnum) else value


def laser_status(fields: Message) -> LaserStatus:
    """Return a status that travelled as `plain` made it; raises `ProtocolError`."""
    try:
        return LaserStatus(**fields)
    except TypeError as error:
        raise ProtocolError(f"the guardian sent no status: {error}") from error


def spectrometer_status(fields: Message) -> SpectrometerStatus:
    """Return a status that travelled as `plain` made it; raises `ProtocolError`."""
    try:
        return SpectrometerStatus(**fields)
    except TypeError as error:
        raise ProtocolError(f"the guardian sent no status: {error}") from error


def ask_spectrometer(port: LaserPort, job: Job, stop: StopCheck) -> Message:
    """Carry out a request to the spectrometer of a unit, and return the fields of the reply.

    Each reply names the connection it was carried out over. An acquisition names the one over which its
    settings were made: over another one nothing is exposed, and the client sets everything again.
    """
    said: Message = {"opening": port.opening}
    device = port.spectrometer
    match job.op.removeprefix(SPECTROMETER):
        case "describe":
            said["described"] = {
                "info": plain(device.info),
                "technique": str(device.technique),
                "limits": plain(device.limits),
                "capabilities": plain(device.capabilities),
            }
        case "axis":
            said["axis"] = encode_array(device.axis())
        case "set_exposure":
            device.set_exposure(number(job.fields, "seconds"))
        case "set":
            device.set(str(job.fields.get("name")), _setting_value(job.fields))
        case "settings":
            said["settings"] = plain(device.settings())
        case "status":
            said["status"] = plain(device.status())
        case "available_settings":
            said["available"] = plain(device.available_settings())
        case _:
            if job.fields.get("opening") == port.opening:
                said["counts"] = encode_array(device.acquire(stop=stop))
    return said


def _setting_value(message: Message) -> float | int | bool | str:
    value = message.get("value")
    if not isinstance(value, bool | int | float | str):
        raise ProtocolError("the guardian's request needs a value to set")
    return value


class TranscriptPieces:
    """The record of the conversations, handed out in pieces that fit into replies.

    Parameters
    ----------
    port
        What is recorded.
    """

    def __init__(self, port: LaserPort) -> None:
        self._port = port
        self._rest = ""

    def next(self, *, first: bool) -> Message:
        """Return a piece, and whether more follow; with ``first`` also what was recorded since."""
        if first:
            self._rest += self._port.transcript().decode("ascii", "replace")
        piece, self._rest = self._rest[:MAX_PIECE], self._rest[MAX_PIECE:]
        return {"transcript": piece, "more": bool(self._rest)}
