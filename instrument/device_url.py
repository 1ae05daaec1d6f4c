"""A device URL taken apart: scheme, target and parameters, checked strictly."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from .errors import DeviceURLError

#: Longer than any address; a longer text is a mistake.
MAX_URL = 2048
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})


@dataclass(frozen=True, slots=True)
class DeviceURL:
    """A device URL taken apart."""

    text: str
    """As it was written."""
    scheme: str
    """Before ``://``, lower case."""
    target: str
    """Port, host and port, or VISA resource."""
    params: Mapping[str, str]
    """After ``?``, decoded."""

    @classmethod
    def parse(cls, text: str) -> "DeviceURL":
        """Take a URL apart.

        Raises
        ------
        DeviceURLError
            No scheme, no target, a parameter twice or empty, unprintable characters, or too long.
        """
        if len(text) > MAX_URL or not text.isprintable() or text != text.strip():
            raise DeviceURLError(f"not a device URL: {text[:80]!r}")
        try:
            parts = urlsplit(text)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError as error:
            raise DeviceURLError(f"{text}: not a device URL ({error})") from error
        params = dict(pairs)
        target = parts.netloc + parts.path
        if "://" not in text or not target or parts.fragment:
            raise DeviceURLError(
                f"{text!r}: not a device URL; write for example obp+serial:///dev/ttyUSB0?model=STS"
            )
        if len(params) != len(pairs) or not all(params.values()):
            raise DeviceURLError(f"{text}: a parameter is given twice or is empty")
        return cls(text, parts.scheme, target, MappingProxyType(params))

    @property
    def key(self) -> str:
        """Name its driver is registered under."""
        return f"visa/{self.need('driver')}" if self.scheme == "visa" else self.scheme

    @property
    def emulated(self) -> bool:
        """Whether the URL says that an emulator is at the other end."""
        word = self.params.get("emulated", "0").lower()
        if word not in _TRUE | _FALSE:
            raise DeviceURLError(f"{self.text}: emulated={word}; write 1 or 0")
        return word in _TRUE

    def need(self, name: str) -> str:
        """Return a parameter; raises `DeviceURLError` when it is missing."""
        if name not in self.params:
            raise DeviceURLError(f"{self.text}: add {name}=")
        return self.params[name]

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """Return a whole number within limits; raises `DeviceURLError`."""
        word = self.params.get(name, str(default))
        if not (word.isascii() and word.isdigit() and low <= int(word) <= high):
            raise DeviceURLError(f"{self.text}: {name}={word}; write a whole number from {low} to {high}")
        return int(word)

    def number(self, name: str, *, low: float, high: float) -> float | None:
        """Return a number within limits, None where the URL has none; raises `DeviceURLError`."""
        if name not in self.params:
            return None
        try:
            value = float(self.params[name])
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise DeviceURLError(
                f"{self.text}: {name}={self.params[name]}; write a number from {low:g} to {high:g}"
            )
        return value

    def serial_path(self) -> str:
        """Return the target as a serial port: an absolute path, or a name like ``COM3``."""
        if not self.target.startswith("/") and not self.target.upper().startswith("COM"):
            raise DeviceURLError(
                f"{self.text}: write the port with three slashes, {self.scheme}:///dev/ttyUSB0"
            )
        return self.target

    def host_port(self, default_port: int) -> tuple[str, int]:
        """Return the target as host and TCP port."""
        try:
            parts = urlsplit(f"//{self.target}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise DeviceURLError(f"{self.text}: {error}") from error
        if not host or parts.path:
            raise DeviceURLError(f"{self.text}: write {self.scheme}://HOST:PORT")
        return host, default_port if port is None else port

    def flag(self, name: str, default: bool) -> bool:
        """Return a switch written as 1 or 0; raises `DeviceURLError`."""
        word = self.params.get(name, "1" if default else "0").lower()
        if word not in _TRUE | _FALSE:
            raise DeviceURLError(f"{self.text}: {name}={word}; write 1 or 0")
        return word in _TRUE
