"""The store of calibration records: whole, immutable, and clear about which record counts."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from calibration.outcomes import AxisOutcome, LineFit, ResolutionOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed
from service.calibration_files import MAX_BYTES
from service.calibration_states import State, force_of
from service.calibrations import Calibrations
from service.errors import CalibrationDamaged, CalibrationNotFound, CalibrationStoreError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def axis_record(**more):
    outcome = AxisOutcome(
        form="pixels",
        coefficients=(800.0, 0.16, -1e-6),
        pixels=1024,
        laser_nm=785.1,
        laser_sigma_nm=0.01,
        rms=0.01,
        leave_one_out_rms=0.02,
        sigma_cm1=0.3,
        valid_range=(800.0, 960.0),
        lines=(LineFit("Ne", 811.85492, 74.1, 0.02, 0.003, True),),
    )
    fields = {
        "kind": Kind.AXIS,
        "device_serial": "S1",
        "outcome": outcome,
        "standards": (StandardUsed("neon lamp"),),
        "scans": ("0" * 64,),
        "made_at": "2026-11-21T12:00:00Z",
    }
    return CalibrationRecord(**{**fields, **more})


def width_record(**more):
    outcome = ResolutionOutcome("calcite", 1085.9, "voigt", 8.0, 0.1, 7.8, 1.5)
    return axis_record(kind=Kind.RESOLUTION, outcome=outcome, standards=(StandardUsed("calcite"),), **more)


@pytest.fixture
def store(tmp_path):
    return Calibrations(tmp_path / "calibrations")


def test_a_record_is_kept_once_under_its_digest(store):
    record = axis_record()
    assert store.listed() == ()
    path = store.keep(record)
    assert path.name == f"{record.record_id}.json"
    assert path.read_bytes() == rfc8785.dumps(record.to_json())
    before = path.stat()
    assert store.keep(record) == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_mode & 0o777 == 0o400
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert store.get(record.record_id) == store.get(record.record_id[:6].upper()) == record
    assert Calibrations(store.folder).in_force("S1").axis == record


def test_what_is_not_there_is_said(store):
    store.keep(axis_record())
    for wanted in ("abc", "0" * 64, "../../etc/passwd", "\0" * 8):
        with pytest.raises(CalibrationNotFound):
            store.get(wanted)
    with pytest.raises(CalibrationDamaged, match="no time"):
        store.keep(axis_record(made_at="yesterday"))
    with pytest.raises(CalibrationDamaged, match="before it was made"):
        store.keep(axis_record(valid_until="2026-11-20T12:00:00Z"))
    with pytest.raises(CalibrationDamaged, match="longer than"):
        store.keep(axis_record(note="x" * MAX_BYTES))


def test_a_beginning_that_two_records_have_names_neither(store):
    first = store.keep(axis_record())
    (store.folder / f"{first.name[:10]}{'0' * 54}.json").write_bytes(b"{}")
    with pytest.raises(CalibrationNotFound, match="2 calibration records begin"):
        store.get(first.name[:10])
    assert store.get(first.name[:64]).device_serial == "S1"


@pytest.mark.parametrize(
    "harm", ["cut", "edited", "swapped", "spaced", "deep", "long", "link", "pipe", "binary"]
)
def test_a_damaged_file_is_refused_by_name_and_the_others_work(store, harm):
    good, other = axis_record(), axis_record(operator="B", made_at="2026-11-21T13:00:00Z")
    store.keep(good)
    path = store.keep(other)
    data = path.read_bytes()
    path.unlink()
    if harm == "link":
        path.symlink_to(store.folder / f"{good.record_id}.json")
    elif harm == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(
            {
                "cut": data[:-20],
                "edited": data.replace(b"785.1", b"785.2"),
                "swapped": rfc8785.dumps(good.to_json()),
                "spaced": data + b"\n",
                "deep": b"[" * 100_000,
                "long": data + b" " * MAX_BYTES,
                "binary": b"\xff\x00" * 50,
            }[harm]
        )
    assert [one.path for one in store.damaged()] == [path]
    assert [one.record_id for one in store.listed()] == [good.record_id]
    assert store.in_force("S1").axis == good
    with pytest.raises(CalibrationDamaged, match=path.name):
        store.get(other.record_id)
    # Keeping the true record again mends it.
    store.keep(other)
    assert store.damaged() == ()
    assert store.in_force("S1").axis == other


def test_a_file_damaged_after_it_was_read_is_found_out(store):
    path = store.keep(axis_record())
    assert store.in_force("S1").axis is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"785.1", b"785.2"))
    assert store.in_force("S1").axis is None
    assert len(store.damaged()) == 1


def test_the_newest_counts_each_kind_for_itself_and_each_device(store):
    old, new = axis_record(), axis_record(made_at="2026-11-21T14:00:00+01:00")
    assert new.made_at > old.made_at
    width, other = width_record(), axis_record(device_serial="S2")
    for record in (new, old, width, other):
        store.keep(record)
    found = store.in_force("S1")
    assert (found.axis, found.intensity, found.resolution) == (new, None, width)
    assert store.in_force("S2").records == (other,)
    assert store.in_force("").records == store.in_force("S3").records == ()
    assert store.in_force("S1", at="2026-11-21T12:30:00Z").axis == old
    assert store.in_force("S1", at="2026-11-21T11:00:00Z").records == ()


def test_superseding_outranks_the_clock_and_withdrawing_brings_back(store):
    wrong_clock = axis_record(made_at="2027-01-01T00:00:00Z")
    right = axis_record(supersedes=wrong_clock.record_id)
    stranger = axis_record(device_serial="S2", supersedes=right.record_id)
    for record in (wrong_clock, right, stranger):
        store.keep(record)
    assert store.in_force("S1").axis == right
    assert {one.record_id: one.state for one in store.listed(at=NOW)} == {
        wrong_clock.record_id: State.SUPERSEDED,
        right.record_id: State.IN_FORCE,
        stranger.record_id: State.IN_FORCE,
    }
    gone = store.withdraw(right.record_id[:12], why="wrong lamp", by="T. Nician", at="2026-11-22T10:00:00Z")
    again = store.withdraw(right.record_id, why="other", by="else", at="2026-11-22T11:00:00Z")
    assert again == gone
    assert Calibrations(store.folder).in_force("S1").axis == wrong_clock
    listed = {one.record_id: one for one in store.listed(at=NOW)}
    assert listed[right.record_id].state is State.WITHDRAWN
    assert listed[right.record_id].withdrawal == gone
    assert store.get(right.record_id) == right
    with pytest.raises(CalibrationDamaged, match="says why"):
        store.withdraw(wrong_clock.record_id, why=" ", by="me", at="2026-11-22T10:00:00Z")


def test_a_damaged_withdrawal_is_reported_and_does_not_count(store):
    record = axis_record()
    store.keep(record)
    store.withdraw(record.record_id, why="wrong lamp", by="T. Nician", at="2026-11-22T10:00:00Z")
    path = next(store.folder.glob("*.withdrawn.json"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"wrong", b"right"))
    assert store.in_force("S1").axis == record
    assert [one.path for one in store.damaged()] == [path]


def test_an_expired_record_still_counts_and_says_so(store):
    record = axis_record(valid_until="2026-11-22T00:00:00Z")
    store.keep(record)
    assert store.in_force("S1").axis == record
    assert store.expired("S1", NOW) == (Kind.AXIS,)
    assert store.expired("S1", datetime(2026, 11, 21, 13, tzinfo=UTC)) == ()
    assert store.listed(at=NOW)[0].state is State.EXPIRED


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 5), st.booleans()), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_exactly_one_record_counts_whatever_they_supersede(rows, random):
    """Identifiers given by hand: circles and unknown predecessors, which digests cannot make."""
    made = [f"2026-11-2{hour}T12:00:00Z" for hour, _, _ in rows]
    records = {
        str(n): axis_record(made_at=made[n], supersedes=str(before) if before >= 0 else "")
        for n, (_, before, _) in enumerate(rows)
    }
    withdrawn = {str(n): None for n, (_, _, gone) in enumerate(rows) if gone}
    shuffled = list(records.items())
    random.shuffle(shuffled)
    found = force_of(dict(shuffled), withdrawn, "S1", None).axis
    assert found is force_of(records, withdrawn, "S1", None).axis
    left = [record for record_id, record in records.items() if record_id not in withdrawn]
    assert (found is None) == (not left)
    if left and not any(record.supersedes for record in left):
        assert found.made_at == max(record.made_at for record in left)


def test_many_may_keep_the_same_and_others_at_once(store):
    records = [axis_record(operator=str(n % 8)) for n in range(40)]
    stores = [store, Calibrations(store.folder)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: stores[n % 2].keep(records[n]), range(40)))
        seen = list(pool.map(lambda n: len(stores[n % 2].listed()), range(8)))
    assert len(set(done)) == 8
    assert seen == [8] * 8
    assert sorted(path.name for path in store.folder.iterdir()) == sorted({path.name for path in done})


KEEPER = """
import sys
from dataclasses import replace
from pathlib import Path
from service.calibration_files import record_of
from service.calibrations import Calibrations
record = record_of(Path(sys.argv[1]).read_bytes())
store = Calibrations(Path(sys.argv[2]))
for number in range(100_000):
    store.keep(replace(record, note=f"{number} " + "x" * 200_000))
    if not number:
        print("kept", flush=True)
"""


def test_a_kill_leaves_records_whole_or_not_at_all(store, tmp_path):
    seed = tmp_path / "seed.json"
    seed.write_bytes(rfc8785.dumps(axis_record().to_json()))
    with subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(seed), str(store.folder)], stdout=subprocess.PIPE, text=True
    ) as keeper:
        assert keeper.stdout.readline() == "kept\n"
        keeper.send_signal(signal.SIGKILL)
    assert store.damaged() == ()
    assert len(store.listed()) >= 1
    kept = replace(axis_record(), note="after the kill", made_at="2026-11-22T11:00:00Z")
    store.keep(kept)
    assert store.in_force("S1").axis == kept


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_said(store):
    store.keep(axis_record())
    store.folder.chmod(0)
    try:
        with pytest.raises(CalibrationStoreError, match="cannot be read"):
            store.in_force("S1")
    finally:
        store.folder.chmod(0o700)
