"""The stop rule of an adaptive scan: accumulate until the answer is decided, or a limit is reached."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from calibration.apply import spectrum_of
from spectra.answer import FOREIGN, Identification, InstrumentState
from spectra.identification import identify
from spectra.method import Method
from spectra.sequential import decided, plan_looks, settled
from spectra.values import Scan, Spectrum

from .notes import rfc3339, utc_now

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
    blank
        Spectrum of the empty container; None for none.
    state
        How far the instrument can be trusted.
    """

    def __init__(
        self, method: Method, *, limit: int, blank: Spectrum | None = None, state: InstrumentState = FOREIGN
    ) -> None:
        self._method = method
        self._blank = blank
        self._state = state
        self._limit = limit
        self.record: dict[str, Any] = {"limit": limit, "method": method.digest, "looks": []}
        """What was looked at and decided, JSON values; ``rate`` is the rate of the look that counts."""

    def __call__(self, scan: Scan) -> bool:
        """Return whether the scan so far is enough; takes a look only where one was planned."""
        table = self._method.nulls.get(scan.technique)
        if table is None:
            return False
        looks = plan_looks(self._method.false_alarm_rate, table.maxima.size, self._limit)
        self.record["rate"] = looks[-1].rate
        look = next((one for one in looks[:-1] if one.accumulations == len(scan.counts)), None)
        if look is None:
            return len(scan.counts) >= self._limit
        found = identify_look(
            spectrum_of(scan), self._method, look.rate, blank=self._blank, state=self._state
        )
        enough = decided(found)
        verdict = {"verdict": str(found.verdict), "reasons": list(found.reasons), "enough": enough}
        self.record["looks"].append({**asdict(look), **verdict})
        if enough:
            self.record["rate"] = look.rate
        return enough


def identify_look(spectrum: Spectrum, method: Method, rate: float | None, **known: Any) -> Identification:
    """Identify a scan, or a look at a growing one at its rate; None is an ordinary scan.

    Parameters
    ----------
    rate
        Rate of false answers of the look.
    known
        Handed on to `identify`: blank, state, source, scan_id.
    """
    now = rfc3339(utc_now())
    plain = identify(spectrum, method, now=now, **known)
    if rate is None:
        return plain
    return settled(identify(spectrum, method, now=now, rate=rate, **known), plain)


def stop_rule(bench: "Bench", *, blank_id: str = "", limit: int = LIMIT) -> StopRule:
    """Return the rule for a scan on a bench, by its method in force and the blank to be used."""
    blank = spectrum_of(bench.archive.get(blank_id)) if blank_id else None
    return StopRule(bench.method(), limit=limit, blank=blank)


def rate_of(scan: Scan, method: Method) -> float | None:
    """Return the rate at which an adaptive scan is to be judged; None for an ordinary one.

    It is that of the look that ended the scan, within what the method promises and its null table can test.
    """
    adaptive = scan.settings.get("adaptive")
    rate = adaptive.get("rate") if isinstance(adaptive, dict) else None
    table = method.nulls.get(scan.technique)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or table is None:
        return None
    return min(max(float(rate), 1.0 / (table.maxima.size + 1)), method.false_alarm_rate)
