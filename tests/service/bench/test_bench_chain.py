"""From a scan to the parcel's record: real emulators, a real agent, a real server."""

import pytest

from instrument.errors import DeviceURLError
from service.bench.uplink import Uplink
from service.errors import AgentRefused, UsageError
from spectra.values import Role


def test_a_parcel_from_scan_to_finding(server, rig, client, manned, quick, wait_until):
    server.start()
    rig.put("polystyrene")
    verified = client.verify("b1", **quick)
    assert verified["passed"], verified
    # The server takes its time over a new method, once.
    wait_until(lambda: not client.status()["outbox"]["pending"])
    rig.put("metamizole")
    first = client.scan("b1", " rr123456785gb ", spot=1, keep_open=True, **quick)
    assert first["identification"]["verdict"] == "alarm_named"
    assert "axis_unverified" not in first["identification"]["reasons"]
    assert first["identification"]["training"] is True
    assert (first["item"], first["item_id_type"], first["posted"]) == ("RR123456785GB", "s10", "posted")
    assert client.status()["open_screenings"]["RR123456785GB"] == first["screening_id"]
    second = client.scan("b1", "RR 123 456 785 GB", spot=2, keep_open=True, **quick)
    assert second["screening_id"] == first["screening_id"]
    done = client.complete("RR123456785GB")
    assert done["posted"] == "posted"

    screening = server.get(f"/screenings/{first['screening_id']}")
    assert screening["state"] == "complete"
    assert screening["finding"]["outward"] == "hold"
    results = server.get("/results", screening_id=first["screening_id"])["items"]
    assert [r["result_id"] for r in results] == [first["result_id"], second["result_id"]]
    assert results[0]["identification"] == first["identification"]
    method = first["identification"]["provenance"]["method"]["digest"]
    depend = {one["result_id"] for one in client.impact(kind="method", value=method[:12])["items"]}
    assert {first["result_id"], second["result_id"]} <= depend
    archive = manned.archive
    assert not archive.verify()
    scan = archive.get(first["scan_id"])
    assert scan.settings["safety"]["asked_on"] == "nobody"
    assert scan.dark is not None
    assert archive.transcript(first["scan_id"])
    with pytest.raises(AgentRefused, match="no screening of RR123456785GB is open"):
        client.complete("RR123456785GB")


def test_the_server_knows_how_the_bench_stands(server, rig, client, quick, wait_until):
    server.start()
    rig.put("polystyrene")
    checked = client.verify("b1", **quick)
    model, _, serial = checked["device"].partition("/")

    def told():
        found = [one["report"]["devices"] for one in server.get("/benches")["items"]]
        due = [one["verification"]["due_at"] for devices in found for one in devices]
        return due == [checked["expires_at"]]

    wait_until(told)
    (bench,) = server.get("/benches")["items"]
    assert (bench["bench"], bench["states"]) == (client.status()["bench"], ["current"])
    assert bench["training"]
    assert bench["emulated"]
    (device,) = bench["report"]["devices"]
    assert (device["name"], device["model"], device["serial"]) == ("b1", model, serial)
    assert device["verification"]["state"] == "verified"
    assert client.status()["report"]["state"] == "sent"


def test_offline_results_reach_the_server_later_and_once(server, rig, client, manned, wait_until, quick):
    server.stop()
    rig.put("ibuprofen")
    first = client.scan("b1", "CARRIER-1", **quick)
    assert (first["posted"], first["screening"]) == ("queued", "complete")
    assert client.status()["server"]["state"] == "out_of_reach"
    server.start()
    second = client.scan("b1", "", **quick)
    # Queued where the file of the method is under way at this moment, which a server sees for the first time.
    assert second["posted"] in {"posted", "queued"}
    assert second["item_id_type"] == "none"
    assert second["item"].startswith("NOLABEL-")
    with Uplink(manned.settings, manned.archive) as uplink:
        # The agent may be sending at this moment.
        wait_until(lambda: manned.outbox.flush(uplink, force=True).left == 0)
    for answer in (first, second):
        found = server.get("/results", screening_id=answer["screening_id"])["items"]
        assert [one["result_id"] for one in found] == [answer["result_id"]]
        assert server.get(f"/screenings/{answer['screening_id']}")["state"] == "complete"


