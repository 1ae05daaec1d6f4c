"""What a bench tells the server of itself: method, software, instruments, verification, queue, clock.

Nothing in it names a parcel, a person or an address, and no secret: a test holds the fields against a list.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from instrument.config import BenchConfig, load_config
from instrument.errors import DeviceURLError
from spectra.method import Method
from spectra.values import DeviceInfo

from ..clock import clock_state
from ..released import release_facts
from ..settings import software_version
from .device import Device
from .notes import instrument_key, rfc3339, utc_now
from .trust import trust_of

if TYPE_CHECKING:
    from .agent import Bench

#: The server takes no more of a bench, and no longer texts.
MAX_DEVICES, MAX_TEXT = 64, 128


def report_of(bench: "Bench") -> dict[str, Any]:
    """Return what a bench says of itself now, as JSON values; the server's contract is ``BenchReport``.

    Nothing is fired, opened or waited for: what is not known yet is left open.
    """
    method = bench.loaded_method
    return {
        "sent_at": rfc3339(utc_now()),
        "software": _clean(software_version()) or "unknown",
        "clock": clock_state(),
        "method": None if method is None else _method(method),
        "release": None if method is None else _release(bench, method),
        "devices": _devices(bench),
        "outbox": _outbox(bench),
    }


def what_matters(report: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a report whose change is worth a report of its own; a queue moves all the time."""
    said = {key: value for key, value in report.items() if key not in {"sent_at", "outbox"}}
    return {**said, "refused": report["outbox"]["refused"]}


def _method(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "version": method.version,
        "digest": method.digest,
        "training": method.training,
        "library": {"name": method.library_name, "digest": method.library_digest},
    }


def _release(bench: "Bench", method: Method) -> dict[str, Any] | None:
    facts = release_facts(bench.settings, method)
    return None if facts is None else {**asdict(facts), "expires_at": facts.expires_at or None}


def _devices(bench: "Bench") -> list[dict[str, Any]]:
    """Return the devices of the configuration, and those named by URL that were used."""
    known = {device.config.name: device for device in bench.devices.known()}
    try:
        # Not `Devices.configured`: that may close a port, which is no business of a report.
        configs = dict(sorted(load_config(bench.settings.devices_path).items()))
    except DeviceURLError:
        configs = {}  # the bench's own page says so; a report that is missing would say less
    for name, device in known.items():
        if name not in configs and device.seen is not None:
            configs[name] = device.config
    return [_device(bench, configs[name], known.get(name)) for name in configs][:MAX_DEVICES]


def _device(bench: "Bench", config: BenchConfig, device: Device | None) -> dict[str, Any]:
    seen = device.seen if device is not None and device.config == config else None
    info = last_seen(bench, config.spectrometer, seen)
    return {
        # A URL may hold an address or a path of this machine.
        "name": config.name.partition("://")[0] if "://" in config.name else config.name,
        "model": _clean(info.model),
        "serial": _clean(info.serial),
        "emulated": config.emulated or info.emulated,
        "verification": _verification(bench, info),
    }


def last_seen(bench: "Bench", url: str, seen: DeviceInfo | None) -> DeviceInfo:
    """Return which instrument is at a URL: as it was last opened, also before a restart."""
    kept = bench.outbox.get_state(f"seen:{url}")
    if seen is None:
        return _read_seen(kept)
    text = json.dumps([seen.model, seen.serial, seen.emulated])
    if text != kept:
        bench.outbox.set_state(f"seen:{url}", text)
    return seen


def _read_seen(kept: str | None) -> DeviceInfo:
    try:
        model, serial, emulated = json.loads(kept or "")
        return DeviceInfo(str(model), str(serial), emulated=bool(emulated))
    except (ValueError, TypeError):
        return DeviceInfo("", "")


def _verification(bench: "Bench", info: DeviceInfo) -> dict[str, Any]:
    trust = trust_of(bench, instrument_key(info.model, info.serial))
    return {
        "state": trust.axis,
        "verified_at": None if trust.note is None else trust.note.taken_at,
        "due_at": trust.due_at,
    }


def _outbox(bench: "Bench") -> dict[str, Any]:
    counts, oldest = bench.outbox.counts(), bench.outbox.oldest_pending()
    age = None
    if oldest is not None:
        age = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(oldest)).total_seconds())
    return {"pending": counts["pending"], "refused": counts["refused"], "oldest_s": age}


def _clean(text: str) -> str:
    """Return what a device or package says of itself as the server takes it."""
    return "".join(char if char.isprintable() else "?" for char in text)[:MAX_TEXT]
