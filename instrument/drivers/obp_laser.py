"""The laser inside an OBP spectrometer (Ventana): on or off, and a duty fraction from 0 to 1.

Module 0, source 0 (SeaBreeze, ``OBPLightSourceProtocol_Ventana.cpp``). The protocol has no message for an
interlock, a key, a fault, a measured power or a watchdog: the guardian has to be all of that.
"""

import math
import struct
import time
from contextlib import suppress
from typing import Any

from spectra.values import DeviceInfo

from ..errors import DeviceRefused, InstrumentError, LaserMayBeOn, ProtocolError, SettingOutOfRange
from ..interfaces import LaserStatus
from ..obp_frames import Flag, MessageType
from .obp_session import ObpSession

#: Power at full duty where the URL does not say it, mW: chosen and unproven; measure it at the probe.
DEFAULT_MAX_MW = 200.0
#: Wavelength where the URL does not say it, nm: chosen, the line of most handhelds.
DEFAULT_NM = 785.0
#: How long `ObpLaser.off` keeps trying, s.
OFF_DEADLINE_S = 1.5
#: What one answer may take while it goes off, beyond the line's time, s: chosen, to try several times.
_OFF_MARGIN_S = 0.3
_RETRY_S = 0.05
_ADDRESS = bytes(2)
_ON, _OFF = _ADDRESS + b"\x01", _ADDRESS + b"\x00"
_F32 = struct.Struct("<f")


