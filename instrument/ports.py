"""What is attached to this machine."""

from dataclasses import dataclass

from serial.tools import list_ports

from .transport.visa import visa_resources

__all__ = ["SerialPort", "serial_ports", "visa_resources"]


@dataclass(frozen=True, slots=True)
class SerialPort:
    """One serial port."""

    path: str
    """How to name it in a URL."""
    description: str
    """What the system says it is; empty for nothing."""
    hardware: str
    """USB vendor, product and serial number; empty where it is none."""


def serial_ports() -> tuple[SerialPort, ...]:
    """Return the serial ports of this machine, sorted by path."""
    found = sorted(list_ports.comports(), key=lambda port: port.device)
    return tuple(SerialPort(p.device, _said(p.description), _said(p.hwid)) for p in found)


def _said(text: str | None) -> str:
    # pyserial writes "n/a" for nothing.
    return "" if text in (None, "n/a") else str(text)
