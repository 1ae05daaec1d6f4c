"""What a device's files add to an archived scan: the file it wrote, and the reports beside it.

The scan names each by name, digest and size in its settings, so that its content address covers them; the
bytes stand in parts of their own in the scan's file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from spectra.digest import bytes_digest
from spectra.values import Scan

from ..errors import ArchiveError, ScanDamaged

#: Most bytes of one attached file: no larger file is read as a spectrum.
MAX_ATTACHED_BYTES = 32 * 1024 * 1024
#: Most reports beside one file: chosen, a device writes one or two.
MAX_SIDECARS = 8
#: Longest name kept: no common file system allows more.
MAX_NAME = 255

_ORIGINAL = "original"
_SIDECARS = tuple(f"sidecar_{number}" for number in range(1, MAX_SIDECARS + 1))
#: Names of the parts in a scan's file.
ATTACHMENTS = frozenset({_ORIGINAL, *_SIDECARS})


class DeviceFile(Protocol):
    """A file of a device, as drivers hand it in."""

    @property
    def name(self) -> str:
        """Its name, without a folder."""
        ...

    @property
    def data(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def format(self) -> str:
        """Format as its reader calls it; empty where nobody read it."""
        ...


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a device, as it was kept."""

    name: str
    """Its name, without a folder."""
    data: bytes
    """Its bytes."""
    format: str = ""
    """Format as its reader called it; empty where nobody read it."""


@dataclass(frozen=True, slots=True)
class Attached:
    """The device's files of one scan."""

    original: DeviceFile | None = None
    """The file the spectrum came from."""
    sidecars: tuple[DeviceFile, ...] = ()
    """Reports beside it."""

    def named_in(self, scan: Scan) -> Scan:
        """Return the scan with these files named in its settings.

        Raises
        ------
        ArchiveError
            The scan names other files, or a file is too large, has no plain name, or is one too many.
        """
        settings = dict(scan.settings)
        if self.original is not None:
            settings["original"] = _consistent(settings.get("original"), _described(self.original))
        if len(self.sidecars) > MAX_SIDECARS:
            raise ArchiveError(f"{len(self.sidecars)} files beside one spectrum; at most {MAX_SIDECARS}")
        if self.sidecars:
            settings["sidecars"] = [_described(one) for one in self.sidecars]
        return scan if settings == scan.settings else replace(scan, settings=settings)

    def parts(self) -> dict[str, bytes]:
        """Return the bytes by the name of their part."""
        found = dict(zip(_SIDECARS, (one.data for one in self.sidecars), strict=False))
        return found if self.original is None else {_ORIGINAL: self.original.data, **found}

    @classmethod
    def named_by(cls, settings: Mapping[str, Any], parts: Mapping[str, bytes]) -> Self:
        """Return the files in the parts of a scan's file.

        Raises
        ------
        ScanDamaged
            A part that the settings do not name, or with another digest.
        """
        original = parts.get(_ORIGINAL)
        held = [parts[name] for name in _SIDECARS if name in parts]
        named = settings.get("sidecars", [])
        if held and not (isinstance(named, list) and len(named) == len(held)):
            raise ScanDamaged("the scan does not name the reports kept with it")
        return cls(
            None if original is None else _checked(settings.get("original"), original),
            tuple(_checked(head, data) for head, data in zip(named, held, strict=False)),
        )


def _described(file: DeviceFile) -> dict[str, Any]:
    name = file.name
    if not name or len(name) > MAX_NAME or not name.isprintable() or "/" in name or name in {".", ".."}:
        raise ArchiveError(f"{name[:80]!r} is no plain file name")
    if not 0 < len(file.data) <= MAX_ATTACHED_BYTES:
        raise ArchiveError(f"{name}: {len(file.data)} bytes; a device's file has 1 to {MAX_ATTACHED_BYTES}")
    return {
        "name": name,
        "sha256": bytes_digest(file.data),
        "format": file.format,
        "bytes": len(file.data),
    }


def _consistent(said: Any, true: dict[str, Any]) -> dict[str, Any]:
    if said is not None and not (isinstance(said, dict) and said.get("sha256") == true["sha256"]):
        raise ArchiveError("the scan names another original file than the one given with it")
    return true


def _checked(head: Any, data: bytes) -> KeptFile:
    if not isinstance(head, dict) or head.get("sha256") != bytes_digest(data):
        raise ScanDamaged("a device's file kept with the scan is not the one the scan names")
    name, form = head.get("name"), head.get("format", "")
    if not (isinstance(name, str) and isinstance(form, str)):
        raise ScanDamaged("the scan does not name the device's file kept with it")
    return KeptFile(name, data, form)
