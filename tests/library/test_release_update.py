"""A bench through its releases: trusted, updated, rolled back, renewed; and nothing altered is ever used."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from library.errors import LibraryNotWritten
from library.method_store import read_method
from library.release_active import active_release, check_installed, read_active, roll_back
from library.release_errors import (
    MetadataDamaged,
    NothingToRollBack,
    NothingTrusted,
    ReleaseAltered,
    ReleaseStateDamaged,
    ReleaseUnusable,
    RootUnfit,
    TooFewSignatures,
)
from library.release_source import FolderSource
from library.release_state import ReleaseState, read_state, write_state
from library.release_trust import examine_root, trust_root
from library.release_update import update
from library.store import read_library, write_library
from spectra.digest import json_digest
from tests.bars.release_lab import BenchHome, Lab, now


@pytest.fixture
def lab(tmp_path, released_methods):
    made = Lab(tmp_path / "lab", released_methods)
    made.release(1)
    return made


@pytest.fixture
def bench(lab, tmp_path):
    return BenchHome(tmp_path / "bench", lab)


def back(bench, why="worse on wet parcels", **more):
    return roll_back(bench.releases, bench.methods, now=now(), why=why, **more)


def active(bench):
    return read_active(bench.releases, bench.methods).method


def test_a_bench_follows_releases_and_comes_back(lab, bench):
    with pytest.raises(NothingTrusted, match="update"):
        active(bench)
    first = bench.update()
    assert (first.switched, first.before, active(bench).version) == (True, None, 1)
    assert active(bench).digest == read_method(lab.methods, "ours", 1).method.digest
    assert not bench.update().switched
    lab.release(2)
    assert bench.update().active.version == 2
    assert back(bench).version == active(bench).version == 1
    held = bench.update()
    assert (held.switched, held.held_back, active(bench).version) == (False, True, 1)
    lab.release(3)
    assert bench.update().active.version == 3
    assert [one["what"] for one in read_state(bench.releases).log] == [
        "trusted",
        "updated to",
        "updated to",
        "rolled back from ours@2 to",
        "updated to",
    ]
    assert read_state(bench.releases).log[3]["why"] == "worse on wet parcels"


def test_what_was_rolled_back_from_comes_back_when_asked_for(lab, bench):
    bench.update()
    lab.release(2)
    bench.update()
    back(bench)
    assert bench.update(again=True).active.version == 2
    assert read_state(bench.releases).held_back == 0
    assert back(bench).version == 1


def test_a_rollback_may_go_further_back_and_ends_at_the_first(lab, bench):
    for version in (1, 2, 3):
        if version > 1:
            lab.release(version)
        bench.update()
    with pytest.raises(NothingToRollBack, match="kept: ours@1, ours@2"):
        back(bench, name="theirs")
    assert back(bench, name="ours", version=1).version == 1
    with pytest.raises(NothingToRollBack, match="none"):
        back(bench)
    assert bench.update().held_back


def test_a_method_that_was_altered_is_neither_used_nor_gone_back_to(lab, bench):
    bench.update()
    lab.release(2)
    bench.update()
    path = bench.methods / "ours@1.json"
    said = json.loads(path.read_text())
    said["method"]["false_alarm_rate"] = 0.5
    said["digest"] = json_digest({key: value for key, value in said.items() if key != "digest"})
    path.write_text(json.dumps(said))
    with pytest.raises(ReleaseAltered, match=r"ours@1\.json was altered"):
        back(bench)
    assert active(bench).version == 2
    (bench.methods / "ours@2.json").unlink()
    with pytest.raises(ReleaseAltered, match="missing"):
        active(bench)
    assert bench.update(again=True).active.version == active(bench).version == 2


def test_a_library_is_known_by_what_it_holds(lab, bench, tmp_path):
    bench.update()
    path = next(bench.methods.glob("library-*.h5"))
    library = read_library(path)
    write_library(path, library.entries, name=library.name)
    assert active(bench).version == 1
    write_library(path, library.entries[1:], name=library.name)
    with pytest.raises(ReleaseAltered, match="library"):
        active(bench)


def test_the_record_of_what_is_active_cannot_point_elsewhere(lab, bench):
    bench.update()
    state = read_state(bench.releases)
    other = replace(state.active, method_digest="0" * 64)
    write_state(bench.releases, replace(state, active=other))
    with pytest.raises(ReleaseAltered, match="not the method that was released"):
        active(bench)
    file = replace(state.active.files[0], sha256="0" * 64)
    with pytest.raises(ReleaseAltered, match="signed targets"):
        check_installed(bench.releases / state.metadata, bench.methods, replace(state.active, files=(file,)))
    targets = bench.releases / state.metadata / "targets.json"
    targets.write_bytes(targets.read_bytes().replace(b"ours@1", b"ours@9"))
    with pytest.raises(ReleaseAltered, match="signed metadata"):
        active(bench)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "junk", "[" * 9000])
def test_a_damaged_state_is_no_state(bench, text):
    (bench.releases / "state.json").write_text(text)
    for use in (bench.update, lambda: active_release(bench.releases)):
        with pytest.raises(ReleaseStateDamaged, match="--replace"):
            use()


def test_an_altered_state_is_noticed(lab, bench):
    bench.update()
    path = bench.releases / "state.json"
    path.write_text(path.read_text().replace('"held_back": 0', '"held_back": 7'))
    with pytest.raises(ReleaseStateDamaged, match="digest"):
        read_state(bench.releases)
    root = examine_root((bench.releases / "root.json").read_bytes())
    trust_root(bench.releases, root, now=now(), replaced=True)
    assert bench.update().switched


def test_a_method_is_stale_past_its_expiry_and_under_a_wrong_clock(lab, bench):
    assert not ReleaseState().stale(now())
    until = bench.update().fresh_until
    state = read_state(bench.releases)
    assert until == (now() + timedelta(days=30)).strftime("%Y-%m-%d") + until[10:]
    assert not state.stale(now())
    assert state.stale(now() + timedelta(days=30, seconds=5))
    assert state.stale(now() - timedelta(minutes=6))
    lab.publish(at=now() + timedelta(minutes=1))
    assert bench.update(at=now() + timedelta(minutes=2)).fresh_until > until


def test_people_may_change_and_benches_follow(lab, bench):
    bench.update()
    lab.begin(people=("bob", "carol"), signers=("alice", "bob", "carol"))
    lab.publish()
    assert bench.update().release.version == 1
    lab.stage(2)
    lab.sign("carol", "bob")
    lab.publish()
    assert bench.update().active.version == 2
    root = json.loads((bench.releases / read_state(bench.releases).metadata / "root.json").read_text())
    assert root["signed"]["version"] == 2
    targets = lab.targets()
    targets.signed.version += 1
    targets.sign(lab.keys["carol"].signer)
    copy = lab.copy("copy")
    lab.forge(copy, targets)
    with pytest.raises(TooFewSignatures):
        bench.update(copy)


def test_one_bench_follows_one_of_several_methods(lab, bench, released_methods, tmp_path):
    from library.method_store import write_method

    stored = read_method(released_methods, "ours", 1)
    library = read_library(released_methods / f"library-{stored.method.library_digest}.h5")
    folder = tmp_path / "more"
    write_method(folder, replace(stored.method, name="theirs"), library, {})
    lab.methods = folder
    lab.release(1, name="theirs")
    with pytest.raises(ReleaseUnusable, match="--method.*ours, theirs"):
        bench.update()
    assert bench.update(name="theirs").active.name == "theirs"
    assert bench.update().active.name == "theirs"
    assert bench.update(name="ours").active.name == "ours"
    with pytest.raises(ReleaseUnusable, match="no method 'x' is released"):
        bench.update(name="x")


def test_only_a_root_that_is_fit_and_signed_is_trusted(lab, bench, tmp_path):
    data = (lab.public / "metadata" / "1.root.json").read_bytes()
    for bad in (b"", b"{}", data[:-5], data.replace(b'"version":1', b'"version":2'), b" " * 600_000):
        with pytest.raises(MetadataDamaged):
            examine_root(bad)
    with pytest.raises(MetadataDamaged, match="no root"):
        examine_root((lab.public / "metadata" / "timestamp.json").read_bytes())
    one = lab.root()
    one.signed.roles["root"].threshold = 1
    one.sign(lab.keys["alice"].signer)
    with pytest.raises(RootUnfit):
        examine_root(one.to_bytes())
    found = examine_root(data)
    assert (found.people, found.threshold, len(found.fingerprint)) == (("alice", "bob", "carol"), 2, 79)


def test_another_root_replaces_the_first_only_when_asked(lab, bench, tmp_path, released_methods):
    bench.update()
    other = Lab(tmp_path / "other", released_methods)
    other.release(2)
    root = examine_root((other.public / "metadata" / "1.root.json").read_bytes())
    with pytest.raises(RootUnfit, match="--replace"):
        trust_root(bench.releases, root, now=now())
    assert active(bench).version == 1
    trust_root(bench.releases, root, now=now(), replaced=True)
    assert active_release(bench.releases) is None
    assert bench.update(other.public).active.version == 2


def test_a_bench_without_a_root_updates_nothing(lab, tmp_path):
    with pytest.raises(NothingTrusted, match="trust ROOT"):
        update(tmp_path / "none", tmp_path / "methods", FolderSource(lab.public), now=now())
    assert not (tmp_path / "methods").exists()


def test_what_an_update_that_was_killed_left_is_cleared(lab, bench):
    bench.update()
    for name in ("incoming-0011", "metadata-0011"):
        (bench.releases / name).mkdir()
        (bench.releases / name / "x").write_text("x")
    lab.release(2)
    bench.update()
    kept = {path.name for path in bench.releases.iterdir()}
    assert kept == {"root.json", "state.json", read_state(bench.releases).metadata}


def test_a_folder_that_cannot_be_written_changes_nothing(lab, bench, tmp_path):
    bench.update()
    lab.release(2)
    elsewhere = tmp_path / "no-folder"
    elsewhere.write_text("a file")
    with pytest.raises((LibraryNotWritten, OSError)):
        update(bench.releases, elsewhere, FolderSource(lab.public), now=now())
    assert active(bench).version == 1
