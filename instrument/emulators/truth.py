"""What an emulated spectrometer really gave, for checks of what a driver makes of it."""

import hashlib
from collections import deque
from typing import Any

import numpy as np

from spectra.values import FloatArray

#: Spectra remembered.
_KEPT = 16


class Truth:
    """Digests of the last spectra: SHA-256 over the values as little-endian float64."""

    def __init__(self) -> None:
        self._digests: deque[str] = deque(maxlen=_KEPT)

    def note(self, values: FloatArray) -> None:
        """Take down a spectrum as its driver has to return it, shape (pixels,)."""
        self._digests.append(hashlib.sha256(np.ascontiguousarray(values, "<f8").tobytes()).hexdigest())

    def state(self) -> dict[str, Any]:
        """Return ``last_truth_sha256`` (empty before the first) and ``recent_truth_sha256``, oldest first."""
        return {
            "last_truth_sha256": self._digests[-1] if self._digests else "",
            "recent_truth_sha256": list(self._digests),
        }
