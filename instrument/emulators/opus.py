"""OPUS as a server of two pages, one request a connection: ``stat.htm`` and ``cmd.htm?opusrsCOMMAND``.

Facts: FINESSE (``opus_interface.py`` and its tests). Unproven: the numbers of errors, and what OPUS does with
requests that come too fast; here they wait.
"""

import asyncio
import html
import re
import time

from .ftir_program import FtirProgram, Phase
from .wire import Wire

#: Longest request believed, bytes.
MAX_REQUEST = 1 << 13
#: A client has so long to ask, and to hang up afterwards, s.
REQUEST_S, LINGER_S = 5.0, 5.0
_REQUEST = re.compile(rb"GET (/[\x21-\x7e]{0,500}) HTTP/1\.[01]\r\n")
_STATUS = "/opusrs/stat.htm"
_COMMAND = "/opusrs/cmd.htm?opusrs"
#: Number of the error of a command that is not possible now; chosen.
NOT_NOW = 9


class OpusServer:
    """The pages of one OPUS program.

    Parameters
    ----------
    program
        What they speak of.
    pace_s
        Least time between two answers, s.
    """

    def __init__(self, program: FtirProgram, *, pace_s: float) -> None:
        self._program, self._pace_s = program, pace_s
        self._ready_at = 0.0
        self._lock = asyncio.Lock()

    async def serve(self, wire: Wire) -> None:
        """Answer the one request of a connection."""
        self._program.faults = wire.faults
        request = await _read_request(wire)
        if request is None:
            return
        async with self._lock:
            await asyncio.sleep(max(0.0, self._ready_at - time.monotonic()))
            self._ready_at = time.monotonic() + self._pace_s
        self._program.check_cut()
        before = self._program.phase

        def refused(number: int | None) -> bytes:
            self._program.undo(before)
            return _reply(self.page(NOT_NOW if number is None else number, "refused"))

        await wire.reply(
            self.answer(request),
            refusal=refused,
            wrong=_reply("<html><body>Instrument configuration</body></html>\n"),
        )
        # Without the client's farewell, what a fault held back would look like a cut connection.
        while await wire.read_within(LINGER_S):
            pass

    def answer(self, request: bytes) -> bytes:
        """Return the reply to a request."""
        found = _REQUEST.match(request)
        if found is None:
            return _reply("<html><body>Bad request</body></html>\n", "400 Bad Request")
        path = found[1].decode("ascii")
        if path == _STATUS:
            return _reply(self.page())
        if not path.startswith(_COMMAND):
            return _reply("<html><body>Not found</body></html>\n", "404 Not Found")
        command = path.removeprefix(_COMMAND)
        possible = {
            "connect": self._program.connect,
            "start": self._program.start,
            "cancel": self._program.cancel,
        }
        if command not in possible:
            return _reply(self.page(1, f"{command[:40]}: unknown command"))
        if not possible[command]():
            return _reply(self.page(NOT_NOW, f"{command} is not possible now"))
        return _reply(self.page())

    def page(self, error: int | None = None, error_text: str = "") -> str:
        """Return the page of the present state, with an error where there is one."""
        phase = self._program.phase
        cells = {"STATUS": str(int(phase)), "TEXT": f"{_WORDS[phase]} (emulated)"}
        if error is not None:
            cells |= {"ERRCODE": str(error), "ERRTEXT": error_text}
        rows = "".join(f'<tr><td id="{name}">{html.escape(text)}</td></tr>\n' for name, text in cells.items())
        return f"<html>\n<head><title>OPUS</title></head>\n<body><table>\n{rows}</table></body>\n</html>\n"


_WORDS = {
    Phase.DISCONNECTED: "Idle",
    Phase.CONNECTING: "Connecting",
    Phase.CONNECTED: "Connected",
    Phase.MEASURING: "Measuring",
    Phase.FINISHING: "Finishing",
    Phase.CANCELLING: "Cancelling",
}


async def _read_request(wire: Wire) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = await wire.read_within(REQUEST_S)
        if not more or len(data) > MAX_REQUEST:
            return None
        data += more
    return data


def _reply(body: str, status: str = "200 OK") -> bytes:
    data = body.encode("utf-8")
    head = (
        f"HTTP/1.0 {status}",
        "Content-Type: text/html",
        f"Content-Length: {len(data)}",
        "Connection: close",
    )
    return "\r\n".join([*head, "", ""]).encode("ascii") + data
