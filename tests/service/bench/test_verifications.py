"""What the bench keeps of verifications: the state they give an instrument, and which results they flag."""

import json
from datetime import timedelta

import pytest

from calibration.verification import Verification
from service.bench.agent import Bench
from service.bench.attempts import Attempts
from service.bench.notes import rfc3339, utc_now
from service.bench.operations import MAX_FLAGGED, result_id
from service.bench.standing import state_of
from service.bench.trust import TEMPERATURE_JUMP_C, note_reconnect, trust_of
from service.bench.verifications import VerificationNote, Verifications
from service.bench.verifying import tell_again
from service.errors import SettingsError
from service.settings import Settings, load_settings

ONE, OTHER = "STS/S1", "STS/S2"


def note(kept, verdict="passed", *, device=ONE, control="positive", name="a", hours=2.0, after=None, **more):
    now = utc_now()
    outcome = Verification(control, verdict, "off", "polystyrene", (), device.partition("/")[2], name, "")
    made = VerificationNote(
        device=device,
        control=control,
        verdict=verdict,
        scan_id=name * 64,
        standard="polystyrene",
        taken_at=rfc3339(now),
        due_at=rfc3339(now + timedelta(hours=hours)),
        after_seq=kept.begun_so_far() if after is None else after,
        outcome=outcome.to_json(),
        **more,
    )
    return kept.keep(made)


class Scans:
    """Attempts as scans leave them, without a device."""

    def __init__(self, path):
        self._attempts = Attempts(path)
        self._file = self._attempts._file
        self._count = 0

    def done(self, device=ONE, state="done"):
        self._count += 1
        scan_id = f"{self._count:064x}"
        with self._attempts.begun("s", "ITEM", self._count, attempt=None, device=device):
            pass
        with self._file.transaction() as database:
            database.execute(
                "UPDATE attempts SET state = ?, scan_id = ? WHERE spot = ?",
                (state, scan_id if state != "aborted" else "", self._count),
            )
        return result_id(scan_id)


@pytest.fixture
def kept(tmp_path):
    return Verifications(tmp_path / "outbox.sqlite3")


@pytest.fixture
def scans(tmp_path, kept):
    return Scans(tmp_path / "outbox.sqlite3")


def flagged(flags):
    return [one for flag in flags for one in flag.result_ids]


def test_a_failure_flags_exactly_what_was_begun_since_the_last_pass(kept, scans):
    before = scans.done()
    assert flagged(note(kept, name="a")[1]) == []
    first, _, second = scans.done(), scans.done(OTHER), scans.done()
    scans.done(state="aborted")
    last_begun = kept.begun_so_far()
    later = scans.done()
    _, flags = note(kept, "failed", name="b", after=last_begun)
    assert flagged(flags) == [first, second]
    assert {before, later}.isdisjoint(flagged(flags))
    assert flags[0].since == kept.last(ONE, "positive", passed=True).taken_at
    # The same scan again makes the same flag; another failure makes one of its own.
    again = kept.flags(verification="b" * 64)
    assert again == flags
    _, more = note(kept, "failed", name="c")
    assert flagged(more) == [first, second, later]
    assert {one.flag_id for one in more}.isdisjoint({one.flag_id for one in flags})
    # A later pass takes no flag away.
    note(kept, name="d")
    assert kept.flags(device=ONE) == (*flags, *more)
    assert kept.flags(device=OTHER) == ()
    _, after_pass = note(kept, "failed", name="e")
    assert after_pass == ()


def test_without_a_pass_ever_everything_of_the_instrument_is_flagged(kept, scans):
    mine = [scans.done(), scans.done()]
    scans.done(OTHER)
    _, flags = note(kept, "failed")
    assert flagged(flags) == mine


def test_what_has_no_verdict_flags_nothing_and_ends_nothing(kept, scans):
    note(kept, name="a")
    doubtful = scans.done()
    assert note(kept, "no_verdict", name="b")[1] == ()
    assert kept.last(ONE, "positive").scan_id == "a" * 64
    assert flagged(note(kept, "failed", name="c")[1]) == [doubtful]


def test_a_negative_control_looks_back_to_its_own_last_pass(kept, scans):
    note(kept, name="a", control="negative")
    first = scans.done()
    note(kept, name="b")
    second = scans.done()
    assert flagged(note(kept, "failed", name="c", control="negative")[1]) == [first, second]


def test_many_results_are_flagged_in_parts(kept, tmp_path):
    attempts = Attempts(tmp_path / "outbox.sqlite3")
    with attempts._file.transaction() as database:
        database.executemany(
            "INSERT INTO attempts (screening_id, item, spot, attempt, device, begun_at, state, scan_id)"
            " VALUES ('s', 'I', ?, 1, ?, '2026-11-22T08:00:00Z', 'done', ?)",
            [(number, ONE, f"{number:064x}") for number in range(MAX_FLAGGED + 5)],
        )
    _, flags = note(kept, "failed")
    assert [len(flag.result_ids) for flag in flags] == [MAX_FLAGGED, 5]
    assert flags[0].since == "2026-11-22T08:00:00Z"


