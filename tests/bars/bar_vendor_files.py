"""Every file under ``data/vendor-files``: read right, or refused with a named reason; the table of them."""

from figures import Sheet, run
from vendor_files import SECOND_READER, TWINS, jcamp_groups, outcomes


def measure(sheet: Sheet) -> None:
    """Decode each file, compare it with its twin, and print what became of it."""
    folder = sheet.needs_shared() / "data" / "vendor-files"
    found = list(outcomes(folder))
    read = [one for one in found if not one.refused]
    sheet.table(["file", "format", "points", "asked for", "verdict"], [one.row() for one in found])
    sheet.tell("files read, refused", f"{len(read)}, {len(found) - len(read)} of {len(found)}")
    sheet.none_of("read wrong", [f"{one.path}: {one.wrong}" for one in read if one.wrong])
    sheet.none_of("refused without a named reason", [one.path for one in found if not one.named])
    compared = {one.path for one in read}
    missing = sorted((TWINS.keys() | SECOND_READER.keys()) - compared)
    sheet.none_of("with a twin or a second reader, and not read", missing)
    sheet.tell("compared number by number with a text", str(len(TWINS.keys() & compared)))
    groups = jcamp_groups(folder)
    apart = [f"{names}: {difference}" for names, difference in groups if difference]
    sheet.all_of("JCAMP groups with equal numbers", len(groups) - len(apart), len(groups), want=4)
    sheet.facts["groups"] = groups


if __name__ == "__main__":
    run(measure)
