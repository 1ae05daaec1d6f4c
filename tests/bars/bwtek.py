"""Raw columns of the B&W Tek unit in the shared data: dark-subtracted counts and the maker's coefficients."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Raw:
    """One file of BWSpec."""

    counts: np.ndarray
    """Column ``Dark Subtracted #1``, shape (pixels,)."""
    coefficients: tuple[float, ...]
    """The maker's wavelength coefficients, c₀ nm, c₁ nm/pixel, …"""
    laser_nm: float
    """Laser line as the file states it, nm."""


def read(path: Path) -> Raw:
    """Read one file; decimal commas and points."""
    rows = [line.split(";") for line in path.read_text("latin-1").splitlines()]
    start = next(number for number, row in enumerate(rows) if row[0] == "Pixel")
    head = {row[0]: row[1] for row in rows[:start] if len(row) > 1}
    column = rows[start].index("Dark Subtracted #1")
    body = [row for row in rows[start + 1 :] if len(row) > column]
    return Raw(
        np.array([_number(row[column]) for row in body]),
        tuple(_number(head[f"coefs_a{power}"]) for power in range(4)),
        _number(head["laser_wavelength"]),
    )


def _number(text: str) -> float:
    return float(text.replace(",", "."))
