"""What programs and pages are told of a bench, without waiting for anything."""

from typing import TYPE_CHECKING, Any

from instrument.errors import DeviceURLError

from . import lights
from .notes import expired

if TYPE_CHECKING:
    from .agent import Bench


def describe(bench: "Bench") -> dict[str, Any]:
    """Return the state of a bench as JSON values."""
    trouble = ""
    try:
        bench.devices.configured()
    except DeviceURLError as error:
        trouble = str(error)
    devices = bench.devices.known()
    method = bench.loaded_method
    return {
        "bench": bench.name,
        "devices": [device.described() for device in devices],
        "devices_trouble": trouble,
        "laser_alarm": lights.alarm(devices),
        "method": None
        if method is None
        else {
            "name": method.name,
            "version": method.version,
            "digest": method.digest,
            "training": method.training,
        },
        "eyewear_confirmed": bench.shift.confirmed,
        "open_screenings": bench.outbox.open_screenings(),
        "blanks": _blanks(bench),
        "outbox": bench.outbox.counts(),
        "server": _server(bench),
        "recovered": bench.recovered,
        "ready": bench.warm,
    }


def _blanks(bench: "Bench") -> list[dict[str, Any]]:
    return [
        {"name": b.name, "container": b.container, "device": b.device, "expires_at": b.expires_at}
        for b in bench.notes.blanks()
        if not expired(b.expires_at)
    ]


def _server(bench: "Bench") -> dict[str, str]:
    report = bench.flusher.report
    if not bench.flusher.configured:
        state = "none"
    elif report is None:
        state = "unknown"
    else:
        state = "out_of_reach" if report.stopped else "reached"
    return {
        "address": bench.settings.server_url,
        "state": state,
        "detail": report.stopped if report is not None else "",
    }
