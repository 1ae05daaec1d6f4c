"""The parts of the agent, each by itself, and the agent without HTTP."""

import errno
import json
import re
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from instrument.config import BenchConfig
from instrument.errors import AcquisitionAborted, DeviceURLError, InstrumentError
from instrument.scan_plan import ScanPlan
from library.methods import training_method
from service.archive.journal import Archive
from service.bench import answers, lights, officer_words
from service.bench.activity import Plans, laser_state
from service.bench.agent import Bench
from service.bench.attempts import Attempts
from service.bench.blanks import check_blank, crystal_of, usable_blank
from service.bench.contacts import Contacts, accessory_of
from service.bench.device import Device
from service.bench.devices import Devices
from service.bench.flusher import Flusher
from service.bench.item import clean_label, label_type, new_unlabelled
from service.bench.keeping import keep, remember
from service.bench.lock import lock_is_free, try_lock
from service.bench.method_source import MethodSource
from service.bench.notes import BlankNote, Notes, expired, rfc3339, write_private
from service.bench.officer_frame import _TEMPLATES
from service.bench.operations import completing, result_id
from service.bench.outbox import Outbox
from service.bench.planning import plan_of
from service.bench.refusals import (
    AccessoryUnclean,
    BlankRefused,
    BlankUnusable,
    NotConfirmed,
    PossiblyEnergetic,
    ResidueFound,
    ShuttingDown,
)
from service.bench.requests import BlankRequest, CalibrationScanRequest, ScanRequest
from service.bench.runs import FormTokens, Runs
from service.bench.safety import Shift, check_may_fire
from service.bench.status import facts_of
from service.bench.visit import combined
from service.cli.scan import show_visit
from service.errors import DiskFull, UsageError
from service.settings import Settings
from spectra.finding import combine
from spectra.reasons import Verdict
from spectra.values import DeviceInfo, Presentation, Scan, Spectrum, Technique

PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"


def identified(verdict: str, **changes) -> dict:
    return {
        "verdict": verdict,
        "reasons": [],
        "components": [],
        "classes": [],
        "training": False,
        "scan_id": "s",
        **changes,
    }


@pytest.mark.parametrize(
    ("text", "label", "kind"),
    [
        (" rr 123 456 785 gb\n", "RR123456785GB", "s10"),
        ("1Z 999 aa1", "1Z 999 AA1", "carrier"),
        ("", "", "none"),
        ("NOLABEL-12AB", "NOLABEL-12AB", "none"),
    ],
)
def test_labels(text, label, kind):
    assert clean_label(text) == label
    assert label_type(label) == kind


@pytest.mark.parametrize("text", ["x" * 65, "a\x00b", "a\x1b[31mb", "a\u202eb"])
def test_texts_that_are_no_labels(text):
    with pytest.raises(UsageError, match="no item label"):
        clean_label(text)


def test_each_missing_label_is_one_of_its_own():
    assert new_unlabelled() != new_unlabelled()
    assert label_type(new_unlabelled()) == "none"


def test_results_are_named_after_their_scans():
    assert result_id("ab" * 32) == result_id("ab" * 32) != result_id("cd" * 32)


def test_notes_outlive_the_agent_and_damage_is_the_safe_reading(tmp_path):
    path = tmp_path / "notes.json"
    notes = Notes(path)
    blank = BlankNote("bag", "s", "STS/1", "bag", PAST, FUTURE)
    notes.keep_blank(blank)
    again = Notes(path)
    assert again.blanks() == (blank,)
    assert path.stat().st_mode & 0o777 == 0o600
    # Verifications that an early version kept here count as never made; the blanks beside them stay.
    old = {"STS/1": {"device": "STS/1", "outcome": {"schema": "opioscan.verification/1"}}}
    path.write_text(json.dumps({**json.loads(path.read_text()), "verified": old}))
    assert Notes(path).blanks() == (blank,)
    for damage in ("{", "[]", '{"blanks": {"a": {"surprise": 1}}, "verified": {}}'):
        path.write_text(damage)
        assert Notes(path).blanks() == ()
        assert path.with_suffix(".damaged").read_text() == damage


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "card"
    write_private(path, b"old")
    with pytest.raises(TypeError):
        write_private(path, "text")  # type: ignore[arg-type]
    assert [each.name for each in tmp_path.iterdir()] == ["card"]
    assert path.read_bytes() == b"old"


