"""Recompute: 200 results from their bundles alone, on other BLAS kernels; a quarter of them without numba."""

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from figures import Sheet, progress, run
from panel import rows

from library.methods import training_method
from library.starter import ensure_starter
from library.store import read_library
from service.api.permissions import Role
from service.cli.spectrum_files import read_spectra
from service.errors import EvidenceDamaged
from service.method_file import method_file
from spectra.errors import SpectraError
from spectra.method import Method
from spectra.values import DeviceInfo, Scan, Spectrum, Technique
from spectra.values import Role as ScanRole

COUNT = 200
#: Processes that recompute at the same time, one thread of BLAS each.
TOGETHER = 2
TESTS = Path(__file__).resolve().parents[1] / "service" / "api"
# The tests' own kit imports further parts of the tests.
sys.path.insert(0, str(TESTS.parents[2]))

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

#: What is changed, and how; the first is the machine the results were made on.
MACHINES: dict[str, dict[str, str]] = {
    "as recorded": {},
    "BLAS kernel Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "BLAS kernel Nehalem": {"OPENBLAS_CORETYPE": "Nehalem"},
    "without compiled kernels": {"NUMBA_DISABLE_JIT": "1"},
}
#: Machines that look at every fourth result alone: they are no other CPU.
QUARTER = frozenset({"as recorded", "without compiled kernels"})

#: Contents of simulated scans: harmless entries of the starter library, weak and strong, pure and mixed.
_MIXTURES: tuple[dict[str, float], ...] = (
    {"metamizole": 1.0},
    {"ketoprofen": 0.5, "lactose": 0.5},
    {"metamizole": 0.15, "lactose": 0.85},
    {"lactose": 1.0},
    {"caffeine": 0.6, "ibuprofen": 0.4},
    {"polystyrene": 1.0},
    {"metamizole": 0.05, "ibuprofen": 0.95},
    {"ibuprofen": 0.3, "polyethylene": 0.7},
)
_LIGHT = (40.0, 150.0, 600.0, 4000.0, 20_000.0)
_AXES = ("verified", "verified", "overdue", "failed")


def measure(sheet: Sheet) -> None:
    """Make results, take their bundles from a real server, and recompute them in processes of other numerics."""
    kit, server = _module("evidence_kit"), _module("conftest")
    progress("making results")
    method = training_method(sheet.work / "home")
    library = read_library(ensure_starter(sheet.work / "home" / "libraries"))
    results = [*_real(sheet, kit, method)]
    real = len(results)
    results += [_simulated(kit, method, number) for number in range(COUNT - real)]
    verdicts = Counter(one.identification["verdict"] for one in results)
    sheet.tell("results: real spectra, simulated scans", f"{real}, {len(results) - real}")
    sheet.tell("verdicts", ", ".join(f"{name} {count}" for name, count in sorted(verdicts.items())))
    bundles = _bundles(sheet, server, results, method_file(method, library, {}))
    with ThreadPoolExecutor(TOGETHER) as pool:
        asked = {
            name: pool.submit(_recomputed, sheet, name, changed, bundles[::4] if name in QUARTER else bundles)
            for name, changed in MACHINES.items()
        }
        table = [_told(sheet, name, one.result()) for name, one in asked.items()]
    head = [
        *("machine", "BLAS kernels", "verdict kept", "components kept", "reasons kept", "bit-identical"),
        *("largest relative difference", "beyond 1e-6", "borderline"),
    ]
    sheet.table(head, table)
    sheet.tell("load average at the end", f"{os.getloadavg()[0]:.1f}")


def _real(sheet: Sheet, kit: ModuleType, method: Method) -> list[Any]:
    """Return results of real spectra, those through plastic with the blank of it."""
    found: list[Any] = []
    shared = sheet.needs_shared()
    groups = ("bare", "through 2mm HDPE", "through 4mm HDPE")
    pairs = [(row["file"], row["blank"]) for group in groups for row in rows(shared, group)]
    singles = sorted((shared / "data" / "raman785-library").rglob("*.csv"))
    for file, empty in [*pairs, *((path, None) for path in singles)]:
        if len(found) == COUNT // 2:
            break
        try:
            scan = _scan(_spectrum(file), ScanRole.SAMPLE)
            blank = None if empty is None else _scan(_spectrum(empty), ScanRole.BLANK)
            found.append(kit.Result(method, scan, blank=blank, number=1000 + len(found)))
        except (SpectraError, EvidenceDamaged) as error:
            progress(f"{file.name}: {error}")
    return found


