"""Exported files at the bench: nothing joins an item by time, nothing is lost, both answers are shown."""

import json
import shutil
import socket
import sqlite3
import threading
from contextlib import closing

import httpx
import pytest
import uvicorn

from calibration.errors import UnknownStandard
from calibration.outcomes import AxisOutcome, LineFit
from calibration.record import CalibrationRecord, Kind, StandardUsed
from instrument.config import BenchConfig, save_device
from instrument.drop_folder import Arrival, Source, arrival_scans
from instrument.drop_folder.arrivals import ArrivedFile
from instrument.drop_folder.keeping import digest_of
from library.errors import LibraryError
from library.methods import training_method
from service.archive.attached import Attached
from service.bench import drop_watching
from service.bench.agent import Bench
from service.bench.app import create_bench_app
from service.bench.drop import DropDesk
from service.bench.drop_compare import compare
from service.bench.drop_pages import api_routes, routes
from service.bench.drop_queue import Drop, DropQueue, DropUnknown
from service.bench.recovery import unfinished
from service.bench.refusals import BlankUnusable, NothingOpen, NotSignedIn
from service.bench.status import describe
from service.errors import OutboxError, UsageError
from service.settings import Settings
from spectra.values import Role

ITEM = "RR123456785GB"


@pytest.fixture(scope="module")
def method(prepared):
    return training_method(prepared)


class Stand:
    """A bench with one watched folder, without HTTP."""

    def __init__(self, home, folder, samples, method, params=""):
        self.folder, self.samples = folder, samples
        folder.mkdir(exist_ok=True)
        self.settings = Settings(home, bench_port=0)
        url = f"folder://{folder}?settle_s=0.05{params}"
        save_device(home / "devices.toml", BenchConfig("h1", url, None, None))
        self.bench = Bench(self.settings, load=lambda: method)
        self.desk = DropDesk(self.bench)
        self.bench.drops = self.desk

    def export(self, sample, name, **records):
        """Let the device export a measurement, each one different by a record of its own."""
        text = (self.samples / f"{sample}.jdx").read_text()
        lines = "".join(f"##{key.replace('_', ' ')}={value}\n" for key, value in records.items())
        lines += f"##$NAME={name}\n##$SERIAL NUMBER=H-1\n##SPECTROMETER/DATA SYSTEM=Handheld X\n"
        first, rest = text.split("\n", 1)
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{first}\n{lines}{rest}")

    def end(self):
        self.desk.end()
        self.bench.close()


@pytest.fixture
def stand(tmp_path, samples, method, monkeypatch, wait_until):
    monkeypatch.setattr(drop_watching, "POLL_S", 0.01)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    stand = Stand(home, tmp_path / "export", samples, method)
    stand.desk.start()
    stand.waits = lambda count: wait_until(lambda: len(stand.desk.queue()) == count, 20) or stand.desk.queue()
    yield stand
    stand.end()
    shutil.rmtree(stand.settings.runtime_dir, ignore_errors=True)


def test_a_dropped_scan_waits_though_an_item_is_open(stand):
    stand.desk.open_item(ITEM)
    stand.export("metamizole", "run1.jdx", **{"$RESULT": "Ibuprofen", "$SCORE": "0.91"})
    (waiting,) = stand.waits(1)
    assert (waiting["file"], waiting["device"], waiting["state"]) == ("run1.jdx", "h1", "waiting")
    assert (waiting["model"], waiting["serial"]) == ("Handheld X", "H-1")
    assert waiting["device_answer"]["name"] == "Ibuprofen"
    raw = stand.bench.archive.get(waiting["scan_id"])
    assert (raw.item, raw.screening_id) == ("", ""), "raw first, of no item"
    assert stand.bench.archive.original(waiting["scan_id"])[0] == "run1.jdx"
    assert stand.bench.outbox.pending() == ()

    answer = stand.desk.join(waiting["scan_id"][:10], "rr 123 456 785 gb", presentation="bag")
    assert answer["identification"]["verdict"] == "alarm_named"
    assert answer["item"] == ITEM
    assert (answer["spot"], answer["attempt"], answer["screening"]) == (1, 1, "open")
    both = answer["comparison"]
    assert (both["relation"], both["device"], both["figure"]) == ("disagreement", "Ibuprofen", 0.91)
    assert "DISAGREE" in both["words"]
    scan = stand.bench.archive.get(answer["scan_id"])
    assert scan.settings["comparison"] == both
    assert scan.settings["arrived_as"] == waiting["scan_id"]
    assert scan.settings["joined_by"] == "the officer at the bench"
    assert scan.presentation == "bag"
    assert stand.bench.archive.original(answer["scan_id"]) == stand.bench.archive.original(waiting["scan_id"])
    keys = [op.key.partition(":")[0] for op in stand.bench.outbox.pending()]
    assert keys == ["screening", "method", "scan", "result"]
    assert stand.desk.queue() == []
    (settled,) = stand.desk.settled()
    assert settled["outcome"]["identification"]["verdict"] == "alarm_named"
    with pytest.raises(DropUnknown, match="settled before"):
        stand.desk.join(waiting["scan_id"], ITEM)
    assert unfinished(stand.bench.archive, stand.bench.outbox) == (waiting["scan_id"],)

    stand.export("metamizole", "run2.jdx", **{"$RESULT": "Dipyrone"})
    (second,) = stand.waits(1)
    again = stand.desk.join(second["scan_id"], ITEM, complete=True)
    assert (again["attempt"], again["screening"]) == (2, "complete")
    assert again["comparison"]["relation"] == "agreement"


