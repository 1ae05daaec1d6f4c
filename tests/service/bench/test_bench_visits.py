"""Spots, attempts, blanks, countdowns and accessories that touch the sample: real emulators, a real agent."""

import json
import os
import re
import signal
import threading
import time

import httpx
import pytest

from instrument.errors import AcquisitionAborted
from service.bench.attempts import INTERRUPTED
from service.bench.refusals import AccessoryUnclean, BlankRefused, BlankUnusable, NothingOpen
from service.errors import AgentRefused, ServiceError, UsageError

#: Two seconds of the emulator's fast clock: time enough to stop in.
LONG = {"exposure_s": 40.0, "accumulations": 1}


@pytest.fixture
def visitor(visited):
    with visited.connect() as client:
        yield client


class Asked:
    """A scan under way, asked for in a thread."""

    def __init__(self, station, item: str, **options) -> None:
        self.error: Exception | None = None
        self._client = station.connect()
        self._thread = threading.Thread(target=self._run, args=(item,), kwargs=options)
        self._thread.start()

    def _run(self, item: str, **options) -> None:
        with self._client:
            try:
                self._client.scan("b1", item, **options)
            except Exception as error:
                self.error = error

    def ended(self) -> Exception | None:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.error


def tries(client, item: str) -> list[tuple]:
    seen = client.visit(item)["attempts"]
    return [(one["spot"], one["attempt"], one["state"], one["verdict"]) for one in seen]


def test_spots_of_an_item_belong_together_and_attempts_are_numbered(visited, visitor, quick):
    visited.rig.put("ibuprofen")
    first = visitor.scan("b1", "SPOTS", keep_open=True, **quick)
    again = visitor.scan("b1", "SPOTS", keep_open=True, **quick)
    assert [(one["spot"], one["attempt"]) for one in (first, again)] == [(1, 1), (1, 2)]
    assert first["screening_id"] == again["screening_id"]
    with pytest.raises(UsageError, match="attempt 2 at spot 1 was made before"):
        visitor.scan("b1", "SPOTS", attempt=2, keep_open=True, **quick)
    visited.rig.put("metamizole")
    second = visitor.scan("b1", "SPOTS", spot=2, attempt=4, keep_open=True, **quick)
    visited.rig.put("ibuprofen")
    last = visitor.scan("b1", "SPOTS", spot=2, **quick)
    visit = last["visit"]
    assert visit["screening"] == last["screening"] == "complete"
    assert [(one["spot"], one["attempt"]) for one in visit["attempts"]] == [(1, 1), (1, 2), (2, 4), (2, 5)]
    assert visit["attempts"][2]["named"] == "Metamizole"
    assert visit["attempts"][2]["result_id"] == second["result_id"]
    finding = visit["finding"]
    assert (finding["verdict"], finding["outward"]) == ("alarm_named", "hold"), "no later scan outvotes it"
    assert last["identification"]["verdict"] != "alarm_named"
    assert visited.archive.get(second["scan_id"]).attempt == 4
    assert visitor.visit("spots") == visit
    later = visitor.scan("b1", "SPOTS", **quick)
    assert (later["spot"], later["attempt"]) == (1, 1), "another visit begins anew"
    assert later["screening_id"] != first["screening_id"]
    with pytest.raises(NothingOpen, match="never scanned"):
        visitor.visit("NEVER")


def test_a_stopped_scan_uses_up_its_number(visited, visitor, wait_until, quick):
    visited.rig.put("ibuprofen")
    asked = Asked(visited, "STOPPED", keep_open=True, **LONG)
    visited.rig.wait_on()
    assert tries(visitor, "STOPPED") == [(1, 1, "begun", "")]
    visitor.abort()
    assert isinstance(asked.ended(), AcquisitionAborted)
    assert tries(visitor, "STOPPED") == [(1, 1, "aborted", "")]
    seen = visitor.visit("STOPPED")
    assert "stopped" in seen["attempts"][0]["words"]
    assert seen["finding"] is None
    assert visitor.scan("b1", "STOPPED", **quick)["attempt"] == 2


def test_a_killed_agent_leaves_its_attempt_on_record(visited, quick):
    visited.rig.put("ibuprofen")
    with visited.connect() as client:
        asked = Asked(visited, "KILLED", keep_open=True, **LONG)
        visited.rig.wait_on()
        os.kill(client.pid, signal.SIGKILL)
        visited.rig.dark_within(2.0, since_ns=time.monotonic_ns())
    assert isinstance(asked.ended(), ServiceError)
    with visited.connect() as client:
        assert tries(client, "KILLED") == [(1, 1, "aborted", "")]
        assert client.visit("KILLED")["attempts"][0]["words"] == INTERRUPTED
        assert client.scan("b1", "KILLED", **quick)["attempt"] == 2