class ObpLaser:
    """The laser of a device whose spectrometer shares the link.

    On opening it is switched off, read back as off, and set to no power. So it is again whenever the port was
    opened anew, or the device turns out to have been reset.

    Parameters
    ----------
    session
        The device; owned and closed by whoever made it.
    max_mw
        Power at full duty.
    wavelength_nm
        Its line.
    off_deadline_s
        How long `off` keeps trying.
    url, emulated
        Written into `info`.

    Raises
    ------
    LaserMayBeOn
        It could not be read back as off.
    """

    def __init__(
        self,
        session: ObpSession,
        *,
        max_mw: float = DEFAULT_MAX_MW,
        wavelength_nm: float = DEFAULT_NM,
        off_deadline_s: float = OFF_DEADLINE_S,
        url: str = "",
        emulated: bool = False,
    ) -> None:
        self._session, self._link = session, session.link
        self.max_power_mw, self.wavelength_nm = max_mw, wavelength_nm
        self._off_deadline_s = off_deadline_s
        self._setpoint_mw = 0.0
        self._openings = self._link.openings
        self.transcript = self._link.transcript
        self._force_off()
        session.ensure()
        self.info = DeviceInfo("Ventana laser", session.serial, "", url, emulated)
        self.set_power(0.0)
        session.on_doubt(self._restore)

    def set_power(self, milliwatts: float) -> None:
        """Set the power, mW, as a fraction of `max_power_mw`, and read it back.

        Raises
        ------
        SettingOutOfRange
            Below 0 or above `max_power_mw`; nothing was sent.
        DeviceRefused
            The device said no, or reads back another fraction.
        """
        if not 0.0 <= milliwatts <= self.max_power_mw:
            raise SettingOutOfRange(f"{milliwatts} mW; this laser takes 0 to {self.max_power_mw:g} mW")
        with self._link.lock:
            self._session.ensure()
            self._send_power(milliwatts)
            self._setpoint_mw = milliwatts

    def on(self) -> None:
        """Switch on once, and read back.

        Raises
        ------
        DeviceRefused
            The device said no, or does not come on; it was read back as off.
        LaserMayBeOn
            Something failed and it could not be read back as off.
        """
        self._session.ensure()
        try:
            with self._link.lock:
                margin_s = self._link.margin_s
                self._link.attempt(
                    MessageType.SET_LASER_ENABLE, _ON, flags=Flag.ACK_REQUESTED, margin_s=margin_s
                )
                if not self._enabled():
                    raise DeviceRefused(
                        f"{self._link.name}: the laser did not come on; check its power supply"
                    )
        except BaseException:
            self.off()
            raise

    def off(self) -> None:
        """Switch off and read back, again and again until it is off or a deadline passes.

        It comes before everything else on the wire: an exposure under way is given up for it.

        Raises
        ------
        LaserMayBeOn
            It could not be read back as off: leave the beam path, cut its power.
        """
        end = time.monotonic() + self._off_deadline_s
        reason: Exception | None = None
        while reason is None or time.monotonic() < end:
            try:
                if self._switched_off(end, again=reason is not None):
                    return
                reason = DeviceRefused(f"{self._link.name}: says that it is still on")
            except InstrumentError as error:
                # Running out of time in mid-question tells less than what went wrong before.
                if reason is None or time.monotonic() < end:
                    reason = error
            time.sleep(_RETRY_S)
        raise LaserMayBeOn(
            f"{self._link.name}: the laser could not be read back as off ({reason}); "
            "leave the beam path and cut its power"
        ) from reason

    def status(self) -> LaserStatus:
        """Ask whether it is on and at which duty; interlock, fault and measured power it cannot tell.

        The power told is the set point while it is on.
        """
        with self._link.lock:
            self._session.ensure()
            emitting, setpoint = self._enabled(), self._read_power()
        return LaserStatus(emitting, True, "", setpoint if emitting else 0.0, setpoint)

    def settings(self) -> dict[str, Any]:
        """Return model, line, power and what it cannot tell."""
        return {
            "model": self.info.model,
            "serial": self.info.serial,
            "wavelength_nm": self.wavelength_nm,
            "max_power_mw": self.max_power_mw,
            "setpoint_mw": self._setpoint_mw,
            "duty": self._setpoint_mw / self.max_power_mw,
            "interlock": "the device cannot tell",
            "power": "duty fraction of the greatest power, not measured",
        }

    def close(self) -> None:
        """Let go of the port, the spectrometer's too; may be called twice. Does not switch the laser."""
        self._session.close()

    def _force_off(self) -> None:
        """Switch off whatever an earlier program left: at this speed of the line, or at the one it is at."""
        try:
            self.off()
        except LaserMayBeOn:
            with suppress(InstrumentError):
                self._session.reach()
            self.off()

    def _switched_off(self, end: float, *, again: bool) -> bool:
        """Send off and return whether it reads back as off."""
        link = self._link
        with link.first(end):
            if link.connected and (again or link.busy):
                # Devices that hear during an exposure obey this at once; others after the abort.
                link.tell(MessageType.SET_LASER_ENABLE, _OFF)
                link.abort()
            if again or not link.connected:
                self._session.reach(before=end)
            ack = Flag.ACK_REQUESTED
            link.attempt(MessageType.SET_LASER_ENABLE, _OFF, flags=ack, margin_s=_OFF_MARGIN_S, before=end)
            on = link.attempt(MessageType.GET_LASER_ENABLE, _ADDRESS, margin_s=_OFF_MARGIN_S, before=end)
            return not self._is_on(on)

    def _restore(self) -> None:
        """Have it off, and at its power, after the device was lost or reset."""
        fresh = self._openings != self._link.openings
        if fresh or not math.isclose(self._read_power(), self._setpoint_mw, rel_tol=1e-3, abs_tol=1e-3):
            self.off()
            self._send_power(self._setpoint_mw)
        self._openings = self._link.openings

    def _send_power(self, milliwatts: float) -> None:
        operand = _ADDRESS + _F32.pack(milliwatts / self.max_power_mw)
        self._link.command(MessageType.SET_LASER_INTENSITY, operand)
        read = self._read_power()
        if not math.isclose(read, milliwatts, rel_tol=1e-3, abs_tol=1e-3):
            raise DeviceRefused(f"{self._link.name}: asked for {milliwatts:g} mW, reads back {read:g} mW")

    def _read_power(self) -> float:
        data = self._link.query(MessageType.GET_LASER_INTENSITY, _ADDRESS)
        fraction = _F32.unpack(data)[0] if len(data) == _F32.size else math.nan
        if not 0.0 <= fraction <= 1.0:
            raise ProtocolError(f"{self._link.name}: laser intensity {data.hex()}")
        return float(fraction * self.max_power_mw)

    def _enabled(self) -> bool:
        return self._is_on(self._link.query(MessageType.GET_LASER_ENABLE, _ADDRESS))

    def _is_on(self, data: bytes) -> bool:
        if data not in (b"\x00", b"\x01"):
            raise ProtocolError(f"{self._link.name}: laser enable {data.hex()}")
        return data == b"\x01"
