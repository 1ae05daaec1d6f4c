"""One message to one receiver: signed, to a judged address, in bounded time."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook as Signer

from ...settings import software_version
from ..settings import ServerSettings
from .addresses import AddressPolicy, AddressRefused, Resolver, Target, is_literal, system_resolver

#: What is read of an answer at most; nothing is done with it.
MAX_ANSWER_BYTES = 64 * 1024

#: A receiver that says this is there, and asks for patience (RFC 9110 and RFC 6585).
_BUSY = frozenset({408, 429, 502, 503, 504})

#: Longest `Retry-After` that is followed, s (chosen: an hour).
MAX_RETRY_AFTER_S = 3600.0

#: Threads that find addresses of names (chosen). A name server may take half a minute, and nobody can break
#: that off: the threads by which lines go to the database are not to wait for it.
_NAMES = ThreadPoolExecutor(16, thread_name_prefix="webhook-names")


class Answer(StrEnum):
    """What became of a message."""

    TAKEN = "taken"
    REFUSED = "refused"
    """The receiver is there and did not take it."""
    DOWN = "down"
    """No receiver in reach."""
    GONE = "gone"
    """The receiver wants nothing more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try."""

    answer: Answer
    """In a word."""
    status: int | None = None
    """HTTP status; None for no answer."""
    error: str = ""
    """Why it failed, in a sentence."""
    retry_after_s: float = 0.0
    """How long the receiver asks to be left alone, s."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is signed and sent."""

    message_id: str
    """The same at every try."""
    body: str
    """JSON."""

    @classmethod
    def of(cls, message_id: str, kind: str, timestamp: str, data: str) -> "Message":
        """Make the payload that the Standard Webhooks specification describes; the data are JSON text."""
        head = json.dumps({"type": kind, "timestamp": timestamp}, separators=(",", ":"))
        return cls(message_id, f'{head[:-1]},"data":{data}}}')

    def headers(self, secrets: Sequence[str], now: datetime) -> dict[str, str]:
        """Return the headers that prove where it comes from; each secret signs."""
        signed = [Signer(one).sign(self.message_id, now.astimezone(UTC), self.body) for one in secrets]
        return {
            "webhook-id": self.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signed),
        }


class Sender:
    """Sends messages to one receiver, over a connection that is kept.

    Parameters
    ----------
    settings
        Times, and where webhooks may go.
    resolve
        Finds the addresses of a name.
    """

    def __init__(self, settings: ServerSettings, resolve: Resolver = system_resolver) -> None:
        self._policy = AddressPolicy.of(settings)
        self._resolve = resolve
        self._seconds = settings.webhook_timeout_s
        ca = settings.webhook_ca_file
        # A client for one receiver: a pool tells connections apart by address and port, not by name.
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=None if ca is None else str(ca)),
            trust_env=False,
            follow_redirects=False,
            timeout=self._seconds,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
            headers={"User-Agent": f"opioscan/{software_version()}", "Accept-Encoding": "identity"},
        )

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def send(self, url: str, message: Message, secrets: Sequence[str]) -> Outcome:
        """Try once, and tell what became of it; never raises for what a receiver or a network does."""
        try:
            async with asyncio.timeout(self._seconds):
                target = await self._target(url)
                return await self._post(target, message, secrets)
        except AddressRefused as error:
            return Outcome(Answer.DOWN, error=str(error))
        except TimeoutError:
            return Outcome(Answer.DOWN, error=f"no answer within {self._seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, ssl.SSLError, OSError) as error:
            told = " ".join(str(error).split())[:200]
            return Outcome(Answer.DOWN, error=f"{type(error).__name__}: {told}".rstrip(": "))

    async def _target(self, url: str) -> Target:
        if self._resolve is system_resolver and is_literal(url):
            return self._policy.target(url, self._resolve)  # there is no name that could take time
        return await asyncio.get_running_loop().run_in_executor(
            _NAMES, self._policy.target, url, self._resolve
        )

    async def _post(self, target: Target, message: Message, secrets: Sequence[str]) -> Outcome:
        for number, address in enumerate(target.addresses, start=1):
            try:
                return await self._post_to(address, target, message, secrets)
            except httpx.ConnectError:
                if number == len(target.addresses):
                    raise
        raise AssertionError("a target has addresses")

    async def _post_to(
        self, address: str, target: Target, message: Message, secrets: Sequence[str]
    ) -> Outcome:
        parts = urlsplit(target.url)
        place = f"[{address}]" if ":" in address else address
        url = parts._replace(netloc=f"{place}:{target.port}").geturl()
        headers = {
            **message.headers(secrets, datetime.now(UTC)),
            "Host": parts.netloc,
            "Content-Type": "application/json",
        }
        # The connection goes to the judged address; certificate and server name stay those of the name.
        request = self._client.build_request(
            "POST",
            url,
            content=message.body.encode(),
            headers=headers,
            extensions={"sni_hostname": target.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            await _read_bounded(response)
            return _judge(response)
        finally:
            await response.aclose()


async def _read_bounded(response: httpx.Response) -> None:
    """Read an answer to its end, so that one that is cut off counts as none; or as much as we bear."""
    taken = 0
    async for part in response.aiter_raw():
        taken += len(part)
        if taken > MAX_ANSWER_BYTES:
            return


def _judge(response: httpx.Response) -> Outcome:
    status = response.status_code
    if 200 <= status < 300:
        return Outcome(Answer.TAKEN, status)
    if status == 410:
        return Outcome(Answer.GONE, status, "the receiver said 410: it wants nothing more")
    if 300 <= status < 400:
        return Outcome(Answer.REFUSED, status, f"redirects are never followed ({status}): change the URL")
    answer = Answer.DOWN if status in _BUSY else Answer.REFUSED
    wait = retry_after(response.headers.get("retry-after", ""), datetime.now(UTC))
    return Outcome(answer, status, f"the receiver answered {status}", wait)


def retry_after(value: str, now: datetime) -> float:
    """Return the wait that a `Retry-After` asks for, in seconds from 0 to an hour; 0 for none."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return min(float(value[:9]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)
