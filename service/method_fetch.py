"""Methods over HTTP: a source for `library.release_update`, bounded in time and bytes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
from tuf.api.exceptions import DownloadHTTPError

from library.release_errors import DownloadTruncated, MetadataDamaged, RepositoryUnreachable, TooSlow
from library.release_refusals import KEPT
from library.release_source import MAX_UPDATE_S, FolderSource, Source

from .errors import UsageError
from .settings import software_version

#: Longest wait for a connection and for the next bytes, s (chosen).
CONNECT_S, READ_S = 10.0, 20.0

_OK = 200


class HttpSource(Source):
    """A published repository on a web server; to be closed after use.

    No redirect is followed and nothing is decompressed: what is signed is exactly what is sent.
    """

    def __init__(self, address: str, *, timeout_s: float = MAX_UPDATE_S, read_s: float = READ_S) -> None:
        super().__init__(f"{address.rstrip('/')}/", address, timeout_s=timeout_s)
        self._client = httpx.Client(
            follow_redirects=False,
            timeout=httpx.Timeout(read_s, connect=CONNECT_S),
            headers={"Accept-Encoding": "identity", "User-Agent": f"opioscan/{software_version()}"},
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def chunks(self, url: str) -> Iterator[bytes]:
        """Yield a file in parts; see `Source.chunks`."""
        try:
            with self._client.stream("GET", url) as answer:
                self._check(answer, url)
                # As it comes: gathering larger parts would be waiting, with no look at the deadline.
                yield from answer.iter_raw()
        except httpx.TimeoutException as error:
            raise TooSlow(
                f"{self.name} does not answer in time for {url}: try again later; {KEPT}"
            ) from error
        except httpx.RemoteProtocolError as error:
            raise DownloadTruncated(f"{url} was cut off by {self.name}: fetch it again; {KEPT}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RepositoryUnreachable(f"{self.name} cannot be reached: {error}; {KEPT}") from error

    def _check(self, answer: httpx.Response, url: str) -> None:
        if answer.status_code != _OK:
            raise DownloadHTTPError(f"{url}: HTTP {answer.status_code}", answer.status_code)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise MetadataDamaged(f"{self.name} compresses {url}: switch compression off there; {KEPT}")


def open_source(given: str, *, timeout_s: float = MAX_UPDATE_S) -> Source:
    """Return the source that an address means: a folder, ``file://``, ``http://`` or ``https://``.

    Raises
    ------
    UsageError
        It is none of them.
    RepositoryUnreachable
        A folder that is no published repository.
    """
    try:
        parts = urlsplit(given)
    except ValueError as error:
        raise UsageError(f"{given!r:.200} is no address") from error
    if parts.scheme in {"http", "https"}:
        if not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{given!r:.200} is not the address of a folder on a server")
        return HttpSource(given, timeout_s=timeout_s)
    if parts.scheme == "file":
        return FolderSource(Path(url2pathname(parts.path)), timeout_s=timeout_s)
    if parts.scheme and "://" in given:
        raise UsageError(f"{given!r:.200}: methods come from a folder, file://, http:// or https://")
    return FolderSource(Path(given), timeout_s=timeout_s)