def test_the_exact_identifier_in_the_file_joins_and_nothing_less(stand, wait_until):
    stand.desk.open_item(ITEM)
    stand.export("polyethylene", "a.jdx", **{"$ITEM": "RR123456785G"})
    stand.export("polyethylene", "b.jdx", **{"$ITEM": "RR473124829DE"})
    stand.export("polyethylene", f"{ITEM}.jdx")
    assert {one["file"] for one in stand.waits(3)} == {"a.jdx", "b.jdx", f"{ITEM}.jdx"}
    stand.export("ibuprofen", "c.jdx", **{"$ITEM": ITEM.lower()})
    wait_until(lambda: stand.desk.settled(), 20)
    (joined,) = stand.desk.settled()
    assert joined["file"] == "c.jdx"
    wait_until(lambda: "identification" in stand.desk.settled()[0]["outcome"], 20)
    outcome = stand.desk.settled()[0]["outcome"]
    scan = stand.bench.archive.get(outcome["scan_id"])
    assert scan.item == ITEM
    assert scan.settings["joined_by"] == "the item's identifier in the file"
    assert outcome["screening"] == "open", "only a person completes"
    assert len(stand.desk.queue()) == 3


def test_two_open_items_named_in_one_file_join_none(stand):
    stand.desk.open_item(ITEM)
    stand.desk.open_item("BOX 12")
    stand.export("polyethylene", "a.jdx", **{"$ITEM": ITEM, "$SAMPLE ID": "box 12"})
    assert stand.waits(1)[0]["items_in_file"] == [ITEM, "box 12"]


def test_a_label_that_cannot_be_joined_leaves_the_scan_waiting(stand, monkeypatch, wait_until):
    stand.desk.open_item(ITEM)
    tried = []

    def fails():
        tried.append(1)
        raise LibraryError("no method today")

    monkeypatch.setattr(stand.bench, "method", fails)
    stand.export("polyethylene", "long.jdx", **{"$ITEM": "x" * 100})
    stand.export("polyethylene", "a.jdx", **{"$ITEM": ITEM})
    wait_until(lambda: tried, 20)
    assert len(stand.waits(2)) == 2
    monkeypatch.undo()


def test_where_officers_sign_in_a_scan_joins_under_the_name_of_one(stand):
    stand.export("metamizole", "run1.jdx")
    (waiting,) = stand.waits(1)
    stand.desk.open_item(ITEM)
    stand.bench.officers.add("Anna Jansen", "NL-4711-77", "270153")
    with pytest.raises(NotSignedIn):
        stand.desk.join(waiting["scan_id"], ITEM)
    assert len(stand.desk.queue()) == 1
    stand.bench.signing_in.sign_in("NL-4711-77", "270153")
    answer = stand.desk.join(waiting["scan_id"], ITEM)
    (attempt,) = stand.bench.visit(ITEM)["attempts"]
    assert (attempt["operator"], attempt["scan_id"]) == ("Anna Jansen", answer["scan_id"])


