"""What the bench does with light: a sample or a blank. Each first asks whether it may."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calibration.apply import spectrum_of
from instrument.interfaces import StopCheck
from instrument.scan_plan import ScanPlan
from spectra.values import Presentation, Role

from ..archive.journal import ArchivedScan
from . import blanks, flow, operations
from .adaptive import StopRule, stop_rule
from .answers import scan_answer
from .contacts import PRESENTED, accessory_of, remark, usual_presentation
from .device import Device
from .item import clean_label, new_unlabelled
from .notes import BlankNote, instrument_key, validity
from .planning import plan_of
from .refusals import ResidueFound
from .requests import BlankRequest, Firing, SampleRequest, ScanRequest
from .safety import check_may_fire
from .standing import calibration_of
from .visit import describe_visit

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]


def screen_sample(bench: "Bench", request: ScanRequest, stop: StopCheck) -> Answer:
    """Screen a sample of a parcel; see `Bench.scan`."""
    item = clean_label(request.item) or new_unlabelled()
    # Whoever begins a scan has made it, whoever is signed in when it ends.
    operator = bench.signing_in.operator_for(request.operator, request.account)
    bench.renew_method(item)
    device, remarks = may_fire(bench, request, bench.outbox.screening_of(item))
    bench.method()
    bench.warming.wait_recovered()
    with device.claimed(stop) as identity:
        bench.contacts.check(identity)
        fields = sample_fields(bench, request, device, identity)
        remarks |= remark(device.config.name, accessory_of(device.config, fields["presentation"]))
        screening = bench.outbox.open_screening(item)
        if remarks["safety"]["energetic"] is False:
            bench.shift.clear(screening)
        place = {"item": item, "screening_id": screening, "spot": request.spot}
        plan = planned(bench, request, device, role=Role.SAMPLE, **fields, **place)
        remarks["scan_number"] = len(bench.attempts.of(screening)) + 1
        rule = _stop_rule(bench, request, plan, remarks)
        who = {"device": identity, "operator": operator}
        tried = bench.attempts.begun(screening, item, request.spot, attempt=request.attempt, **who)
        with tried as attempt:
            plan, complete = replace(plan, attempt=attempt), not request.keep_open
            archived, found = flow.screen(bench, device, plan, remarks, complete=complete, enough=rule)
    if not request.keep_open:
        bench.shift.forget(screening)
    bench.signing_in.touch()
    bench.flusher.kick()
    posted = bench.posted(operations.result_key(archived.scan_id))
    return scan_answer(archived, found, posted, describe_visit(bench, screening, item))


def take_blank(bench: "Bench", request: BlankRequest, stop: StopCheck) -> Answer:
    """Scan what is empty, judge it, and keep it under a name; see `Bench.take_blank`."""
    device, remarks = may_fire(bench, request)
    bench.method()
    presentation = request.presentation or usual_presentation(device.config.contact, Presentation.BAG)
    accessory = accessory_of(device.config, presentation)
    with device.claimed(stop):
        plan = planned(bench, request, device, role=Role.BLANK, name=request.name, presentation=presentation)
        archived = flow.capture(bench, device, plan, remarks)
        identity = identity_of(archived)
        found = flow.examine(bench, archived)
        # A blank of a bag says nothing about the holder it stands in.
        touched = accessory if PRESENTED.get(accessory) is presentation else ""
        shown = spectrum_of(archived.scan, calibration_of(bench, archived.scan))
        crystal = blanks.crystal_of(shown, presentation)
        try:
            blanks.check_blank(found, crystal=crystal)
        except ResidueFound:
            if touched:
                bench.contacts.soil(identity, device.config.name, touched, item="")
            raise
        note = BlankNote(
            request.name, archived.scan_id, identity, str(presentation), *validity(), request.origin
        )
        bench.notes.keep_blank(note)
        if touched:
            bench.contacts.clean(identity, touched)
    return {**blanks.view(note), "identification": found}


def identity_of(archived: ArchivedScan) -> str:
    """Return the instrument of a scan; a device with files is known only by what it gave."""
    return instrument_key(archived.scan.device.model, archived.scan.device.serial)


def may_fire(
    bench: "Bench", request: Firing, screening_id: str | None = None, *, fires: bool = True
) -> tuple[Device, Answer]:
    """Return the device asked for and what its scan will say of safety; raises as `check_may_fire`.

    ``fires`` is False for a scan during which its laser stays off.
    """
    device = bench.devices.get(request.device)
    may_shine = device.has_laser and fires
    said = check_may_fire(request, bench.shift, has_laser=may_shine, screening_id=screening_id)
    return device, {"safety": said}


def sample_fields(bench: "Bench", request: SampleRequest, device: Device, identity: str) -> Answer:
    """Return blank and presentation; where nobody says how it is presented, as the blank or the device is."""
    blank = blanks.usable_blank(bench.notes, request.blank, identity) if request.blank else None
    otherwise = Presentation(blank.container) if blank is not None else Presentation.DIRECT
    return {
        "blank_id": blank.scan_id if blank is not None else "",
        "presentation": request.presentation or usual_presentation(device.config.contact, otherwise),
    }


def planned(bench: "Bench", request: Firing, device: Device, **fields: Any) -> ScanPlan:
    """Return the plan of a scan, which pages are told of from now on."""
    plan = plan_of(request, device, **fields)
    bench.plans.keep(device.config.name, plan)
    return plan


def _stop_rule(bench: "Bench", request: ScanRequest, plan: ScanPlan, remarks: Answer) -> StopRule | None:
    """Return the rule of an adaptive scan; what it looked at and decided goes into the scan's settings."""
    if not request.adaptive:
        return None
    rule = stop_rule(bench, number=remarks["scan_number"], blank_id=plan.blank_id, limit=plan.accumulations)
    remarks["adaptive"] = rule.record
    return rule
