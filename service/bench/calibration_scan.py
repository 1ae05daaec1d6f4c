"""Scans of lamps and standards for a calibration: archived like any other, and part of no screening.

Under the light of a lamp the laser stays off, and is read back as off: nobody is asked about eyewear then.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from instrument.interfaces import StopCheck
from instrument.registry import technique_of
from instrument.scan_plan import LightSource
from spectra.values import Role, Technique

from ..archive.journal import ArchivedScan
from ..errors import UsageError
from . import flow
from .requests import CalibrationScanRequest
from .work import identity_of, may_fire, planned

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]


def scan_for_calibration(bench: "Bench", request: CalibrationScanRequest, stop: StopCheck) -> Answer:
    """Scan a lamp or a standard once and keep it; see `Bench.scan_for_calibration`."""
    light = LightSource(request.light)
    device, remarks = may_fire(bench, request, fires=light is LightSource.LASER)
    if light is LightSource.OFF and technique_of(device.config.spectrometer) is Technique.FTIR:
        raise UsageError(f"{device.config.name} is an infrared spectrometer: lamps calibrate none")
    with device.claimed(stop):
        plan = planned(bench, request, device, role=Role.CALIBRATION, name=request.name, light=light)
        archived = flow.capture(bench, device, plan, remarks | {"standard": request.name})
    return answer(archived)


def answer(archived: ArchivedScan) -> Answer:
    """Return what a calibration needs to know of a scan, as JSON values."""
    scan = archived.scan
    return {
        "scan_id": archived.scan_id,
        "archive_path": str(archived.path),
        "device": identity_of(archived),
        "model": scan.device.model,
        "serial": scan.device.serial,
        "emulated": scan.device.emulated,
        "name": scan.name,
        "technique": str(scan.technique),
        "pixels": scan.axis.size,
        "axis_unit": scan.axis_unit,
        "laser_nm": scan.laser_nm,
        "exposure_s": scan.exposure_s,
        "saturated": scan.saturated,
        "coefficients": coefficients_of(scan.settings),
        "temperature_c": temperature_of(scan.settings),
    }


def coefficients_of(settings: Mapping[str, Any]) -> list[float] | None:
    """Return the wavelength coefficients a device told with its scan, nm/pixelⁱ; None where it told none.

    Binned pixels are none of those the coefficients are for.
    """
    told = settings.get("wavelength_coefficients")
    if not isinstance(told, list) or not told or settings.get("binning"):
        return None
    return [float(one) for one in told]


def temperature_of(settings: Mapping[str, Any]) -> float | None:
    """Return the temperature of the spectrometer's bench, °C; None where it tells none.

    The first sensor is that of the board for every device we know.
    """
    told = settings.get("temperatures_c")
    numbers = list(told.values()) if isinstance(told, dict) else told if isinstance(told, list) else []
    first = next((one for one in numbers if isinstance(one, int | float) and not isinstance(one, bool)), None)
    return None if first is None else float(first)