def test_joining_needs_an_open_item_and_a_usable_blank(stand):
    stand.export("polyethylene", "a.jdx")
    (waiting,) = stand.waits(1)
    with pytest.raises(NothingOpen, match="open the item first"):
        stand.desk.join(waiting["scan_id"], ITEM)
    stand.desk.open_item(ITEM)
    with pytest.raises(BlankUnusable):
        stand.desk.join(waiting["scan_id"], ITEM, blank="none such")
    with pytest.raises(UsageError, match="barcode"):
        stand.desk.open_item("  ")
    with pytest.raises(DropUnknown):
        stand.desk.join("abcdef", ITEM)
    assert len(stand.desk.queue()) == 1


def test_discarding_keeps_the_scan_and_the_reason(stand):
    stand.export("polyethylene", "a.jdx")
    (waiting,) = stand.waits(1)
    stand.desk.discard(waiting["scan_id"], "demonstration for visitors")
    assert stand.desk.queue() == []
    (settled,) = stand.desk.settled()
    assert (settled["state"], settled["outcome"]["reason"]) == ("discarded", "demonstration for visitors")
    assert waiting["scan_id"] in stand.bench.archive
    assert stand.desk.drop(waiting["scan_id"])["state"] == "discarded"
    assert stand.desk.drop("0" * 64) is None


def test_the_instrument_is_verified_by_an_exported_polystyrene_scan(stand):
    stand.export("polystyrene", "ps.jdx")
    (waiting,) = stand.waits(1)
    with pytest.raises(UnknownStandard):
        stand.desk.verify(waiting["scan_id"], "kryptonite")
    done = stand.desk.verify(waiting["scan_id"])
    assert done["passed"], done
    assert done["device"] == "Handheld X/H-1"
    scan = stand.bench.archive.get(done["scan_id"])
    assert (scan.role, scan.name) == (Role.VERIFICATION, "polystyrene")
    assert stand.bench.archive.original(done["scan_id"])[0] == "ps.jdx"
    stand.desk.open_item(ITEM)
    stand.export("ibuprofen", "a.jdx")
    (waiting,) = stand.waits(1)
    answer = stand.desk.join(waiting["scan_id"], ITEM)
    said = answer["identification"]["provenance"]["calibration"]
    assert (said["id"], said["verification"]) == ("", done["scan_id"])
    stand.export("ibuprofen", "b.jdx")
    (waiting,) = stand.waits(1)
    assert not stand.desk.verify(waiting["scan_id"])["passed"]


def test_every_answer_names_the_records_it_was_made_with(stand):
    stand.export("polystyrene", "ps.jdx")
    (waiting,) = stand.waits(1)
    pixels = stand.bench.archive.get(waiting["scan_id"]).axis.size
    first, unfit = (
        shift_record("H-1", n, made_at=f"2026-0{k}-01T00:00:00Z") for k, n in ((1, pixels), (2, 7))
    )
    stand.bench.calibrations.keep(first)
    stand.desk.verify(waiting["scan_id"])
    stand.desk.open_item(ITEM)

    def joined(name):
        stand.export("ibuprofen", name)
        (waiting,) = stand.waits(1)
        return stand.desk.join(waiting["scan_id"], ITEM)["identification"]

    answer = joined("a.jdx")
    assert answer["provenance"]["calibration"]["id"] == first.record_id
    assert not {"axis_unverified", "calibration_expired"} & set(answer["reasons"])
    moved = abs(answer["components"][0]["shift_cm1"])
    assert moved == pytest.approx(0.7, abs=0.4), "the record moved the axis, the search steps by 1"

    keys = [op.key for op in stand.bench.outbox.pending()]
    assert keys.index(f"calibration:{first.record_id}") < len(keys) - 1, "the server has it before the result"

    stand.bench.calibrations.keep(unfit)
    answer = joined("b.jdx")
    assert "does not fit the scan" in describe(stand.bench)["calibration_trouble"]["H-1"]
    assert answer["provenance"]["calibration"]["id"] == ""
    assert {"axis_unverified", "calibration_expired"} <= set(answer["reasons"])
    assert answer["components"][0]["shift_cm1"] == pytest.approx(0.0, abs=0.3)
    stand.bench.calibrations.withdraw(unfit.record_id, why="wrong file", by="me", at="2026-11-22T00:00:00Z")
    answer = joined("c.jdx")
    assert describe(stand.bench)["calibration_trouble"] == {}
    assert answer["provenance"]["calibration"]["id"] == first.record_id
    assert not {"axis_unverified", "calibration_expired"} & set(answer["reasons"])


