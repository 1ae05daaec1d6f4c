"""Where a bench fetches from: a folder, a stick or a share here; HTTP in ``service``.

A source hands bytes over and remembers what it handed over, so that a refusal can say what was wrong with it.
"""

import abc
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface

from .release_errors import RepositoryUnreachable, TooMuchData, TooSlow

#: Bytes read at a time.
CHUNK = 1 << 20

#: What metadata may have, and what is remembered of a file, bytes (TUF's bound for targets).
MAX_KEPT = 5_000_000

#: An update that takes longer is given up, s (chosen: a 2 GiB library over 30 Mbit/s).
MAX_UPDATE_S = 600.0

#: HTTP's word for a file that is not there; TUF ends the chain of roots with it.
NOT_FOUND = 404


class Source(FetcherInterface):
    """A place that methods come from.

    Parameters
    ----------
    address
        Address of the published folder, ending in a slash.
    name
        How people call it.
    timeout_s
        How long everything may take, s.
    """

    def __init__(self, address: str, name: str, *, timeout_s: float = MAX_UPDATE_S) -> None:
        self.address = address
        self.name = name
        self.last_url = ""
        self.last_data = b""
        self.last_length = 0
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s

    @property
    def metadata_url(self) -> str:
        """Address of the metadata."""
        return f"{self.address}metadata/"

    @property
    def targets_url(self) -> str:
        """Address of the files."""
        return f"{self.address}targets/"

    def close(self) -> None:
        """Let go of connections; a folder has none."""

    @abc.abstractmethod
    def chunks(self, url: str) -> Iterator[bytes]:
        """Yield a file in parts of at most `CHUNK` bytes.

        Raises
        ------
        DownloadHTTPError
            There is no such file.
        RepositoryUnreachable, DownloadTruncated, TooSlow
            It cannot be had.
        """
        raise NotImplementedError  # pragma: no cover

    def _fetch(self, url: str) -> Iterator[bytes]:
        kept = bytearray()
        self.last_url, self.last_data, self.last_length = url, b"", 0
        for chunk in self.chunks(url):
            self.last_length += len(chunk)
            kept += chunk[: MAX_KEPT - len(kept)]
            self.last_data = bytes(kept) if self.last_length <= MAX_KEPT else self.last_data
            # A length that the publishing key alone signed bounds nothing: that key can be stolen.
            if url.startswith(self.metadata_url) and self.last_length > MAX_KEPT:
                raise TooMuchData(f"{url} is longer than metadata may be: the update was refused")
            if time.monotonic() > self._deadline:
                raise TooSlow(
                    f"{self.name} took longer than {self._timeout_s:.0f} s: the update was given up, "
                    "nothing changed; try again, or carry the repository on a stick"
                )
            yield chunk


class FolderSource(Source):
    """A published repository in a folder."""

    def __init__(self, folder: Path, *, timeout_s: float = MAX_UPDATE_S) -> None:
        folder = folder.expanduser().absolute()
        if not (folder / "metadata").is_dir():
            raise RepositoryUnreachable(
                f"{folder} is no published repository: it has no folder metadata (is the stick in?)"
            )
        super().__init__(f"{folder.as_uri()}/", str(folder), timeout_s=timeout_s)

    def chunks(self, url: str) -> Iterator[bytes]:
        """Yield a file in parts; see `Source.chunks`."""
        path = url2pathname(urlsplit(url).path)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{path} is not there", NOT_FOUND) from error
        except OSError as error:
            raise RepositoryUnreachable(f"{path} cannot be read: {error.strerror}") from error
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise RepositoryUnreachable(f"{path} is no regular file")
            try:
                while chunk := file.read(CHUNK):
                    yield chunk
            except OSError as error:
                raise RepositoryUnreachable(f"{path} cannot be read: {error.strerror}") from error
