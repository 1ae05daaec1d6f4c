"""An agent that is killed at any moment: nothing lost, nothing doubled, and the laser goes off."""

import os
import random
import signal
import threading
import time

import pytest

from library.methods import training_method
from service.bench.agent import Bench
from service.bench.client import BenchClient
from service.bench.operations import result_id
from service.bench.recovery import recover, unfinished
from service.errors import ServiceError
from service.settings import Settings
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
@pytest.mark.long
def test_kills_at_random_moments_lose_and_double_nothing(server, rig, manned, wait_until, quick):
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
        wait_until(lambda: client.status()["ready"], 30)
        # What the killed ones left goes first.
        wait_until(lambda: not client.status()["outbox"]["pending"], 60)
        assert client.scan("b1", "LAST", **quick)["posted"] == "posted"
    archive = manned.archive
    assert archive.verify() == []
    scans = {scan_id: archive.get(scan_id) for scan_id in archive.scan_ids()}
    kept = [name for name, scan in scans.items() if scan.role is Role.SAMPLE and not scan.aborted]
    counts = manned.outbox.counts()
    assert (counts["pending"], counts["refused"]) == (0, 0)
    posted = [result["result_id"] for result in server.get("/results", limit="200")["items"]]
    assert sorted(posted) == sorted(result_id(scan_id) for scan_id in kept)


def test_a_scan_that_was_archived_only_is_taken_up_again(rig, client, manned, prepared, opioscan_home, quick):
    """The one state a kill can leave that needs work, made on purpose."""
    rig.put("ibuprofen")
    answer = client.scan("b1", "ONLY-ARCHIVED", **quick)
    bench = Bench(Settings(opioscan_home), load=lambda: training_method(prepared))
    bench.archive.put_bytes(answer["scan_id"], manned.archive.read_bytes(answer["scan_id"]))
    (bench.archive.root / "00").mkdir(exist_ok=True)
    (bench.archive.root / "00" / ("00" * 32 + ".h5")).write_bytes(b"damaged")
    left = unfinished(bench.archive, bench.outbox)
    done = {one["scan_id"]: one for one in recover(bench, left)}
    assert done[answer["scan_id"]]["item"] == "ONLY-ARCHIVED"
    assert done[answer["scan_id"]]["verdict"]
    assert "no longer matches" in done["00" * 32]["trouble"]
    assert bench.outbox.has_result(answer["scan_id"])
    assert bench.outbox.state_of(f"complete:{answer['screening_id']}") is None, "nobody saw the verdict"
    assert unfinished(bench.archive, bench.outbox) == ("00" * 32,)
