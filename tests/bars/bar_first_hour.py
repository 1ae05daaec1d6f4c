"""An integrator's first hour, typed from the page alone: every step with its time."""

import json
import os
import subprocess
import sys
import time

import httpx
from figures import Sheet, progress, run
from transcript import PageStep, Shell, shell, steps_of

#: Longest that all commands together may take, s: a newcomer reads, the server must not be waited for (chosen).
LONGEST_S = 60.0
#: The whole server: what a newcomer has in front of him, with its own machine allowed as a receiver.
_SERVER = """
import json, sys, threading
from pathlib import Path
from service.api.database import Database
from service.api.permissions import Role
from service.api.run import run_server
from service.api.settings import ServerSettings
from service.api.tokens.repository import create_token

folder = Path(sys.argv[1])
fields = ServerSettings.__dataclass_fields__
more = {"webhook_allow_private": True} if "webhook_allow_private" in fields else {}
settings = ServerSettings(folder / "opioscan.sqlite3", folder / "scans", **more)
with Database(settings.db_path) as database, database.write("bar") as change:
    secret, _ = create_token(change, Role.PARCEL_SYSTEM, name="my parcel system")
run_server(settings, 0, lambda url: print(json.dumps([url, secret]), flush=True))
"""


def measure(sheet: Sheet) -> None:
    """Serve, read the page, type its commands in order, and look for what it promises."""
    command = [sys.executable, "-c", _SERVER, str(sheet.work / "server")]
    environment = {**os.environ, "PYTHONPATH": str(sheet.root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            url, secret = _told(server.stdout.readline())
            page = httpx.get(f"{url}/docs", timeout=30).text
            steps = steps_of(page)
            with shell({"OPIOSCAN_TOKEN": secret, "TMPDIR": str(sheet.work)}) as terminal:
                rows = [_step(sheet, terminal, one) for one in steps]
        finally:
            server.terminate()
    sheet.table(["step", "promised", "kept", "s"], [row[:4] for row in rows])
    kept = sum(row[2] == "yes" for row in rows)
    sheet.all_of("steps of the page that came out as promised", kept, len(rows), want=len(rows))
    named = {one.name for one in steps}
    whole = {"parcel", "webhook", "delivered", "alarm", "disposition"}
    sheet.add(
        "sandbox parcel, webhook, completed screening and disposition are on the page",
        "all",
        ", ".join(sorted(whole & named)),
        passed=whole <= named,
    )
    sheet.at_most("all commands together", LONGEST_S, sum(float(row[3]) for row in rows))


def _told(line: str) -> tuple[str, str]:
    url, secret = json.loads(line)
    return url, secret


def _step(sheet: Sheet, terminal: Shell, step: PageStep) -> list[str]:
    progress(f"typing: {step.name}")
    began = time.perf_counter()
    wrote = terminal.type(step.command, limit_s=LONGEST_S)
    took = time.perf_counter() - began
    missing = [one for one in step.promises if one not in wrote]
    if missing:
        sheet.facts[step.name] = {"typed": step.command, "wrote": wrote, "missing": missing}
    return [step.name, ", ".join(step.promises), "no" if missing else "yes", f"{took:.2f}"]


if __name__ == "__main__":
    run(measure)
