"""A bench opened: a spectrometer, and the laser that goes with it behind a guardian."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from spectra.values import Scan

from .acquisition import Enough, LightSource, Progress, ScanPlan, no_progress, take_scan
from .bench_transcript import part_of, split_transcript
from .config import BenchConfig
from .device_url import DeviceURL
from .errors import (
    AcquisitionAborted,
    DeviceRefused,
    DeviceURLError,
    InstrumentError,
    InterlockOpen,
    ProtocolError,
)
from .guardian import (
    GuardedLaser,
    GuardedSpectrometer,
    GuardedUnit,
    GuardianHandle,
    start_guardian,
)
from .interfaces import OriginalFile, Spectrometer, StopCheck, never_stop
from .registry import open_spectrometer
from .transport.transcript import Transcript

__all__ = ["RamanBench", "guardian_socket", "split_transcript", "start_bench_guardian"]


def guardian_socket(runtime_dir: Path, owned_url: str) -> Path:
    """Return the socket of the guardian of a laser: one port, one guardian, however its URL is written."""
    url = DeviceURL.parse(owned_url)
    name = hashlib.sha256(f"{url.key} {url.target}".encode()).hexdigest()[:12]
    return runtime_dir / f"laser-{name}.sock"


def start_bench_guardian(config: BenchConfig, runtime_dir: Path) -> GuardianHandle | None:
    """Find or start the guardian of a bench's laser; a new one forces the laser off.

    It warns as the bench is configured to, and fires nothing before the safety questions were answered.
    Returns None for a bench without a laser that we switch.

    Raises
    ------
    LaserMayBeOn
        The laser cannot be read back as off.
    InstrumentError
        See `start_guardian`.
    """
    if config.owned_url is None:
        return None
    if config.power_mw <= 0:
        raise DeviceURLError(f"{config.name}: power_mw must be above 0 for a bench with a laser")
    return start_guardian(
        guardian_socket(runtime_dir, config.owned_url),
        config.owned_url,
        power_mw=config.power_mw,
        warning_s=config.warning_s,
        require_confirmation=True,
    )


class RamanBench:
    """Spectrometer and laser of one bench, opened together; a context manager.

    Parameters
    ----------
    spectrometer
        Open; closed with the bench.
    laser
        Open, behind its guardian; None where something else lights the sample. Closed with the bench.
    laser_nm
        Excitation wavelength as calibrated, nm.
    power_mw
        Laser power of the bench, mW.
    emulated
        Label all scans as emulated.
    """

    def __init__(
        self,
        spectrometer: Spectrometer,
        laser: GuardedLaser | None,
        *,
        laser_nm: float | None,
        power_mw: float,
        emulated: bool = False,
    ) -> None:
        self.spectrometer = spectrometer
        self.laser = laser
        self.laser_nm = laser_nm
        self.power_mw = power_mw
        self.last_transcript = b""
        """What went over both wires during the last scan and since the one before, as JSON lines."""
        self._emulated = emulated or spectrometer.info.emulated or (laser is not None and laser.info.emulated)

    @classmethod
    def open(cls, config: BenchConfig, runtime_dir: Path) -> Self:
        """Start the guardian, which forces the laser off, then open the spectrometer.

        Parameters
        ----------
        config
            The bench.
        runtime_dir
            Short path of a folder of this user alone, for the guardian's socket.

        Raises
        ------
        LaserMayBeOn
            The laser cannot be read back as off.
        InstrumentError
            A device cannot be opened.
        """
        handle = start_bench_guardian(config, runtime_dir)
        with ExitStack() as opened:
            laser: GuardedLaser | None = None
            if handle is not None and config.laser is None:
                unit = GuardedUnit(handle)
                opened.callback(unit.close)
                spectrometer: Spectrometer = unit.spectrometer
                laser = unit.laser
            else:
                if handle is not None:
                    laser = GuardedLaser(handle)
                    opened.callback(laser.close)
                spectrometer = open_spectrometer(config.spectrometer)
                opened.callback(spectrometer.close)
            bench = cls(
                spectrometer,
                laser,
                laser_nm=config.laser_nm,
                power_mw=config.power_mw,
                emulated=config.emulated,
            )
            opened.pop_all()
        return bench

    @property
    def last_original(self) -> OriginalFile | None:
        """The file of the last spectrum, where the spectrometer's spectra come as files."""
        original = getattr(self.spectrometer, "last_original", None)
        return original if isinstance(original, OriginalFile) else None

    def scan(
        self,
        plan: ScanPlan,
        *,
        safety: Mapping[str, Any] | None = None,
        stop: StopCheck = never_stop,
        progress: Progress = no_progress,
        enough: Enough | None = None,
    ) -> Scan:
        """Take a scan with this bench's laser; see `take_scan` for the other parameters and errors.

        The scan, also the one an error carries, names the digest of `last_transcript`.

        Parameters
        ----------
        safety
            What was asked before and answered: ``eyewear`` and ``energetic`` (True, False, None for not
            asked), ``asked_on`` (``page``, ``terminal``, ``nobody``). None: a program that asks nobody, and
            for which whoever started it answers.

        Raises
        ------
        DeviceRefused
            The answers forbid the laser; nothing was fired.
        """
        plan = replace(plan, laser_nm=plan.laser_nm or self.laser_nm)
        if self.laser is not None and plan.light is LightSource.LASER:
            self.laser.confirm(**_answers(safety or {}))
        try:
            scan = self._taken(plan, stop, progress, enough)
        except InstrumentError as error:
            self.last_transcript = self._fetch_transcript()
            if error.scan is not None:
                error.scan = self._signed(error.scan)
            raise
        self.last_transcript = self._fetch_transcript()
        return self._signed(scan)

    def _taken(self, plan: ScanPlan, stop: StopCheck, progress: Progress, enough: Enough | None) -> Scan:
        """Take a scan, and end it when its light is lost: what is exposed after that is an empty bag."""
        laser = self.laser
        if laser is None:
            return take_scan(self.spectrometer, None, plan, stop=stop, progress=progress, enough=enough)
        lost = ""

        def ends() -> bool:
            nonlocal lost
            if not lost and laser.lost_its_light:
                lost = laser.state.reason or "reason unknown"
            return bool(lost) or stop()

        with laser.stopping(stop):
            try:
                return take_scan(self.spectrometer, laser, plan, stop=ends, progress=progress, enough=enough)
            except AcquisitionAborted as error:
                if not lost or stop():
                    raise
                raise _light_lost(lost, error) from error

    def plan(self, **changes: Any) -> ScanPlan:
        """Return a plan with this bench's power and wavelength, and the given changes."""
        return ScanPlan(**{"power_mw": self.power_mw, "laser_nm": self.laser_nm, **changes})

    def close(self) -> None:
        """Let go of both devices; the guardian sees to it that the laser is off. May be called twice."""
        try:
            if self.laser is not None:
                self.laser.close()
        finally:
            self.spectrometer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _signed(self, scan: Scan) -> Scan:
        device = replace(scan.device, emulated=self._emulated)
        digest = hashlib.sha256(self.last_transcript).hexdigest()
        return replace(scan, device=device, transcript_sha256=digest)

    def _fetch_transcript(self) -> bytes:
        parts = [part_of("spectrometer", self.spectrometer.info.url, self._spectrometer_transcript)]
        if self.laser is not None and not isinstance(self.spectrometer, GuardedSpectrometer):
            # A unit's laser speaks over the spectrometer's wire.
            parts.append(part_of("laser", self.laser.info.url, self.laser.fetch_transcript))
        return b"".join(parts)

    def _spectrometer_transcript(self) -> bytes:
        if isinstance(self.spectrometer, GuardedSpectrometer):
            return self.spectrometer.fetch_transcript()
        transcript = getattr(self.spectrometer, "transcript", None)
        if not isinstance(transcript, Transcript):
            raise ProtocolError("this driver keeps no transcript")
        data = transcript.to_bytes()
        transcript.restart()
        return data


def _answers(safety: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers a guardian wants to have; those nobody was asked for are None."""
    asked_on = str(safety.get("asked_on", "nobody"))
    eyewear = safety.get("eyewear")
    # Of a program the record says that nobody confirmed; that is no answer of somebody without eyewear.
    eyewear = eyewear or None if asked_on == "nobody" else eyewear
    return {"eyewear": eyewear, "energetic": safety.get("energetic"), "asked_on": asked_on}


def _light_lost(why: str, error: AcquisitionAborted) -> InstrumentError:
    kind = InterlockOpen if "interlock" in why else DeviceRefused
    lost = kind(f"the laser went off during the scan: {why}")
    lost.scan = error.scan
    return lost
