"""Speed: batch baselines, a screen of 25,000 references, whole identifications; side by side, warm."""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import speed_references
from bar_opening import program
from figures import Sheet, progress, run
from pybaselines import Baseline

from spectra import _kernels, steps
from spectra._kernels import Float32Array
from spectra.fitting import SHIFTS, Fit, basis_of
from spectra.query import Query
from spectra.refset import SCREENED_WIDTH, ReferenceSet
from spectra.screening import TOP, ReferenceIndex
from spectra.thinning import kept_points
from spectra.values import FloatArray
from spectra.widths import WIDTHS

CORES = 2
#: Stiffness from the recipe's to a hundred times that; pybaselines' own default lies between.
STIFFNESS = (1e4, 1e5, 1e6)
#: Rounds of everything that is compared; the medians count.
ROUNDS = 15


def measure(sheet: Sheet) -> None:
    """Measure everything of the speed bar."""
    shared = sheet.needs_shared()
    if not _kernels.available():
        sys.exit("numba is missing: install opioscan[fast]")
    _bandwidth(sheet)
    axis, made = speed_references.generate(shared)
    _compile_times(sheet)
    _baselines(sheet, axis, made)
    rows = speed_references.derivatives(axis, made)
    references = speed_references.reference_set(axis, rows)
    progress(f"{len(rows)} references generated")
    index = references.index
    assert index is not None
    query, null = _behind_plastic(references)
    _screen(sheet, references, index, query, null)
    for count in (0, speed_references.COUNT):
        _identification(sheet, shared, count)


def _timed(works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median time of each work, s: after one warm round, all in turn, so that they share luck."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            time.sleep(0.05)  # threads of the last one stop spinning
            began = time.perf_counter()
            work()
            if turn:
                taken[name].append(time.perf_counter() - began)
    return {name: float(np.median(times)) for name, times in taken.items()}


def _bandwidth(sheet: Sheet) -> None:
    """Tell how fast this machine reads and copies memory."""
    block = np.ones(1 << 26, dtype=np.float32)
    other = np.empty_like(block)
    taken = _timed({"copy": lambda: np.copyto(other, block), "read": lambda: block @ block}, 5)
    sheet.tell("memory, copied (read and written)", f"{2 * block.nbytes / taken['copy'] / 1e9:.1f} GB/s")
    sheet.tell("memory, read by a dot product", f"{block.nbytes / taken['read'] / 1e9:.1f} GB/s")


def _compile_times(sheet: Sheet) -> None:
    """Tell how long the first call of each kernel takes without and with numba's cache."""
    code = (
        "import time, numpy as np; from spectra import _kernels; from spectra.screening import ReferenceIndex\n"
        "began = time.perf_counter(); _kernels.arpls(np.random.default_rng(0).random((2, 64)), lam=1e4)\n"
        "first = time.perf_counter(); ReferenceIndex.build(np.eye(32)).scores(np.ones(32), np.ones(32), "
        "np.zeros((0, 32)), [0.0], 2.0); print(first - began, time.perf_counter() - first)"
    )
    env = {**os.environ, "NUMBA_CACHE_DIR": str(sheet.work / "numba"), "PYTHONPATH": str(sheet.root)}
    for what in ("compiled", "from numba's cache"):
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=300
        )
        arpls, screen = map(float, done.stdout.split())
        sheet.tell(f"first call, {what}: arPLS, screen", f"{arpls:.2f} s, {screen:.2f} s")


def _baselines(sheet: Sheet, axis: FloatArray, made: FloatArray) -> None:
    """Compare batch arPLS with a loop over pybaselines."""
    worst, furthest, table = np.inf, 0.0, []
    for points in (1024, 2048):
        rows = _fluorescent(axis, made, points)
        for stiffness in STIFFNESS:
            found: dict[str, FloatArray] = {}
            works = {
                "loop": lambda: found.update(loop=_loop(rows, stiffness)),  # noqa: B023
                "1": lambda: _kernels.arpls(rows, lam=stiffness),  # noqa: B023
                "2": lambda: found.update(ours=_kernels.arpls(rows, lam=stiffness, workers=CORES)),  # noqa: B023
            }
            taken = _timed(works, 3)
            off = np.abs(found["loop"] - found["ours"]) / np.ptp(rows, axis=1, keepdims=True)
            worst, furthest = min(worst, taken["loop"] / taken["2"]), max(furthest, float(off.max()))
            cells = [f"{taken[name] * 1e3:.1f} ms" for name in works]
            ratios = [f"{taken['loop'] / taken[name]:.1f}×" for name in ("1", "2")]
            table.append([f"512 × {points}", f"{stiffness:g}", *cells, *ratios, f"{off.max():.1e}"])
    sheet.add(
        "batch arPLS, 2 threads, against a loop over pybaselines",
        "≥ 8 ×",
        f"{worst:.1f} ×",
        passed=worst >= 8,
    )
    sheet.add(
        "baselines, largest difference over the range", "≤ 1e-3", f"{furthest:.1e}", passed=furthest <= 1e-3
    )
    head = ["spectra", "λ", "loop", "1 thread", "2 threads", "1 thread", "2 threads", "off by"]
    sheet.table(head, table)


def _fluorescent(axis: FloatArray, made: FloatArray, points: int) -> FloatArray:
    """Return 512 generated spectra on a fluorescent background, with noise."""
    rng = np.random.default_rng(points)
    grid = np.linspace(axis[0], axis[-1], points)
    bands = np.stack([np.interp(grid, axis, row) for row in made[:512]])
    decay = np.exp(-np.outer(rng.uniform(0.5, 3.0, 512), np.linspace(0.0, 1.0, points)))
    strength = rng.uniform(0.2, 10.0, (512, 1))
    return bands + strength * decay + rng.normal(0.0, 0.01, (512, points))


