"""Kernels compiled by numba: imported by `spectra._kernels` alone, when one is first used.

After a change of `lanes`, delete the ``*.nb?`` files beside it: numba looks at a kernel's own file only.
"""

from .arpls import arpls_rows
from .screening import screen_rows

__all__ = ["arpls_rows", "screen_rows"]
