"""What quality control and coverage say, in lines for a terminal."""

from collections.abc import Iterator, Sequence

from library.coverage import Covered
from library.quality import QualityReport
from library.quality_codes import CODES, Severity

#: Lines of one kind that are printed; JSON and page name all.
MOST = 20


def quality_lines(report: QualityReport, *, most: int = MOST) -> Iterator[str]:
    """Say what quality control found: counts, then what a person has to look at."""
    worst = report.by_severity()
    yield (
        f"quality control of {len(report.entries)} entries: {worst['none']} without a finding, "
        f"{worst['note']} with notes, {worst['check']} to check, {worst['refuse']} refused unless accepted"
    )
    counts = report.counts()
    for severity in Severity:
        for code in (code for code in CODES if CODES[code].severity is severity and code in counts):
            step = f" {CODES[code].next_step}" if CODES[code].next_step else ""
            yield f"  {severity}: {code} ({counts[code]}): {CODES[code].text}{step}"
    shown = [
        f"  {one.substance} ({one.reference_id}): {finding.sentence}"
        for one in report.entries
        for finding in one.findings
        if finding.severity in (Severity.REFUSE, Severity.CHECK) or finding.numbers.get("proposal")
    ]
    yield from shown[:most]
    if (more := len(shown) - most) > 0:
        yield f"  and {more} more; --json and --report name all"
    yield from pair_lines(report, most=most)


def pair_lines(report: QualityReport, *, most: int = MOST) -> Iterator[str]:
    """Say what was found between two entries."""
    for code, words in (
        ("duplicate", "one compound under two names"),
        ("same_numbers", "the same numbers under two names"),
        ("same_or_alike", "one substance under two names, or samples mixed up? Ask which"),
        ("unlike_same_name", "one name, two unlike spectra"),
        ("alike", "alike, but told to be two substances"),
    ):
        pairs = [pair for pair in report.pairs if pair.code == code]
        for pair in pairs[:most]:
            yield f"{words}: {pair.first.substance} / {pair.second.substance} (likeness {pair.likeness:.3f})"
        if (more := len(pairs) - most) > 0:
            yield f"{words}: {more} more pairs; --json names all"


def coverage_lines(covered: Sequence[Covered], *, most: int = MOST) -> Iterator[str]:
    """Say what a library covers of each technique, and which controlled substances it does not."""
    for one in covered:
        grades = ", ".join(f"{count} {grade}" for grade, count in one.grades.items()) or "none"
        yield f"{one.technique}: {one.entries} references ({grades}) of {one.substances} substances"
        if one.entries:
            yield "  classes: " + ", ".join(
                f"{name} {held} of {total}" for name, (held, total) in one.classes.items() if held
            )
        total = len(one.usable) + len(one.hints) + len(one.missing)
        yield (
            f"  controlled substances of the table: {len(one.usable)} of {total} with a documented "
            f"reference, {len(one.hints)} with hints only, {len(one.missing)} with none"
        )
        if one.entries and one.missing:
            names = ", ".join(one.missing[:most])
            more = f" and {len(one.missing) - most} more" if len(one.missing) > most else ""
            yield f"  not covered: {names}{more}"
