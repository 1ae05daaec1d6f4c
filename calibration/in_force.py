"""The records of one device that are in force together."""

from dataclasses import dataclass

from .record import CalibrationRecord


@dataclass(frozen=True, slots=True)
class InForce:
    """What a scan of a device is made into a spectrum with; None where nothing was calibrated."""

    axis: CalibrationRecord | None = None
    """Record of the axis; without one the device's own axis counts."""
    intensity: CalibrationRecord | None = None
    """Record of the intensity response; without one counts stay as they are."""
    resolution: CalibrationRecord | None = None
    """Record of the resolution; without one it is unknown."""

    @property
    def records(self) -> tuple[CalibrationRecord, ...]:
        """Return those that there are."""
        return tuple(one for one in (self.axis, self.intensity, self.resolution) if one is not None)


#: Nothing was calibrated: the device's own word counts.
UNCALIBRATED = InForce()