def test_blanks_are_identified_first_and_then_named_by_scans(rig, client, manned, quick):
    rig.put("polyethylene")
    blank = client.blank("b1", "pe bag", presentation="bag", **quick)
    rig.put("metamizole")
    with pytest.raises(AgentRefused, match="this is not empty"):
        client.blank("b1", "not empty", **quick)
    names = [one["name"] for one in client.status()["blanks"]]
    assert "pe bag" in names
    assert "not empty" not in names
    with pytest.raises(AgentRefused, match="there is no blank 'not empty'"):
        client.scan("b1", "BAG-1", blank="not empty", **quick)
    answer = client.scan("b1", "BAG-1", blank="pe bag", presentation="bag", **quick)
    archive = manned.archive
    assert archive.get(answer["scan_id"]).blank_id == blank["scan_id"]
    assert archive.get(blank["scan_id"]).role is Role.BLANK
    assert manned.outbox.state_of(f"scan:{blank['scan_id']}") is not None
    (line,) = client.impact(kind="blank", value=blank["scan_id"])["items"]
    assert (line["scan_id"], line["item_id"]) == (answer["scan_id"], "BAG-1")


def test_a_spectrometer_without_a_laser_scans_and_says_what_it_assumed(rig, client, manned, quick):
    url = rig.config.spectrometer
    answer = client.scan(url, "URL-1", **quick)
    scan = manned.archive.get(answer["scan_id"])
    assert scan.dark is None
    assert scan.laser_nm == 785.0
    assert scan.settings["laser_nm_assumed"] is True
    assert answer["laser_nm_assumed"] is True
    # and the bench of the same port works again afterwards
    assert client.scan("b1", "URL-2", **quick)["laser_nm_assumed"] is False


@pytest.mark.parametrize(
    ("device", "item", "options", "error"),
    [
        ("nobody", "A", {}, DeviceURLError),
        ("ftp://x", "A", {}, DeviceURLError),
        ("b1", "A\x07", {}, UsageError),
        ("b1", "A" * 65, {}, UsageError),
        ("b1", "A", {"spot": 0}, UsageError),
        ("b1", "A", {"exposure_s": -1}, UsageError),
        ("b1", "A", {"unknown": 1}, UsageError),
        ("b1", "A", {"energetic": True}, AgentRefused),
        ("b1", "A", {"eyewear": False}, AgentRefused),
        ("b1", "A", {"asked_on": "terminal", "eyewear": True}, AgentRefused),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_fires(rig, client, device, item, options, error):
    before = rig.lit()
    with pytest.raises(error):
        client.scan(device, item, **options)
    assert [power for _, power in rig.lit()[len(before) :] if power] == []


def test_an_unknown_standard_is_refused_before_anything_fires(rig, client):
    before = rig.lit()
    with pytest.raises(Exception, match="not 'sugar'"):
        client.verify("b1", standard="sugar")
    assert [power for _, power in rig.lit()[len(before) :] if power] == []


def test_a_failed_verification_outlives_the_agent(rig, client, manned, quick):
    rig.put("polystyrene")
    rig.drift(1.8)
    assert client.verify("b1", **quick)["verdict"] == "failed"
    rig.drift(0.0)
    client.stop_agent()
    with manned.connect() as fresh:
        assert fresh.pid != client.pid
        (said,) = [one["verification"]["state"] for one in fresh.status()["devices"] if one["name"] == "b1"]
        assert said == "failed", "also before the device is opened again"
        rig.put("metamizole")
        answer = fresh.scan("b1", "UNVERIFIED", **quick)
        assert "verification_failed" in answer["identification"]["reasons"]
        assert answer["identification"]["verdict"] != "no_alarm"
        rig.put("polystyrene")
        assert fresh.verify("b1", **quick)["passed"] is True