def test_a_delayed_scan_counts_down_in_the_dark(visited, visitor, wait_until, quick):
    visited.rig.put("ibuprofen")
    before, asked_at = visited.rig.lit(), time.monotonic_ns()
    asked = Asked(visited, "DELAYED", delay_s=1.0, **quick)
    seen = []

    def counted() -> bool:
        found = visitor.questions("b1")["device"]
        seen.append(found)
        return found["activity"] is not None and found["activity"]["stage"] == "countdown"

    wait_until(counted)
    assert seen[-1]["activity"]["seconds_left"] == 1
    assert seen[-1]["activity"]["words"] == "countdown: 1 s"
    assert seen[-1]["laser"] == "off"
    assert asked.ended() is None
    on = [moment for moment, power in visited.rig.lit()[len(before) :] if power]
    assert on[0] - asked_at > 1e9
    stopped = Asked(visited, "DELAYED", delay_s=60, **quick)
    wait_until(counted)
    visitor.abort()
    assert isinstance(stopped.ended(), AcquisitionAborted)
    assert tries(visitor, "DELAYED") == [(1, 1, "aborted", "")], "a number is used up without a frame"
    with pytest.raises(UsageError, match="delay_s"):
        visitor.scan("b1", "DELAYED", delay_s=61, **quick)


def test_blanks_are_listed_renamed_and_retired(visited, visitor, quick):
    visited.rig.put("polyethylene")
    kept = visitor.blank("b1", "bag A", origin="lot 7", **quick)
    assert (kept["container"], kept["origin"]) == ("bag", "lot 7")
    assert visited.archive.get(kept["scan_id"]).name == "bag A"
    visitor.rename_blank("bag A", "bag B")
    listed = {one["name"]: one for one in visitor.blanks()}
    assert listed["bag B"]["scan_id"] == kept["scan_id"]
    assert {"container", "origin", "device", "taken_at", "expires_at", "expired"} <= set(listed["bag B"])
    assert "bag A" not in listed
    visitor.blank("b1", "bag C", **quick)
    with pytest.raises(UsageError, match="there is a blank 'bag C' already"):
        visitor.rename_blank("bag B", "bag C")
    used = visitor.scan("b1", "IN-BAG", blank="bag B", **quick)
    assert visited.archive.get(used["scan_id"]).presentation == "bag", "as the blank"
    assert visitor.retire_blank("bag B")["scan_id"] == kept["scan_id"]
    for refused in (lambda: visitor.retire_blank("bag B"), lambda: visitor.rename_blank("bag B", "x")):
        with pytest.raises(BlankUnusable, match="there is no blank 'bag B'"):
            refused()
    assert kept["scan_id"] in set(visited.archive.scan_ids()), "its scan stays"


def test_after_an_alarm_an_accessory_waits_for_a_clean_blank(visited, visitor, quick):
    rig = visited.rig
    rig.put("ibuprofen")
    harmless = visitor.scan("v1", "VIAL-0", **quick)
    assert visited.archive.get(harmless["scan_id"]).presentation == "vial"
    assert visitor.status()["accessories"] == []
    rig.put("metamizole")
    assert visitor.scan("v1", "VIAL-1", **quick)["identification"]["verdict"] == "alarm_named"
    visitor.stop_agent()
    with visited.connect() as client:
        assert client.status()["accessories"][0]["item"] == "VIAL-1"
        before = rig.lit()
        for name in ("v1", "b1"):
            with pytest.raises(AccessoryUnclean, match="clean the vial holder of v1"):
                client.scan(name, "VIAL-2", **quick)
        assert not any(power for _, power in rig.lit()[len(before) :])
        with pytest.raises(NothingOpen):
            client.visit("VIAL-2")
        rig.put("polyethylene")
        client.blank("v1", "a bag says nothing", presentation="bag", **quick)
        with pytest.raises(AccessoryUnclean):
            client.scan("v1", "VIAL-2", **quick)
        rig.put("metamizole")
        with pytest.raises(BlankRefused, match="not empty"):
            client.blank("v1", "dirty", **quick)
        assert client.status()["accessories"][0]["item"] == "", "the blank was not clean"
        assert "dirty" not in [one["name"] for one in client.blanks()]
        rig.put("polyethylene")
        assert client.blank("v1", "holder", **quick)["container"] == "vial"
        assert client.status()["accessories"] == []
        rig.put("ibuprofen")
        assert client.scan("v1", "VIAL-2", **quick)["attempt"] == 1