def shift_record(serial, pixels, **more):
    """A record that moves every band of a device of files up by 0.7 cm-1."""
    outcome = AxisOutcome(
        form="shifts",
        coefficients=(0.7, 1.0),
        pixels=pixels,
        laser_nm=None,
        laser_sigma_nm=None,
        rms=0.1,
        leave_one_out_rms=0.1,
        sigma_cm1=0.1,
        valid_range=(620.9, 1602.3),
        lines=(LineFit("polystyrene", 1001.4, 999.9, 0.05, 0.0, True),),
    )
    fields = {"device_serial": serial, "outcome": outcome, "standards": (StandardUsed("polystyrene"),)}
    return CalibrationRecord(kind=Kind.AXIS, scans=("0" * 64,), **fields, **more)


def test_an_instrument_nobody_names_cannot_be_verified(stand):
    text = (stand.samples / "polystyrene.jdx").read_text()
    (stand.folder / "ps.jdx").write_text(text)
    (waiting,) = stand.waits(1)
    with pytest.raises(UsageError, match="serial="):
        stand.desk.verify(waiting["scan_id"])


def test_a_late_report_still_counts(stand, wait_until):
    stand.desk.open_item(ITEM)
    stand.export("metamizole", "a.jdx")
    stand.waits(1)
    (stand.folder / "a.txt").write_text("Result: Metamizole\n")
    wait_until(lambda: "late" in stand.desk.queue()[0], 10)
    (waiting,) = stand.desk.queue()
    answer = stand.desk.join(waiting["scan_id"], ITEM)
    assert answer["comparison"]["relation"] == "agreement"
    scan = stand.bench.archive.get(answer["scan_id"])
    assert scan.settings["late_reports"][0]["name"] == "a.txt"


def test_the_queue_outlives_the_agent(stand, method, wait_until):
    stand.export("polyethylene", "a.jdx")
    (waiting,) = stand.waits(1)
    stand.desk.end()
    reborn = Stand(stand.settings.home, stand.folder, stand.samples, method)
    try:
        assert reborn.desk.queue() == [waiting]
        reborn.desk.start()
        stand.export("polyethylene", "b.jdx")
        wait_until(lambda: len(reborn.desk.queue()) == 2, 20)
        assert {one["file"] for one in reborn.desk.queue()} == {"a.jdx", "b.jdx"}
    finally:
        reborn.end()


def test_what_nobody_can_read_is_shown_with_the_reason(stand, wait_until):
    (stand.folder / "x.spc").write_bytes(bytes(200))
    wait_until(lambda: stand.desk.quarantined(), 30)
    (note,) = stand.desk.quarantined()
    assert (note["name"], note["source"]) == ("x.spc", "h1")
    assert stand.desk.retry() == {"retried": 1}
    wait_until(lambda: stand.desk.quarantined(), 30)


def test_a_folder_that_is_not_there_is_said(stand, wait_until):
    wait_until(lambda: any(one["present"] for one in stand.desk.described()["folders"]), 10)
    stand.folder.rmdir()
    wait_until(lambda: not stand.desk.described()["folders"][0]["present"], 10)
    assert "plug the device in" in stand.desk.described()["folders"][0]["words"]
    (stand.folder).mkdir()
    stand.export("polyethylene", "a.jdx")
    stand.waits(1)


def test_folders_come_and_go_with_the_configuration(stand, tmp_path, wait_until):
    wait_until(lambda: len(stand.desk.described()["folders"]) == 1, 10)
    (tmp_path / "two").mkdir()
    url = f"folder://{tmp_path}/two?settle_s=0.05"
    save_device(stand.settings.devices_path, BenchConfig("h2", url, None, None))
    stand.desk.refresh()
    assert {one["device"] for one in stand.desk.described()["folders"]} == {"h1", "h2"}
    stand.settings.devices_path.write_text("damaged [")
    stand.desk.refresh()
    assert len(stand.desk.described()["folders"]) == 2
    stand.settings.devices_path.unlink()
    stand.desk.refresh()
    assert stand.desk.described()["folders"] == []


