"""Scans for ``opioscan calibrate --device``: lamps with the laser off, standards with it, step by step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from calibration.lamps import lamp_lines
from spectra.values import Technique

from ..archive.journal import Archive
from ..calibration_sources import Source, of_scan
from ..settings import load_settings
from .firing import questions, stages
from .measure_asked import person_there, wait_for
from .output import emit_json, say, warn

if TYPE_CHECKING:
    from ..bench.client import BenchClient


@dataclass(slots=True)
class Taking:
    """One instrument, and what is held before its probe.

    The first thing may stand there already where nobody is at a terminal; before every other one a line is
    read from standard input, so that a program can change it, too.
    """

    client: "BenchClient"
    """The bench agent."""
    archive: Archive
    """Where its scans are."""
    device: str
    """Name or URL."""
    firing: dict[str, Any]
    """Exposure, accumulations, delay."""
    tell: Callable[[str], None] = say
    """Says what was kept."""
    taken: int = 0
    """Scans so far."""
    asked: dict[str, Any] = field(default_factory=dict)
    """Answers to the safety questions, asked before the first light."""
    last: dict[str, Any] = field(default_factory=dict)
    """What the agent said of the last scan."""

    def lamp(self, name: str) -> Source:
        """Take a lamp, the laser off."""
        self._wait(f"Switch the {name.upper()} lamp on and hold it before the probe, then press Enter.")
        asked_on = "terminal" if person_there() else "nobody"
        return self._scan(f"{name} lamp", "off", {"asked_on": asked_on})

    def standard(self, name: str) -> Source:
        """Take a standard under the laser."""
        self._wait(f"Lamps off. Put {name.upper()} before the probe, then press Enter.")
        self.asked = self.asked or questions(self.client, self.device)
        return self._scan(name, "laser", self.asked)

    def _wait(self, text: str) -> None:
        if self.taken or person_there():
            wait_for(text)

    def _scan(self, name: str, light: str, asked: dict[str, Any]) -> Source:
        with stages(self.client, self.device, f"scanning {name}"):
            kept = self.client.calibration_scan(self.device, name, light=light, **self.firing, **asked)
        self.taken, self.last = self.taken + 1, kept
        if kept["saturated"]:
            warn(f"{name}: the detector is full at some channels; a shorter --exposure measures its lines")
        self.tell(f"{name}: scan {kept['scan_id'][:12]}{_how(kept, light)}")
        return of_scan(str(kept["scan_id"]), self.archive)


def scan_alone(device: str, lamp: str, standard: str, firing: dict[str, Any], *, as_json: bool) -> None:
    """Scan a lamp or a standard, and print its content address."""
    from ..bench.client import BenchClient

    if lamp:
        lamp_lines(lamp.split("+"))  # an unknown one is refused before anything is scanned
    settings = load_settings()
    with BenchClient.connect(settings) as client:
        taking = Taking(client, Archive(settings.archive_dir), device, firing, lambda _: None)
        kept = taking.lamp(lamp) if lamp else taking.standard(standard)
    if as_json:
        emit_json(taking.last)
    else:
        say(kept.digest)


def _how(kept: dict[str, Any], light: str) -> str:
    """Return exposure and laser of a scan, for people; infrared instruments tell neither."""
    if kept["technique"] != Technique.RAMAN:
        return ""
    return f", {kept['exposure_s']:.3g} s, laser {'off' if light == 'off' else 'on'}"
