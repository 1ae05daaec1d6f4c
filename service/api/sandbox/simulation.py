"""What a simulated bench measures and says: a real scan file, and an identification of the contract.

Nothing is identified: the verdict is what was asked for, and everything says so (method ``sandbox``,
training, emulated instrument). The spectrum is drawn, bands on a slope with shot noise.
"""

from typing import Any

import numpy as np

from spectra.digest import json_digest
from spectra.values import DeviceInfo, FloatArray, Scan, Technique

from ...settings import software_version
from .models import Outcome

LASER_NM = 785.0
DEVICE = DeviceInfo("opioscan sandbox", "SANDBOX-1", firmware="1", emulated=True)

#: Bands of a made-up powder: Raman shift, cm⁻¹, and height, counts.
_BANDS = ((620.0, 900.0), (1002.0, 2600.0), (1156.0, 700.0), (1450.0, 1100.0), (1602.0, 1500.0))
_WIDTH_CM1 = 9.0
_PIXELS, _ACCUMULATIONS = 1024, 3


def simulated_scan(screening_id: str, item: str, taken_at: str, *, attempt: int) -> Scan:
    """Return a scan as a bench would have taken it; noise depends on screening and attempt."""
    shift = np.linspace(200.0, 2000.0, _PIXELS)
    seed = int(json_digest([screening_id, attempt])[:8], 16)
    counts = np.random.default_rng(seed).poisson(_drawn(shift), (_ACCUMULATIONS, _PIXELS))
    return Scan(
        technique=Technique.RAMAN,
        counts=counts.astype(np.float64),
        device=DEVICE,
        exposure_s=1.0,
        taken_at=taken_at,
        axis=1e7 / (1e7 / LASER_NM - shift),
        laser_nm=LASER_NM,
        item=item,
        screening_id=screening_id,
        attempt=attempt,
        settings={"sandbox": True},
    )


def _drawn(shift: FloatArray) -> FloatArray:
    drawn = 400.0 + 0.1 * (2000.0 - shift)
    for centre, height in _BANDS:
        drawn = drawn + height / (1.0 + ((shift - centre) / _WIDTH_CM1) ** 2)
    return np.asarray(drawn, dtype=np.float64)


def identification(scan_id: str, outcome: Outcome, created_at: str) -> dict[str, Any]:
    """Return an object of the contract that says what was asked for."""
    named, by_class = outcome is Outcome.ALARM_NAMED, outcome is Outcome.ALARM_CLASS
    substance = "Metamizole" if named else "Ibuprofen"
    return {
        "schema": "opioscan.identification/1",
        "source": scan_id,
        "scan_id": scan_id,
        "technique": "raman",
        "laser_nm": LASER_NM,
        "training": True,
        "verdict": outcome.value,
        "reasons": ["weak_signal"] if outcome is Outcome.INCONCLUSIVE else [],
        "components": [] if outcome is Outcome.INCONCLUSIVE or by_class else [_component(substance, named)],
        "ranking": [{"substance": substance, "reference_id": "sandbox-1", "hqi": 0.93}],
        "classes": [
            {
                "class": "fentanyl_analogue",
                "detected": by_class,
                "p_value": 0.004 if by_class else None,
                "basis": "simulated" if by_class else "untrained",
            }
        ],
        "not_excluded": [{"substance": "fentanyl", "detectable_share": None}],
        "quality": {
            "snr": 180.0,
            "saturated": False,
            "fluorescence_ratio": 0.4,
            "coverage_cm1": [200.0, 2000.0],
            "explained": 0.97,
        },
        "provenance": _provenance(),
        "created_at": created_at,
    }


def _component(substance: str, watched: bool) -> dict[str, Any]:
    return {
        "substance": substance,
        "reference_id": "sandbox-1",
        "role": "content",
        "controlled": False,
        "class": "cutting_agent",
        "evidence": "derived",
        "spectral_share": 0.4,
        "statistic": 9000.0,
        "p_value": 0.002,
        "hqi": 0.93,
        "shift_cm1": 0.3,
        "bands_cm1": [one for one, _ in _BANDS],
        "alternatives": [],
        "watch_list": watched,
    }


def _provenance() -> dict[str, Any]:
    return {
        "method": {"name": "sandbox", "version": 1, "digest": json_digest("opioscan sandbox method")},
        "library": {"name": "sandbox", "digest": json_digest("opioscan sandbox library")},
        "recipe": {"name": "sandbox", "digest": json_digest("opioscan sandbox recipe")},
        "calibration": {"id": "", "verified_at": ""},
        "false_alarm_rate": 0.01,
        "null_count": 0,
        "software": f"opioscan {software_version()}",
        "build": "",
    }
