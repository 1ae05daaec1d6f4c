"""Real scans of a handheld, bare and through plastic, with shipped defaults, with and without the blank."""

import csv
from typing import Any

from figures import Sheet, run
from simulated import Real, Said, ask, known_as, real, spectrum


def measure(sheet: Sheet) -> None:
    """Identify the panel with the blank, and the scans through plastic without it."""
    method = real(sheet)
    panel = sheet.needs_shared() / "panels" / "raman785_sig.csv"
    with panel.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    bare, thin, thick = (
        [row for row in rows if row["group"].startswith(group)]
        for group in ("bare", "through 2mm", "through 4mm")
    )
    said = {id(row): _asked(sheet, method, row, blank=True) for row in rows}
    right = {id(row): said[id(row)].named == {known_as(row["truth"])} for row in bare}
    content = {id(row): said[id(row)].content == {known_as(row["truth"])} for row in thin + thick}
    sheet.all_of("bare: the substance named, and nothing else", sum(right.values()), len(bare), want=8)
    sheet.all_of("through 2 mm HDPE: content named", sum(content[id(r)] for r in thin), len(thin), want=6)
    named = sum(content[id(r)] for r in thick)
    sheet.tell("through 4 mm HDPE: content named, the others inconclusive", f"{named}/{len(thick)}")
    sheet.none_of("through HDPE with blank: something wrong named", _wrong(thin + thick, said))
    alone = {id(row): _asked(sheet, method, row, blank=False) for row in thin + thick}
    sheet.none_of("through HDPE without blank: something wrong named", _wrong(thin + thick, alone))
    container = sum("polyethylene" in alone[id(row)].container for row in thin + thick)
    whole = len(thin + thick)
    sheet.all_of("through HDPE without blank: container named as container", container, whole, want=whole)
    sheet.facts["answers"] = [
        (row["file"], sorted(said[id(row)].named), said[id(row)].verdict, said[id(row)].reasons)
        for row in rows
    ] + [
        (row["file"], "no blank", sorted(alone[id(row)].named), alone[id(row)].reasons)
        for row in thin + thick
    ]


def _asked(sheet: Sheet, method: Real, row: dict[str, Any], *, blank: bool) -> Said:
    folder = sheet.needs_shared() / "panels"
    empty = spectrum(folder / row["blank"]) if blank and row["blank"] else None
    return ask(spectrum(folder / row["file"]), method.method, empty)


def _wrong(rows: list[dict[str, Any]], said: dict[int, Said]) -> list[str]:
    wrong = [(row, said[id(row)].content - {known_as(row["truth"])}) for row in rows]
    return [f"{row['truth']} ({row['group']}): {', '.join(names)}" for row, names in wrong if names]


if __name__ == "__main__":
    run(measure)
