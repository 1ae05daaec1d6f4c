"""Step 0003: what the results of before depend on."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_MAX_VALUE = 1024

#: Kind, name and part.
Use = tuple[str, str, str]


def uses_of(identification: Mapping[str, Any], device: Mapping[str, Any]) -> tuple[Use, ...]:
    """Return everything a result depends on, each thing once, by its weightiest part."""
    found: dict[tuple[str, str], Use] = {}
    for use in _all(identification, device):
        if use[1] and len(use[1]) <= _MAX_VALUE:
            found.setdefault(use[:2], use)
    return tuple(found.values())


def moment_text(text: str) -> str:
    """Return a time in UTC with microseconds; raises `ValueError` for what is no RFC 3339 time."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _all(identification: Mapping[str, Any], device: Mapping[str, Any]) -> Iterator[Use]:
    provenance, serial = identification["provenance"], device.get("serial", "")
    yield from _calibrations(provenance["calibration"])
    yield "device", serial, "device"
    yield "device", f"{device.get('model', '')}/{serial}" if serial else "", "device"
    for part in identification["components"]:
        yield "reference", part["reference_id"], "component"
    for line in identification["ranking"]:
        yield "reference", line["reference_id"], "ranking"
    method = provenance["method"]
    yield "method", method["digest"], "method"
    yield "method", f"{method['name']}@{method['version']}" if method["name"] else "", "method"
    yield "library", provenance["library"]["digest"], "library"
    yield "recipe", provenance["recipe"]["digest"], "recipe"


def _calibrations(named: Mapping[str, Any]) -> Iterator[Use]:
    # Before a verification had a key of its own, its scan stood where the axis record stands now.
    yield "calibration", named["id"], "axis" if "verification" in named else "verification"
    for part in ("intensity", "resolution", "verification"):
        yield "calibration", named.get(part, ""), part
