"""The stop rule of an adaptive scan: accumulate until the answer is decided, or a limit is reached."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from calibration.apply import spectrum_of
from calibration.in_force import UNCALIBRATED, InForce
from spectra.answer import FOREIGN, InstrumentState
from spectra.method import Method
from spectra.sequential import decided, plan_looks
from spectra.values import Scan, Spectrum

from ..calibrated import blank_spectrum
from ..looking import identify_look, scan_rate
from .notes import rfc3339, utc_now
from .standing import calibration_of, in_force

if TYPE_CHECKING:
    from .agent import Bench

#: Most accumulations of an adaptive scan where nobody says otherwise.
LIMIT = 10


class StopRule:
    """Say whether a growing scan is enough; keeps a record of every look for the scan's settings.

    Parameters
    ----------
    method
        The method in force.
    limit
        Most accumulations.
    number
        Number of the scan in its screening, from 1: it says what part of the promised rate it may spend.
    blank
        Spectrum of the empty container; None for none.
    state
        How far the instrument can be trusted.
    calibration_of
        Returns the calibration records a scan is made into a spectrum with.
    """

    def __init__(
        self,
        method: Method,
        *,
        limit: int,
        number: int = 1,
        blank: Spectrum | None = None,
        state: InstrumentState = FOREIGN,
        calibration_of: Callable[[Scan], InForce] = lambda _scan: UNCALIBRATED,
    ) -> None:
        self._method = method
        self._number = number
        self._blank = blank
        self._state = state
        self._calibration_of = calibration_of
        self._limit = limit
        self.record: dict[str, Any] = {"limit": limit, "method": method.digest, "looks": []}
        """What was looked at and decided, JSON values; ``rate`` is the rate of the look that counts."""

    def __call__(self, scan: Scan) -> bool:
        """Return whether the scan so far is enough; takes a look only where one was planned."""
        table = self._method.nulls.get(scan.technique)
        if table is None:
            return False
        looks = plan_looks(scan_rate(self._method, scan.technique, self._number), table.count, self._limit)
        self.record["rate"] = looks[-1].rate
        look = next((one for one in looks[:-1] if one.accumulations == len(scan.counts)), None)
        if look is None:
            return len(scan.counts) >= self._limit
        found = identify_look(
            spectrum_of(scan, self._calibration_of(scan)),
            self._method,
            look.rate,
            now=rfc3339(utc_now()),
            whole=scan_rate(self._method, scan.technique, self._number),
            blank=self._blank,
            state=self._state,
        )
        enough = decided(found)
        verdict = {"verdict": str(found.verdict), "reasons": list(found.reasons), "enough": enough}
        self.record["looks"].append({**asdict(look), **verdict})
        if enough:
            self.record["rate"] = look.rate
        return enough


def stop_rule(bench: "Bench", *, number: int, blank_id: str = "", limit: int = LIMIT) -> StopRule:
    """Return the rule for a scan on a bench, by its method in force and the blank to be used."""
    blank = bench.archive.get(blank_id) if blank_id else None
    shown = None if blank is None else blank_spectrum(blank, in_force(bench, blank.device.serial))
    records = partial(calibration_of, bench)
    return StopRule(bench.method(), limit=limit, number=number, blank=shown, calibration_of=records)