def test_times():
    moment = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert rfc3339(moment) == "2026-11-21T12:00:00Z"
    assert expired(rfc3339(moment), at=moment)
    assert not expired(rfc3339(moment), at=moment - timedelta(seconds=1))


def test_usable_blanks(tmp_path):
    notes = Notes(tmp_path / "notes.json")
    notes.keep_blank(BlankNote("good", "s", "STS/1", "bag", PAST, FUTURE))
    notes.keep_blank(BlankNote("old", "s", "STS/1", "bag", PAST, PAST))
    assert usable_blank(notes, "good", "STS/1").scan_id == "s"
    for name, device, words in (
        ("none", "STS/1", "no blank"),
        ("old", "STS/1", "expired"),
        ("good", "STS/2", "was taken with"),
    ):
        with pytest.raises(BlankUnusable, match=words):
            usable_blank(notes, name, device)


@pytest.mark.parametrize(
    "found",
    [
        identified("alarm_named"),
        identified("alarm_class"),
        identified("inconclusive", components=[{"controlled": True}]),
        identified("inconclusive", components=[{"controlled": False, "watch_list": True}]),
        identified("inconclusive", classes=[{"class": "nitazene", "detected": True}]),
        identified("no_alarm", reasons=["unexplained_residual"]),
    ],
)
def test_scans_that_are_no_blanks(found):
    with pytest.raises(BlankUnusable):
        check_blank(found)


def test_an_empty_bag_is_a_blank():
    check_blank(identified("inconclusive", reasons=["container_only"], components=[{"controlled": False}]))


def test_every_verdict_has_words_symbol_and_step():
    symbols = set()
    for verdict in Verdict:
        view = answers.verdict_view(identified(verdict.value, reasons=["weak_signal", "new_reason"]))
        assert view["words"].word
        assert view["steps"]
        symbols.add((view["words"].symbol, view["words"].word))
    assert len(symbols) == 4
    alarm = answers.verdict_view(identified("alarm_named", reasons=["axis_unverified"]))
    assert alarm["steps"][0].startswith("Hold")


def test_alarms_name_what_they_may_name():
    parts = [
        {"substance": "A", "role": "content", "controlled": False, "watch_list": True},
        {"substance": "B", "role": "content", "controlled": False, "watch_list": False},
        {"substance": "C", "role": "container", "controlled": False, "watch_list": False},
    ]
    assert answers.named_substances(identified("alarm_named", components=parts)) == "A"
    assert answers.named_substances(identified("no_alarm", components=parts)) == ""
    classes = [{"class": "nitazene", "detected": True}, {"class": "fentanyl_analogue", "detected": False}]
    assert answers.named_substances(identified("alarm_class", classes=classes)) == "nitazene"


def test_nothing_fires_unanswered():
    shift = Shift()
    page = {"device": "b", "asked_on": "page"}
    with pytest.raises(PossiblyEnergetic):
        check_may_fire(ScanRequest(**page, eyewear=True, energetic=True), shift, has_laser=True)
    with pytest.raises(NotConfirmed, match="eyewear"):
        check_may_fire(ScanRequest(**page, energetic=False), shift, has_laser=True)
    assert not shift.confirmed
    with pytest.raises(NotConfirmed, match="energetic"):
        check_may_fire(ScanRequest(**page, eyewear=True), shift, has_laser=True)
    record = check_may_fire(ScanRequest(**page, energetic=False), shift, has_laser=True)
    assert record == {"asked_on": "page", "eyewear": True, "energetic": False}, "once a shift"
    check_may_fire(BlankRequest(**page, name="bag"), shift, has_laser=True)
    shift.clear("screening")
    again = check_may_fire(ScanRequest(**page), shift, has_laser=True, screening_id="screening")
    assert again["energetic"] is False, "once an item"
    shift.forget("screening")
    with pytest.raises(NotConfirmed, match="energetic"):
        check_may_fire(ScanRequest(**page), shift, has_laser=True, screening_id="screening")
    check_may_fire(ScanRequest(**page, energetic=False), Shift(), has_laser=False)
    assert check_may_fire(ScanRequest(device="b"), Shift(), has_laser=True)["asked_on"] == "nobody"


