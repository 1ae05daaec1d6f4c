"""The control socket: change what stands before an emulator, or what befalls it, while it runs.

One JSON object a line in, one out: the emulator's state, with ``error`` when the message was refused.
"""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InstrumentError

#: Longest control line, bytes.
MAX_LINE = 1 << 16

Apply = Callable[[dict[str, Any]], dict[str, Any]]


def obey(line: bytes, apply: Apply) -> dict[str, Any]:
    """Carry out one control line and return the answer."""
    try:
        message = json.loads(line)
        if not isinstance(message, dict):
            return {"error": "a control message is one JSON object"}
        return apply(message)
    except (InstrumentError, ValueError, RecursionError) as error:
        return {"error": str(error)}


async def open_control(path: Path, apply: Apply) -> asyncio.Server:
    """Listen on a Unix socket only its owner may use."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(obey(line, apply)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return
        finally:
            writer.close()

    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(serve, path=path, limit=MAX_LINE)
    finally:
        os.umask(before)
