"""Looking at a scan as the bench does: by which rate, with which records, what the answer is.

The bench looks once, when a scan was taken; whoever recomputes a result looks again. Both do it here, so that
the second look is the first one done again and no other.
"""

from dataclasses import replace

from calibration.apply import spectrum_of
from calibration.in_force import InForce
from spectra.answer import FOREIGN, Identification, InstrumentState
from spectra.identification import identify
from spectra.method import Method
from spectra.promise import share_of
from spectra.sequential import settled
from spectra.values import Scan, Spectrum, Technique

from .calibrated import blank_spectrum
from .evidence.fingerprint import fingerprint_id


def look_at(
    scan: Scan,
    method: Method,
    *,
    records: InForce,
    blank: Scan | None,
    state: InstrumentState,
    scan_id: str,
    now: str,
) -> Identification:
    """Identify an archived scan; everything the answer depends on is named in it.

    The scan spends its part of the false-alarm rate that the method promises for the whole screening.

    Parameters
    ----------
    scan
        The scan; its settings say which number it had in its screening, and where a growing one was ended.
    method
        The method in force.
    records
        Calibration records it is made into a spectrum with.
    blank
        The scan of its empty container; None for none.
    state
        How far instrument and method can be trusted.
    scan_id
        Content address of the scan.
    now
        Time of the answer, RFC 3339 in UTC.
    """
    number = number_of(scan)
    found = identify_look(
        spectrum_of(scan, records),
        method,
        rate_of(scan, method, number),
        whole=scan_rate(method, scan.technique, number),
        blank=None if blank is None else blank_spectrum(blank, records),
        state=state,
        scan_id=scan_id,
        now=now,
    )
    # Who recomputes must know whether the same bits are due (`service.evidence.comparing`).
    return replace(found, provenance={**found.provenance, "build": fingerprint_id()})


def identify_look(
    spectrum: Spectrum,
    method: Method,
    rate: float,
    *,
    now: str,
    whole: float | None = None,
    blank: Spectrum | None = None,
    state: InstrumentState = FOREIGN,
    scan_id: str = "",
) -> Identification:
    """Identify a scan, or a look at a growing one at its rate.

    Parameters
    ----------
    rate
        Rate of false answers of the look.
    now
        Time of the answer, RFC 3339 in UTC.
    whole
        Rate of the whole scan, at which a negative states what it excludes (`spectra.sequential.settled`);
        None where the look is the scan.
    blank, state, scan_id
        Handed on to `identify`; the scan is its own source.
    """

    def at(one: float) -> Identification:
        told = {"now": now, "source": scan_id, "scan_id": scan_id}
        return identify(spectrum, method, rate=one, blank=blank, state=state, **told)

    strict = at(rate)
    return strict if whole is None or whole <= rate else settled(strict, at(whole))


def scan_rate(method: Method, technique: Technique, number: int) -> float:
    """Return the rate of false alarms a scan of a screening may spend, never below what its nulls can test.

    Parameters
    ----------
    method
        The method in force; its promise is for the whole screening.
    technique
        How the scan was measured.
    number
        Number of the scan in its screening, from 1.
    """
    table = method.nulls.get(technique)
    least = 0.0 if table is None else 1.0 / (table.count + 1)
    return max(method.false_alarm_rate * share_of(number, method.planned_scans), least)


def number_of(scan: Scan) -> int:
    """Return the number of a scan in its screening as noted when it was begun; 1 where nothing is noted."""
    number = scan.settings.get("scan_number", 1)
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 1 else 1


def rate_of(scan: Scan, method: Method, number: int) -> float:
    """Return the rate at which a scan is to be judged.

    Its part of the screening's promise; for an adaptive scan that of the look that ended it, within that
    part and what its null table can test.
    """
    whole = scan_rate(method, scan.technique, number)
    adaptive = scan.settings.get("adaptive")
    rate = adaptive.get("rate") if isinstance(adaptive, dict) else None
    table = method.nulls.get(scan.technique)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or table is None:
        return whole
    return min(max(float(rate), 1.0 / (table.count + 1)), whole)