def test_form_tokens_are_good_once_and_bounded():
    tokens = FormTokens()
    first = tokens.issue()
    last = [tokens.issue() for _ in range(256)][-1]
    assert not tokens.spend(first), "forgotten: too many forms since"
    assert tokens.spend(last)
    assert not tokens.spend(last)


def test_runs_are_bounded_and_keep_errors(opioscan_home):
    bench = Bench(Settings(opioscan_home))
    runs = Runs(bench)
    names = []
    for _ in range(40):
        names.append(runs.start(ScanRequest(device="nobody", item="A")))
        deadline = time.monotonic() + 10
        while not runs.get(names[-1]).done and time.monotonic() < deadline:
            time.sleep(0.001)
    assert runs.get(names[0]) is None
    assert isinstance(runs.get(names[-1]).error, DeviceURLError)


def test_locks_end_with_their_block(tmp_path):
    path = tmp_path / "lock"
    with try_lock(path) as first, try_lock(path, patience_s=0.05) as second:
        assert (first, second) == (True, False)
        assert not lock_is_free(path)
    assert lock_is_free(path)


def test_a_method_that_fails_to_load_is_tried_again():
    tries = []

    def load():
        tries.append(1)
        if len(tries) == 1:
            raise OSError(errno.EIO, "disk")
        return "method"

    source = MethodSource(load)
    with pytest.raises(OSError, match="disk"):
        source.get()
    assert source.ready is None
    assert source.get() == source.get() == "method"
    assert len(tries) == 2


def test_the_flusher_survives_what_it_meets(tmp_path):
    outbox, archive = Outbox(tmp_path / "outbox.sqlite3"), Archive(tmp_path / "archive")
    alone = Flusher(Settings(tmp_path), archive, outbox)
    alone.start()
    assert alone.kick() is False
    outbox.add([completing("00000000-0000-4000-8000-000000000000")])
    flusher = Flusher(Settings(tmp_path, server_url="http://127.0.0.1:9"), archive, outbox)
    assert flusher.kick() is False, "not started"
    flusher.start()
    assert flusher.kick(wait_s=10) is True
    assert "out of reach" in flusher.report.stopped
    assert flusher.kick(wait_s=0.0) in {True, False}
    flusher.end()
    assert flusher.kick() is False
    outbox.path.write_bytes(b"damaged" * 1000)
    broken = Flusher(Settings(tmp_path, server_url="http://127.0.0.1:9"), archive, outbox)
    broken.start()
    assert broken.kick(wait_s=10) is True
    assert "damaged" in broken.report.stopped
    broken.end()


def test_a_stop_waits_for_no_port_that_is_being_closed(opioscan_home):
    (opioscan_home / "devices.toml").write_text(
        "[devices.away]\nspectrometer = 'obp+serial:///dev/nothing1?model=STS'\nlaser_nm = 785.0\n"
    )
    bench = Bench(Settings(opioscan_home))
    (device,) = bench.devices.configured()
    with bench.devices._lock:
        asked = threading.Thread(target=bench.abort, daemon=True)
        asked.start()
        asked.join(5)
        assert not asked.is_alive()
    assert bench.devices.known() == [device]
    assert bench.close() is False


def test_lasers_that_are_not_plugged_in_are_no_alarm(tmp_path, opioscan_home):
    config = (
        "spectrometer = 'obp+serial:///dev/nothing1?model=STS'\nlaser = 'cobolt+serial:///dev/nothing2'\n"
    )
    (opioscan_home / "devices.toml").write_text(f"[devices.away]\n{config}laser_nm = 785.0\n")
    devices = Devices(Settings(opioscan_home))
    lights.force_off(devices.configured())
    assert lights.alarm(devices.known()) == ""
    assert facts_of(devices.known()[0])["trouble"]
    with pytest.raises(InstrumentError), devices.get("away").claimed():
        pass
    assert not devices.get("away").busy
    for device in devices.known():
        device.release()


def test_a_device_of_another_setting_takes_the_place_of_the_old(opioscan_home):
    path = opioscan_home / "devices.toml"
    entry = "[devices.d]\nspectrometer = 'obp+tcp://127.0.0.1:9?model=FX'\nlaser_nm = {}\n"
    path.write_text(entry.format("785.0"))
    devices = Devices(Settings(opioscan_home))
    old = devices.get("d")
    assert devices.get("d") is old
    path.write_text(entry.format("532.0"))
    assert devices.get("d") is not old
    assert devices.get("d").config.laser_nm == 532.0
    url = devices.get("obp+tcp://127.0.0.1:9?model=FX")
    assert url.remarks == {"laser_nm_assumed": True}
    assert url.config.laser_nm == 785.0
    assert devices.get("obp+tcp://127.0.0.1:9?model=FX&laser_nm=633").remarks == {}
    url.end()
    with pytest.raises(ShuttingDown), url.claimed():
        pass


