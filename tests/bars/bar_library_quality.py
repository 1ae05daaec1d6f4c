"""Bar: quality control of libraries: synonyms, the map of confusability, an import of 10,000 files."""

import argparse
import json
import os
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

from figures import Sheet, opioscan, progress, run
from generated_files import FAULTS, generate

#: Files generated where nobody says otherwise, and the most time and memory their import may take.
FILES, MOST_S, MOST_MB = 10_000, 300.0, 600.0
#: The synonym pairs that SOURCE.md of the open library names.
SYNONYMS = (
    frozenset({"2-Propanol", "isopropanol"}),
    frozenset({"2-Butanone", "Methyl Ethyl Ketone"}),
    frozenset({"Citric Acid", "Citric Acid Anhydrate"}),
)
#: Pairs that a chemist expects beside each other: the same ring or chain, the same kind of salt.
NEIGHBOURS = (
    frozenset({"Benzyl Alcohol", "polystyrene"}),
    frozenset({"linseed oil", "sesame oil"}),
    frozenset({"Coconate Ester", "coconut oil"}),
    frozenset({"coconut oil", "mineral oil"}),
)
#: Unlike pairs: told apart by any scan worth the name.
STRANGERS = (frozenset({"caffeine", "polystyrene"}), frozenset({"lactose", "linseed oil"}))
#: Scans of the map, the second a weak one of a blunt instrument.
SCANS = ((50.0, 10.0), (10.0, 16.0))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the number of files."""
    parser.add_argument("--files", type=int, default=FILES, help="files to generate and import")


def measure(sheet: Sheet) -> None:
    """Measure what quality control says of the open library and of generated files, and what it costs."""
    library = _open_library(sheet)
    for snr, resolution in SCANS:
        _map(sheet, library, snr, resolution)
    _generated(sheet)


def _command(*arguments: str | Path) -> tuple[Any, float, float, int]:
    """Run a command with ``--json``; return what it says, seconds, its memory in MB and its exit code."""
    began = time.monotonic()
    process = subprocess.Popen(
        [opioscan(), *map(str, arguments), "--json"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    out = process.stdout.read() if process.stdout else b""
    # Waited for like this, the system says how much memory this one process had.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    said = json.loads(out) if out.strip() else {}
    return said, time.monotonic() - began, used.ru_maxrss / 1024, process.returncode


def _open_library(sheet: Sheet) -> Path:
    progress("open library")
    library = sheet.work / "real.h5"
    folder = sheet.needs_shared() / "data" / "raman785-library"
    said, seconds, _, _ = _command("library", "import", folder, "--into", library)
    sheet.all_of("open spectra imported through quality control", said["imported"], 80, want=80)
    sheet.none_of("open spectra refused", [one["file"] for one in said["refused"]])
    found = {frozenset(names) for names in said["duplicates"]}
    sheet.all_of("synonym pairs reported as duplicates", len(found & set(SYNONYMS)), len(SYNONYMS), want=3)
    sheet.none_of("other duplicates reported", [" / ".join(sorted(one)) for one in found - set(SYNONYMS)])
    shifts = [one["figures"]["shift_cm1"] for one in said["quality"]["entries"]]
    largest = max(abs(shift) for shift in shifts if shift is not None)
    sheet.tell(
        "largest shift against known bands, open library (circular: bands were fitted to it)",
        f"{largest:.2f} cm⁻¹",
    )
    sheet.tell("import of 80 with quality control", f"{seconds:.1f} s")
    return library


def _map(sheet: Sheet, library: Path, snr: float, resolution: float) -> None:
    """Print groups and nearest pairs; judge those about which a chemist has an expectation."""
    progress(f"map at SNR {snr:g}")
    arguments = ("--confusable", "--technique", "raman", "--snr", str(snr), "--resolution", str(resolution))
    said, seconds, _, _ = _command(
        "library", "check", library, *arguments, "--plot", sheet.work / f"map-{snr:g}.png"
    )
    (found,) = said["confusability"]
    where = f"SNR {snr:g}, {resolution:g} cm⁻¹"
    groups = [frozenset(one["substance"] for one in group) for group in found["groups"]]
    together = sum(any(pair <= group for group in groups) for pair in SYNONYMS)
    sheet.all_of(f"{where}: synonym pairs that cannot be told apart", together, len(SYNONYMS), want=3)
    near = [frozenset(one["substance"] for one in pair["entries"]) for pair in found["nearest"]]
    close = sum(pair in near or any(pair <= group for group in groups) for pair in NEIGHBOURS)
    sheet.all_of(
        f"{where}: polystyrene / benzyl alcohol and the oils among the 20 nearest pairs of 3160",
        close,
        len(NEIGHBOURS),
        want=len(NEIGHBOURS),
    )
    wrong = [pair for pair in STRANGERS if pair in near or any(pair <= group for group in groups)]
    sheet.none_of(f"{where}: strangers among them", [" / ".join(sorted(pair)) for pair in wrong])
    sheet.tell(f"{where}: groups", "; ".join(" = ".join(sorted(group)) for group in groups) or "none")
    sheet.tell(f"{where}: time", f"{seconds:.1f} s")
    rows = [
        (
            " / ".join(one["substance"] for one in pair["entries"]),
            f"{pair['distance']:.2f}",
            "confused" if pair["confused"] else "",
        )
        for pair in found["nearest"]
    ]
    sheet.table([f"nearest pairs, {where}", "distance", "below 1"], rows)


def _generated(sheet: Sheet) -> None:
    count = sheet.given.files
    progress(f"generating {count} files")
    faulty = generate(sheet.work / "generated", count)
    progress("importing them")
    said, seconds, memory, code = _command(
        "library", "import", sheet.work / "generated", "--into", sheet.work / "generated.h5"
    )
    sheet.add(f"import of {count} generated files ends well", "exit 0", f"exit {code}", passed=code == 0)
    sheet.at_most(f"import of {count} generated JCAMP files with quality control", MOST_S, seconds)
    sheet.at_most("its resident memory", MOST_MB, memory, "MB")
    sheet.tell("of which entered", f"{said['added']}")
    refused = {one["file"] for one in said["refused"]}
    of_file = _codes_by_title(said)
    for fault in FAULTS:
        files = faulty[fault]
        caught = sum(name in refused or name in of_file.get(fault, ()) for name in files)
        sheet.all_of(f"generated faults found: {fault}", caught, len(files), want=len(files))
    planted = {name for files in faulty.values() for name in files}
    sheet.none_of("files without a fault refused", sorted(refused - planted))
    sheet.facts["codes"] = said["quality"]["codes"]
    sheet.facts["children_max_rss_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _codes_by_title(said: dict[str, Any]) -> dict[str, set[str]]:
    """Return the files of each code."""
    found: dict[str, set[str]] = {}
    for one in said["quality"]["entries"]:
        for finding in one["findings"]:
            found.setdefault(finding["code"], set()).add(one.get("file", ""))
    return found


if __name__ == "__main__":
    run(measure, options)
