"""Officers of a bench: who gets in, who is kept out, and whose name a record carries."""

import fcntl
import json
import stat
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.bench import officers as rules
from service.bench import officers_file
from service.bench.officers import Officers, is_locked
from service.bench.refusals import LockedOut, NotSignedIn, WrongBadgeOrPin
from service.bench.safety import Shift
from service.bench.signing_in import SigningIn
from service.cli.officer import app
from service.clock import awake_or_not
from service.errors import SettingsError, UsageError
from service.settings import Settings

BADGE, PIN = "NL-4711-77", "270153"


@pytest.fixture(autouse=True)
def quick_digests(monkeypatch):
    """What makes a guess dear makes a test dear too."""
    monkeypatch.setattr(officers_file, "_N", 16)
    monkeypatch.setattr(officers_file, "_P", 1)


@pytest.fixture
def officers(tmp_path, monkeypatch):
    monkeypatch.setattr(rules, "PAUSE_S", 0.0)
    return Officers(tmp_path / "officers.json")


@pytest.fixture
def anna(officers):
    return officers.add("  Anna   Jansen ", BADGE, PIN)


def test_a_copied_file_names_no_badge_and_no_pin(tmp_path, officers, anna):
    assert officers.check(BADGE, PIN) == anna.name == "Anna Jansen"
    path = tmp_path / "officers.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert BADGE not in path.read_text()
    assert PIN not in path.read_text()
    (tmp_path / "officers.key").unlink()
    with pytest.raises(SettingsError, match="key is missing"):
        officers.check(BADGE, PIN)


def test_wrong_pins_lock_out_until_a_new_one_is_set(tmp_path, officers, anna):
    for _ in range(rules.MAX_TRIES):
        with pytest.raises(WrongBadgeOrPin, match="do not belong together"):
            officers.check(BADGE, "999998")
    again = Officers(tmp_path / "officers.json")
    with pytest.raises(LockedOut, match="a technician sets a new PIN"):
        again.check(BADGE, PIN)
    assert is_locked(again.all()[0])
    again.reset_pin("anna jansen", "4455")
    assert again.check(BADGE, "4455") == anna.name
    assert not is_locked(again.all()[0])


def test_each_wrong_try_has_to_wait_longer(officers, anna, monkeypatch):
    monkeypatch.setattr(rules, "PAUSE_S", 30.0)
    for badge in (BADGE, "UNKNOWN"):
        with pytest.raises(WrongBadgeOrPin) as first:
            officers.check(badge, "999998")
        assert not isinstance(first.value, LockedOut)
        with pytest.raises(LockedOut, match="wait"):
            officers.check(badge, PIN)


@pytest.mark.parametrize(
    ("name", "badge", "pin", "words"),
    [
        ("", BADGE, PIN, "name has"),
        ("x" * 65, BADGE, PIN, "name has"),
        ("A\x07", BADGE, PIN, "name has"),
        ("Bo", "123", PIN, "badge's barcode has"),
        ("Bo", "12345", "123", "4 to 12 digits"),
        ("Bo", "12345", "12a4", "4 to 12 digits"),
        ("Bo", "12345", "1111", "first to be guessed"),
        ("Bo", "12345", "1234", "first to be guessed"),
        ("ANNA jansen", "12345", PIN, "is registered"),
        ("Bo", BADGE, PIN, "belongs to another"),
    ],
)
def test_who_is_not_registered(officers, anna, name, badge, pin, words):
    with pytest.raises(UsageError, match=words):
        officers.add(name, badge, pin)
    assert officers.all() == (anna,)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "opioscan.officers/1", "salt": "x"}', "null"])
def test_a_damaged_file_lets_nobody_in(tmp_path, officers, text):
    (tmp_path / "officers.json").write_text(text)
    with pytest.raises(SettingsError, match="damaged"):
        officers.all()


class Bench:
    """The sign-in of a bench whose clock a test sets."""

    def __init__(self, tmp_path, officers, **settings):
        self.now, self.shift, self.changes = 0.0, Shift(), 0
        self.signing_in = SigningIn(
            Settings(tmp_path, **settings), officers, self.shift, clock=lambda: self.now
        )
        self.signing_in.on_change = self._changed

    def _changed(self):
        self.changes += 1


