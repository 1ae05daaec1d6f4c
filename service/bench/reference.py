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

    Raises
    ------
    NotVerified
        Its verification is missing, overdue or failed, and it is for no training library.
    """
    device = bench.devices.get(request.device)
    with device.claimed() as identity:
        state = bench.state_of(identity)
    if not request.training and not identity.endswith("/"):
        _require_verified(device.config.name, state)
    return {"device": identity, **_trust(state)}


def measure_reference(bench: "Bench", request: ReferenceRequest, stop: StopCheck) -> Answer:
    """Scan a known sample once and keep it; see `Bench.measure_reference`."""
    label = REFERENCE + request.substance
    device, remarks = may_fire(bench, request)
    with device.claimed(stop) as identity:
        bench.contacts.check(identity, but=label)
        # A device of files is known by name and serial number only by what it gave.
        if not request.training and not identity.endswith("/"):
            _require_verified(device.config.name, bench.state_of(identity))
        fields = sample_fields(bench, request, device, identity)
        accessory = accessory_of(device.config, fields["presentation"])
        remarks |= remark(device.config.name, accessory) | {"reference": request.substance}
        place = {"name": label[:64], "spot": request.spot, "attempt": request.replicate}
        plan = planned(bench, request, device, role=Role.REFERENCE, **fields, **place)
        if accessory:
            # Before light: whatever ends this scan, what lies there would be found in the next parcel.
            bench.contacts.soil(identity, device.config.name, accessory, item=label)
        archived = flow.capture(bench, device, plan, remarks)
    return _answer(bench, archived)


def _require_verified(name: str, state: InstrumentState) -> None:
    if state.axis != "verified":
        raise NotVerified(
            f"nothing was fired: {name} {_STATES.get(state.axis, 'is not verified')}; "
            f"a reference needs a verified axis: opioscan verify --device {name}"
        )


def _answer(bench: "Bench", archived: ArchivedScan) -> Answer:
    device = archived.scan.device
    state = bench.state_of(instrument_key(device.model, device.serial))
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
        "verification_id": state.calibration_id,
        "verified_at": state.verified_at,
    }
