"""Certified luminescence of the NIST Raman intensity standards: the curve a response is measured against.

The glasses SRM 2241 to 2246 shine over the whole Raman range when the laser of their certificate excites
them. The certificate gives the relative intensity I(x), largest value about 1, over the Raman shift x in cm⁻¹
by one of two forms:

- ``polynomial``: I(x) = Σ Aᵢ·xⁱ;
- ``log-normal``: I(x) = H·exp(−ln 2/(ln ρ)²·[ln((x − x₀)(ρ² − 1)/(w·ρ) + 1)]²) + m·x + b.

Source of forms and constants: ``config_certs.json`` of h2020charisma/ramanchada2 (commit 7e6573b, 2025), and
for SRM 2246 a public utility script; **read there, not on a certificate**. What stays open:

- each renewal of an SRM has constants of its own: compare them with the certificate of the unit in hand, and
  give that certificate (`Curve`, `Curve.from_json`) wherever the shipped curve is used by default;
- whether the 532 nm constants belong to SRM 2242, to 2242a or to both: they ship as 2242a alone;
- whether both sets for 830 nm are in force;
- the certified uncertainty of a curve is not known here, so no outcome contains it;
- whether I(x) counts per cm⁻¹ or per nm was not stated: spectra stay on the axis of Raman shifts.

SRM 2243 (488 and 514.5 nm) is discontinued; no constants of it were found.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from spectra.values import FloatArray

from .errors import CertificateInvalid, UnknownStandard, WrongLaser
from .strict_json import from_json, strict, to_json

SCHEMA = "opioscan.srm/1"

#: How far a laser may be from that of the certificate, nm; chosen. Lasers of 783 to 787 nm are sold as 785
#: nm. As the glass shines at fixed wavelengths, 2 nm move its curve by 33 cm⁻¹ there, and the ratio of two
#: bands 1000 cm⁻¹ apart by 2 %.
LASER_TOLERANCE_NM = 2.0
#: More coefficients than any certificate has.
MAX_COEFFICIENTS = 12
#: Points at which the curve of a certificate is tried.
TRIED = 201

_CHARISMA = "h2020charisma/ramanchada2 config_certs.json (commit 7e6573b, 2025), not the certificate"
_SCRIPT = "public SRM utility script, not the certificate"


@strict
@dataclass(frozen=True, slots=True)
class Curve:
    """The certified curve of one standard, or of the unit in hand."""

    name: str
    """Such as ``SRM 2241``; outcomes and records name it."""
    laser_nm: float
    """Laser line of the certificate, nm."""
    form: Literal["polynomial", "log-normal"]
    """How the coefficients make a curve."""
    coefficients: tuple[float, ...]
    """``polynomial``: A₀, A₁, …; ``log-normal``: H, w, ρ, x₀, m, b."""
    range_cm1: tuple[float, float]
    """Raman shifts the certificate holds for, cm⁻¹; the curve is never drawn beyond them."""
    source: str = ""
    """Where the constants were read: number and date of the certificate, or a publication."""

    def __post_init__(self) -> None:
        low, high = self.range_cm1
        if not self.name or not 200.0 <= self.laser_nm <= 2000.0 or not 0 <= low < high <= 10000.0:
            raise CertificateInvalid(f"a curve {self.name!r} of {self.laser_nm} nm, {low} to {high} cm⁻¹")
        wanted = range(1, MAX_COEFFICIENTS + 1) if self.form == "polynomial" else (6,)
        if len(self.coefficients) not in wanted:
            raise CertificateInvalid(f"{len(self.coefficients)} coefficients make no {self.form} curve")
        with np.errstate(all="ignore"):
            tried = self._drawn(np.linspace(low, high, TRIED))
        if not np.isfinite(tried).all() or (tried <= 0).any():
            raise CertificateInvalid(
                f"the curve of {self.name} is not above 0 from {low:g} to {high:g} cm⁻¹: "
                "compare its constants with the certificate"
            )

    def at(self, shift_cm1: FloatArray) -> FloatArray:
        """Return the certified relative intensity.

        Parameters
        ----------
        shift_cm1
            Raman shifts, cm⁻¹, any shape.

        Returns
        -------
        ndarray
            Shape of `shift_cm1`, above 0; NaN outside the certified range.
        """
        shift = np.asarray(shift_cm1, dtype=np.float64)
        low, high = self.range_cm1
        inside = (shift >= low) & (shift <= high)
        drawn = self._drawn(np.where(inside, shift, low))
        return np.asarray(np.where(inside, drawn, np.nan))

    def _drawn(self, x: FloatArray) -> FloatArray:
        if self.form == "polynomial":
            return np.asarray(np.polynomial.polynomial.polyval(x, np.asarray(self.coefficients)))
        h, w, rho, x0, m, b = self.coefficients
        inner = np.log((x - x0) * (rho**2 - 1) / np.float64(w * rho) + 1)
        return np.asarray(h * np.exp(-np.log(2) / np.log(np.float64(rho)) ** 2 * inner**2) + m * x + b)

    def check_laser(self, laser_nm: float | None) -> None:
        """Raise `WrongLaser` unless a laser is that of the certificate."""
        check_laser(self.name, self.laser_nm, laser_nm)

    def to_json(self) -> dict[str, Any]:
        """Return the curve as JSON values, the form in which an own certificate is kept."""
        return to_json(self, SCHEMA)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read the certificate of the unit in hand.

        Raises
        ------
        RecordDamaged
            A field is missing, unknown, of another kind, or makes no curve.
        """
        return from_json(cls, SCHEMA, value)


