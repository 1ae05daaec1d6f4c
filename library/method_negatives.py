"""Folders of an agency's own scans that are known to hold nothing on its watch list."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from spectra.errors import SpectraError, SpectrumMismatch
from spectra.identification import identify
from spectra.method import Method
from spectra.negatives import MeasuredNull, NegativeSearch, spectrum_digest
from spectra.select import may_be_named
from spectra.sequential import ALARMS
from spectra.validation import clopper_pearson
from spectra.values import Spectrum, Technique

from .errors import ImportRefused
from .folders import files_in, read_file
from .spectrum_file import decode_file


@dataclass(frozen=True, slots=True)
class Negatives:
    """What a folder of negatives held."""

    scans: tuple[tuple[str, Spectrum], ...]
    """File (and number, where a file holds several) and spectrum of each."""
    refused: tuple[tuple[str, str], ...]
    """Files that could not be used, and why."""


def read_negatives(
    folder: Path, *, technique: Technique | None = None, laser_nm: float | None = None
) -> Negatives:
    """Read the scans of a folder; folders in it are not entered.

    Parameters
    ----------
    folder
        Folder of files in any format `library.spectrum_file.decode_file` reads.
    technique
        How files were measured that do not say so.
    laser_nm
        Excitation wavelength, nm, of files that do not say so.

    Raises
    ------
    ImportRefused
        There is no such folder, or no scan in it can be read.
    """
    scans: list[tuple[str, Spectrum]] = []
    refused: list[tuple[str, str]] = []
    for file in files_in(folder):
        try:
            found = decode_file(read_file(folder / file), name=file, technique=technique, laser_nm=laser_nm)
        except (SpectraError, ImportRefused, OSError) as error:
            refused.append((file, str(error).removeprefix(f"{file}: ")))
            continue
        for number, one in enumerate(found, start=1):
            scans.append((file if len(found) == 1 else f"{file}#{number}", one.spectrum))
    if not scans:
        why = f"; the first, {refused[0][0]}: {refused[0][1]}" if refused else ""
        raise ImportRefused(f"{folder}: no scan that could be read{why}")
    return Negatives(tuple(scans), tuple(refused))


def with_negatives(
    method: Method, negatives: Negatives, *, advance: Callable[[float], None] | None = None
) -> tuple[Method, tuple[tuple[str, str], ...]]:
    """Search negatives by a method and add them to it.

    Parameters
    ----------
    method
        The method, with its watch list and simulated null tables.
    negatives
        Scans known to hold nothing of that watch list.
    advance
        Told of each scan done, for a progress bar.

    Returns
    -------
    tuple
        The method with them, and the scans that could not be used, each with why.
    """
    watched = [item.substance for item in method.watch_list]
    measured: dict[Technique, MeasuredNull] = {}
    refused = list(negatives.refused)
    for technique, references in method.sets.items():
        search = NegativeSearch.of(
            references,
            watched,
            threshold=partial(method.threshold, technique, None),
            may_be_named=may_be_named,
        )
        found = []
        for source, spectrum in negatives.scans:
            if spectrum.technique is technique:
                try:
                    found.append(search.search(source, spectrum))
                except SpectrumMismatch as error:
                    refused.append((source, str(error)))
                if advance is not None:
                    advance(1.0)
        if found:
            measured[technique] = MeasuredNull.of(found)
    without = [scan for scan in negatives.scans if scan[1].technique not in method.sets]
    refused += [
        (source, f"the method has no {spectrum.technique} references") for source, spectrum in without
    ]
    return replace(method, measured=measured), tuple(refused)


def live_check(
    method: Method, negatives: Negatives, *, now: str, advance: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Identify negatives by the finished method, classes and all, and count the alarms.

    Parameters
    ----------
    method
        The method with its negatives, see `with_negatives`; only scans that are part of it count.
    negatives
        The scans.
    now
        Time of the check, RFC 3339 in UTC.
    advance
        Told of each scan done, for a progress bar.

    Returns
    -------
    dict
        By technique, JSON values: distinct scans, alarms with their exact 95 % interval, and which.
    """
    found: dict[str, Any] = {}
    for technique, measured in method.measured.items():
        wanted = {one.digest for one in measured.negatives}
        alarms = []
        for source, spectrum in negatives.scans:
            if spectrum.technique is technique and (digest := spectrum_digest(spectrum)) in wanted:
                wanted.discard(digest)
                if identify(spectrum, method, now=now, source=source).verdict in ALARMS:
                    alarms.append(source)
                if advance is not None:
                    advance(1.0)
        count = len(measured.negatives)
        low, high = clopper_pearson(len(alarms), count)
        found[str(technique)] = {
            "scans": count,
            "alarms": len(alarms),
            "interval": [low, high],
            "sources": alarms,
        }
    return found
