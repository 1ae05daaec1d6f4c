"""The demonstration: every answer right, everything stopped, nothing left on."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from service.demo.parcels import PARCELS, sample_spectrum

ROOT = Path(__file__).resolve().parents[2]


def running(folder):
    """Return the processes whose command line or environment names a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


@pytest.mark.long
@pytest.mark.timeout(200)
def test_every_verdict_is_right_and_ctrl_c_ends_everything(opioscan_home, tmp_path):
    folder = tmp_path / "demo"
    command = [
        sys.executable,
        "-m",
        "service.cli.start",
        "demo",
        "--folder",
        str(folder),
        "--json",
        "--serve",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        *rows, where = [json.loads(process.stdout.readline()) for _ in range(len(PARCELS) + 1)]
        assert process.poll() is None
        pages = [urllib.request.urlopen(where[name], timeout=10).status for name in ("bench", "server")]
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
    assert pages == [200, 200]
    assert len(rows) >= 7
    assert all(row["right"] and row["emulated"] for row in rows), [row["wrong"] for row in rows]
    assert all(row["identification"]["training"] for row in rows)
    assert {row["outward"] for row in rows} == {"hold", "refer", "no_hold_requested"}
    assert all(Path(row["scan"]).is_file() for row in rows)
    assert float((folder / "light.log").read_text().splitlines()[-1].split()[1]) == 0.0
    deadline = time.monotonic() + 10
    while (left := running(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left


def test_judging_sees_each_kind_of_error():
    lactose = PARCELS[0]
    right = {
        "verdict": "no_alarm",
        "reasons": [],
        "components": [{"substance": "lactose", "role": "content"}],
    }
    assert lactose.judge(right) == ""
    assert "verdict" in lactose.judge({**right, "verdict": "inconclusive"})
    assert "content" in lactose.judge({**right, "components": []})
    empty = PARCELS[4]
    assert "reasons" in empty.judge({"verdict": "inconclusive", "reasons": [], "components": []})


def test_samples_are_labelled_as_derived():
    spectrum = sample_spectrum({"lactose": 0.5, "urea": 0.5})
    assert spectrum.intensity.max() == 1.0
    assert "derived" in spectrum.history[0]
