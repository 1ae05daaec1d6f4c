"""The bench: devices, archive, outbox, method, blanks, verifications and screenings in one hand."""

import logging
import platform
import threading
from collections.abc import Callable
from typing import Any

from calibration.apply import spectrum_of
from calibration.standards import sharp_lines
from calibration.verification import verify_axis
from instrument.acquisition import ScanPlan
from instrument.interfaces import StopCheck, never_stop
from library.methods import training_method
from spectra.answer import InstrumentState
from spectra.method import Method
from spectra.values import Role, Scan

from ..archive.journal import Archive
from ..clock import clock_state
from ..settings import Settings
from . import flow, lights, operations
from .answers import scan_answer
from .blanks import check_blank, usable_blank
from .device import Device
from .devices import Devices
from .flusher import Flusher
from .item import clean_label, new_unlabelled
from .method_source import MethodSource
from .notes import BlankNote, Notes, VerificationNote, expired, instrument_key, validity
from .outbox import Outbox
from .recovery import recover, unfinished
from .refusals import NothingOpen
from .requests import BlankRequest, Firing, ScanRequest, VerifyRequest
from .safety import Shift, check_may_fire

_log = logging.getLogger(__name__)

Answer = dict[str, Any]


class Bench:
    """Everything a bench agent does, without HTTP; safe to call from several threads.

    Parameters
    ----------
    settings
        Home, server and addresses.
    load
        Returns the method in force; the training method of the home where nobody says otherwise.
    """

    def __init__(self, settings: Settings, *, load: Callable[[], Method] | None = None) -> None:
        self.settings = settings
        self.archive = Archive(settings.archive_dir)
        self.outbox = Outbox(settings.outbox_path)
        self.notes = Notes(settings.home / "bench-notes.json")
        self.devices = Devices(settings)
        self.shift = Shift()
        self.name = self._settled_name()
        self.flusher = Flusher(settings, self.archive, self.outbox)
        self.recovered: list[Answer] = []
        self.warm = False
        self._source = MethodSource(load or (lambda: training_method(settings.home)))
        self._unfinished = unfinished(self.archive, self.outbox)
        self._warming = threading.Thread(target=self._warm_up, name="warm-up", daemon=True)

    def start(self) -> None:
        """Force lasers off, load the method and finish what a crash left, in the background."""
        self.flusher.start()
        self._warming.start()

    def method(self) -> Method:
        """Return the method in force, waiting until it is loaded."""
        return self._source.get()

    @property
    def loaded_method(self) -> Method | None:
        """The method in force if it is loaded, without waiting."""
        return self._source.ready

    def scan(self, request: ScanRequest, *, stop: StopCheck = never_stop) -> Answer:
        """Screen a sample of a parcel.

        Parameters
        ----------
        request
            What to scan and how.
        stop
            Asked often; true ends the scan, the laser first.

        Raises
        ------
        AgentRefused
            Busy, not confirmed, possibly energetic, or an unusable blank.
        InstrumentError
            The device failed, or the scan was stopped.
        ServiceError
            The scan cannot be kept.
        """
        item = clean_label(request.item) or new_unlabelled()
        device, remarks = self._may_fire(request)
        self.method()
        with device.claimed(stop) as identity:
            blank = usable_blank(self.notes, request.blank, identity).scan_id if request.blank else ""
            plan = self._plan(
                request,
                device,
                role=Role.SAMPLE,
                item=item,
                screening_id=self.outbox.open_screening(item),
                blank_id=blank,
                presentation=request.presentation,
                spot=request.spot,
                attempt=request.attempt,
            )
            archived, found = flow.screen(self, device, plan, remarks, complete=not request.keep_open)
        self.flusher.kick()
        posted = self._posted(operations.result(archived, found).key)
        return scan_answer(archived, found, posted, is_open=request.keep_open)

    def take_blank(self, request: BlankRequest, *, stop: StopCheck = never_stop) -> Answer:
        """Scan an empty container and keep it under a name; raises as `scan`."""
        device, remarks = self._may_fire(request)
        self.method()
        with device.claimed(stop) as identity:
            fields = {"name": request.name, "presentation": request.presentation}
            archived = flow.capture(
                self, device, self._plan(request, device, role=Role.BLANK, **fields), remarks
            )
        found = flow.examine(self, archived)
        check_blank(found)
        note = BlankNote(request.name, archived.scan_id, identity, str(request.presentation), *validity())
        self.notes.keep_blank(note)
        return {
            "name": note.name,
            "scan_id": note.scan_id,
            "container": note.container,
            "expires_at": note.expires_at,
            "identification": found,
        }

    def verify(self, request: VerifyRequest, *, stop: StopCheck = never_stop) -> Answer:
        """Scan a standard and check the axis; raises as `scan`."""
        sharp_lines(request.standard)  # an unknown standard is refused before anything fires
        device, remarks = self._may_fire(request)
        with device.claimed(stop) as identity:
            plan = self._plan(request, device, role=Role.VERIFICATION, name=request.standard)
            archived = flow.capture(self, device, plan, remarks)
        taken_at, expires_at = validity()
        checked = verify_axis(
            spectrum_of(archived.scan),
            at=taken_at,
            standard=request.standard,
            device_serial=archived.scan.device.serial,
            scan_id=archived.scan_id,
        )
        note = VerificationNote(
            identity, archived.scan_id, checked.passed, taken_at, expires_at, checked.to_json()
        )
        self.notes.keep_verification(note)
        return {
            "device": identity,
            "passed": note.passed,
            "scan_id": note.scan_id,
            "expires_at": note.expires_at,
            "verification": note.outcome,
        }

    def complete(self, text: str) -> Answer:
        """Complete the open screening of an item; raises `NothingOpen`."""
        item = clean_label(text)
        screening = self.outbox.screening_of(item)
        if screening is None:
            raise NothingOpen(f"no screening of {item} is open at this bench")
        ops = [operations.opening(screening, item, self.name), operations.completing(screening)]
        self.outbox.add(ops, closes=item)
        self.flusher.kick()
        return {"item": item, "screening_id": screening, "posted": self._posted(ops[-1].key)}

    def abort(self) -> Answer:
        """Stop every scan and read every laser back as off; raises `LaserMayBeOn` where one cannot be."""
        stopped, failure = lights.stop_all(self.devices.known())
        if failure is not None:
            raise failure
        return {"stopped": stopped, "laser": "off"}

    def state_at(self, scan: Scan) -> InstrumentState:
        """Return how far the instrument that made a scan can be trusted."""
        note = self.notes.verification(instrument_key(scan.device.model, scan.device.serial))
        if note is None:
            return InstrumentState(axis="missing")
        if not note.passed:
            return InstrumentState(axis="failed", calibration_id=note.scan_id)
        axis = "overdue" if expired(note.expires_at) else "verified"
        return InstrumentState(axis=axis, calibration_id=note.scan_id, verified_at=note.taken_at)

    def end(self) -> None:
        """Stop every scan and start nothing new."""
        devices = self.devices.known()
        for device in devices:
            device.end()
        lights.stop_all(devices)

    def close(self) -> bool:
        """End, let go of all devices, and return whether a laser may be on."""
        self.end()
        self.flusher.end()
        devices = self.devices.known()
        may_be_on = lights.unverified(devices)
        for device in devices:
            device.release()
        return may_be_on

    def _may_fire(self, request: Firing) -> tuple[Device, Answer]:
        device = self.devices.get(request.device)
        return device, {"safety": check_may_fire(request, self.shift, has_laser=device.has_laser)}

    def _plan(self, request: Firing, device: Device, **fields: Any) -> ScanPlan:
        power: Answer = {"power_mw": device.config.power_mw} if device.has_laser else {}
        return ScanPlan(
            accumulations=request.accumulations,
            exposure_s=request.exposure_s,
            laser_nm=device.config.laser_nm,
            clock=clock_state(),
            **power,
            **fields,
        )

    def _posted(self, key: str) -> str:
        if not self.flusher.configured:
            return "no_server"
        state = self.outbox.state_of(key)
        return {"done": "posted", "refused": "refused"}.get(state or "", "queued")

    def _settled_name(self) -> str:
        """Return this bench's name, the same for ever: a screening is opened under one name only."""
        name = self.outbox.get_state("bench")
        if name is None:
            name = platform.node()[:64] or "bench"
            self.outbox.set_state("bench", name)
        return name

    def _warm_up(self) -> None:
        try:
            lights.force_off(self.devices.configured())
            self.recovered = recover(self, self._unfinished)
            self.method()
            self.flusher.kick(wait_s=0.0)
        except Exception:
            # Whoever asks for the same thing later is told; a thread has nobody to tell.
            _log.exception("the bench could not be made ready")
        self.warm = True
