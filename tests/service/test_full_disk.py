"""Archive and outbox on a disk that is really full: a small file system of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CODE = """
import sys
sys.path.insert(0, {root!r})
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_journal import make_scan, same
from service.archive.journal import Archive
from service.bench.outbox import Outbox, OutboxOp
from service.errors import DiskFull

folder = Path(sys.argv[1])
archive, outbox = Archive(folder / "archive"), Outbox(folder / "outbox.sqlite3")
try:
    archive.require_space(1)
except DiskFull:
    print("refused before firing")
kept = [archive.put(make_scan(10**6 + n)) for n in range(3)]
added = 0
try:
    for n in range(10000):
        outbox.add([OutboxOp(f"k{{n}}", "PUT", "/x", {{"text": "y" * 3000}})])
        added += 1
except DiskFull as error:
    print("outbox:", error)
try:
    for seed in range(10000):
        kept.append(archive.put(make_scan(seed), b"wire" * 5000))
except DiskFull as error:
    print("archive:", error)
assert kept and all(same(archive.get(each.scan_id), each.scan) for each in kept)
assert archive.verify() == []
assert not list(folder.rglob("*.tmp"))
kept[0].path.unlink()
kept[1].path.unlink()
assert outbox.counts()["pending"] == added
assert outbox.add([OutboxOp("after", "PUT", "/x", {{}})]) == 1
print("whole")
"""


def in_small_disk(folder, code):
    script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(folder), sys.executable]
    # Measuring coverage needs room on a disk of its own.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run([*command, code], capture_output=True, text=True, timeout=100, check=False, env=env)


def test_a_full_disk_loses_nothing_that_was_kept(tmp_path):
    if shutil.which("unshare") is None or in_small_disk(tmp_path, "").returncode:
        pytest.skip("this machine lets nobody mount a small file system (unshare, tmpfs)")
    done = in_small_disk(tmp_path, CODE.format(root=str(ROOT), tests=str(Path(__file__).parent)))
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "refused before firing"
    assert lines[1].startswith("outbox: no room for outbox.sqlite3")
    assert lines[2].startswith("archive: no room for")
    assert lines[3] == "whole"
