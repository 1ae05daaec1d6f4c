"""One Wasatch handheld through the maker's package `wasatch` (MIT), an extra: found, called, never trusted.

Not tried on hardware. What is tested is this driver over the maker's real code, with a USB device made of
the published op-codes at its other end (`FeatureIdentificationDevice.py` of Wasatch.PY, document ENG-0001).
"""

import importlib
import threading
from collections.abc import Callable
from typing import Any

from ..errors import ConnectionLost, DeviceRefused, MissingExtra, PortNotFound, ProtocolError
from ..transport.transcript import Transcript

#: Vendor and product number of the handhelds with an ARM controller (Wasatch.PY, ``DeviceFinderUSB.py``).
VENDOR, PRODUCT = 0x24AA, 0x4000

#: Opens the maker's object for one device; called again after it went away.
OpenFid = Callable[[], Any]


def vendor_module(name: str) -> Any:
    """Import a module of the maker's package; raises `MissingExtra` where it is not installed."""
    try:
        return importlib.import_module(f"wasatch.{name}")
    except ImportError as error:
        raise MissingExtra(
            "Wasatch handhelds need the maker's package: pip install 'opioscan[wasatch]'"
        ) from error


def usb_opener(serial: str) -> OpenFid:
    """Return what connects to the handheld on USB with a serial number, or to the only one.

    Raises
    ------
    MissingExtra
        The maker's package is not installed.
    """
    finder = vendor_module("DeviceFinderUSB")
    devices = vendor_module("FeatureIdentificationDevice")

    def connect() -> Any:
        try:
            found = list(finder.DeviceFinderUSB().find_usb_devices())
        # Without libusb, or without rights to it, the maker's code raises whatever PyUSB raises.
        except Exception as error:
            raise PortNotFound(f"wasatch: USB cannot be searched: {error}") from error
        wanted = [one for one in found if one.vid == VENDOR and one.pid == PRODUCT]
        for device_id in wanted:
            fid = devices.FeatureIdentificationDevice(device_id)
            fid.raise_exceptions = True
            connected(fid)
            if serial in {"", fid.settings.eeprom.serial_number.strip()}:
                return fid
            fid.disconnect()
        raise PortNotFound(f"wasatch: no handheld {serial or ''} on USB; check cable and rights")

    return connect


def connected(fid: Any) -> None:
    """Connect the maker's object, which switches the laser off; raises `PortNotFound`."""
    try:
        answer = fid.connect()
    except Exception as error:
        raise PortNotFound(f"wasatch: the handheld does not answer: {error}") from error
    if not answer.data:
        raise PortNotFound(f"wasatch: the handheld does not answer: {answer.error_msg or 'no reason given'}")


class WasatchLink:
    """Calls into the maker's object, one at a time, with our errors and a record of each.

    Parameters
    ----------
    open_fid
        Connects; called again after the handheld went away.
    """

    def __init__(self, open_fid: OpenFid) -> None:
        self.transcript = Transcript()
        self._open_fid = open_fid
        self._lock = threading.RLock()
        self._closed = False
        self._fid: Any = open_fid()
        self.eeprom: Any = self._fid.settings.eeprom
        """What the maker stored in the handheld."""
        self.serial = str(self.eeprom.serial_number).strip()

    @property
    def settings(self) -> Any:
        """The maker's view of the handheld's settings."""
        return self._living().settings

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a method of the maker's object and return the data of its answer.

        Calls are not locked against a spectrum under way: USB control transfers have an endpoint of their
        own, and the laser has to go off during an exposure.

        Raises
        ------
        ConnectionLost
            The handheld went away; the next call connects again.
        DeviceRefused
            The maker's code reports an error.
        """
        fid = self._living()
        self.transcript.record("w", f"{name}{arguments}".encode())
        try:
            answer = getattr(fid, name)(*arguments)
        # With raise_exceptions the maker's code lets PyUSB's errors, and its own, through.
        except Exception as error:
            self._lose()
            raise ConnectionLost(f"wasatch: the handheld went away in {name} ({error})") from error
        if fid.shutdown_requested or getattr(answer, "poison_pill", False):
            self._lose()
            raise ConnectionLost(f"wasatch: the handheld went away in {name}")
        data, words = getattr(answer, "data", None), getattr(answer, "error_msg", "")
        self.transcript.record("r", repr(data)[:4096].encode() if name != "get_spectrum" else b"spectrum")
        if words:
            raise DeviceRefused(f"wasatch: {name}: {words}")
        return data

    def close(self) -> None:
        """Let go of the handheld; may be called twice."""
        self._closed = True
        self._lose()

    def _living(self) -> Any:
        with self._lock:
            if self._closed:
                raise ConnectionLost("wasatch: already closed; open the device again")
            if self._fid is None:
                fid = self._open_fid()
                serial = str(fid.settings.eeprom.serial_number).strip()
                if serial != self.serial:
                    fid.disconnect()
                    raise ProtocolError(f"wasatch: {serial} answers where {self.serial} was")
                self._fid = fid
                self.transcript.note("connected again")
            return self._fid

    def _lose(self) -> None:
        with self._lock:
            fid, self._fid = self._fid, None
        if fid is not None:
            try:
                fid.disconnect()
            # It is gone already, or the maker's code stumbles over that; there is nothing left to let go of.
            except Exception as error:
                self.transcript.note(f"disconnect: {error}")
