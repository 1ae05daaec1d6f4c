"""An agent that is killed at any moment: nothing lost, nothing doubled, and the laser goes off."""

import os
import random
import signal
import threading
import time

import pytest

from service.bench.client import BenchClient
from service.bench.operations import result_id
from service.errors import ServiceError
from spectra.values import Role

LIVES = 5
#: From the request to the posted result takes about this long on the emulated bench, s.
CYCLE_S = 1.2


def scan_until_killed(client: BenchClient, item: str, quick: dict) -> threading.Thread:
    def work() -> None:
        with client:
            try:
                client.scan("b1", item, **quick)
            except ServiceError:
                return

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.timeout(240)
def test_kills_at_random_moments_lose_and_double_nothing(server, rig, manned, quick):
    server.start()
    rig.put("ibuprofen")
    moments = random.Random(20261121)
    for life in range(LIVES):
        client = manned.connect()
        scanning = scan_until_killed(client, f"LIFE-{life}", quick)
        # One moment from each part of the cycle, so that few lives meet every stage.
        time.sleep(CYCLE_S * (life + moments.random()) / LIVES)
        killed = time.monotonic_ns()
        os.kill(client.pid, signal.SIGKILL)
        assert rig.dark_within(2.0, since_ns=killed) <= 2.0
        scanning.join(10)
        assert not scanning.is_alive()
    with manned.connect() as client:
        last = client.scan("b1", "LAST", **quick)
        assert last["posted"] == "posted"
        assert manned.outbox.counts() == {**manned.outbox.counts(), "pending": 0, "refused": 0}
        client.stop_agent()
    archive = manned.archive
    assert archive.verify() == []
    scans = {scan_id: archive.get(scan_id) for scan_id in archive.scan_ids()}
    kept = [name for name, scan in scans.items() if scan.role is Role.SAMPLE and not scan.aborted]
    posted = [result["result_id"] for result in server.get("/results", limit="200")["items"]]
    assert sorted(posted) == sorted(result_id(scan_id) for scan_id in kept)


def test_a_scan_that_was_archived_only_is_taken_up_again(rig, manned, quick):
    """The one state a kill can leave that needs work, made on purpose."""
    rig.put("ibuprofen")
    with manned.connect() as client:
        answer = client.scan("b1", "ONLY-ARCHIVED", keep_open=True, **quick)
        client.stop_agent()
    forgotten = manned.settings.outbox_path
    for path in forgotten.parent.glob(f"{forgotten.name}*"):
        path.unlink()
    with manned.connect() as client:
        deadline = time.monotonic() + 30
        while not client.status()["ready"] and time.monotonic() < deadline:
            time.sleep(0.05)
        recovered = {one["scan_id"]: one for one in client.status()["recovered"]}
        client.stop_agent()
    assert recovered[answer["scan_id"]]["verdict"] == answer["identification"]["verdict"]
    assert recovered[answer["scan_id"]]["item"] == "ONLY-ARCHIVED"
    assert manned.outbox.has_result(answer["scan_id"])
