"""``emulate put``: another sample or a lamp before the probe of an emulator that runs, as a hand would."""

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import Any

#: An answer takes milliseconds; reading a large spectrum file takes longer, s. Chosen.
TIMEOUT_S = 10.0


def main(words: list[str]) -> int:
    """Put a sample or a lamp before the probe; return the exit status: 0 done, 2 for what it does not take.

    3 says that no emulator listens there.
    """
    parser = argparse.ArgumentParser(
        prog="emulate put", description="Put a sample before an emulator's probe."
    )
    parser.add_argument("control", type=Path, metavar="SOCKET", help="what the emulator got as --control")
    parser.add_argument("sample", metavar="FILE", help="spectrum file, or 'nothing'")
    parser.add_argument("--brightness", type=float, metavar="X", help="of the sample")
    parser.add_argument("--lamp", metavar="NAME", help="lamp to light, or 'nothing' to put it out")
    asked = parser.parse_args(words)
    sample = None if asked.sample == "nothing" else str(Path(asked.sample).absolute())
    message: dict[str, Any] = {"sample": sample}
    message |= {} if asked.brightness is None else {"brightness": asked.brightness}
    if asked.lamp is not None:
        message["lamp"] = None if asked.lamp == "nothing" else asked.lamp
    try:
        answer = tell(asked.control, message)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"emulate: no emulator answers at {asked.control}: {error}\n")
        return 3
    if "error" in answer:
        sys.stderr.write(f"emulate: {answer['error']}\n")
        return 2
    return 0


def tell(control: Path, message: dict[str, Any]) -> dict[str, Any]:
    """Send one message to an emulator's control socket and return its answer.

    Raises
    ------
    OSError
        Nothing listens there, or it does not answer.
    ValueError
        What answers is no emulator.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(TIMEOUT_S)
        line.connect(str(control))
        line.sendall(json.dumps(message).encode() + b"\n")
        with line.makefile("rb") as answers:
            answer = json.loads(answers.readline())
    return answer if isinstance(answer, dict) else {"error": "this is no emulator's answer"}
