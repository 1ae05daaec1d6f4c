"""Scans of known samples for a reference library: archived like any other, and part of no screening.

No item, no screening, no identification and nothing for the outbox: the server never hears of them, and what
a crash leaves is not taken up as a parcel's.
"""

from typing import TYPE_CHECKING, Any

from instrument.interfaces import StopCheck
from spectra.answer import InstrumentState
from spectra.values import Role

from ..archive.journal import ArchivedScan
from . import flow
from .contacts import REFERENCE, accessory_of, remark
from .notes import instrument_key
from .refusals import NotVerified
from .requests import ReadyRequest, ReferenceRequest
from .standing import state_of
from .work import identity_of, may_fire, planned, sample_fields

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]

_STATES = {
    "missing": "was never verified",
    "overdue": "was verified too long ago",
    "failed": "failed its verification",
}


def ready(bench: "Bench", request: ReadyRequest) -> Answer:
    """Return which instrument a device is and how far its axis can be trusted; nothing is fired.

    A device of files tells neither before its first file: ``device`` is empty then, ``axis`` ``unknown``.

    Raises
    ------
    NotVerified
        Its verification is missing, overdue or failed, and it is for no training library.
    """
    device = bench.devices.get(request.device)
    with device.claimed() as identity:
        if device.by_files:
            return {"device": "", **_trust(InstrumentState(axis="unknown"))}
    state = state_of(bench, identity)
    if not request.training:
        _require_verified(device.config.name, state, "nothing was fired")
    return {"device": identity, **_trust(state)}


def measure_reference(bench: "Bench", request: ReferenceRequest, stop: StopCheck) -> Answer:
    """Scan a known sample once and keep it; see `Bench.measure_reference`."""
    label = REFERENCE + request.substance
    device, remarks = may_fire(bench, request)
    with device.claimed(stop) as identity:
        bench.contacts.check(identity, but=label)
        by_files = device.by_files
        if not request.training and not by_files:
            _require_verified(device.config.name, state_of(bench, identity), "nothing was fired")
        fields = sample_fields(bench, request, device, identity)
        accessory = accessory_of(device.config, fields["presentation"])
        remarks |= remark(device.config.name, accessory) | {"reference": request.substance}
        place = {"name": label[:64], "spot": request.spot, "attempt": request.replicate}
        plan = planned(bench, request, device, role=Role.REFERENCE, **fields, **place)
        if accessory:
            # Before light: whatever ends this scan, what lies there would be found in the next parcel.
            bench.contacts.soil(identity, device.config.name, accessory, item=label)
        archived = flow.capture(bench, device, plan, remarks)
    if not request.training and by_files:
        what = f"the scan {archived.scan_id[:12]} is kept, and no reference"
        _require_verified(device.config.name, state_of(bench, identity_of(archived)), what)
    return _answer(bench, archived)


def _require_verified(name: str, state: InstrumentState, what: str) -> None:
    if state.axis != "verified":
        raise NotVerified(
            f"{what}: {name} {_STATES.get(state.axis, 'is not verified')}; "
            f"a reference needs a verified axis: opioscan verify --device {name}"
        )


def _answer(bench: "Bench", archived: ArchivedScan) -> Answer:
    device = archived.scan.device
    state = state_of(bench, instrument_key(device.model, device.serial))
    return {
        "scan_id": archived.scan_id,
        "archive_path": str(archived.path),
        "device": identity_of(archived),
        "emulated": device.emulated,
        "blank_id": archived.scan.blank_id,
        **_trust(state),
    }


def _trust(state: InstrumentState) -> Answer:
    return {
        "axis": state.axis,
        "verification_id": state.verification_id,
        "verified_at": state.verified_at,
    }
