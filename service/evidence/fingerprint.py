"""What numbers depend on besides their inputs: the numeric fingerprint of this machine and installation.

Equal fingerprints must give equal bits; with another one, sums are made in another order, and the last
digits may differ. It names libraries, interpreter, processor, BLAS kernel and vector instructions.
"""

import ctypes
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spectra import _kernels
from spectra.digest import json_digest

#: Libraries that compute.
LIBRARIES = ("numpy", "scipy", "pybaselines", "numba", "llvmlite")

#: Names under which builds of OpenBLAS tell the kernel they chose for this processor.
_CORENAME = tuple(
    f"{prefix}openblas_get_corename{suffix}" for prefix in ("", "scipy_") for suffix in ("", "64_", "_64_")
)

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@cache
def fingerprint_id() -> str:
    """Return the name of this machine's numeric fingerprint, as answers cite it."""
    return f"numeric-{json_digest(numeric_fingerprint())[:16]}"


@cache
def numeric_fingerprint() -> dict[str, Any]:
    """Return the numeric fingerprint as JSON values."""
    import numpy
    import scipy.linalg  # noqa: F401 - its BLAS is found once it is loaded

    numpy.zeros((2, 2)) @ numpy.zeros((2, 2))
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": platform.machine(),
        "system": platform.system(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "processor": _processor(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "compiled_kernels": _kernels.available() and os.environ.get("NUMBA_DISABLE_JIT", "0") == "0",
        "blas": blas_kernels(),
        "vector_instructions": _vector_instructions(),
        "blas_threads": {name: os.environ.get(name, "") for name in _THREADS},
    }


def blas_kernels() -> dict[str, str]:
    """Return the kernel that each loaded OpenBLAS chose, by its file; empty where none can be asked."""
    found: dict[str, str] = {}
    for path in _loaded_libraries():
        try:
            library = ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD | os.RTLD_LOCAL)
        except OSError:
            continue
        for name in _CORENAME:
            if (ask := getattr(library, name, None)) is not None:
                ask.restype, ask.argtypes = ctypes.c_char_p, ()
                found[path.name] = (ask() or b"").decode("ascii", "replace")
                break
    return dict(sorted(found.items()))


def _loaded_libraries() -> list[Path]:
    """Return the files of BLAS libraries in this process, as Linux tells them."""
    try:
        lines = Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[5] for line in lines if "openblas" in line and line.count(" ") >= 5}
    return [Path(one) for one in sorted(paths) if one.startswith("/")]


def _vector_instructions() -> list[str]:
    """Return the instruction sets that NumPy uses here."""
    module = sys.modules.get("numpy._core._multiarray_umath") or sys.modules.get(
        "numpy.core._multiarray_umath"
    )
    features: dict[str, bool] = getattr(module, "__cpu_features__", {})
    return sorted(name for name, there in features.items() if there)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part")))
    return next(names, platform.processor())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
