"""IPS (Innovative Photonic Solutions) digital U-type lasers, the usual 785 nm Raman source, through PyVISA.

URL: ``visa://ASRL/dev/ttyACM0::INSTR?driver=ips&max_ma=600&max_mw=350``, optional ``threshold_ma=``,
``baud=`` and ``backend=``. Source: the public module ``lumed_ips``.

The laser is set by its **current**; `instrument.drivers.ips_power` says how that becomes a power. While it is
on, the power the laser measures is read back: clearly more than asked for switches it off. Its flash is never
written (``Parameters:Save``, ``Parameters:Restore``, ``Calibrate:…``). There is no question for the interlock
and none for a key.
"""

from typing import Any

from spectra.values import DeviceInfo

from ..errors import DeviceRefused, DeviceURLError, HardwareFault, ProtocolError
from ..interfaces import LaserStatus
from ..registry import DeviceURL, laser
from ..transport.visa import DEFAULT_BAUD, VisaStream
from ..transport.visa_session import VisaAddress
from .ips_link import IpsLink, quantity
from .ips_power import PowerLine, power_line
from .ips_state import MILLIAMPERES, MILLIWATTS, IpsState, read_flag
from .laser_base import BY_ITSELF, OFF_DEADLINE_S, SwitchedLaser
from .stream_opener import StreamOpener, once_only

#: Answer times beyond this are failures, s; chosen, the public module waits 0.05 to 0.25 s.
TIMEOUT_S = 0.5
#: Least time between two lines, s; chosen.
PAUSE_S = 0.002
#: Measured current of a laser that is off, mA; chosen, the noise of its own meter.
DARK_MA = 2.0
#: Set points are read back this exactly, mA; chosen, half the last digit.
_SETPOINT_MA = 0.6


