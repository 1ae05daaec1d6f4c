"""Real scans of a handheld, bare and through plastic, against the real library of another instrument."""

from pathlib import Path
from typing import Any

from figures import Sheet, run
from panel import Answer, cli, contents, first, import_library, rows, same

ENTRIES = 80


def measure(sheet: Sheet) -> None:
    """Import the library and identify the panel, both from the command line."""
    shared, home, library = sheet.needs_shared(), sheet.work / "home", sheet.work / "raman785.h5"
    report = import_library(home, shared, library)
    complete = report["entries"] == ENTRIES and not report["refused"]
    said = f"{report['entries']}, {len(report['refused'])} refused"
    sheet.add("entries imported from data/raman785-library", str(ENTRIES), said, passed=complete)
    bare = [(row, _identify(home, library, row)) for row in rows(shared, "bare")]
    right = sum(same(first(answer)) == same(row["truth"]) for row, answer in bare)
    sheet.all_of("bare: right first component", right, len(bare), want=8)
    thin = [(row, _identify(home, library, row)) for row in rows(shared, "through 2mm HDPE")]
    sheet.all_of("through 2 mm HDPE with blank: content named", _named(thin), len(thin), want=6)
    thick = [(row, _identify(home, library, row)) for row in rows(shared, "through 4mm HDPE")]
    wrong = sum(_is_wrong(row, answer) for row, answer in thin + thick)
    sheet.tell("through 4 mm HDPE with blank: content named", f"{_named(thick)}/{len(thick)}")
    sheet.tell("through HDPE: scans with something wrong named", f"{wrong}/{len(thin + thick)}")
    sheet.facts["answers"] = [_line(row, answer) for row, answer in bare + thin + thick]


def _identify(home: Path, library: Path, row: dict[str, Any]) -> Answer:
    blank = ["--blank", row["blank"]] if row["blank"] else []
    (answer,) = cli(home, ["identify", row["file"], "--library", library, *blank])
    return answer


def _named(answers: list[tuple[dict[str, Any], Answer]]) -> int:
    """Count the scans whose content is named, and nothing beside it."""
    return sum({same(name) for name in contents(answer)} == {same(row["truth"])} for row, answer in answers)


def _is_wrong(row: dict[str, Any], answer: Answer) -> bool:
    return not {same(name) for name in contents(answer)} <= {same(row["truth"])}


def _line(row: dict[str, Any], answer: Answer) -> dict[str, Any]:
    parts = [(one["substance"], one["role"], one["hqi"]) for one in answer["components"]]
    return {
        "file": row["file"].name,
        "truth": row["truth"],
        "verdict": answer["verdict"],
        "components": parts,
    }


if __name__ == "__main__":
    run(measure)
