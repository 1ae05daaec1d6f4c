"""What results of a bench depend on: noted as they are made, taken up from an older outbox, asked over HTTP."""

import json
import os
import socket
import sqlite3
import threading
import time
import uuid
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from calibration.outcomes import ResolutionOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed
from service.archive.journal import Archive, ArchivedScan
from service.bench import operations
from service.bench.agent import Bench
from service.bench.app import create_bench_app
from service.bench.keeping import remember
from service.bench.notes import write_private
from service.bench.outbox import Outbox
from service.bench.uses_index import UsesIndex
from service.cli.start import run
from service.settings import Settings
from spectra.values import DeviceInfo, Scan, Technique

METHOD = "a" * 64
BLANK = "b" * 64


def identified(scan_id: str, verdict: str = "no_alarm", **calibration: str) -> dict[str, Any]:
    """Return what the index and the outbox need of an identification."""
    named = {"id": "", "intensity": "", "resolution": "", "verification": "", **calibration}
    return {
        "scan_id": scan_id,
        "verdict": verdict,
        "training": True,
        "reasons": [],
        "technique": "raman",
        "classes": [],
        "components": [{"reference_id": "starter-12"}],
        "ranking": [{"reference_id": "starter-12"}, {"reference_id": "starter-3"}],
        "provenance": {
            "method": {"name": "training", "version": 1, "digest": METHOD},
            "library": {"name": "starter", "digest": "c" * 64},
            "recipe": {"name": "raman-default", "digest": "d" * 64},
            "calibration": named,
        },
        "created_at": "2026-11-22T23:00:00Z",
    }


def archived(archive: Archive, *, serial: str = "S1", at: str = "2026-11-22T08:00:00Z", **more: Any) -> Any:
    scan = Scan(
        technique=Technique.RAMAN,
        counts=np.full((2, 16), 7),
        device=DeviceInfo("STS", serial, emulated=True),
        exposure_s=0.1,
        taken_at=at,
        axis=np.linspace(790, 940, 16),
        laser_nm=785.0,
        screening_id=str(uuid.uuid4()),
        item="RB473124829US",
        **more,
    )
    return archive.put(scan)


@pytest.fixture
def place(tmp_path: Path) -> tuple[Archive, Outbox, UsesIndex]:
    path = tmp_path / "outbox.sqlite3"
    return Archive(tmp_path / "scans"), Outbox(path), UsesIndex(path)


def tell(outbox: Outbox, kept: ArchivedScan, found: dict[str, Any]) -> str:
    outbox.add(operations.telling(kept, found, operations.Told("bench-1"), complete=True))
    return operations.result_id(kept.scan_id)


def test_what_was_noted_is_found_by_every_name(place: Any) -> None:
    archive, outbox, index = place
    kept = archived(archive, blank_id=BLANK)
    found = identified(kept.scan_id, id="1" * 64, verification="2" * 64)
    index.note(kept, found)
    made = tell(outbox, kept, found)
    assert index.catch_up() == 0
    for kind, value, why in (
        ("calibration", "1" * 64, "axis"),
        ("calibration", "2" * 64, "verification"),
        ("device", "S1", "device"),
        ("device", "STS/S1", "device"),
        ("reference", "starter-12", "component"),
        ("reference", "starter-3", "ranking"),
        ("method", METHOD, "method"),
        ("method", "training@1", "method"),
        ("blank", BLANK, "blank"),
    ):
        answer = index.depending(kind, value)
        (line,) = answer["items"]
        assert (line["result_id"], line["why"], answer["total"]) == (made, why, 1), (kind, value)
    assert line["at"] == "2026-11-22T08:00:00.000000Z"
    assert (line["item_id"], line["device"], line["under_review"]) == ("RB473124829US", "STS/S1", False)
    assert index.candidates("a" * 8) == [{"kind": "method", "value": METHOD, "results": 1}]
    assert index.candidates("a" * 7) == []
    index.note(kept, found)
    assert index.depending("device", "S1")["total"] == 1


def test_pages_are_in_the_order_of_measurement(place: Any) -> None:
    archive, _, index = place
    for hour in (4, 1, 3, 2, 5):
        kept = archived(archive, at=f"2026-11-22T0{hour}:00:00Z")
        index.note(kept, identified(kept.scan_id))
    kept = archived(archive, serial="S2")
    index.note(kept, identified(kept.scan_id))
    hours, after = [], ("", "")
    while after is not None:
        page = index.depending("device", "S1", after=after, limit=2)
        assert page["total"] == 5
        hours += [one["at"][12] for one in page["items"]]
        after = page["after"]
    assert hours == list("12345")
    between = {"since": "2026-11-22T02:00:00.000000Z", "until": "2026-11-22T04:00:00.000000Z"}
    assert index.depending("device", "S1", **between)["total"] == 2


