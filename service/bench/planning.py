"""From what was asked for to what a device shall measure."""

from typing import Any

from instrument.registry import technique_of
from instrument.scan_plan import ScanPlan
from spectra.values import Technique

from ..clock import clock_state
from ..errors import UsageError
from . import adaptive
from .device import Device
from .requests import Firing, ScanRequest

#: Frames of a Raman scan where nobody says otherwise: with three, a cosmic ray is outvoted.
FRAMES = 3


def plan_of(request: Firing, device: Device, **fields: Any) -> ScanPlan:
    """Return the plan of a scan.

    Parameters
    ----------
    request
        What was asked for.
    device
        What measures.
    **fields
        Further fields of `ScanPlan`.

    Raises
    ------
    UsageError
        An exposure for a device that times itself.
    """
    config = device.config
    times_itself = technique_of(config.spectrometer) is not Technique.RAMAN
    if times_itself and request.exposure_s is not None:
        raise UsageError(f"{config.name} times its exposure itself; leave the exposure out")
    power: dict[str, Any] = {"power_mw": config.power_mw} if device.has_laser else {}
    return ScanPlan(
        accumulations=request.accumulations or _usual_frames(request, times_itself=times_itself),
        exposure_s=request.exposure_s,
        countdown_s=request.delay_s,
        laser_nm=config.laser_nm,
        clock=clock_state(),
        **power,
        **fields,
    )


def _usual_frames(request: Firing, *, times_itself: bool) -> int:
    if isinstance(request, ScanRequest) and request.adaptive:
        return adaptive.LIMIT
    # Such a device has averaged already.
    return 1 if times_itself else FRAMES
