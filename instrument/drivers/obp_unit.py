"""Ocean Optics Ventana: a Raman spectrometer with its laser behind one port; a guardian owns all of it.

URLs: ``obp+serial:///dev/ttyUSB0?model=Ventana`` and ``obp+tcp://…?model=Ventana``; ``laser_max_mw=`` is
the power at full duty and ``laser_nm=`` the line. The public library reaches the Ventana over USB only;
that it speaks the same bytes on other wires is unproven.
"""

from dataclasses import replace

from ..config import LASER_RANGE_NM, MAX_POWER_MW
from ..registry import DeviceURL, unit
from .obp import ObpSpectrometer
from .obp_laser import DEFAULT_MAX_MW, DEFAULT_NM, ObpLaser
from .obp_models import names_laser_model, obp_model
from .obp_open import SERIAL_PARAMS, TCP_PARAMS, serial_session, tcp_session
from .obp_session import ObpSession


class ObpUnit:
    """A spectrometer and its laser over one link; the laser is off, and read back as off, once it is made.

    Parameters
    ----------
    session
        The device; owned and closed by the unit.
    url
        Says model, emulation, and the laser's line and greatest power.

    Raises
    ------
    LaserMayBeOn
        The laser could not be read back as off.
    InstrumentError
        The device does not do what it should.
    """

    def __init__(self, session: ObpSession, url: DeviceURL) -> None:
        model = obp_model(url.need("model"))
        try:
            max_mw = url.number("laser_max_mw", low=1.0, high=MAX_POWER_MW)
            laser_nm = url.number("laser_nm", low=LASER_RANGE_NM[0], high=LASER_RANGE_NM[1])
            self.laser = ObpLaser(
                session,
                max_mw=DEFAULT_MAX_MW if max_mw is None else max_mw,
                wavelength_nm=DEFAULT_NM if laser_nm is None else laser_nm,
                url=url.text,
                emulated=url.emulated,
            )
            self.spectrometer = ObpSpectrometer(session, model, url=url.text, emulated=url.emulated)
            # Whether it is an emulator only the spectrometer asks.
            self.laser.info = replace(self.laser.info, emulated=self.spectrometer.info.emulated)
        except BaseException:
            session.close()
            raise
        self._session = session

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        self._session.close()


def _is_unit(url: DeviceURL) -> bool:
    return names_laser_model(url.params.get("model", ""))


@unit("obp+serial", params=(*SERIAL_PARAMS, "laser_max_mw"), applies=_is_unit)
def open_unit_serial(url: DeviceURL) -> ObpUnit:
    """Open a Ventana on a serial port; its laser is off when this returns."""
    return ObpUnit(serial_session(url), url)


@unit("obp+tcp", params=(*TCP_PARAMS, "laser_max_mw"), applies=_is_unit)
def open_unit_tcp(url: DeviceURL) -> ObpUnit:
    """Open a Ventana on the network; its laser is off when this returns."""
    return ObpUnit(tcp_session(url), url)