@pytest.fixture
def bench(tmp_path):
    made = Bench(Settings(tmp_path / "home"))
    yield made
    made.close()


def state(bench, **more):
    found = trust_of(bench, ONE, **more)
    return found.axis, found.why


def test_the_state_of_an_instrument_follows_its_verifications(bench):
    kept = bench.verifications
    assert state(bench)[0] == "missing"
    note(kept, "no_verdict")
    assert state(bench)[0] == "missing"
    note(kept, name="b", temperatures={"0": 24.0})
    assert state(bench) == ("verified", "")
    near, far = {"0": 24.0 + TEMPERATURE_JUMP_C - 0.1}, {"0": 24.0 - TEMPERATURE_JUMP_C - 0.1}
    assert state(bench, temperatures=near)[0] == "verified"
    axis, why = state(bench, temperatures=far)
    assert (axis, "from 24 to 19 °C" in why) == ("overdue", True)
    note(kept, "failed", name="c", control="negative")
    assert state(bench) == ("failed", "off")
    note(kept, name="d")
    assert state(bench)[0] == "failed", "a positive control says nothing of contamination"
    note(kept, name="e", control="negative")
    assert state(bench)[0] == "verified"
    note(kept, name="f", axis_id="an older calibration")
    assert "calibrated" in state(bench)[1]
    note(kept, name="g", hours=-0.01)
    assert "was due at" in state(bench)[1]
    assert state_of(bench, ONE).axis == "overdue"
    assert state_of(bench, OTHER).axis == "missing"


def test_a_reconnect_puts_a_verification_out_of_date_until_the_next(bench):
    note_reconnect(bench, ONE, "unplugged")
    note(bench.verifications, name="a")
    assert state(bench)[0] == "verified", "it was before the verification"
    note_reconnect(bench, ONE, "unplugged")
    assert state(bench) == ("overdue", "it was reconnected since the last verification")
    note(bench.verifications, name="b")
    assert state(bench)[0] == "verified"


def test_a_start_of_the_agent_brings_the_next_one_nearer(bench):
    note(bench.verifications, hours=8.0)
    due_at = trust_of(bench, ONE).due_at
    bench.started_at += timedelta(minutes=1)
    assert trust_of(bench, ONE).due_at == rfc3339(bench.started_at + timedelta(hours=2)) < due_at


def test_a_negative_control_may_be_required(tmp_path):
    bench = Bench(Settings(tmp_path / "home", require_negative_control=True))
    try:
        note(bench.verifications)
        assert state(bench) == ("overdue", "no negative control was ever made with it")
        note(bench.verifications, name="b", control="negative")
        assert state(bench)[0] == "verified"
    finally:
        bench.close()


def test_what_a_crash_kept_out_of_the_outbox_is_told_later_and_once(bench):
    scans = Scans(bench.settings.outbox_path)
    doubtful = scans.done()
    note(bench.verifications, "failed", name="b")
    note(bench.verifications, "no_verdict", name="c")
    for _ in range(2):
        tell_again(bench)
        paths = [op.path for op in bench.outbox.pending()]
        assert len(paths) == 3
        assert paths[:2] == [f"/scans/{'b' * 64}", f"/verifications/{'b' * 64}"]
        body = bench.outbox.pending()[2].json
        assert (body["reason"], body["result_ids"]) == ("verification_failed", [doubtful])


def test_settings_of_verifications_are_checked(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("verify_hours = 4\nverification_limit_cm1 = 0.8\nrequire_negative_control = true\n")
    found = load_settings({"OPIOSCAN_HOME": str(tmp_path)})
    assert (found.verify_hours, found.verification_limit_cm1) == (4.0, 0.8)
    assert found.require_negative_control
    for line in ("verify_hours = 0", "verification_limit_cm1 = 2.0", "require_negative_control = 1"):
        config.write_text(line)
        with pytest.raises(SettingsError, match=line.split()[0]):
            load_settings({"OPIOSCAN_HOME": str(tmp_path)})


def test_old_files_get_the_new_tables(tmp_path):
    path = tmp_path / "outbox.sqlite3"
    attempts = Attempts(path)
    with attempts._file.transaction() as database:
        database.execute("DROP TABLE verifications")
        database.execute("DROP TABLE flags")
    kept = Verifications(path)
    assert kept.history() == kept.flags() == ()
    made, _ = note(kept)
    assert kept.history(ONE) == (made,)
    assert json.loads(json.dumps(dict(made.outcome)))["schema"] == "opioscan.verification/2"
    assert made.found is not None