def test_a_full_disk_refuses_before_anything_fires(make_rig, opioscan_home, prepared):
    rig = make_rig()
    bench = Bench(Settings(opioscan_home), load=lambda: training_method(prepared))
    bench.archive = Archive(opioscan_home / "archive", free=lambda _folder: 0)
    config = BenchConfig("b1", rig.config.spectrometer, rig.config.laser, 785.0)
    (opioscan_home / "devices.toml").write_text(
        f"[devices.b1]\nspectrometer = {json.dumps(config.spectrometer)}\n"
        f"laser = {json.dumps(config.laser)}\nlaser_nm = 785.0\n"
    )
    before = rig.lit()
    with pytest.raises(DiskFull, match="free some space"):
        bench.scan(ScanRequest(device="b1", item="A"))
    assert not any(power for _, power in rig.lit()[len(before) :])
    assert list(bench.archive.scan_ids()) == []
    assert bench.close() is False


def test_an_aborted_scan_that_cannot_be_kept_still_says_why_it_ended(program, opioscan_home, wait_until):
    emulator = program("instrument.emulators", "obp", "--model", "STS", "--speed", "20", "--with-parent")
    bench = Bench(Settings(opioscan_home))
    url, caught = f"obp+serial://{emulator.about['address']}?model=STS&baud=115200", []

    asked_for = CalibrationScanRequest(device=url, name="lamp", exposure_s=2.0, accumulations=100)

    def scan():
        try:
            bench.scan_for_calibration(asked_for)
        except Exception as error:
            caught.append(error)

    asked = threading.Thread(target=scan)
    asked.start()
    wait_until(lambda: any(re.fullmatch(r"signal [2-9]%", one.stage) for one in bench.devices.known()))
    shutil.rmtree(bench.archive.root)
    bench.archive.root.write_text("in the way")
    bench.abort()
    asked.join(10)
    assert [type(one) for one in caught] == [AcquisitionAborted]
    assert caught[0].scan is not None
    assert bench.close() is False


def test_a_bench_keeps_its_name(opioscan_home):
    first = Bench(Settings(opioscan_home))
    first.outbox.set_state("bench", "customs-7")
    again = Bench(Settings(opioscan_home))
    assert again.name == "customs-7"


def scan_of(**changes):
    fields = {
        "technique": Technique.RAMAN,
        "counts": [[1.0, 2.0]],
        "device": DeviceInfo("STS", "1"),
        "exposure_s": 1.0,
        "taken_at": PAST,
        "axis": [500.0, 501.0],
        "item": "A",
        "screening_id": "s1",
    }
    return Scan(**{**fields, **changes})


def test_attempts_outlive_everything(tmp_path):
    attempts, archive = Attempts(tmp_path / "outbox"), Archive(tmp_path / "archive")
    found = identified("no_alarm", technique="raman")
    with attempts.begun("s1", "A", 1, attempt=None, device="STS/1") as number:
        assert number == 1
        archived = archive.put(scan_of())
        attempts.keep(archived)
        attempts.settle(archived, found)
    with pytest.raises(OSError, match="cable"), attempts.begun("s1", "A", 1, attempt=None, device="STS/1"):
        raise OSError(errno.EIO, "cable")
    with suppress(KeyboardInterrupt), attempts.begun("s1", "A", 2, attempt=None, device="STS/1"):
        assert Attempts(tmp_path / "outbox").interrupt() == 1, "as a fresh agent does after a kill"
        raise KeyboardInterrupt
    of_file = archive.put(scan_of(spot=3, attempt=2))
    attempts.settle(of_file, found)
    attempts.settle(of_file, found)
    seen = [(one.spot, one.attempt, one.state, one.words) for one in attempts.of("s1")]
    assert seen == [
        (1, 1, "done", ""),
        (1, 2, "aborted", "cable"),
        (2, 1, "aborted", "the bench agent ended during the scan"),
        (3, 2, "done", ""),
    ]
    assert attempts.screening_of("A") == "s1"
    assert attempts.screening_of("B") is None
    assert combined(attempts.of("s1")).verdict is Verdict.NO_ALARM


