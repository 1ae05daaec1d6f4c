"""Installing without internet, as the README says: a folder of wheels made here, an environment that sees nothing else."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from figures import Sheet, progress, run

#: An address nobody answers at: whoever asks for a package over the network fails at once.
_NOWHERE = "http://127.0.0.1:9/simple"


def measure(sheet: Sheet) -> None:
    """Make the folder, install from it with no index in reach, and run what was installed."""
    wheels, began = sheet.work / "wheels", time.monotonic()
    progress("downloading wheels")
    _run([sys.executable, "-m", "pip", "wheel", "-q", "-w", str(wheels), str(sheet.root)])
    made = time.monotonic() - began
    files = sorted(wheels.glob("*"))
    sheet.add(
        "everything in the folder is a wheel",
        "yes",
        "yes" if _all_wheels(files) else "no",
        passed=_all_wheels(files),
    )
    sheet.tell(
        "wheels",
        f"{len(files)}, {sum(one.stat().st_size for one in files) / 1e6:.0f} MB, made in {made:.0f} s",
    )
    progress("installing without an index")
    began = time.monotonic()
    environment = sheet.work / "venv"
    _run([sys.executable, "-m", "venv", str(environment)])
    pip = [
        str(environment / "bin" / "pip"),
        "install",
        "-q",
        "--no-index",
        "--find-links",
        str(wheels),
        "opioscan",
    ]
    _run(pip, PIP_INDEX_URL=_NOWHERE, PIP_EXTRA_INDEX_URL=_NOWHERE, PIP_CONFIG_FILE=os.devnull)
    sheet.tell("installed", f"in {time.monotonic() - began:.0f} s")
    program, home = str(environment / "bin" / "opioscan"), str(sheet.work / "home")
    _run([program, "--version"], OPIOSCAN_HOME=home)
    progress("the demo")
    _run([program, "demo"], OPIOSCAN_HOME=home)
    sheet.add("installed with no index, the demo runs", "exit 0", "exit 0", passed=True)
    told = _run([program, "token", "create", "--role", "admin", "--json"], OPIOSCAN_HOME=home)
    sheet.add(
        "the server's tools run",
        "a token",
        json.loads(told)["role"],
        passed=json.loads(told)["role"] == "admin",
    )


def _all_wheels(files: list[Path]) -> bool:
    return bool(files) and all(one.suffix == ".whl" for one in files)


def _run(command: list[str], **more: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **more}, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    run(measure)
