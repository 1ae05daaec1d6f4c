"""JCAMP-DX 4.24 and 5.01, infrared and Raman spectra.

Read are ``XYDATA`` and ``XYPOINTS`` tables in every compression form, alone, in compound files and as pages
of ``NTUPLES``; checks are verified, units converted openly (the history says how), points marked ``?``
told, and what is no such spectrum is refused by name.
"""

import re
from collections.abc import Iterator

from ..errors import FormatError
from ..values import MAX_CHANNELS, Technique
from .jcamp_blocks import Block, blocks_of
from .jcamp_conditions import laser_of, resolution_of
from .jcamp_ntuples import pages_of
from .jcamp_table import doubts, points_of, table_of, valid_part
from .jcamp_units import intensity_of, unit_of, wavenumbers_of
from .reading import Decoded, Request, build, clean

__all__ = ["FORMAT", "decode", "recognise", "table_of"]

FORMAT = "JCAMP-DX"
TECHNIQUES = {
    **dict.fromkeys(
        ("INFRAREDSPECTRUM", "IRSPECTRUM", "FTIRSPECTRUM", "INFRARED", "FTIR", "IR"), Technique.FTIR
    ),
    "INFRAREDTRANSFORMEDSPECTRUM": Technique.FTIR,
    **dict.fromkeys(("RAMANSPECTRUM", "RAMAN", "FTRAMANSPECTRUM"), Technique.RAMAN),
}
#: Points of all spectra of a file together: a few bytes of repeat counts must not unfold into all memory.
MAX_POINTS = 2 * MAX_CHANNELS
#: Lines of history believed.
MAX_STEPS = 10_000
_START = re.compile(r"(?:\s|\$\$[^\n]*\n)*##", re.ASCII)


def recognise(text: str) -> bool:
    """Whether text starts with a labelled data record."""
    return _START.match(text[:4096]) is not None


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode every infrared and Raman spectrum of a file.

    Blocks of other kinds (peak assignments, structures, mass spectra) are named in ``meta["left out"]``,
    points marked ``?`` in ``meta["invalid points"]``.

    Raises
    ------
    FormatError
        A check fails, a spectrum is damaged, or no block holds an infrared or Raman spectrum.
    """
    found: list[Decoded] = []
    left_out: list[str] = []
    points = 0
    for about, block in _spectra_and_others(text):
        try:
            reason = _no_spectrum(block)
            if reason:
                left_out.append(about + reason)
                continue
            for page in pages_of(block) if "NTUPLES" in block.records else (block,):
                points += points_of(page)
                if points > MAX_POINTS:
                    raise FormatError(f"more than {MAX_POINTS} points in one file")
                found.append(_spectrum(page, request))
        except FormatError as error:
            raise FormatError(f"{about}{error}") from error
    if not found:
        raise FormatError("; ".join(left_out[:4]) or "a link without blocks")
    if left_out:
        found = [_noting(one, "; ".join(left_out)) for one in found]
    return tuple(found)


def _spectra_and_others(text: str) -> Iterator[tuple[str, Block]]:
    """Yield each block that is no link, and how messages name it."""
    blocks = blocks_of(text.split("\n"))
    plain = [block for block in blocks if not block.is_link]
    for place, block in enumerate(plain, start=1):
        yield (f"block {place} ({block.title[:40]!r}): " if len(plain) > 1 else ""), block


def _no_spectrum(block: Block) -> str:
    """Say why a block holds no infrared or Raman spectrum; empty where it does."""
    if "JCAMPCS" in block.records:
        return "a chemical structure, not a spectrum"
    kind = block.text("DATATYPE")
    if not kind:
        return "no ##DATA TYPE=: say INFRARED SPECTRUM or RAMAN SPECTRUM there"
    if "INTERFEROGRAM" in unit_of(kind):
        return "an interferogram is no spectrum: export the spectrum computed from it"
    if _kind(block) not in TECHNIQUES:
        return f"data type {clean(kind, 40)!r} is neither an infrared nor a Raman spectrum"
    if "PEAKTABLE" in block.records:
        return "a peak table is no spectrum: export the curve"
    if "PEAKASSIGNMENTS" in block.records:
        return "peak assignments are no spectrum: export the curve"
    return ""


def _kind(block: Block) -> str:
    return unit_of(block.text("DATATYPE")).replace("-", "")


def _spectrum(block: Block, request: Request) -> Decoded:
    version = block.text("JCAMPDX")
    if not re.match(r"[45](\.|\b)", version):
        raise FormatError(f"JCAMP-DX version {clean(version, 12)!r}: 4.24 and 5.01 are read")
    technique = request.settle_technique(TECHNIQUES[_kind(block)])
    laser = request.settle_laser(laser_of(block), technique)
    x, y = table_of(block)
    steps = [line for held in block.records.get("$HISTORY", ()) for line in (held.value, *held.more)]
    if len(steps) > MAX_STEPS:
        raise FormatError(f"a history of {len(steps)} lines is no spectrum's")
    history = [kept for line in steps if (kept := clean(line))] or [
        f"read from {FORMAT} {clean(version, 12)}, {x.size} points"
    ]
    history += [f"no {label}: taken as 1" for label in ("XFACTOR", "YFACTOR") if not block.text(label)]
    history += doubts(block, y)
    points = x.size
    x, y = valid_part(x, y, history)
    invalid = {"invalid points": history[-1]} if x.size < points else {}
    axis = wavenumbers_of(block.text("XUNITS"), x, technique, laser, history)
    spectrum = build(
        axis,
        intensity_of(block.text("YUNITS"), y, technique, history, proved="$SHA256" in block.records),
        technique,
        history=history,
        laser_nm=laser,
        resolution_cm1=resolution_of(block),
        saturated=block.text("$SATURATED").upper() == "YES",
    )
    return Decoded(spectrum, FORMAT, block.title or request.name, invalid | block.described())


def _noting(one: Decoded, left_out: str) -> Decoded:
    return Decoded(one.spectrum, one.format, one.title, {**one.meta, "left out": clean(left_out)})
