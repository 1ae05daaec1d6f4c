"""The parts of the agent, each by itself, and the agent without HTTP."""

import errno
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from instrument.config import BenchConfig
from instrument.errors import DeviceURLError, InstrumentError
from library.methods import training_method
from service.archive.journal import Archive
from service.bench import answers, lights
from service.bench.agent import Bench
from service.bench.blanks import check_blank, usable_blank
from service.bench.devices import Devices
from service.bench.flusher import Flusher
from service.bench.item import clean_label, label_type, new_unlabelled
from service.bench.lock import lock_is_free, try_lock
from service.bench.method_source import MethodSource
from service.bench.notes import BlankNote, Notes, VerificationNote, expired, rfc3339, write_private
from service.bench.operations import completing, result_id
from service.bench.outbox import Outbox
from service.bench.refusals import BlankUnusable, NotConfirmed, PossiblyEnergetic, ShuttingDown
from service.bench.requests import BlankRequest, ScanRequest
from service.bench.runs import FormTokens, Runs
from service.bench.safety import Shift, check_may_fire
from service.errors import DiskFull, UsageError
from service.settings import Settings
from spectra.reasons import Verdict

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
    checked = VerificationNote("STS/1", "s", True, PAST, FUTURE, {"worst": 0.1})
    notes.keep_blank(blank)
    notes.keep_verification(checked)
    again = Notes(path)
    assert again.blanks() == (blank,)
    assert again.verification("STS/1") == checked
    assert again.verification("STS/2") is None
    assert path.stat().st_mode & 0o777 == 0o600
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


def test_lasers_that_are_not_plugged_in_are_no_alarm(tmp_path, opioscan_home):
    config = (
        "spectrometer = 'obp+serial:///dev/nothing1?model=STS'\nlaser = 'cobolt+serial:///dev/nothing2'\n"
    )
    (opioscan_home / "devices.toml").write_text(f"[devices.away]\n{config}laser_nm = 785.0\n")
    devices = Devices(Settings(opioscan_home))
    lights.force_off(devices.configured())
    assert lights.alarm(devices.known()) == ""
    assert devices.known()[0].described()["trouble"]
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


def test_a_bench_keeps_its_name(opioscan_home):
    first = Bench(Settings(opioscan_home))
    first.outbox.set_state("bench", "customs-7")
    again = Bench(Settings(opioscan_home))
    assert again.name == "customs-7"