def _spectrum(path: Path) -> Spectrum:
    return read_spectra(path, technique=Technique.RAMAN, laser_nm=785.0)[0].spectrum


def _scan(spectrum: Spectrum, role: ScanRole) -> Scan:
    return Scan(
        technique=Technique.RAMAN,
        counts=np.asarray(spectrum.intensity)[None, :],
        device=DeviceInfo("file", "F1"),
        exposure_s=1.0,
        taken_at="2026-11-22T12:00:00Z",
        axis=spectrum.axis,
        axis_unit="cm-1",
        laser_nm=785.0,
        role=role,
    )


def _simulated(kit: ModuleType, method: Method, number: int) -> Any:
    names = _MIXTURES[number % len(_MIXTURES)]
    light = _LIGHT[(number // len(_MIXTURES)) % len(_LIGHT)]
    container = {"polyethylene": 1.0} if number % 3 == 0 else None
    shown = {**names, "polyethylene": names.get("polyethylene", 0.0) + 0.4} if container else names
    axis = _AXES[number % len(_AXES)]
    return kit.Result.simulated(method, shown, seed=number, light=light, container=container, axis=axis)


def _bundles(sheet: Sheet, server: ModuleType, results: list[Any], data: bytes) -> list[Path]:
    progress("posting results and fetching bundles")
    folder = sheet.work / "bundles"
    folder.mkdir()
    with server.serving(sheet.work / "server") as served:
        for role in (Role.BENCH, Role.AUDITOR):
            # A loaded machine rebuilds a method in more than the twenty seconds of the tests.
            served.client(role).timeout = 180.0
        for number, one in enumerate(results):
            one.send(served, data if number == 0 else b"")
            answer = served.api("GET", f"/results/{one.result_id}/bundle", Role.AUDITOR)
            answer.raise_for_status()
            (folder / f"{number:03d}.zip").write_bytes(answer.content)
    return sorted(folder.iterdir())


def _recomputed(
    sheet: Sheet, name: str, changed: dict[str, str], bundles: list[Path]
) -> list[dict[str, Any]]:
    """Return what a process of other numerics says of every bundle."""
    progress(f"recomputing: {name}")
    environ = {
        **os.environ,
        **changed,
        "PYTHONPATH": str(sheet.root),
        "OPIOSCAN_HOME": str(sheet.work / "other"),
    }
    command = [sys.executable, "-m", "service.cli.start", "audit", "recompute", "--json", *map(str, bundles)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if len(found) != len(bundles):
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    progress(f"recomputed: {name}")
    return found


def _told(sheet: Sheet, name: str, found: list[dict[str, Any]]) -> list[str]:
    """Put what a machine made of all results into the sheet; return its line of the table."""
    total, wanted = len(found), COUNT // 4 if name in QUARTER else COUNT
    kept = {
        "verdict": sum(one["verdict"] == one["recomputed_verdict"] for one in found),
        "components": sum(not _differs(one, "/components", whole=True) for one in found),
        "reasons": sum(not _differs(one, "/reasons") for one in found),
    }
    all_kept = sum(one["kept"] for one in found)
    counts = ", ".join(f"{what} {count}/{total}" for what, count in kept.items())
    sheet.all_of(f"verdict, components and reasons kept, {name}", all_kept, total, want=wanted)
    sheet.tell(f"each kept, {name}", counts)
    beyond = [f"{Path(one['source']).stem}: {one['differences'][0]}" for one in found if not one["same"]]
    identical = sum(one["identical"] for one in found)
    sheet.none_of(f"results with numbers beyond 1e-6 that are not flagged borderline, {name}", beyond)
    if not MACHINES[name]:
        sheet.all_of("bit-identical on the same machine", identical, total, want=wanted)
    kernels = "/".join(sorted(set(found[0]["blas_kernels"].values())))
    largest = max(one["largest_difference"] for one in found)
    borderline = sum(bool(one["borderline"]) for one in found)
    counted = map(str, (*kept.values(), identical))
    return [name, kernels, *counted, f"{largest:.2g}", f"{len(beyond)}", f"{borderline}"]


def _differs(one: dict[str, Any], where: str, *, whole: bool = False) -> bool:
    """Return whether a part of an answer came out otherwise; of ``whole`` lists numbers do not count."""
    words = (str(each).partition(":")[0] for each in one["differences"] if str(each).startswith(where))
    named = {"components", "substance", "reference_id", "role", "evidence"}
    return any(not whole or word.rpartition("/")[2] in named for word in words)


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        # As the command line does: what is recorded here with one thread is recomputed there with one.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    run(measure)