def test_an_outbox_of_before_is_taken_up(tmp_path: Path) -> None:
    archive, path = Archive(tmp_path / "scans"), tmp_path / "outbox.sqlite3"
    outbox = Outbox(path)
    made = []
    for _ in range(3):
        kept = archived(archive, blank_id=BLANK)
        made.append(tell(outbox, kept, identified(kept.scan_id)))
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TABLE uses")
        raw.execute("DROP TABLE used_results")
    index = UsesIndex(path)
    assert index.depending("device", "STS/S1")["total"] == 0
    assert index.catch_up(within_s=-1.0) == 2, "one at a time where there is no time"
    assert index.catch_up() == 0
    found = index.depending("device", "STS/S1")
    assert {one["result_id"] for one in found["items"]} == set(made)
    assert found["items"][0]["item_id"] == "RB473124829US"
    assert found["items"][0]["at"] == "2026-11-22T23:00:00.000000Z", "when it was identified"
    assert index.depending("blank", BLANK)["not_indexed"] == 3


def test_results_it_asked_to_review_say_so(place: Any) -> None:
    archive, outbox, index = place
    kept = archived(archive)
    made = tell(outbox, kept, identified(kept.scan_id))
    times = {"since": "", "until": "2026-11-22T09:00:00Z"}
    outbox.add([operations.flag("f", device="STS/S1", verification="e" * 64, result_ids=[made], **times)])
    index.catch_up()
    assert index.depending("device", "S1")["items"][0]["under_review"]


def test_a_record_goes_before_the_result_that_names_it(place: Any) -> None:
    archive, outbox, _ = place
    kept = archived(archive, blank_id=BLANK)
    outcome = ResolutionOutcome("calcite", 1085.9, "voigt", 12.1, 0.1, 11.6, 2.4)
    record = CalibrationRecord(
        kind=Kind.RESOLUTION,
        device_serial="S1",
        outcome=outcome,
        standards=(StandardUsed("calcite"),),
        scans=(BLANK,),
        made_at="2026-11-22T08:00:00Z",
    )
    ops = operations.telling(
        kept, identified(kept.scan_id), operations.Told("bench-1", records=(record, record)), complete=True
    )
    assert outbox.add(ops) == 6, "the same record is one operation"
    assert [op.key.partition(":")[0] for op in outbox.pending()] == [
        *("screening", "calibration", "scan", "scan", "result", "complete")
    ]
    sent = outbox.pending()[1]
    assert sent.path == f"/calibrations/{record.record_id}"
    assert CalibrationRecord.from_json(sent.json) == record


def test_an_index_never_costs_a_result(place: Any, caplog: Any) -> None:
    archive, _, index = place
    kept = archived(archive)
    index.note(kept, {"verdict": "no_alarm"})
    assert "could not be noted" in caplog.text
    assert index.depending("device", "S1")["total"] == 0


@contextmanager
def agent(home: Path) -> Any:
    """Serve a bench without devices on a free port, where its home says."""
    settings = Settings(home)
    bench, token = Bench(settings, load=lambda: None), "secret"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        app = create_bench_app(bench, token=token, port=port)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        address = f"http://127.0.0.1:{port}"
        card = {"address": address, "token": token, "pid": os.getpid()}
        write_private(settings.bench_file, json.dumps(card).encode())
        try:
            while not server.started:
                time.sleep(0.01)
            head = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"{address}/bench/v1", headers=head, timeout=10) as client:
                yield bench, client
        finally:
            server.should_exit = True
            thread.join()
            bench.close()


def test_the_agent_answers_programs_and_the_command(
    opioscan_home: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with agent(opioscan_home) as (bench, client):
        for serial in ("S1", "S1", "S2"):
            kept = archived(bench.archive, serial=serial)
            found = identified(kept.scan_id, "alarm_named")
            remember(bench, kept, found)
            tell(bench.outbox, kept, found)
        asked = {"kind": "device", "value": "S1", "limit": "1"}
        first = client.get("/impact", params=asked).json()
        second = client.get("/impact", params={**asked, "cursor": first["next_cursor"]}).json()
        assert (first["total"], second["next_cursor"]) == (2, None)
        assert first["items"] != second["items"]
        for params in (
            {"value": "S1"},
            {"kind": "parcel", "value": "S1"},
            {**asked, "cursor": "x"},
            {**asked, "since": "then"},
            {**asked, "limit": "0"},
            {**asked, "parcel": "x"},
        ):
            assert client.get("/impact", params=params).status_code == 422, params
        assert client.get("/impact", params=asked, headers={"Authorization": ""}).status_code == 401
        listed = client.get("/impact/candidates", params={"value": METHOD[:10]}).json()
        assert listed == {"items": [{"kind": "method", "value": METHOD, "results": 3}], "left": 0}

        assert run(["impact", "STS/S1"]) == 0
        out = capsys.readouterr().out
        assert "2 result(s) depend on device STS/S1, by what this bench knows." in out
        assert "▲ ALARM (training, emulated)" in out
        assert run(["impact", METHOD[:10], "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["total"] == 3
        assert run(["impact", "blank-nobody-took"]) == 0
        assert "Nothing depends on blank-nobody-took" in capsys.readouterr().out
        (opioscan_home / "devices.toml").write_text(
            '[devices.bench1]\nspectrometer = "obp+tcp://127.0.0.1:9?model=STS"\nlaser_nm = 785.0\n',
            encoding="utf-8",
        )
        assert run(["impact", "bench1"]) == 2
        assert "give its model/serial" in capsys.readouterr().err
