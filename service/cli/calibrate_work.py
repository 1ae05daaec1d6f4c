"""The work of ``opioscan calibrate``: measure or read, calibrate, tell, keep."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.film import calibrate_film
from calibration.film_table import PHARMACOPOEIA, FilmTable
from calibration.outcomes import AxisOutcome, Outcome
from calibration.record import CalibrationRecord
from calibration.resolution import calibrate_resolution
from calibration.response import calibrate_response
from calibration.srm import Curve, curve_of
from spectra.values import Spectrum, Technique

from ..archive.journal import Archive
from ..calibrating import record_of
from ..calibrating_axis import LineMoved, made_axis
from ..calibration_sources import Source, source_of
from ..calibrations import Calibrations
from ..errors import UsageError
from ..settings import Settings, load_settings
from .calibrate_asked import Asked
from .calibrate_taking import Taking
from .calibrate_words import answer, page
from .output import emit_json, say, warn
from .spectrum_files import write_whole

if TYPE_CHECKING:
    from ..bench.client import BenchClient

#: Largest certificate file, bytes.
MAX_CERTIFICATE = 1 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """What was found, before it is kept."""

    outcome: Outcome
    """The outcome."""
    sources: tuple[Source, ...]
    """What it was found in."""
    standards: tuple[str, ...]
    """Lamps and standards, the one that holds the answer last."""
    moved: tuple[LineMoved, ...] = ()
    """Lines before and after."""


@dataclass(slots=True)
class Work:
    """One run of the command."""

    asked: Asked
    """What was asked for."""
    settings: Settings
    """The home."""
    archive: Archive
    """Its scans."""
    store: Calibrations
    """Its records."""
    client: "BenchClient | None" = None
    """The bench agent; None for files."""

    @classmethod
    @contextmanager
    def begun(cls, asked: Asked) -> Iterator["Work"]:
        """Return the work; with a device the agent is reached, or started."""
        settings = load_settings()
        archive, store = Archive(settings.archive_dir), Calibrations(settings.calibrations_dir)
        if not asked.device:
            yield cls(asked, settings, archive, store)
            return
        from ..bench.client import BenchClient

        with BenchClient.connect(settings) as client:
            yield cls(asked, settings, archive, store, client)

    def lamps(
        self,
        lamps: Sequence[str],
        standard: str,
        check: str,
        guess: tuple[float, ...],
        laser_nm: float | None,
    ) -> Done:
        """Take lamps and standards, and calibrate the axis."""
        _check_names(lamps, standard, check)
        self.asked.papers.standards(_names(lamps, standard, check))
        taking = self._taking()
        shown = [(name, taking.lamp(name)) for name in lamps]
        scans = [(name, taking.standard(name)) for name in (standard, check) if name]
        return _axis(shown, scans, guess, laser_nm)

    def files(
        self,
        lamps: Sequence[str],
        standard: str,
        check: str,
        files: tuple[Sequence[str], str, str],
        *,
        guess: tuple[float, ...],
        laser_nm: float | None,
    ) -> Done:
        """Calibrate the axis from what was measured before."""
        _check_names(lamps, standard, check)
        lamp_files, standard_file, check_file = files
        shown = [(name, source_of(file, self.archive)) for name, file in zip(lamps, lamp_files, strict=True)]
        pairs = ((standard, standard_file), (check, check_file))
        scans = [(name, source_of(file, self.archive)) for name, file in pairs if name]
        return _axis(shown, scans, guess, laser_nm)

    def film(self, text: str, certificate: Path | None) -> Done:
        """Calibrate the axis of an infrared instrument with a polystyrene film."""
        table = PHARMACOPOEIA if certificate is None else FilmTable.from_json(_json(certificate))
        name = "polystyrene film"
        self.asked.papers.standards((table.name,))
        source = self._taking().standard(name) if text == "now" else source_of(text, self.archive)
        if source.technique is not Technique.FTIR:
            raise UsageError(f"{source.name}: --film is for infrared instruments; Raman needs a lamp")
        outcome = calibrate_film(source.spectrum(), table)
        moved = tuple(
            LineMoved(one.standard, one.reference, one.found, one.reference + one.residual, one.used)
            for one in outcome.lines
        )
        return Done(outcome, (source,), (table.name,), moved)

    def response(self, srm: str, certificate: Path | None, file: str) -> Done:
        """Calibrate the intensity with a glass, on the axis that is in force."""
        curve = curve_of(srm) if certificate is None else _certificate(certificate, srm)
        self.asked.papers.standards((curve.name,))
        source = source_of(file, self.archive) if file else self._taking().standard(curve.name)
        outcome = calibrate_response(self._on_axis(source), curve)
        return Done(outcome, (source,), (curve.name,))

    def resolution(self, standard: str, file: str) -> Done:
        """Measure the resolution with calcite, on the axis that is in force."""
        self.asked.papers.standards((standard,))
        source = source_of(file, self.archive) if file else self._taking().standard(standard)
        return Done(calibrate_resolution(self._on_axis(source)), (source,), (standard,))

    def finish(self, done: Done) -> CalibrationRecord:
        """Make the record, draw and print it, and keep it unless it is a dry run."""
        asked = self.asked
        record = record_of(done.outcome, done.sources, done.standards, asked.papers, self.store)
        if asked.plot is not None:
            draw(record, done.moved, asked.plot, force=asked.force)
        kept = "" if asked.dry_run else str(self.store.keep(record))
        if asked.as_json:
            emit_json(answer(record, done.moved, kept))
        else:
            say(page(record, done.moved))
            say(f"Record {record.record_id[:12]}: {kept_words(record, kept)}")
        if kept and _of_files(done):
            warn(
                f"it is an axis of channels: while it is in force, scans of {record.device_serial} that come "
                "as files of Raman shifts keep their own axis and count as calibrated out of date"
            )
        if record.emulated:
            warn("this is an emulated device: the record is good for it alone")
        return record

    def _taking(self) -> Taking:
        assert self.client is not None
        tell = (lambda _: None) if self.asked.as_json else say
        return Taking(self.client, self.archive, self.asked.device, self.asked.firing, tell)

    def _on_axis(self, source: Source) -> Spectrum:
        """Return a spectrum by the axis in force alone: counts as they are."""
        return source.on_axis(self.store.in_force(source.serial or self.asked.papers.serial).axis)


def _of_files(done: Done) -> bool:
    """Whether an axis of channels was made from files, which are read as Raman shifts elsewhere."""
    channels = isinstance(done.outcome, AxisOutcome) and done.outcome.form == "pixels"
    return channels and any(one.scan is None for one in done.sources)


def kept_words(record: CalibrationRecord, kept: str) -> str:
    """Return what became of a record, for people."""
    if not kept:
        return "not kept, this was a dry run"
    before = f"; it takes the place of {record.supersedes[:12]}" if record.supersedes else ""
    return f"kept, good until {record.valid_until}{before}"


def _axis(
    lamps: list[tuple[str, Source]],
    scans: list[tuple[str, Source]],
    guess: tuple[float, ...],
    laser_nm: float | None,
) -> Done:
    made = made_axis(lamps, scans[0], *scans[1:], guess=guess, laser_nm=laser_nm)
    used = _names([name for name, _ in lamps], *(name for name, _ in scans))
    sources = tuple(one for _, one in [*lamps, *scans])
    return Done(made.outcome, sources, used, made.lines)


def _names(lamps: Sequence[str], standard: str, check: str = "") -> tuple[str, ...]:
    """Return what was used, the standard that holds the answer last."""
    return (*(f"{lamp} lamp" for lamp in lamps), *((check,) if check else ()), standard)


def _check_names(lamps: Sequence[str], standard: str, check: str) -> None:
    """Refuse what no table holds before anything fires."""
    from calibration.lamps import lamp_lines
    from calibration.standards import calibration_lines

    for lamp in lamps:
        lamp_lines(lamp.split("+"))
    for name in (standard, check):
        if name:
            calibration_lines(name)


def _certificate(path: Path, srm: str) -> Curve:
    curve = Curve.from_json(_json(path))
    if srm and srm not in curve.name:
        raise UsageError(f"{path} is the certificate of {curve.name}, not of {srm}")
    return curve


def _json(path: Path) -> object:
    with path.open("rb") as file:
        data = file.read(MAX_CERTIFICATE + 1)
    if len(data) > MAX_CERTIFICATE:
        raise UsageError(f"{path}: no certificate is as large")
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: a certificate file is JSON, this is none: {error}") from None
    return value


def draw(record: CalibrationRecord, moved: Sequence[LineMoved], path: Path, *, force: bool) -> None:
    """Write a picture of a record, with what each line of a substance was off by before."""
    from ..plots.calibration_record import record_picture

    known = {(one.standard, one.reference_cm1): one.off_before for one in moved}
    lines = record.outcome.lines if isinstance(record.outcome, AxisOutcome) else ()
    before = [known.get((line.standard, line.reference)) for line in lines]
    write_whole(path, record_picture(record, path, before=before), force=force)