def test_trouble_of_our_own_disk_is_said_and_passes(stand, wait_until, monkeypatch):
    monkeypatch.setattr("instrument.drop_folder.keeping.RESERVE", 1 << 62)
    stand.export("polyethylene", "a.jdx")
    wait_until(lambda: "no room" in (stand.desk.described()["folders"] or [{"words": ""}])[0]["words"], 10)
    monkeypatch.undo()
    stand.waits(1)
    wait_until(lambda: stand.desk.described()["folders"][0]["words"] == "", 10)


def test_a_device_that_is_scanned_with_keeps_its_file(stand, wait_until):
    device = stand.bench.devices.get("h1")
    with device.claimed():
        stand.export("polyethylene", "a.jdx")
        kept = stand.bench.archive.put(_scan_of(stand, "a.jdx"))
        stand.desk.note_taken(kept)
    stand.export("polyethylene", "b.jdx")
    (waiting,) = stand.waits(1)
    assert waiting["file"] == "b.jdx", "the other one was taken by the scan"


def _scan_of(stand, name):
    data = (stand.folder / name).read_bytes()
    arrival = Arrival("x", (ArrivedFile(name, digest_of(data), data),), "2026-11-21T12:00:00Z")
    (found,) = arrival_scans(arrival, Source(stand.folder)).scans
    return Attached(found.original).named_in(found.scan)


@pytest.fixture
def web(stand):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create_bench_app(stand.bench, token="t0ken", port=port)
    if "/drops" not in {getattr(route, "path", "") for route in app.routes}:
        app.include_router(routes)
        app.include_router(api_routes)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join()


def token_of(text, action, after=""):
    part = text[text.index(after) :] if after else text
    part = part[part.index(f'action="{action}"') :]
    return part.split('name="form_token" value="', 1)[1].split('"', 1)[0]


def test_programs_decide_with_the_token(stand, web):
    stand.export("metamizole", "a.jdx")
    (waiting,) = stand.waits(1)
    assert web.get("/bench/v1/drops").status_code == 401
    web.headers["authorization"] = "Bearer t0ken"
    held = web.get("/bench/v1/drops").json()
    assert [one["scan_id"] for one in held["drops"]] == [waiting["scan_id"]]
    body = {"scan_id": waiting["scan_id"], "item": ITEM}
    assert web.post("/bench/v1/drops/join", json=body).json()["code"] == "nothing_open"
    assert web.post("/bench/v1/drops/open", json={"item": ITEM}).json()["item"] == ITEM
    joined = web.post("/bench/v1/drops/join", json=body).json()
    assert joined["identification"]["verdict"] == "alarm_named"
    gone = web.post("/bench/v1/drops/discard", json={"scan_id": waiting["scan_id"], "reason": "twice"})
    assert (gone.status_code, gone.json()["code"]) == (404, "drop_unknown")
    assert web.post("/bench/v1/drops/join", json={**body, "time": "now"}).status_code == 422
    assert web.post("/bench/v1/drops/verify", json={"scan_id": waiting["scan_id"]}).status_code == 404
    assert web.post("/bench/v1/drops/retry", json={}).json() == {"retried": 0}
    assert web.get("/bench/v1/drops/settled").json()["drops"][0]["state"] == "joined"


