"""A Raman bench: a spectrometer, and its laser behind a guardian."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from spectra.values import Scan

from .acquisition import Progress, ScanPlan, no_progress, take_scan
from .config import BenchConfig
from .errors import DeviceURLError, InstrumentError, ProtocolError
from .guardian import GuardedLaser, GuardianHandle, start_guardian
from .interfaces import Spectrometer, StopCheck, never_stop
from .registry import open_spectrometer
from .transport.transcript import Transcript

_SOURCE = "source"


def guardian_socket(runtime_dir: Path, laser_url: str) -> Path:
    """Return the socket of the guardian of a laser: one laser, one guardian."""
    name = hashlib.sha256(laser_url.encode()).hexdigest()[:12]
    return runtime_dir / f"laser-{name}.sock"


def start_bench_guardian(config: BenchConfig, runtime_dir: Path) -> GuardianHandle | None:
    """Find or start the guardian of a bench's laser; a new one forces the laser off.

    Returns None for a bench without a laser of its own.

    Raises
    ------
    LaserMayBeOn
        The laser cannot be read back as off.
    InstrumentError
        See `start_guardian`.
    """
    if config.laser is None:
        return None
    if config.power_mw <= 0:
        raise DeviceURLError(f"{config.name}: power_mw must be above 0 for a bench with a laser")
    socket_path = guardian_socket(runtime_dir, config.laser)
    return start_guardian(socket_path, config.laser, power_mw=config.power_mw)


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
        laser_nm: float,
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
        laser = GuardedLaser(handle) if handle is not None else None
        try:
            spectrometer = open_spectrometer(config.spectrometer)
        except BaseException:
            if laser is not None:
                laser.close()
            raise
        return cls(
            spectrometer, laser, laser_nm=config.laser_nm, power_mw=config.power_mw, emulated=config.emulated
        )

    def scan(self, plan: ScanPlan, *, stop: StopCheck = never_stop, progress: Progress = no_progress) -> Scan:
        """Take a scan with this bench's laser; see `take_scan` for parameters and errors.

        The scan, also the one an error carries, names the digest of `last_transcript`.
        """
        plan = replace(plan, laser_nm=plan.laser_nm or self.laser_nm)
        try:
            scan = take_scan(self.spectrometer, self.laser, plan, stop=stop, progress=progress)
        except InstrumentError as error:
            self.last_transcript = self._fetch_transcript()
            if error.scan is not None:
                error.scan = self._signed(error.scan)
            raise
        self.last_transcript = self._fetch_transcript()
        return self._signed(scan)

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
        parts = [_part("spectrometer", self.spectrometer.info.url, self._spectrometer_transcript)]
        if self.laser is not None:
            parts.append(_part("laser", self.laser.info.url, self.laser.fetch_transcript))
        return b"".join(parts)

    def _spectrometer_transcript(self) -> bytes:
        transcript = getattr(self.spectrometer, "transcript", None)
        if not isinstance(transcript, Transcript):
            raise ProtocolError("this driver keeps no transcript")
        data = transcript.to_bytes()
        transcript.restart()
        return data


def _part(source: str, url: str, fetch: Callable[[], bytes]) -> bytes:
    head: dict[str, str] = {_SOURCE: source, "url": url}
    try:
        data = fetch()
    except InstrumentError as error:
        # A transcript that cannot be had must not hide the scan, nor the error that lost it.
        head["missing"] = str(error)
        data = b""
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + data


def split_transcript(data: bytes) -> dict[str, bytes]:
    """Return the wire transcripts of a bench's scan by source: ``spectrometer``, ``laser``.

    Each can be checked with `instrument.transport.transcript.read_transcript`; a connection opened again in
    mid-scan starts a new record, and such parts are joined.

    Raises
    ------
    ProtocolError
        The bytes are no joined transcript.
    """
    parts: dict[str, bytes] = {}
    source = ""
    for line in data.splitlines(keepends=True):
        try:
            fields = json.loads(line)
            source = str(fields.get(_SOURCE, source))
        except (ValueError, AttributeError) as error:
            raise ProtocolError(f"no transcript of a bench: {error}") from error
        is_head = _SOURCE in fields
        if not source or (is_head and source in parts):
            raise ProtocolError("no transcript of a bench: its sources are missing or twice")
        parts[source] = b"" if is_head else parts[source] + line
    return parts
