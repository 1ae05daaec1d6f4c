"""Updates and releases killed at random moments, in processes of their own; the bar does it a hundred times."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_kill_leaves_the_old_state_or_the_new_one(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "tests/bars/release_kills.py", "--work", tmp_path, "--kills", "3"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: one["wrong"] for name, one in found.items()} == {"update": [], "release": []}
    assert all(sum(one["outcomes"].values()) == 3 for one in found.values())
