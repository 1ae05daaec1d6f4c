"""The settings of one device: set, read back, kept, and set again after the device lost them."""

from typing import Any

from ..errors import DeviceRefused, ProtocolError, UnknownSetting
from ..interfaces import Capability, Setting, SettingValue
from .obp_models import ObpModel
from .obp_refusals import ABSENT
from .obp_session import ObpSession
from .obp_settings import LIVE, Knob, knobs


class ObpPanel:
    """What is set inside a device.

    Everything that was set is read back at once, is what the device must say when `check` asks, and is set
    again by `restore`. Settings that a device refuses to know are absent, which is no error.

    Parameters
    ----------
    session
        The device.
    model
        Which one it is.
    """

    def __init__(self, session: ObpSession, model: ObpModel) -> None:
        self._session = session
        self._link = session.link
        self._knobs = knobs(model)
        self._wanted: dict[str, bytes] = {}
        self._read: dict[str, bytes | None] = {}

    def make_plain(self) -> None:
        """Set averaging, smoothing, binning and trigger to none, where there are such; keep the exposure."""
        for knob in self._knobs.values():
            if knob.plain is None or knob.put is None:
                continue
            if self._link.offer(knob.put, knob.plain, absent=ABSENT):
                self._wanted[knob.name] = knob.plain
            else:
                self._read[knob.name] = None
        exposure = self._knobs["exposure_s"]
        data = self._link.query(exposure.get)
        exposure.decode(data)
        self._wanted["exposure_s"] = data

    def available(self) -> tuple[Setting, ...]:
        """Return the settings this device has, asking it where it was not asked yet."""
        return tuple(knob.setting for knob in self._knobs.values() if self._raw(knob) is not None)

    def capabilities(self) -> set[Capability]:
        """Return what follows from the settings it has; asks only for those that decide something."""
        return {
            knob.capability
            for knob in self._knobs.values()
            if knob.capability is not None and self._raw(knob) is not None
        }

    def value(self, name: str) -> Any:
        """Return a setting's value; None where the device lacks it."""
        knob = self._knobs.get(name)
        raw = None if knob is None else self._raw(knob)
        return None if knob is None or raw is None else knob.decode(raw)

    def wanted(self, name: str) -> Any:
        """Return what a setting was set to; None where it was left alone. Asks nothing."""
        return self._knobs[name].decode(self._wanted[name]) if name in self._wanted else None

    def number(self, name: str) -> int:
        """Return the number on the wire that a setting was set to, 0 where it was left alone."""
        return int.from_bytes(self._wanted.get(name, b""), "little")

    @property
    def binning(self) -> int:
        """Binning factor, 0 for none."""
        return self.number("binning")

    def values(self) -> dict[str, Any]:
        """Return every setting's value that the device has, by name."""
        found = {name: self.value(name) for name in self._knobs}
        return {name: value for name, value in found.items() if value is not None}

    def set(self, name: str, value: SettingValue) -> None:
        """Set, and read back.

        Raises
        ------
        UnknownSetting
            The device has no such setting, or it can only be read.
        SettingOutOfRange
            Outside its limits; nothing was sent.
        DeviceRefused
            The device said no, or reads back another value.
        """
        knob = self._knobs.get(name)
        if knob is None or knob.put is None:
            why = "no such setting" if knob is None else "can only be read"
            raise UnknownSetting(f"{self._link.name}: {name}: {why}")
        data = knob.encode(value)
        with self._link.lock:
            self._session.ensure()
            if not self._link.offer(knob.put, data, absent=ABSENT):
                self._read[name] = None
                raise UnknownSetting(f"{self._link.name}: this device has no {name}")
            read = self._link.find(knob.get, absent=ABSENT)
            if read is not None and read != data:
                # What it was before is not known any more either.
                self._link.doubtful = True
                raise DeviceRefused(
                    f"{self._link.name}: {name} was set to {knob.decode(data)}, "
                    f"reads back {knob.decode(read)}"
                )
            self._wanted[name] = data

    def restore(self) -> None:
        """Compare everything that was set with what the device says, and set again what differs.

        Raises
        ------
        DeviceRefused
            The device does not take a setting any more.
        """
        self._read = {name: raw for name, raw in self._read.items() if raw is None}
        for name, data in self._wanted.items():
            knob = self._knobs[name]
            if knob.put is None or self._link.find(knob.get, absent=ABSENT) == data:
                continue
            self._link.transcript.note(f"{name} set again")
            self._link.command(knob.put, data)
            if self._link.find(knob.get, absent=ABSENT) not in (data, None):
                raise DeviceRefused(f"{self._link.name}: {name} cannot be set again")

    def check(self) -> None:
        """Make sure that a spectrum just taken was taken as it should be.

        The exposure is read back each time, and whatever else is not as it is after power-up.

        Raises
        ------
        ProtocolError
            The device was reset: the spectrum is of other settings.
        """
        for name, data in self._wanted.items():
            knob = self._knobs[name]
            if name != "exposure_s" and knob.plain in (None, data):
                continue
            read = self._link.find(knob.get, absent=ABSENT)
            if read not in (data, None):
                self._link.doubtful = True
                raise ProtocolError(
                    f"{self._link.name}: the device was reset: {name} reads back {knob.decode(read or b'')}; "
                    "its last spectrum is thrown away"
                )

    def _raw(self, knob: Knob) -> bytes | None:
        if knob.name in self._wanted:
            return self._wanted[knob.name]
        if knob.name not in self._read or (knob.name in LIVE and self._read[knob.name] is not None):
            with self._link.lock:
                self._session.ensure()
                self._read[knob.name] = self._link.find(knob.get, absent=ABSENT)
        return self._read[knob.name]