def test_the_officer_decides_on_the_page(stand, web):
    stand.export("metamizole", "a.jdx", **{"$RESULT": "<b>Sugar</b>"})
    stand.export("polystyrene", "ps.jdx")
    stand.export("polyethylene", "x.jdx")
    held = {one["file"]: one for one in stand.waits(3)}
    first, check, other = held["a.jdx"], held["ps.jdx"], held["x.jdx"]
    text = web.get("/drops").text
    assert "Waiting for you: 3" in text
    assert "No item is open" in text
    assert "&lt;b&gt;Sugar" in text
    opened = {"form_token": token_of(text, "/drops/open"), "item": ITEM}
    assert web.post("/drops/open", data=opened).status_code == 403, "not from our page"
    web.headers["origin"] = str(web.base_url).rstrip("/")
    assert web.post("/drops/open", data=opened).status_code == 303
    assert web.post("/drops/open", data=opened).status_code == 409, "a form is good once"

    text = web.get("/drops").text
    form = {"form_token": token_of(text, "/drops/join", "a.jdx"), "scan_id": first["scan_id"], "item": ITEM}
    done = web.post("/drops/join", data={**form, "complete": "yes"})
    assert done.status_code == 303
    shown = web.get(done.headers["location"]).text
    assert "DISAGREE" in shown
    assert "Metamizole" in shown
    assert "&lt;b&gt;Sugar" in shown
    assert "TRAINING" in shown
    assert stand.bench.outbox.screening_of(ITEM) is None

    form = {"form_token": token_of(text, "/drops/verify", "ps.jdx"), "scan_id": check["scan_id"]}
    done = web.post("/drops/verify", data=form)
    assert "where it belongs" in web.get(done.headers["location"]).text
    form = {"form_token": token_of(text, "/drops/discard", "x.jdx"), "scan_id": other["scan_id"]}
    assert web.post("/drops/discard", data={**form, "reason": "a test"}).headers["location"] == "/drops"
    assert "was discarded" in web.get(f"/drops/{other['scan_id']}").text
    assert web.get("/drops/" + "0" * 64).headers["location"] == "/drops"
    assert "Nothing waits" in web.get("/drops").text


def found(verdict="inconclusive", parts=(), classes=()):
    return {
        "verdict": verdict,
        "components": [{"substance": name, "role": role} for name, role in parts],
        "classes": [{"class": name, "detected": yes} for name, yes in classes],
    }


@pytest.mark.parametrize(
    ("identification", "answer", "relation"),
    [
        (found("alarm_named", [("Metamizole", "content")]), {"name": "dipyrone"}, "agreement"),
        (found("alarm_named", [("Metamizole", "content")]), {"name": "Sugar"}, "disagreement"),
        (found("alarm_named", [("Metamizole", "content")]), {"name": "", "text": "No match"}, "disagreement"),
        (found("alarm_named", [("Metamizole", "content")]), None, "device_silent"),
        (found("alarm_class", classes=[("fentanyl_analogue", True)]), {"name": "Carfentanil"}, "agreement"),
        (found("alarm_class", classes=[("fentanyl_analogue", True)]), {"name": "Caffeine"}, "disagreement"),
        (found("no_alarm", [("Polyethylene", "container")]), {"name": "Fentanyl"}, "disagreement"),
        (found("no_alarm"), {"name": "Dust of the moon"}, "not_comparable"),
        (found("no_alarm", [("Moon dust", "content")]), {"name": "moon-dust"}, "agreement"),
        (found(), {"name": "Fentanyl"}, "not_comparable"),
        (found(), {"name": "", "text": "Unknown"}, "device_silent"),
        (found(), "nonsense", "device_silent"),
        (found(), {"name": 3, "figure": "x", "proven": 1}, "not_comparable"),
    ],
)
def test_both_answers_are_held_against_each_other(identification, answer, relation):
    both = compare(identification, answer)
    assert both["relation"] == relation
    assert json.dumps(both)
    assert not both["proven"]


def test_the_queue_tells_ids_apart(tmp_path):
    queue = DropQueue(tmp_path / "q" / "queue.sqlite3")
    for scan_id in ("aaaa1" + "0" * 59, "aaaa2" + "0" * 59):
        queue.add(Drop(scan_id, "h1", "waiting", "f" * 64, {"file": "x"}))
        queue.add(Drop(scan_id, "h1", "waiting", "f" * 64, {"file": "other"}))
    assert [one.facts["file"] for one in queue.waiting()] == ["x", "x"]
    with pytest.raises(DropUnknown, match="several"):
        queue.need("aaaa")
    with pytest.raises(DropUnknown):
        queue.need("")
    assert queue.need("aaaa1").scan_id.startswith("aaaa1")
    queue.settle("aaaa1" + "0" * 59, "discarded", {})
    with pytest.raises(DropUnknown, match="any more"):
        queue.settle("aaaa1" + "0" * 59, "discarded", {})
    (tmp_path / "bad").write_bytes(b"no database at all" * 100)
    with pytest.raises(OutboxError):
        DropQueue(tmp_path / "bad")
    with closing(sqlite3.connect(tmp_path / "other")) as database:
        database.execute("CREATE TABLE x (y)")
        database.commit()
    with pytest.raises(OutboxError, match="no queue"):
        DropQueue(tmp_path / "other")
