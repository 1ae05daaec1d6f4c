"""One page that says what quality control found: self-contained, printable, with a picture for each entry."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from library.coverage import Covered
from library.quality import QualityReport
from library.quality_codes import CODES, Severity
from library.quality_values import EntryQuality
from library.replacing import replace_file
from spectra.references import ReferenceEntry

from .sparkline import HEIGHT, WIDTH, Sparkline, sparkline

#: Entries with a picture; of a larger library those without findings beyond it have none.
MOST_PICTURES = 2_000
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
#: Signs that say the severity without colour.
SIGNS = {Severity.REFUSE: "✖ refuse", Severity.CHECK: "▲ check", Severity.NOTE: "● note", None: "✔"}


@dataclass(frozen=True, slots=True)
class Row:
    """One entry on the page."""

    quality: EntryQuality
    """What was found."""
    file: str
    """Its file; empty where it is in the library already."""
    picture: Sparkline | None
    """Its picture."""


def quality_page(
    title: str,
    report: QualityReport,
    entries: Iterable[ReferenceEntry],
    *,
    facts: Mapping[str, str],
    refused: Sequence[tuple[str, str]] = (),
    files: Mapping[str, str] | None = None,
    covered: Sequence[Covered] = (),
) -> str:
    """Return the page of a batch or a library.

    Parameters
    ----------
    title
        What was examined.
    report
        What was found.
    entries
        The entries, for their pictures.
    facts
        What else to say at the top, by name.
    refused
        Files that were not imported, with the reason.
    files
        File of each entry, by identifier.
    covered
        What the library covers.
    """
    spectra = {entry.reference_id: entry.spectrum for entry in entries}
    order = [*Severity, None]
    ranked = sorted(report.entries, key=lambda one: (order.index(one.worst), one.substance.casefold()))
    rows = [
        Row(
            one,
            (files or {}).get(one.reference_id, ""),
            sparkline(spectra[one.reference_id], one.figures.spikes_cm1)
            if place < MOST_PICTURES and one.reference_id in spectra
            else None,
        )
        for place, one in enumerate(ranked)
    ]
    return _TEMPLATES.get_template("report.html").render(
        title=title,
        facts=facts,
        severities=report.by_severity(),
        counts=[(CODES[code], number) for code, number in report.counts().items()],
        pairs=[(pair, CODES[pair.code]) for pair in report.pairs],
        refused=refused,
        rows=rows,
        covered=covered,
        signs=SIGNS,
        number=_number,
        width=WIDTH,
        height=HEIGHT,
        pictures=min(MOST_PICTURES, len(rows)),
    )


def write_page(path: Path, page: str) -> None:
    """Write a page whole or not at all.

    Raises
    ------
    LibraryNotWritten
        The operating system refused.
    """
    # names of files need not be text: bytes that are none come as lone surrogates, and are shown escaped
    write_bytes(path, page.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a page or picture whole or not at all; errors are those of `write_page`."""
    replace_file(path, lambda temporary: temporary.write_bytes(data))


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}"