#: The shipped curves by number. Forms, constants and ranges: see the head of this module.
SRMS: dict[str, Curve] = {
    "2241": Curve(
        "SRM 2241",
        785.0,
        "polynomial",
        (9.71937e-02, 2.28325e-04, -5.86762e-08, 2.16023e-10, -9.77171e-14, 1.15596e-17),
        (200.0, 3500.0),
        _CHARISMA,
    ),
    "2242a": Curve(
        "SRM 2242a",
        532.0,
        "log-normal",
        (0.99747, 3100.6, 1.1573, 2972.1, -3.7168e-06, 0.012864),
        (150.0, 4000.0),
        _CHARISMA,
    ),
    "2244": Curve(
        "SRM 2244",
        1064.0,
        "polynomial",
        (0.405953, 5.20345e-04, 5.30390e-07, -6.84463e-10, 2.10286e-13, -2.05741e-17),
        (100.0, 3500.0),
        _CHARISMA,
    ),
    "2245": Curve(
        "SRM 2245",
        633.0,
        "log-normal",
        (0.95071, 1657.7, 0.95207, 1960.0, 1.8981e-05, 0.011698),
        (150.0, 4000.0),
        _CHARISMA,
    ),
    "2246": Curve(
        "SRM 2246",
        830.0,
        "log-normal",
        (0.99218, 3085.3, 0.96188, 2323.7, 1.263e-05, -0.021142),
        (110.0, 3000.0),
        _SCRIPT,
    ),
    "2246a": Curve(
        "SRM 2246a",
        830.0,
        "log-normal",
        (1.0178, 3082.3, 0.98252, 2353.1, -1.1825e-07, -0.017500),
        (110.0, 3000.0),
        _CHARISMA,
    ),
}


def curve_of(srm: str | Curve) -> Curve:
    """Return the curve of a standard.

    Parameters
    ----------
    srm
        Number of a shipped one (``2241``, ``SRM 2241``, ``NIST SRM 2241``), or an own certificate.

    Raises
    ------
    UnknownStandard
        No curve of that number ships.
    """
    if isinstance(srm, Curve):
        return srm
    number = srm.strip().lower().removeprefix("nist").strip().removeprefix("srm").strip(" -_")
    if number not in SRMS:
        raise UnknownStandard(
            f"no curve of {srm!r} ships, only of SRM {', '.join(SRMS)}: "
            "give the constants of your certificate"
        )
    return SRMS[number]


def certified(srm: str | Curve, shift_cm1: FloatArray) -> FloatArray:
    """Return the certified relative intensity of a standard, NaN outside its range.

    Parameters
    ----------
    srm
        See `curve_of`.
    shift_cm1
        Raman shifts, cm⁻¹, any shape.

    Raises
    ------
    UnknownStandard
        No curve of that number ships.
    """
    return curve_of(srm).at(shift_cm1)


def check_laser(whose: str, wanted_nm: float, laser_nm: float | None) -> None:
    """Raise unless a scan's laser is the one an intensity standard or record holds for.

    Parameters
    ----------
    whose
        Standard or record, for the message.
    wanted_nm
        Its laser line, nm.
    laser_nm
        That of the scan, nm.

    Raises
    ------
    WrongLaser
        More than `LASER_TOLERANCE_NM` apart, or the scan names none.
    """
    if laser_nm is None:
        raise WrongLaser(
            f"{whose} holds for {wanted_nm:g} nm, and the scan names no laser line: give laser_nm"
        )
    if abs(laser_nm - wanted_nm) > LASER_TOLERANCE_NM:
        raise WrongLaser(
            f"{whose} holds for a laser of {wanted_nm:g} nm, the scan was made with {laser_nm:g} nm: "
            "use the standard of that laser"
        )
