"""What an emulated Spektralwerk Core makes of a spectrum before it sends it: processing and format."""

import base64
import struct
import time
from collections.abc import Collection

import numpy as np

from spectra.values import FloatArray

from .cobs import cobs_encode

FORMATS = ("human", "base64_float", "base64_int16", "cobs_int16")


def separator(layout: str) -> bytes:
    """Return what stands between the spectra of a stream in this format."""
    return b"\0" if layout == "cobs_int16" else b";"


def processed(
    counts: FloatArray,
    steps: Collection[str],
    *,
    dark: FloatArray | None,
    light: FloatArray | None,
    roi: tuple[int, int],
    width: int,
) -> FloatArray:
    """Return a spectrum after the steps that are set: references, region, binning; shape (pixels sent,)."""
    if "reference_dark" in steps and dark is not None:
        counts = counts - dark
    if "reference_light" in steps and light is not None:
        # How the maker divides is not published; a pixel without light stays as it is.
        counts = counts / np.where(light > 0, light, 1.0)
    if "roi" in steps:
        counts = counts[roi[0] : roi[1] + 1]
    if "binning" in steps and width > 1:
        counts = counts[: counts.size // width * width].reshape(-1, width).mean(axis=1)
    return counts


def formatted(counts: FloatArray, layout: str) -> bytes:
    """Return a spectrum in a format, stamped with the monotonic clock."""
    now_ns = time.monotonic_ns()
    if layout == "human":
        return ",".join([f"{now_ns * 1e-9:.6f}", *(f"{value:.9g}" for value in counts)]).encode("ascii")
    whole = np.clip(np.rint(counts), 0, 65535).astype("<u2")
    data = counts.astype("<f4") if layout == "base64_float" else whole
    packed = struct.pack("<Q", now_ns // 1000) + data.tobytes()
    return cobs_encode(packed) if layout == "cobs_int16" else base64.b64encode(packed)


def as_sent(counts: FloatArray, layout: str) -> FloatArray:
    """Return the values of a spectrum as a format lets them through, shape (pixels,)."""
    if layout == "human":
        return np.array([float(f"{value:.9g}") for value in counts])
    if layout == "base64_float":
        return counts.astype("<f4").astype(np.float64)
    return np.clip(np.rint(counts), 0, 65535)