def test_a_session_ends_with_the_shift_when_idle_and_with_the_officer(tmp_path, officers, anna):
    bench = Bench(tmp_path, officers)
    assert (bench.signing_in.required, bench.signing_in.officer) == (True, "")
    with pytest.raises(NotSignedIn):
        bench.signing_in.need()
    bench.signing_in.sign_in(BADGE, PIN)
    bench.shift.confirm()
    bench.now += 29 * 60
    bench.signing_in.touch()
    bench.now += 29 * 60
    assert bench.signing_in.officer == "Anna Jansen"
    bench.now += 2 * 60
    assert (bench.signing_in.officer, bench.shift.confirmed) == ("", False)
    bench.signing_in.sign_in(BADGE, PIN)
    for _ in range(17):
        bench.now += 29 * 60
        bench.signing_in.touch()
    assert bench.signing_in.officer == "", "eight hours are over"
    bench.signing_in.sign_in(BADGE, PIN)
    officers.remove("Anna Jansen")
    assert bench.signing_in.officer == ""
    assert bench.changes == 6


def test_nothing_is_carried_over_to_the_next_officer(tmp_path, officers, anna):
    officers.add("Bo", "12345", PIN)
    bench = Bench(tmp_path, officers)
    bench.signing_in.sign_in(BADGE, PIN)
    bench.shift.confirm()
    bench.shift.clear("s1")
    assert bench.signing_in.sign_in("12345", PIN) == "Bo"
    assert not bench.shift.confirmed
    assert not bench.shift.is_cleared("s1")


def test_whose_name_a_record_carries(tmp_path, officers):
    free = Bench(tmp_path, officers).signing_in
    assert not free.required
    assert free.operator_for() == ""
    assert free.operator_for("", "root") == "root (computer account)"
    assert free.operator_for("Bo Lund", "root") == "Bo Lund (not signed in)"
    officers.add("Anna Jansen", BADGE, PIN)
    for said in ("", "Anna Jansen"):
        with pytest.raises(NotSignedIn, match="nobody is signed in"):
            free.operator_for(said, "root")
    free.sign_in(BADGE, PIN)
    assert free.operator_for("anna jansen") == free.operator_for("", "root") == "Anna Jansen"
    with pytest.raises(NotSignedIn, match="not Bo"):
        free.operator_for("Bo")
    allowed = Bench(tmp_path, officers, require_sign_in=False).signing_in
    assert allowed.operator_for("", "root") == "root (computer account)"
    assert Bench(tmp_path / "none", Officers(tmp_path / "none"), require_sign_in=True).signing_in.required


def test_the_command_registers_lists_and_removes(opioscan_home, monkeypatch):
    monkeypatch.setenv("OPIOSCAN_HOME", str(opioscan_home))

    def run(*arguments, stdin=""):
        return CliRunner().invoke(app, list(arguments), input=stdin)

    assert "nobody has to sign in" in run("list").output
    assert run("add", "Anna Jansen", stdin=f"{BADGE}\n{PIN}\n").output == (
        "Anna Jansen may sign in at this bench\n"
    )
    assert isinstance(run("add", "Bo", stdin=f"{BADGE}\n{PIN}\n").exception, UsageError)
    assert isinstance(run("add", "Bo").exception, UsageError), "no standard input"
    (line,) = run("list", "--json").output.splitlines()
    assert json.loads(line) | {"added_at": ""} == {"name": "Anna Jansen", "added_at": "", "locked": False}
    assert run("reset-pin", "anna jansen", stdin="4455\n").exit_code == 0
    assert Officers(opioscan_home / "officers.json").check(BADGE, "4455") == "Anna Jansen"
    assert json.loads(run("remove", "anna jansen", "--json").output)["name"] == "Anna Jansen"
    assert isinstance(run("remove", "anna jansen").exception, UsageError)


def test_a_session_that_is_over_does_not_end_the_next_one(tmp_path, officers, anna):
    """As when the page of the first officer is looked at while the second one signs in."""
    officers.add("Bas Visser", "NL-1234-88", "908172")
    bench = Bench(tmp_path, officers)
    bench.signing_in.sign_in(BADGE, PIN)
    bench.now += 31 * 60
    over = bench.signing_in._session
    assert bench.signing_in.sign_in("NL-1234-88", "908172") == "Bas Visser"
    bench.signing_in._end(over)
    assert bench.signing_in.officer == "Bas Visser"


def test_the_clock_of_sessions_goes_on_while_the_machine_sleeps():
    assert awake_or_not() >= time.monotonic() - 0.1
    assert abs(awake_or_not() - float(Path("/proc/uptime").read_text().split()[0])) < 1.0


def test_a_program_that_holds_the_officers_is_not_waited_for_for_ever(tmp_path, officers, anna, monkeypatch):
    monkeypatch.setattr(officers_file, "LOCK_S", 0.05)
    with (tmp_path / "officers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SettingsError, match="another program holds"):
            officers.check(BADGE, PIN)
    assert officers.check(BADGE, PIN) == "Anna Jansen"
