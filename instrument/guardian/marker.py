"""The marker: a file that says, across the death of a guardian, that the laser was fired."""

import os
from pathlib import Path

from ..errors import DeviceRefused

#: A serial number is short; a longer file is not ours.
_MAX_BYTES = 256


class Marker:
    """A small file, written before the laser is fired and removed when it is verified off.

    Parameters
    ----------
    path
        Where it stands, beside the guardian's socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def present(self) -> bool:
        """Whether the laser was fired and never verified off since."""
        return os.path.lexists(self._path)

    @property
    def serial(self) -> str:
        """Serial number of the laser that was fired; empty where unknown."""
        try:
            with self._path.open("rb") as file:
                return file.read(_MAX_BYTES).decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def set(self, serial: str) -> None:
        """Put the marker on disk before firing.

        Raises
        ------
        DeviceRefused
            It cannot be written: then nothing is fired.
        """
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
        try:
            handle = os.open(self._path, flags, 0o600)
            try:
                os.write(handle, serial.encode()[:_MAX_BYTES])
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise DeviceRefused(f"not firing: {self._path} cannot be written ({error.strerror})") from error

    def clear(self) -> None:
        """Remove the marker: the laser was verified off."""
        self._path.unlink(missing_ok=True)
