"""A pseudo-terminal as an emulated device's serial port, findable under a link that outlives its number."""

import asyncio
import errno
import os
import pty
import tty
from pathlib import Path

_READ_SIZE = 1 << 16


class PtyPort:
    """A pseudo-terminal in raw mode; its client opens it like a serial port.

    The slave side stays open here too: without that, the last client's close would give the emulator EIO.

    Parameters
    ----------
    link
        Symbolic link to keep pointing to the pseudo-terminal while it is plugged in; None for none. The
        kernel gives the number of a closed pseudo-terminal to whoever comes next, a link is nobody else's.
    """

    def __init__(self, link: Path | None = None) -> None:
        self.link = link
        self._fds: tuple[int, int] | None = None
        self._reading: asyncio.BaseTransport | None = None

    def plug(self) -> str:
        """Open a pseudo-terminal and return where clients find it.

        Raises
        ------
        OSError
            No pseudo-terminal is to be had, or the link cannot be made; something else is never replaced.
        """
        self._fds = pty.openpty()
        slave = self.plugged()
        tty.setraw(slave)
        path = os.ttyname(slave)
        if self.link is None:
            return path
        if os.path.lexists(self.link) and not self.link.is_symlink():
            raise FileExistsError(errno.EEXIST, f"{self.link} is no link, and is left alone")
        fresh = self.link.with_name(f".{self.link.name}.{os.getpid()}")
        fresh.symlink_to(path)
        fresh.replace(self.link)
        return str(self.link)

    def plugged(self) -> int:
        """Return the file descriptor of the client's side."""
        if self._fds is None:
            raise OSError(errno.ENODEV, "the emulated device is not plugged in")
        return self._fds[1]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return streams on the emulator's side."""
        if self._fds is None:
            raise OSError(errno.ENODEV, "the emulated device is not plugged in")
        master = self._fds[0]
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_READ_SIZE)
        read_end = os.fdopen(os.dup(master), "rb", buffering=0)
        self._reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), read_end
        )
        write_end = os.fdopen(os.dup(master), "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), write_end
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def unplug(self) -> None:
        """Take the port away: clients read the end of it, and the link is gone."""
        if self.link is not None and self._fds is not None and self.link.is_symlink():
            self.link.unlink(missing_ok=True)
        if self._reading is not None:
            self._reading.close()
            self._reading = None
        fds, self._fds = self._fds, None
        for fd in fds or ():
            os.close(fd)

    close = unplug