def _loop(rows: FloatArray, stiffness: float) -> FloatArray:
    fitter = Baseline(np.arange(rows.shape[1], dtype=np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack([fitter.arpls(row, lam=stiffness)[0] for row in rows])


def _behind_plastic(references: ReferenceSet) -> tuple[Query, Fit]:
    """Return a simulated scan behind a container, and the fit of its blank."""
    rng = np.random.default_rng(3)
    while (query := speed_references.simulated_query(references, rng)).blank is None:
        pass
    return query, speed_references.null_fit(query, references)


def _screen(sheet: Sheet, references: ReferenceSet, index: ReferenceIndex, query: Query, null: Fit) -> None:
    """Compare the screen with matrix-vector products and with faiss over the references.

    Ours keeps smooth references at every few points; what the others take for that thinned matrix is told
    too. They do less there: no weights, no blank, and no shift between two points.
    """
    assert references.sharp is not None
    blunt = steps.broaden(references.sharp, fwhm=WIDTHS[SCREENED_WIDTH], spacing=query.spacing)
    whole = np.ascontiguousarray(
        ReferenceIndex.build(blunt).matrix[: index.count, : index.points], np.float32
    )
    thin = np.ascontiguousarray(index.matrix[: index.count], np.float32)
    weighted, basis = query.weight * query.values, basis_of(query, references, null)
    moves = np.stack([np.roll(weighted, round(-s / 2)) for s in SHIFTS]).astype(np.float32)
    fewer = np.zeros((len(moves), thin.shape[1]), np.float32)
    fewer[:, : kept_points(index.points, index.stride)] = moves[:, :: index.stride]
    first = index.begin(weighted, query.weight, basis, SHIFTS, query.spacing)
    added = whole[:4].astype(np.float64) * query.weight

    def screened(workers: int) -> object:
        return index.begin(weighted, query.weight, basis, SHIFTS, query.spacing, workers=workers).top(TOP)

    taken = _timed(
        {
            "matrix @ vector": lambda: whole @ moves[0],
            "thinned matrix @ vector": lambda: thin @ fewer[0],
            "screen, 2 threads": lambda: screened(CORES),
            "screen, 1 thread": lambda: screened(1),
            "next round, 2 threads": lambda: first.beyond(added, workers=CORES).top(TOP),
            **_faiss(whole, moves, "faiss"),
            **_faiss(thin, fewer, "thinned faiss"),
        }
    )
    ours = taken["screen, 2 threads"]
    held = f"{len(basis)} blank directions, weights, 9 shifts"
    times, thin_times = (ours / taken[f"{name}matrix @ vector"] for name in ("", "thinned "))
    shape = f"{len(whole)} × {whole.shape[1]} float32, {held}"
    sheet.add(f"screen of {shape}", "≤ 12 × matrix @ vector", f"{times:.1f} ×", passed=times <= 12)
    sheet.tell(
        f"the same over one product of the thinned matrix, {thin.shape[1]} points", f"{thin_times:.1f} ×"
    )
    rival, thin_rival = (
        min(time for what, time in taken.items() if what.startswith(f"{name}faiss"))
        for name in ("", "thinned ")
    )
    said = f"{ours * 1e3:.1f} against {rival * 1e3:.1f} ms"
    what = "screen against faiss.IndexFlatIP over the references at 9 shifts, its best way"
    sheet.add(what, "faster", said, passed=ours < rival)
    sheet.tell("faiss over the thinned matrix, 9 in one search or one by one", f"{thin_rival * 1e3:.1f} ms")
    sheet.table(["screen", "median"], [[name, f"{t * 1e3:.2f} ms"] for name, t in taken.items()])
    sheet.tell("matrix @ vector reads", f"{whole.nbytes / taken['matrix @ vector'] / 1e9:.1f} GB/s")
    ratio = (index.matrix.nbytes + sum(norm.nbytes for norm in first.norms)) / whole.nbytes
    sheet.add(
        "memory of index and one screening, over the matrix", "≤ 1.3", f"{ratio:.3f}", passed=ratio <= 1.3
    )


def _faiss(matrix: Float32Array, moves: Float32Array, name: str) -> dict[str, Callable[[], object]]:
    """Return the searches of faiss for nine moved queries, one by one and at once, on two threads."""
    import faiss

    faiss.omp_set_num_threads(CORES)
    flat = faiss.IndexFlatIP(matrix.shape[1])
    flat.add(matrix)
    return {
        f"{name}, 9 searches": lambda: [flat.search(move[None], TOP) for move in moves],
        f"{name}, 9 in one search": lambda: flat.search(moves, TOP),
    }


def _identification(sheet: Sheet, shared: Path, count: int) -> None:
    """Identify scans in a process of its own, under a method stored by another."""
    folder = sheet.work / f"methods-{count}"
    program(sheet, "speed_library.py", shared, count, folder)
    told = program(sheet, "speed_identify.py", shared, folder, 300)
    library = f"{told['references']} references"
    sheet.at_most(f"identification over {library}, p99 of {told['scans']}", 100.0, told["p99_ms"], "ms")
    sheet.at_most(f"identification over {library}, resident", 500.0, told["resident_mb"], "MB")
    sheet.facts[f"identification over {library}"] = told


if __name__ == "__main__":
    run(measure)
