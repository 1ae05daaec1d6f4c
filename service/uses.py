"""What a result depends on, by name: so that one asks later which results a bad thing had a part in.

Server and benches keep these names in an index of their own; both take them from the identification here.

A reference counts for every result in which it is a component or stands in the ranking: those are the ones
that decided what was named, or were close to it. That every entry of a library also had a part in the
thresholds is asked by kind ``library`` or ``method``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: Kinds of things results depend on, in the order in which an ambiguous name lists them.
KINDS = ("calibration", "device", "reference", "method", "library", "recipe", "blank")

#: Part a thing had in a result → what people are told.
PARTS = {
    "axis": "its axis",
    "intensity": "its intensity response",
    "resolution": "its resolution",
    "verification": "verified by it",
    "device": "measured with it",
    "component": "named as a component",
    "ranking": "in the ranking",
    "method": "answered by it",
    "library": "searched in it",
    "recipe": "prepared by it",
    "blank": "the blank of its scan",
}

#: Shortest beginning of a digest that is taken for it, hexadecimal digits.
MIN_PREFIX = 8

#: Longest name kept, characters; the contract of identifications allows no longer one.
MAX_VALUE = 1024

_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Use:
    """One thing a result depends on."""

    kind: str
    """One of `KINDS`."""
    value: str
    """Its name: a digest, ``name@version``, ``model/serial``, …"""
    part: str
    """What it was in the result: a key of `PARTS`."""


def uses_of(
    identification: Mapping[str, Any], device: Mapping[str, Any], *, blank_id: str = ""
) -> tuple[Use, ...]:
    """Return everything a result depends on, each thing once, by its weightiest part.

    Parameters
    ----------
    identification
        An object of the contract ``opioscan.identification/1``; of earlier versions too.
    device
        ``model`` and ``serial`` of the instrument.
    blank_id
        Scan of the blank; empty for none.
    """
    found: dict[tuple[str, str], Use] = {}
    for use in _all(identification, device, blank_id):
        if use.value and len(use.value) <= MAX_VALUE:
            found.setdefault((use.kind, use.value), use)
    return tuple(found.values())


def is_prefix(value: str) -> bool:
    """Return whether a text may stand for a digest that begins with it."""
    return MIN_PREFIX <= len(value) < 64 and set(value) <= _HEX


def device_key(device: Mapping[str, Any]) -> str:
    """Return an instrument's ``model/serial``; empty without a serial number."""
    return f"{device.get('model', '')}/{device['serial']}" if device.get("serial") else ""


def moment_text(text: str) -> str:
    """Return a time in UTC with microseconds, so that texts sort like times.

    Raises
    ------
    ValueError
        It is no RFC 3339 time.
    """
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _all(identification: Mapping[str, Any], device: Mapping[str, Any], blank_id: str) -> Iterator[Use]:
    provenance = identification["provenance"]
    yield from _calibrations(provenance["calibration"])
    yield Use("device", device.get("serial", ""), "device")
    yield Use("device", device_key(device), "device")
    for part in identification["components"]:
        yield Use("reference", part["reference_id"], "component")
    for line in identification["ranking"]:
        yield Use("reference", line["reference_id"], "ranking")
    method = provenance["method"]
    yield Use("method", method["digest"], "method")
    yield Use("method", f"{method['name']}@{method['version']}" if method["name"] else "", "method")
    yield Use("library", provenance["library"]["digest"], "library")
    yield Use("recipe", provenance["recipe"]["digest"], "recipe")
    yield Use("blank", blank_id, "blank")


def _calibrations(named: Mapping[str, Any]) -> Iterator[Use]:
    # Before a verification had a key of its own, its scan stood where the axis record stands now.
    axis = "axis" if "verification" in named else "verification"
    yield Use("calibration", named["id"], axis)
    for part in ("intensity", "resolution", "verification"):
        yield Use("calibration", named.get(part, ""), part)