def test_an_attempt_whose_end_cannot_be_noted_keeps_its_number(tmp_path):
    path = tmp_path / "outbox"
    attempts = Attempts(path)

    def scan() -> None:
        with attempts.begun("s", "A", 1, attempt=None, device=""):
            path.write_bytes(b"no database" * 1000)
            raise RuntimeError("the scan failed")

    with pytest.raises(RuntimeError, match="the scan failed"):
        scan()


def test_what_a_device_does_in_words():
    plans = Plans()
    plans.keep("d", ScanPlan(accumulations=3, countdown_s=10.0))
    told = {"name": "d", "busy": True, "has_laser": True, "laser_may_be_on": False, "laser_state": ""}
    for stage, words in (
        ("", "getting ready"),
        ("countdown 72%", "countdown: 3 s"),
        ("warning 1 s", "laser warning: 1 s"),
        ("exposure 0%", "choosing the exposure"),
        ("signal 0%", "signal 1 of 3"),
        ("signal 33%", "signal 2 of 3"),
        ("signal 100%", "signal 3 of 3"),
        ("dark 67%", "dark 3 of 3"),
        ("dark 100%", "identifying"),
        ("waiting for a file", "waiting"),
    ):
        assert plans.activity({**told, "stage": stage}).words == words
    assert plans.activity({**told, "stage": "signal 100%", "has_laser": False}).words == "identifying"
    assert plans.activity({**told, "name": "other", "stage": "signal 33%"}).words == "signal"
    assert plans.activity({**told, "busy": False, "stage": ""}) is None
    assert laser_state({**told, "has_laser": False}) == "none"
    assert laser_state({**told, "laser_may_be_on": True}) == "may_be_on"
    for state in ("off", "warning", "on", "unreachable"):
        assert laser_state({**told, "laser_state": state}) == state
        assert officer_words.LASERS[state]
    assert laser_state(told) == laser_state({**told, "laser_state": "starting"}) == "unknown"


def test_devices_without_a_laser_average_themselves(tmp_path):
    files = Device(BenchConfig("f", f"folder://{tmp_path}", None, None), tmp_path)
    assert files.has_laser is False
    plan = plan_of(ScanRequest(device="f"), files)
    assert (plan.accumulations, plan.laser_nm) == (1, None)
    assert plan_of(ScanRequest(device="f", adaptive=True), files).accumulations == 10
    assert plan_of(ScanRequest(device="f", accumulations=4, adaptive=True), files).accumulations == 4
    with pytest.raises(UsageError, match="times its exposure itself"):
        plan_of(ScanRequest(device="f", exposure_s=1.0), files)
    raman = Device(BenchConfig("r", "obp+tcp://127.0.0.1:9?model=FX", None, 785.0), tmp_path)
    assert plan_of(BlankRequest(device="r", name="bag", delay_s=2.0), raman).accumulations == 3


def test_accessories_and_what_they_are_called(tmp_path):
    contacts = Contacts(Outbox(tmp_path / "outbox"))
    contacts.soil("FTSW/1", "ftir", "atr", item="A")
    again = Contacts(Outbox(tmp_path / "outbox"))
    assert "clean the ATR crystal of ftir" in again.soiled()[0].words
    with pytest.raises(AccessoryUnclean, match="item A raised an alarm"):
        again.check("FTSW/1")
    again.check("FTSW/2")
    again.clean("FTSW/1", "vial")
    assert again.of("FTSW/1"), "a clean vial says nothing of the crystal"
    again.clean("FTSW/1", "atr")
    assert again.soiled() == ()
    contacts.soil("FTSW/1", "ftir", "atr", item="B")
    contacts.soil("FTSW/1", "ftir vial", "vial", item="")
    again.clean("FTSW/1", "vial")
    with pytest.raises(AccessoryUnclean, match="item B raised an alarm"):
        again.check("FTSW/1")
    contacts.clean("FTSW/1", "atr")
    early = {"device": "F/1", "name": "f", "accessory": "atr", "item": "C", "since": "2026-01-01T00:00:00Z"}
    Outbox(tmp_path / "outbox").set_state("contact:F/1", json.dumps(early))
    contacts.clean("F/1", "atr")
    assert again.soiled() == ()
    standing_off = BenchConfig("r", "obp+tcp://127.0.0.1:9?model=FX", None, 785.0)
    assert accessory_of(standing_off, Presentation.BAG) == ""
    assert accessory_of(standing_off, Presentation.ATR) == "atr"


