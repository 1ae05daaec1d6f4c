"""The emulated Ocean Optics device: its settings and its parts."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .detector import Detector, Exposure
from .faults import Fault, FaultKind, FaultSpecError
from .light import LightLog
from .obp_buffer import SpectrumBuffer, Taken
from .obp_cooler import POWER_ON_C, Cooler
from .obp_laser import ObpLaser
from .obp_models import ObpModel
from .physics import binned

#: Line speed after power-up unless another one was saved (vendor sample ``demo-sts-api.c``), bit/s.
POWER_ON_BAUD = 9600
#: Longest serial number, characters; chosen.
SERIAL_MAX = 16
#: Temperature of the board, °C, and how much warmer its processor is; chosen.
_AMBIENT_C, _PROCESSOR_EXCESS_C = 24.5, 6.0


@dataclass(slots=True)
class ObpSettings:
    """What can be set and is forgotten without power."""

    exposure_us: int
    """Exposure of one accumulation, µs."""
    baud: int
    """Line speed, bit/s."""
    averages: int = 1
    """Accumulations the device takes the mean of."""
    boxcar: int = 0
    """Half width of the smoothing, pixels."""
    binning: int = 0
    """Pixels are joined in groups of 2^binning."""
    trigger: int = 0
    """Trigger mode."""
    delay_us: int = 0
    """Time between trigger and exposure, µs."""
    back_to_back: int = 1
    """Spectra of one acquisition into the buffer."""
    lamp: int = 0
    """Whether the lamp output is on."""
    checksum: int = 0
    """Checksum of the replies: 0 none, 1 MD5."""
    revision: int = 0x1100
    """Protocol version."""


class ObpDevice:
    """State behind the messages, shared by all clients of one emulator."""

    def __init__(
        self,
        model: ObpModel,
        serial: str,
        detector: Detector,
        laser: LightLog | None = None,
        *,
        baud: int = POWER_ON_BAUD,
    ) -> None:
        self.model, self.serial, self.detector = model, serial[:SERIAL_MAX], detector
        self.saved_baud = baud
        self.set = self._power_on_settings()
        self.line_baud = baud
        """Speed at which bytes go; a change takes effect after its acknowledgement."""
        self.pulses = 0
        """Trigger pulses so far."""
        self.exposing = 0
        """Exposures under way."""
        self.buffer = SpectrumBuffer()
        self.cooler = Cooler(_AMBIENT_C, speed=detector.speed) if model.cooler else None
        self.laser = ObpLaser(laser) if laser is not None else None
        self._filling: asyncio.Task[None] | None = None

    def power_on(self) -> None:
        """Be as after power-on: nothing set, nothing kept, the laser dark."""
        self.abort()
        self.set = self._power_on_settings()
        self.line_baud = self.set.baud
        for part in (self.laser, self.buffer, self.cooler):
            if part is not None:
                part.power_on()

    def begin(self) -> Exposure:
        """Open the shutter for what is set."""
        cold_c = POWER_ON_C if self.cooler else _AMBIENT_C
        self.detector.chip_excess_c = self.temperatures()[-1 if self.cooler else 0] - cold_c
        return self.detector.begin(self.set.exposure_us * 1e-6, self.set.averages)

    @property
    def delay_s(self) -> float:
        """Acquisition delay by the clock on the wall, s."""
        return self.set.delay_us * 1e-6 / self.detector.speed

    def finish(self, exposure: Exposure, *, corrected: bool = False) -> Taken:
        """Close the shutter and return the spectrum as it leaves the device."""
        counts = self.detector.finish(exposure, boxcar_width=self.set.boxcar, corrected=corrected)
        if self.set.binning:
            counts = np.rint(binned(counts, self.set.binning))
        self.detector.truth.note(counts)
        return Taken(
            self.detector.spectra_read,
            exposure.start_ns // 1000,
            round(exposure.exposure_s * 1e6),
            exposure.averages,
            counts,
            self.set.trigger,
        )

    def abort(self) -> None:
        """Give up filling the buffer."""
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None

    def temperatures(self) -> tuple[float, ...]:
        """Return the temperatures of board, processor and, with a cooler, chip, °C."""
        board = _AMBIENT_C + self.detector.bench_excess_c
        chip = (self.cooler.chip_c,) if self.cooler else ()
        return (board, board + _PROCESSOR_EXCESS_C, *chip)

    def suffer(self, fault: Fault) -> bool:
        """Suffer a fault of the device; return whether it could happen now. Raises `FaultSpecError`."""
        if fault.kind in (FaultKind.INTERLOCK, FaultKind.LASER_FAULT):
            if self.laser is None:
                raise FaultSpecError(f"{fault.kind}: there is no laser in this device")
            return self.laser.suffer(fault)
        before_c = self.detector.bench_excess_c
        self.detector.suffer(fault)
        if self.cooler is not None:
            self.cooler.warm_surroundings(self.detector.bench_excess_c - before_c)
        return True

    def state(self) -> dict[str, Any]:
        """Return what it is and what it gave, as JSON values."""
        return {
            **self.detector.state(),
            "exposure_s": self.set.exposure_us * 1e-6,
            "settings": {**asdict(self.set), "saved_baud": self.saved_baud},
            "temperatures_c": list(self.temperatures()),
            "buffered": len(self.buffer),
            **({"laser": self.laser.state()} if self.laser else {}),
        }

    def _power_on_settings(self) -> ObpSettings:
        return ObpSettings(max(100_000, self.model.exposure_us[0]), self.saved_baud)

    def fill_buffer(self) -> None:
        """Begin to take as many spectra as are set into the buffer."""
        self.abort()
        self._filling = asyncio.get_running_loop().create_task(self._fill())

    async def _fill(self) -> None:
        self.exposing += 1
        try:
            for _ in range(self.set.back_to_back):
                await asyncio.sleep(self.delay_s)
                exposure = self.begin()
                await asyncio.sleep(exposure.real_s)
                self.buffer.put(self.finish(exposure))
        finally:
            self.exposing -= 1

    def save_baud(self) -> None:
        """Keep the line speed for the next power-on."""
        self.saved_baud = self.set.baud

    def pulse(self) -> None:
        """Give a trigger pulse."""
        self.pulses += 1