def test_a_soiled_accessory_locks_the_page(visited, visitor, wait_until, quick):
    visited.rig.put("metamizole")
    visitor.scan("v1", "PAGE-0", **quick)
    with httpx.Client(base_url=visitor.address, headers={"Origin": visitor.address}, timeout=30) as http:
        locked = http.get("/", params={"device": "v1"}).text
        assert "CLEAN THE VIAL HOLDER FIRST" in locked
        assert 'action="/screen"' not in locked
        assert 'href="/blanks?device=v1"' in locked
        # b1 is the same instrument under another name: the page learns that when it is asked to fire.
        form = http.get("/", params={"device": "b1"}).text
        assert "Clean the vial holder of v1" in form
        token = re.search(r'name="form_token" value="([^"]+)"', form).group(1)
        asked = {"form_token": token, "device": "b1", "item": "P", "energetic": "no", "eyewear": "yes"}
        run = http.post("/screen", data=asked).headers["location"]
        wait_until(lambda: "refresh" not in http.get(run).text)
        refused = http.get(run)
        assert 'href="/blanks?device=v1"' in refused.text, "the accessory's own device"
        assert (refused.status_code, "CLEAN WHAT TOUCHES THE SAMPLE FIRST" in refused.text) == (409, True)
        blank = http.get("/blanks", params={"device": "v1"}).text
        assert '<option value="vial" selected>' in blank
    visited.rig.put("polyethylene")
    visitor.blank("v1", "clean again", **quick)


def test_an_adaptive_scan_stops_when_decided_and_records_its_looks(visited, visitor):
    visited.rig.put("metamizole")
    answer = visitor.scan("b1", "ADAPTIVE", adaptive=True, exposure_s=1.0)
    scan = visited.archive.get(answer["scan_id"])
    assert scan.settings["adaptive"]["limit"] == 10
    assert scan.settings["adaptive"]["looks"]
    assert len(scan.counts) < 10
    assert answer["identification"]["verdict"] == "alarm_named"


def test_programs_on_the_command_line(visited, run_cli, quick):
    home = {"OPIOSCAN_HOME": str(visited.settings.home)}
    visited.rig.put("polyethylene")
    fast = ("--device", "b1", "--exposure", "1", "--accumulations", "1")
    blank = run_cli("scan", *fast, "--take-blank", "--blank", "cli bag", "--origin", "lot 9", env=home)
    assert blank.code == 0, blank.err
    assert "Blank 'cli bag' (bag) is kept" in blank.out
    listed = run_cli("bench", "blanks", "--json", env=home)
    found = {one["name"]: one for one in map(json.loads, listed.out.splitlines())}
    assert found["cli bag"]["origin"] == "lot 9"
    assert "origin: lot 9" in run_cli("bench", "blanks", env=home).out
    assert "'cli bag 2'" in run_cli("bench", "rename-blank", "cli bag", "cli bag 2", env=home).out
    assert run_cli("bench", "retire-blank", "cli bag 2", env=home).code == 0
    gone = run_cli("bench", "retire-blank", "cli bag 2", env=home)
    assert (gone.code, "there is no blank" in gone.err) == (4, True)

    visited.rig.put("polystyrene")
    verified = run_cli("verify", *fast, env=home)
    assert (verified.code, "PASS" in verified.out) == (0, True), verified.err
    assert "nobody was asked about laser eyewear\n" in verified.err

    visited.rig.put("ibuprofen")
    for spot in ("1", "2"):
        done = run_cli("scan", *fast, "--parcel", "CLI-1", "--spot", spot, "--keep-open", env=home)
        assert done.code == 0, done.err
    assert "spot 1, attempt 1: " in done.out
    assert "Whole parcel: " in done.out
    shown = run_cli("bench", "item", "CLI-1", env=home)
    assert "is open" in shown.out
    assert "spot 2, attempt 1: " in shown.out
    assert run_cli("bench", "finish", "CLI-1", env=home).code == 0
    assert json.loads(run_cli("bench", "item", "CLI-1", "--json", env=home).out)["screening"] == "complete"
    again = run_cli("bench", "finish", "CLI-1", env=home)
    assert (again.code, "no screening of CLI-1 is open" in again.err) == (4, True)


def test_what_cannot_be_tried_uses_up_no_number(visited, visitor, quick):
    with pytest.raises(AgentRefused, match="there is no blank"):
        visitor.scan("b1", "UNTRIED", blank="never taken", **quick)
    with pytest.raises(NothingOpen):
        visitor.visit("UNTRIED")