class Ips(SwitchedLaser):
    """A laser behind an IPS serial port.

    On opening it is switched off, read back as off, and set to no current; and so it is when its port comes
    back after it had vanished.

    Parameters
    ----------
    open_stream
        Opens the port; called again when it vanished.
    line
        Power by current.
    url, emulated
        Written into `info`.

    Raises
    ------
    LaserMayBeOn
        It could not be read back as off.
    ProtocolError
        Something answers, but no IPS laser.
    """

    _link: IpsLink

    def __init__(
        self,
        open_stream: StreamOpener,
        line: PowerLine,
        *,
        pause_s: float = PAUSE_S,
        timeout_s: float = TIMEOUT_S,
        off_deadline_s: float = OFF_DEADLINE_S,
        url: str = "",
        emulated: bool = False,
    ) -> None:
        super().__init__(
            IpsLink(open_stream, pause_s=pause_s, timeout_s=timeout_s),
            off_deadline_s=off_deadline_s,
            off_words="leave the beam path and cut its power",
        )
        self._state = IpsState(self._link)
        self._line = line
        self.max_power_mw = line.max_mw
        self._set_ma = 0
        try:
            self.off()
            self.info = self._identify(url, emulated)
            self._link.errors()
            self._link.last_fault = ""
            self._lower()
            self._asked_mw = 0.0
        except BaseException:
            self._link.close()
            raise

    def set_power(self, milliwatts: float) -> None:
        """Set the current that makes this power, mW, and read the current back.

        Whole milliamperes are set, rounded down: what was set in truth is in `settings` and `status`.

        Raises
        ------
        SettingOutOfRange
            Below 0 or above `max_power_mw`; nothing was sent.
        DeviceRefused
            The laser said no, or reads back another current.
        """
        self._refuse_power_outside(milliwatts)
        self._ensure_connected()
        self._begin_power()
        self._set_current(self._line.current(milliwatts))
        self._asked_mw = milliwatts

    def on(self) -> None:
        """Switch on once and read back state, faults and measured power.

        Raises
        ------
        DeviceNotReady
            Its cooler has not settled, or it has not started; nothing was switched.
        HardwareFault
            It reports a fault, or makes clearly more light than asked for; it was read back as off.
        DeviceRefused
            The laser said no, has lost its set point, or did not come on; it was read back as off.
        ConnectionLost
            It had been away: it is off and set to no current.
        LaserMayBeOn
            Something failed and it could not be read back as off.
        """
        self._ensure_connected()
        self._state.refuse_broken()
        self._refuse_unknown_power()
        self._state.refuse_unsettled()
        self._state.refuse_modulated()
        self._refuse_other_current()
        self._switched_on = True
        try:
            self._link.command("Laser:Enable 1")
            self._state.refuse_broken()
            if not self._link.ask_surely("Laser:Enable?", read_flag, bool):
                raise DeviceRefused(f"{self._link.name}: the laser did not come on; check its interlock")
            self._refuse_excess(self._link.ask("Laser:Power?", MILLIWATTS))
        except BaseException:
            self.off()
            raise

    def status(self) -> LaserStatus:
        """Ask for state, faults and temperature; for the measured power only while it is on.

        It cannot tell its interlock: that counts as closed. A laser that is on though nobody switched it on
        is switched off, and this is its fault.

        Raises
        ------
        LaserMayBeOn
            It came on by itself and could not be read back as off.
        """
        self._ensure_connected()
        emitting = self._enabled()
        if emitting and not self._switched_on:
            self._secure()
            return LaserStatus(False, True, BY_ITSELF, 0.0, 0.0)
        self._state.read()
        temperature = self._state.temperature()
        return LaserStatus(
            emitting=emitting,
            interlock_closed=True,
            fault=self._state.fault,
            power_mw=self._link.ask("Laser:Power?", MILLIWATTS) if emitting else 0.0,
            setpoint_mw=self._line.power(self._set_ma),
            ready=not self._state.fault and self._state.settled(temperature),
            temperatures_c={"laser": temperature},
        )

    def settings(self) -> dict[str, Any]:
        """Return identity, power line, set points, modes, temperatures and hours, as JSON values."""
        self._ensure_connected()
        return {
            "driver": "ips",
            "model": self.info.model,
            "serial": self.info.serial,
            "firmware": self.info.firmware,
            "wavelength_nm": self.wavelength_nm,
            "max_power_mw": self.max_power_mw,
            "power_line": self._line.snapshot(),
            "asked_mw": self._asked_mw,
            "setpoint_ma": self._set_ma,
            "setpoint_mw": self._line.power(self._set_ma),
            "interlock": "cannot tell",
            **self._state.snapshot(),
        }

    def _lower(self) -> None:
        self._set_current(0)

    def _come_back(self) -> None:
        self._link.come_back("Laser:Enable 0")

    def _send_off(self, before: float) -> None:
        self._link.urgent("Laser:Enable 0", before=before)

    def _reads_off(self, before: float) -> bool:
        """Return whether it says that it is off, and draws no current either."""
        if self._link.ask("Laser:Enable?", read_flag, before=before):
            return False
        return self._link.ask("Laser:Current?", MILLIAMPERES, before=before) <= DARK_MA

    def _enabled(self) -> bool:
        return self._link.ask("Laser:Enable?", read_flag)

    def _set_current(self, milliamperes: int) -> None:
        self._link.command(f"Laser:Current {milliamperes}", again=True)
        self._set_ma = milliamperes
        self._refuse_other_current()

    def _refuse_other_current(self) -> None:
        """Refuse a laser whose set point is not what was asked for, as after a power cut."""

        def due(read: float) -> bool:
            return abs(read - self._set_ma) <= _SETPOINT_MA

        read = self._link.ask_surely("Laser:Setpoint?", MILLIAMPERES, due)
        if due(read):
            return
        self._begin_power()
        self.off()
        raise DeviceRefused(
            f"{self._link.name}: the set point was {self._set_ma} mA and is now {read:g} mA; "
            "was its power cut? It is off: set the power anew"
        )

    def _refuse_excess(self, milliwatts: float) -> None:
        if self._line.excessive(milliwatts, self._set_ma):
            raise HardwareFault(
                f"{self._link.name}: {milliwatts:g} mW instead of {self._line.power(self._set_ma):g}; "
                "correct max_ma=, max_mw= and threshold_ma= by the laser's label"
            )

    def _identify(self, url: str, emulated: bool) -> DeviceInfo:
        answer = self._link.learn_fence()
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) != 5 or fields[0].upper() != "IPS" or not all(fields):
            raise ProtocolError(f"{self._link.name}: *IDN? gives {answer[:80]!r}; is it an IPS laser?")
        _, model, serial, wavelength, firmware = fields
        self.wavelength_nm = quantity("nm")(wavelength)
        if not 200.0 <= self.wavelength_nm <= 2000.0:
            raise ProtocolError(f"{self._link.name}: a wavelength of {wavelength}")
        return DeviceInfo(f"IPS {model}", serial, firmware, url, emulated or "emulator" in firmware.lower())


@laser("visa/ips", params=("max_ma", "max_mw", "threshold_ma", "baud", "backend"))
def open_ips(url: DeviceURL) -> Ips:
    """Open an IPS laser by its VISA resource and the figures on its label."""
    backend = url.params.get("backend", "")
    baud = url.integer("baud", DEFAULT_BAUD, low=300, high=4_000_000)
    address = VisaAddress.parse(url.target)
    if not address.serial:
        raise DeviceURLError(f"{url.text}: an IPS laser is a serial port, ASRL/dev/ttyACM0::INSTR")

    open_port = once_only(
        address.port,
        lambda transcript: VisaStream(url.target, baud=baud, backend=backend, transcript=transcript),
    )
    return Ips(open_port, power_line(url), url=url.text, emulated=url.emulated)