def test_an_alarm_is_remembered_where_it_touched_something(opioscan_home):
    """Also of a scan that is taken up again after a crash."""
    bench = Bench(Settings(opioscan_home))
    touched = scan_of(settings={"contact": {"device": "ftir", "accessory": "atr"}})
    harmless = identified("no_alarm", technique="raman")
    remember(bench, keep(bench, touched, b""), harmless)
    assert bench.contacts.soiled() == ()
    remember(bench, keep(bench, scan_of(attempt=2), b""), identified("alarm_class", technique="raman"))
    assert bench.contacts.soiled() == (), "a probe that stands off is not soiled"
    remember(
        bench, keep(bench, replace(touched, attempt=3), b""), identified("alarm_named", technique="raman")
    )
    assert [(one.device, one.name, one.item) for one in bench.contacts.soiled()] == [("STS/1", "ftir", "A")]
    assert bench.visit("a")["finding"]["verdict"] == "alarm_named"
    assert bench.close() is False


def crystal(height: float) -> Spectrum:
    axis = np.arange(650.0, 4000.0, 2.0)
    band = height * np.exp(-0.5 * ((axis - 1700.0) / 12.0) ** 2)
    return Spectrum(axis, band, Technique.FTIR, noise=np.full(axis.size, 1e-4))


def test_a_crystal_is_judged_by_what_is_left_on_it():
    noise_only = identified("inconclusive", reasons=["weak_signal", "unexplained_residual"])
    check_blank(noise_only, crystal=crystal_of(crystal(0.0), Presentation.ATR))
    with pytest.raises(ResidueFound, match="clean the crystal"):
        check_blank(noise_only, crystal=crystal_of(crystal(0.1), Presentation.ATR))
    noisy = replace(crystal(0.0), noise=np.full(1675, 0.01))
    with pytest.raises(BlankRefused, match="measure longer") as refused:
        check_blank(noise_only, crystal=crystal_of(noisy, Presentation.ATR))
    assert not isinstance(refused.value, ResidueFound)
    assert crystal_of(crystal(0.0), Presentation.DIRECT) is None
    with pytest.raises(BlankRefused, match="saturated"):
        check_blank(identified("inconclusive", reasons=["saturated"]))


def test_findings_in_the_officers_words(capsys):
    both = [identified("no_alarm", technique=one) for one in ("raman", "ftir")]
    silent = identified("inconclusive", technique="ftir", spot=1, attempt=2)
    view = officer_words.finding_view(combine([*both, silent]).to_json())
    assert "both vibrational" in view["by"]
    assert "laboratory confirmation" in view["by"]
    assert view["techniques"] == ["Infrared: ○ NO ALARM (spot 1)", "Raman: ○ NO ALARM (spot 1)"]
    assert view["attempts"] == [
        "It rests on: spot 1, attempt 1 (infrared), spot 1, attempt 1 (Raman).",
        "Inconclusive, answered by another attempt there: spot 1, attempt 2 (infrared).",
    ]
    assert officer_words.finding_view(combine(both[:1]).to_json())["attempts"] == []
    page = _TEMPLATES.get_template("_visit.html").render(visit={"screening": "open"}, overall=view, tries=[])
    assert "both vibrational techniques" in page
    assert "Infrared: ○ NO ALARM (spot 1)" in page
    assert "answered by another attempt there" in page
    tries = [{"spot": 1, "attempt": n, "verdict": "no_alarm", "named": ""} for n in (1, 2)]
    show_visit({"attempts": tries, "finding": combine([*both, silent]).to_json()})
    shown = capsys.readouterr().out
    assert "Whole parcel: ○ NO ALARM (no hold requested)\n  Infrared: ○ NO ALARM (spot 1)" in shown
    assert "both vibrational techniques" in shown
    assert officer_words.when("2026-11-22T02:17:58Z") == "2026-11-22 02:17 UTC"
    assert officer_words.suggested_name("bag", {"bag 1", "bag 3"}) == "bag 2"
    begun = {"state": "begun", "verdict": "", "words": ""}
    assert officer_words.attempt_view(begun)["word"] == "UNDER WAY"
