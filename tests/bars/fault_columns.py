"""The drivers of the fault matrix: which emulator each stands on, and how it is opened."""

from dataclasses import dataclass
from pathlib import Path

from emulated import Emulated
from fault_laser_rig import LaserRig
from fault_rigs import AnyRig, OpenRig, SpectrometerRig, UnitRig

from instrument.registry import open_laser, open_spectrometer, open_unit


@dataclass(frozen=True, slots=True)
class Column:
    """One driver on one emulator."""

    emulator: str
    """Kind of emulator."""
    options: tuple[str, ...]
    """Its options."""
    open: OpenRig
    """Opens the driver."""
    applicable: str = ""
    """Row of the table of applicable faults, where it is not the kind's own."""
    serial: bool = True
    """Whether it is on a pseudo-terminal."""
    light: bool = False
    """Whether it has a laser, whose light goes into a log."""
    folder: bool = False
    """Whether its program writes files into a folder."""
    hangs_up: bool = False
    """Whether it closes the connection after each answer: then an incomplete one is a lost connection."""
    delay_s: float = 1.6
    """Later than any answer is waited for, s; over before the driver has to be usable again."""

    @property
    def faults_of(self) -> str:
        """Key of the table of applicable faults."""
        return self.applicable or self.emulator


def _serial(model: str, *, low_s: float = 0.01) -> Column:
    def open_rig(emulator: Emulated, _light: Path) -> AnyRig:
        url = f"obp+serial://{emulator.link}?model={model}&baud=115200"
        return SpectrometerRig(open_spectrometer(url), emulator, exposures=(low_s, low_s + 0.03))

    return Column("obp", ("--model", model.upper(), "--line-time"), open_rig)


def _tcp(model: str) -> Column:
    def open_rig(emulator: Emulated, _light: Path) -> AnyRig:
        url = f"obp+tcp://{emulator.address}?model={model}"
        return SpectrometerRig(open_spectrometer(url), emulator)

    return Column("obp", ("--model", model, "--tcp", "0"), open_rig, serial=False)


def _ventana(emulator: Emulated, light: Path) -> AnyRig:
    unit = open_unit(f"obp+serial://{emulator.link}?model=Ventana&baud=115200")
    spectrometer = SpectrometerRig(unit.spectrometer, emulator, exposures=(0.03, 0.06))
    laser = LaserRig(unit.laser, emulator, light, release={"interlock": "closed"}, tells=False)
    return UnitRig(unit, spectrometer, laser)


def _cobolt(emulator: Emulated, light: Path) -> AnyRig:
    laser = open_laser(f"cobolt+serial://{emulator.link}?pause_ms=5")
    return LaserRig(laser, emulator, light, release={"interlock": "closed", "fault": 0})


def _ips(emulator: Emulated, light: Path) -> AnyRig:
    figures = "max_ma=600&max_mw=350&threshold_ma=60"
    laser = open_laser(f"visa://ASRL{emulator.link}::INSTR?driver=ips&{figures}")
    return LaserRig(laser, emulator, light, release={"interlock": "closed", "fault": 0})


def _spektralwerk(emulator: Emulated, _light: Path) -> AnyRig:
    host, _, port = emulator.address.partition(":")
    url = f"visa://TCPIP0::{host}::{port}::SOCKET?driver=spektralwerk"
    return SpectrometerRig(open_spectrometer(url), emulator)


def _opus(emulator: Emulated, _light: Path) -> AnyRig:
    options = f"folder={emulator.files}&settle_s=0.1&pace_s=0.05&timeout_s=10"
    url = f"opus+http://{emulator.address}/opusrs?{options}"
    return SpectrometerRig(open_spectrometer(url), emulator)


def _ftsw500(emulator: Emulated, _light: Path) -> AnyRig:
    host, _, port = emulator.address.partition(":")
    options = f"driver=ftsw500&folder={emulator.files}&settle_s=0.1&timeout_s=10"
    return SpectrometerRig(open_spectrometer(f"visa://TCPIP0::{host}::{port}::SOCKET?{options}"), emulator)


_INFRARED = ("--tcp", "0", "--scans", "4", "--scan-time", "0.5", "--speed", "20", "--resolution", "8")

COLUMNS: dict[str, Column] = {
    "STS serial": _serial("STS"),
    "QEPro serial": _serial("QEPro"),
    "FX tcp": _tcp("FX"),
    "HDX tcp": _tcp("HDX"),
    "Ventana unit": Column(
        "obp",
        ("--model", "VENTANA", "--line-time"),
        _ventana,
        applicable="ventana",
        light=True,
    ),
    "Cobolt": Column("cobolt", (), _cobolt, light=True),
    "IPS": Column("ips", (), _ips, light=True),
    "Spektralwerk": Column(
        "spektralwerk", ("--tcp", "0"), _spektralwerk, serial=False, hangs_up=True, delay_s=2.6
    ),
    "OPUS": Column("opus", (*_INFRARED, "--pace", "0.02"), _opus, serial=False, folder=True, hangs_up=True),
    "FTSW500": Column("ftsw500", _INFRARED, _ftsw500, serial=False, folder=True),
}
