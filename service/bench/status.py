"""What programs and pages are told of a bench, without waiting for anything."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from instrument.errors import DeviceURLError

from . import blanks, lights, verifying
from .activity import laser_state
from .contacts import Soiled
from .device import Device
from .report import last_seen

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
        "devices": [describe_device(bench, device) for device in devices],
        "devices_trouble": trouble,
        "calibration_trouble": {serial: words for serial, words in bench.misfits.items() if words},
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
        "blanks": [one for one in blanks.listed(bench.notes) if not one["expired"]],
        "accessories": [_soiled(one) for one in bench.contacts.soiled()],
        "outbox": bench.outbox.counts(),
        "server": server_state(bench),
        "officer": bench.signing_in.officer,
        "report": asdict(bench.reporter.last),
        "recovered": bench.warming.recovered,
        "ready": bench.warming.done,
    }


def describe_device(bench: "Bench", device: Device) -> dict[str, Any]:
    """Return what programs and pages are told of a device: what it is, does, and waits for."""
    described = facts_of(device)
    # Also before it was opened by this agent: what failed yesterday has failed.
    info = last_seen(bench, device.config.spectrometer, device.seen)
    activity = bench.plans.activity(described)
    return {
        **described,
        "contact": device.config.contact,
        "verification": verifying.described(bench, info.model, info.serial),
        "laser": laser_state(described),
        "activity": None if activity is None else activity.to_json(),
    }


def facts_of(device: Device) -> dict[str, Any]:
    """Return what a device says of itself, as JSON values."""
    info, state = device.opened, device.laser_state
    return {
        "name": device.config.name,
        "model": info.model if info else "",
        "serial": info.serial if info else "",
        "open": info is not None,
        "busy": device.busy,
        "stage": device.stage,
        "has_laser": device.has_laser,
        "laser_nm": device.config.laser_nm,
        "laser_state": str(state.state) if state else "",
        "warning_left_s": round(state.warning_left_s, 1) if state else 0.0,
        "laser_may_be_on": bool(device.laser_alarm),
        "trouble": device.trouble,
        "emulated": device.emulated,
    }


def questions(bench: "Bench", name_or_url: str, item: str) -> dict[str, Any]:
    """Return a device with what a person has to be asked before it fires at an item.

    Raises
    ------
    DeviceURLError
        No such device.
    """
    device = bench.devices.get(name_or_url)
    screening = bench.outbox.screening_of(item) if item else None
    return {
        "device": describe_device(bench, device),
        "ask_eyewear": device.has_laser and not bench.shift.confirmed,
        "ask_energetic": not bench.shift.is_cleared(screening),
    }


def _soiled(one: Soiled) -> dict[str, Any]:
    return {**asdict(one), "words": one.words}


def server_state(bench: "Bench") -> dict[str, str]:
    """Return whether the server was reached the last time it was tried, and why not."""
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
