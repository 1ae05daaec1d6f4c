"""A server as a process of its own for bars, its database filled beforehand, and what it uses of the machine."""

import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from service.api.database import Database
from service.api.permissions import Role
from service.api.screenings.bodies import ScreeningBody
from service.api.screenings.repository import open_screening
from service.api.tables import ScanFile
from service.api.tokens.repository import create_token
from spectra.digest import bytes_digest

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
#: Rows in one transaction while a database is filled.
_BATCH = 500


@dataclass(slots=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    address: str

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    def busy(self) -> float:
        """Return the processor time used so far, s."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self, what: str = "VmRSS") -> float:
        """Return memory in use (``VmRSS``) or at most in use so far (``VmHWM``), MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        with suppress(ValueError):
            self.process.communicate(timeout=10)


def start_server(home: Path, *options: str, **more: str) -> Server:
    """Start ``opioscan serve`` for a home folder, and return it when it answers."""
    # The server is measured, not the rate it grants a token.
    limits = {"OPIOSCAN_RATE_PER_S": "0"}
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(home), **limits, **more}
    command = [sys.executable, "-m", "service.cli.start", "serve", "--port", "0", "--json", *options]
    process = subprocess.Popen(command, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit("the server did not start")
    return Server(process, json.loads(line)["address"])


def make_tokens(database: Database, *roles: Role) -> dict[Role, str]:
    """Make a token of each role and return the secrets."""
    with database.write("bar") as change:
        return {role: create_token(change, role)[0] for role in roles}


def put_screenings(database: Database, results: int, each: int = 3) -> list[list[str]]:
    """Open screenings and note a scan for each result to come; return screening and scan of each.

    The scans are noted as the server notes them; their bytes, which no route of results reads, are not made.
    """
    places: list[list[str]] = []
    while len(places) < results:
        with database.write("bar") as change:
            for _ in range(min(_BATCH, results - len(places)) // each + 1):
                screening_id = str(uuid.uuid4())
                body = ScreeningBody.model_validate(
                    {"item_id": uuid.uuid4().hex, "item_id_type": "carrier", "bench": "bench-1"}
                )
                open_screening(change, screening_id, body)
                places += [[screening_id, _scan(change, screening_id, one + 1)] for one in range(each)]
    return places[:results]


def _scan(change: Any, screening_id: str, attempt: int) -> str:
    scan_id = bytes_digest(os.urandom(32))
    row = ScanFile(
        scan_id=scan_id,
        size=400_000,
        role="sample",
        screening_id=screening_id,
        spot=1,
        attempt=attempt,
        emulated=True,
        taken_at="2026-11-21T12:00:00Z",
        received_at=change.now,
        blank_id="",
    )
    change.session.add(row)
    data = {"scan_id": scan_id, "size": row.size, "role": row.role, "emulated": True}
    change.record("scan.stored", f"scans/{scan_id}", data)
    return scan_id


def result_body() -> str:
    """Return the body of a result of everyday size, with places for screening and scan."""
    names = ["Metamizole", "Ibuprofen", "Lactose", "Mannitol", "Caffeine", "Paracetamol", "Sucrose", "Starch"]
    component = {
        "substance": "Ibuprofen",
        "reference_id": "starter-12",
        "role": "content",
        "controlled": False,
        "class": "cutting_agent",
        "evidence": "derived",
        "spectral_share": 0.22,
        "statistic": 13146.0,
        "p_value": 0.0026,
        "hqi": 0.94,
        "shift_cm1": 0.8,
        "bands_cm1": [745, 834, 1609],
        "alternatives": [],
        "watch_list": False,
    }
    found = {
        "schema": "opioscan.identification/1",
        "source": "@SCAN@",
        "scan_id": "@SCAN@",
        "technique": "raman",
        "laser_nm": 785.0,
        "training": True,
        "verdict": "no_alarm",
        "reasons": [],
        "components": [component],
        "ranking": [
            {"substance": name, "reference_id": f"starter-{number}", "hqi": 0.9 - number / 10}
            for number, name in enumerate(names)
        ],
        "classes": [{"class": "fentanyl_analogue", "detected": False, "p_value": None, "basis": "untrained"}],
        "not_excluded": [{"substance": name, "detectable_share": 0.08} for name in names[:2]],
        "quality": {
            "snr": 212.0,
            "saturated": False,
            "fluorescence_ratio": 3.1,
            "coverage_cm1": [400.0, 1800.0],
            "explained": 0.97,
        },
        "provenance": {
            "method": {"name": "training", "version": 1, "digest": "a" * 64},
            "library": {"name": "starter", "digest": "b" * 64},
            "recipe": {"name": "raman-default", "digest": "c" * 64},
            "calibration": {"id": "d" * 64, "verified_at": "2026-11-21T11:00:00Z"},
            "false_alarm_rate": 0.01,
            "null_count": 3000,
            "software": "opioscan 0.1.0",
            "build": "",
        },
        "created_at": "2026-11-21T12:00:00Z",
    }
    device = {"model": "STS", "serial": "S1", "firmware": "1.0", "url": "", "emulated": True}
    body = {"screening_id": "@SCREENING@", "scan_id": "@SCAN@", "identification": found, "device": device}
    return json.dumps({**body, "operator": "A. Jansen"})
