"""The bench: devices, archive, outbox, method, blanks, verifications and screenings in one hand."""

import sqlite3
from collections.abc import Callable
from typing import Any

from instrument.interfaces import StopCheck, never_stop
from spectra.method import Method

from ..archive.journal import Archive
from ..calibrations import Calibrations
from ..released import method_in_force, release_mark
from ..settings import Settings
from . import calibration_scan, lights, operations, reference, verifying, work
from .activity import Plans
from .attempts import Attempts
from .contacts import Contacts
from .devices import Devices
from .drop import DropDesk
from .flusher import Flusher
from .item import clean_label
from .method_files import MethodFiles
from .method_source import MethodSource
from .naming import settled_name
from .notes import Notes, utc_now
from .officers import Officers
from .outbox import Outbox
from .refusals import NothingOpen
from .reporter import Reporter
from .requests import (
    BlankRequest,
    CalibrationScanRequest,
    ReadyRequest,
    ReferenceRequest,
    ScanRequest,
    VerifyRequest,
)
from .safety import Shift
from .signing_in import SigningIn
from .stops import Stops
from .trust import note_reconnect
from .uses_index import UsesIndex
from .verifications import Verifications
from .visit import visit_of
from .warming import WarmUp

Answer = dict[str, Any]


class Bench:
    """Everything a bench agent does, without HTTP; safe to call from several threads.

    Parameters
    ----------
    settings
        Home, server and addresses.
    load
        Returns the method in force; the active released method where nobody says otherwise, or the training
        method of the home where none was released.
    """

    def __init__(self, settings: Settings, *, load: Callable[[], Method] | None = None) -> None:
        self.settings = settings
        self.archive = Archive(settings.archive_dir)
        self.outbox = Outbox(settings.outbox_path)
        self.calibrations = Calibrations(settings.calibrations_dir)
        self.notes = Notes(settings.home / "bench-notes.json")
        self.attempts = Attempts(settings.outbox_path)
        self.uses = UsesIndex(settings.outbox_path)
        self.verifications = Verifications(settings.outbox_path)
        self.started_at = utc_now().replace(microsecond=0)
        self.contacts = Contacts(self.outbox)
        self.devices = Devices(
            settings, reconnected=lambda identity, why: note_reconnect(self, identity, why)
        )
        self.plans = Plans()
        self.stops = Stops()
        self.shift = Shift()
        self.officers = Officers(settings.officers_path)
        self.signing_in = SigningIn(settings, self.officers, self.shift)
        self.name = settled_name(settings, self.outbox)
        self.drops = DropDesk(self)
        self.flusher = Flusher(settings, self.archive, self.outbox)
        self.reporter = Reporter(self)
        self.misfits: dict[str, str] = {}
        """By serial number, which calibration record the last scan had to leave out, and why."""
        self.method_files = MethodFiles(settings, self.outbox)
        self._source = (
            MethodSource(load)
            if load is not None
            else MethodSource(
                lambda: method_in_force(settings), lambda: release_mark(settings), self.bring_method
            )
        )
        self.warming = WarmUp(self)
        self._held: sqlite3.Connection | None = None
        self.attempts.interrupt()

    def start(self) -> None:
        """Force lasers off, load the method and finish what a crash left, in the background."""
        self._held = self.outbox.held()
        self.flusher.start()
        self.warming.start()
        self.drops.start()
        self.reporter.start()

    def method(self) -> Method:
        """Return the method in force, waiting until it is loaded."""
        return self._source.get()

    @property
    def loaded_method(self) -> Method | None:
        """The method in force if it is loaded, without waiting."""
        return self._source.ready

    def renew_method(self, item: str) -> None:
        """Take up a method released meanwhile, where a new screening begins and nothing is being scanned.

        Never waits: what has to be loaded is loaded in the background, for a later screening.
        """
        if self.outbox.screening_of(item) is None and not any(one.busy for one in self.devices.known()):
            self._source.renew()

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
            Busy, nobody signed in, not confirmed, possibly energetic, an unusable blank, or an accessory
            to be cleaned first.
        UsageError
            The attempt was made before, or the device cannot do what is asked.
        InstrumentError
            The device failed, or the scan was stopped.
        ServiceError
            The scan cannot be kept.
        """
        return work.screen_sample(self, request, self.stops.from_now(stop))

    def take_blank(self, request: BlankRequest, *, stop: StopCheck = never_stop) -> Answer:
        """Scan an empty container or a cleaned accessory, judge it, and keep it under a name.

        Raises as `scan`, and `BlankRefused` for what is not empty: nothing becomes of it then.
        """
        return work.take_blank(self, request, self.stops.from_now(stop))

    def verify(self, request: VerifyRequest, *, stop: StopCheck = never_stop) -> Answer:
        """Scan a standard, or an empty place, and judge the instrument by it; raises as `scan`.

        Where it fails, every result of the instrument since it last passed is flagged for review.
        """
        done = verifying.verify(self, request, self.stops.from_now(stop))
        self.reporter.kick()
        return done

    def measure_reference(self, request: ReferenceRequest, *, stop: StopCheck = never_stop) -> Answer:
        """Scan a known sample for a reference library: archived, and part of no screening.

        Raises as `scan`, and `NotVerified` for an instrument whose axis is not verified.
        """
        return reference.measure_reference(self, request, self.stops.from_now(stop))

    def ready_for_reference(self, request: ReadyRequest) -> Answer:
        """Return which instrument a device is and whether its axis is verified; nothing is fired."""
        return reference.ready(self, request)

    def scan_for_calibration(
        self, request: CalibrationScanRequest, *, stop: StopCheck = never_stop
    ) -> Answer:
        """Scan a lamp, the laser off, or a standard: archived, and part of no screening; raises as `scan`."""
        return calibration_scan.scan_for_calibration(self, request, self.stops.from_now(stop))

    def visit(self, text: str) -> Answer:
        """Return the spots and attempts of an item's open or last screening; raises `NothingOpen`."""
        return visit_of(self, clean_label(text))

    def complete(self, text: str) -> Answer:
        """Complete the open screening of an item; raises `NothingOpen`."""
        item = clean_label(text)
        screening = self.outbox.screening_of(item)
        if screening is None:
            raise NothingOpen(f"no screening of {item} is open at this bench")
        ops = [
            operations.opening(screening, item, self.name, self.settings.site),
            operations.completing(screening),
        ]
        self.outbox.add(ops, closes=item)
        self.shift.forget(screening)
        self.flusher.kick()
        return {"item": item, "screening_id": screening, "posted": self.posted(ops[-1].key)}

    def abort(self) -> Answer:
        """Stop every scan and read every laser back as off; raises `LaserMayBeOn` where one cannot be."""
        self.stops.everything()
        stopped, failure = lights.stop_all(self.devices.known())
        if failure is not None:
            raise failure
        return {"stopped": stopped, "laser": "off"}

    def end(self) -> None:
        """Stop every scan and start nothing new."""
        self.stops.everything(for_good=True)
        devices = self.devices.known()
        for device in devices:
            device.end()
        lights.stop_all(devices)

    def close(self) -> bool:
        """End, let go of all devices, and return whether a laser may be on."""
        self.end()
        self.flusher.end()
        self.reporter.end()
        devices = self.devices.known()
        may_be_on = lights.unverified(devices)
        for device in devices:
            device.release()
        self.drops.end()
        self._source.end()
        if self._held is not None:
            self._held.close()
        # Letting go may be what finds out.
        return may_be_on or lights.unverified(devices)

    def posted(self, key: str) -> str:
        """Return what became of an operation, in the words of an answer."""
        if not self.flusher.configured:
            return "no_server"
        state = self.outbox.state_of(key)
        return {"done": "posted", "refused": "refused"}.get(state or "", "queued")

    def bring_method(self, method: Method) -> None:
        """Make the file of a method, and bring it on its way before a result names it."""
        if self.method_files.prepare(method) is not None and self.flusher.configured:
            op = self.method_files.operation_for(method.digest, method)
            self.outbox.add([] if op is None else [op])
