"""Files of a closed handheld: what is taken from a folder, when, and what never is."""

import errno
import fcntl
import os
import shutil
import socket
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.device_url import DeviceURL
from instrument.drop_folder import FolderWatch, Intake, Source
from instrument.drop_folder.journal import Journal, JournalDamaged
from instrument.drop_folder.keeping import Quarantine, RawCopies, digest_of
from instrument.drop_folder.listing import is_unfinished, list_files
from instrument.drop_folder.taking import take
from instrument.drop_folder.watch import EMPTY_S
from instrument.errors import ConnectionLost, DeviceNotReady, DeviceURLError, FileRefused
from spectra.values import Technique

SPECTRUM = "Raman shift (cm-1),Intensity\n" + "".join(f"{200 + i},{i % 37}\n" for i in range(60))


class Clock:
    """Time that passes when the test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Desk:
    """A folder, an intake of it, and a clock."""

    def __init__(self, tmp_path, **source):
        self.folder = tmp_path / "export"
        self.folder.mkdir()
        self.home = tmp_path / "home"
        self.clock = Clock()
        self.source = Source(self.folder, **{"technique": Technique.RAMAN, **source})
        self.watch = FolderWatch(self.source, clock=self.clock)
        self.intake = Intake(self.home, self.source, name="h1", watch=self.watch)

    def drop(self, name, text=SPECTRUM):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def settle(self):
        """Look, let the settling time pass, and look again."""
        self.intake.collect()
        self.clock.now += self.source.settle_s
        return self.intake.collect()

    def imported(self):
        """Settle, sort all that waits, and return the scans."""
        self.settle()
        return self.finished()

    def finished(self):
        scans = []
        for arrival in self.intake.waiting():
            scans += self.intake.sorted(arrival).scans
            self.intake.done(arrival)
        return scans

    def reasons(self):
        return {note["name"]: note["reason"] for note in self.intake.quarantine.listed()}


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def varied(number):
    """Return a spectrum unlike the others."""
    return SPECTRUM + f"300,{number}\n"


def test_a_finished_file_becomes_a_scan_with_its_bytes(desk):
    desk.drop("a.csv")
    assert desk.intake.collect().unfinished == 1
    assert desk.finished() == []
    (found,) = desk.imported()
    assert found.original.name == "a.csv"
    assert found.original.data == SPECTRUM.encode()
    assert found.scan.axis_unit == "cm-1"
    assert found.scan.counts.shape == (1, 60)
    assert not list((desk.home / "raw").iterdir()), "what is safe elsewhere is kept once"


def test_a_growing_file_waits_until_it_rests(desk):
    path = desk.drop("a.csv", SPECTRUM[:100])
    for step in range(3):
        desk.clock.now += 1.9
        assert desk.intake.collect().taken == 0
        with path.open("a") as file:
            file.write(SPECTRUM[100 + 20 * step : 120 + 20 * step])
    assert desk.intake.collect().unfinished == 1
    path.write_text(SPECTRUM)
    assert len(desk.imported()) == 1
    assert desk.reasons() == {}


def test_a_file_of_equal_size_and_other_time_is_not_finished(desk):
    path = desk.drop("a.csv")
    desk.intake.collect()
    desk.clock.now += 2.0
    os.utime(path, ns=(1, 1))
    assert desk.intake.collect().unfinished == 1


@pytest.mark.parametrize("when", [0, 86_400 * 365 * 80, -86_400 * 365 * 5])
def test_the_clock_of_the_device_means_nothing(desk, when):
    path = desk.drop("a.csv")
    os.utime(path, (when, when))
    (found,) = desk.imported()
    assert found.scan.taken_at[:2] == "20"
    assert found.scan.settings["file"]["claimed_written"] != found.scan.taken_at
    # The clock stands still, so that a new measurement has the name, size and time of the old one.
    path.write_text(SPECTRUM.replace(",36\n", ",35\n", 1))
    os.utime(path, (when, when))
    assert len(desk.imported()) == 1


@pytest.mark.parametrize(
    "name",
    ["~a.csv", "a.csv~", "~$a.csv", "a.csv.part", "a.CSV.TMP", "a.crdownload", ".a.csv", ".hidden/a.csv"]
    + ["System Volume Information/a.csv", "Thumbs.db", "a.csv.filepart"],
)
def test_temporary_hidden_and_system_names_are_left_alone(desk, name):
    desk.drop(name)
    assert desk.imported() == []
    assert desk.settle().unfinished == 0
    assert desk.reasons() == {}


def test_a_temporary_file_counts_once_it_has_its_name(desk):
    desk.drop("a.csv.part").rename(desk.folder / "a.csv")
    assert len(desk.imported()) == 1


def test_an_empty_file_is_one_whose_bytes_come_later(desk):
    desk.drop("a.csv", "")
    assert desk.settle().unfinished == 1
    assert desk.reasons() == {}
    desk.drop("a.csv")
    assert len(desk.imported()) == 1
    desk.drop("b.csv", varied(1))
    desk.drop("b.txt", "")
    assert desk.imported() == [], "its report may still come"
    desk.clock.now += EMPTY_S
    assert len(desk.imported()) == 1, "an empty file holds nobody up for ever"


def test_links_pipes_and_sockets_are_never_followed(desk, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text(SPECTRUM)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.csv").write_text(varied(2))
    (desk.folder / "link.csv").symlink_to(secret)
    (desk.folder / "linked").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(desk.folder / "pipe.csv")
    with tempfile.TemporaryDirectory() as short, closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.bind(f"{short}/s")
        Path(f"{short}/s").rename(desk.folder / "socket.csv")
        assert desk.imported() == []
    assert desk.reasons() == {}


def test_a_file_that_becomes_a_link_or_a_pipe_meanwhile_is_not_read(desk, tmp_path):
    path = desk.drop("sub/a.csv")
    (entry,) = list_files(desk.folder, depth=2).entries
    assert take(desk.folder, entry) == SPECTRUM.encode()
    path.unlink()
    path.symlink_to(tmp_path / "x")
    with pytest.raises(DeviceNotReady, match="replaced"):
        take(desk.folder, entry)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FileRefused, match="no file any more"):
        take(desk.folder, entry)
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(tmp_path)
    with pytest.raises(DeviceNotReady):
        take(desk.folder, entry)


def test_sub_folders_to_a_bounded_depth(tmp_path):
    desk = Desk(tmp_path, depth=2)
    desk.drop("1/2/deep.csv", varied(1))
    desk.drop("1/2/3/deeper.csv", varied(2))
    assert [one.original.name for one in desk.imported()] == ["deep.csv"]
    (tmp_path / "flat").mkdir()
    flat = Desk(tmp_path / "flat", depth=0)
    flat.drop("1/deep.csv")
    assert flat.imported() == []


def test_names_are_looked_at_to_a_bounded_number(desk):
    for number in range(12):
        desk.drop(f"{number:02}.csv", varied(number))
    listing = list_files(desk.folder, depth=1, limit=5)
    assert len(listing.entries) <= 5
    assert not listing.complete
    assert list_files(desk.folder, depth=1).complete


def test_a_pass_takes_a_bounded_number_and_the_next_one_goes_on(desk, monkeypatch):
    monkeypatch.setattr("instrument.drop_folder.intake.MAX_PER_PASS", 2)
    for number in range(5):
        desk.drop(f"{number}.csv", varied(number))
    assert desk.settle().more == 3
    assert len(desk.finished()) == 2
    assert desk.intake.collect().taken == 2
    assert desk.intake.collect().taken == 1
    assert len(desk.finished()) == 3


def test_plugging_in_again_imports_nothing_twice(desk, tmp_path):
    desk.drop("a.csv", varied(1))
    desk.drop("2026/b.csv", varied(2))
    assert len(desk.imported()) == 2
    away = tmp_path / "unplugged"
    desk.folder.rename(away)
    report = desk.intake.collect()
    assert not report.present
    assert "plug the device in" in report.words
    away.rename(desk.folder)
    os.utime(desk.folder / "a.csv", (5, 5))
    (desk.folder / "2026" / "b.csv").rename(desk.folder / "renamed.csv")
    assert desk.imported() == []
    again = Intake(desk.home, desk.source, name="h1", watch=FolderWatch(desk.source, clock=desk.clock))
    again.collect()
    desk.clock.now += 2
    assert again.collect().taken == 0, "the next agent knows it too"
    desk.drop("c.csv", varied(3))
    assert [one.original.name for one in desk.imported()] == ["c.csv"]


def test_unplugged_in_mid_copy(desk, tmp_path, monkeypatch):
    desk.drop("a.csv", varied(1))
    desk.drop("b.csv", varied(2))
    desk.intake.collect()
    desk.clock.now += 2
    reads = []

    def read(entry, **limits):
        reads.append(entry.name)
        if len(reads) == 2:
            shutil.move(desk.folder, tmp_path / "away")
        return take(desk.folder, entry, **limits)

    monkeypatch.setattr(desk.watch, "read", read)
    report = desk.intake.collect()
    assert not report.present
    assert report.taken == 1
    monkeypatch.undo()
    shutil.move(tmp_path / "away", desk.folder)
    names = [one.original.name for one in desk.imported()]
    assert names == ["a.csv", "b.csv"]
    assert desk.imported() == []


def test_a_file_that_vanishes_or_changes_while_it_is_read_comes_later(desk, monkeypatch):
    path = desk.drop("a.csv")
    (entry,) = list_files(desk.folder, depth=0).entries
    path.write_text(varied(9))
    with pytest.raises(DeviceNotReady, match="being written"):
        take(desk.folder, entry)
    path.unlink()
    with pytest.raises(DeviceNotReady, match="vanished"):
        take(desk.folder, entry)
    path.parent.rmdir()
    with pytest.raises(ConnectionLost):
        take(desk.folder, entry)


def test_growth_during_the_reading_is_seen(desk, monkeypatch):
    path = desk.drop("a.csv")
    (entry,) = list_files(desk.folder, depth=0).entries
    real = os.read

    def reading(descriptor, size):
        data = real(descriptor, size)
        with path.open("a") as file:
            file.write("x")
        return data

    monkeypatch.setattr("instrument.drop_folder.taking.os.read", reading)
    with pytest.raises(DeviceNotReady, match="changed while|grew while"):
        take(desk.folder, entry, limit=entry.size + 3)


def test_a_locked_file_waits(desk):
    path = desk.drop("a.csv")
    with path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert desk.settle().unfinished == 1
        assert desk.finished() == []
    assert len(desk.imported()) == 1


@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="leases are Linux")
def test_a_file_open_for_writing_waits_even_if_it_rests(desk):
    path = desk.drop("a.csv")
    with path.open("ab"):
        assert desk.settle().unfinished == 1
        assert desk.finished() == []
    assert len(desk.imported()) == 1


def test_nothing_in_the_source_is_changed(desk):
    desk.drop("a.csv")
    desk.drop("a.pdf", b"%PDF-1.4 x")
    desk.drop("bad.csv", "no spectrum")
    for path in desk.folder.iterdir():
        path.chmod(0o400)
        os.utime(path, ns=(10**18, 10**18))

    def snapshot():
        return {
            path.name: (found.st_mtime_ns, found.st_atime_ns, found.st_size, found.st_mode, path.name)
            for path in desk.folder.iterdir()
            for found in [path.stat()]
        }

    before = snapshot()
    assert len(desk.imported()) == 1
    assert snapshot() == before
    assert desk.folder.stat().st_mode & 0o777


def test_what_cannot_be_read_is_copied_with_the_reason(desk):
    desk.drop("bad.csv", "once upon a time")
    desk.drop("noise.spc", bytes(range(256)) * 8)
    assert desk.imported() == []
    notes = {note["name"]: note for note in desk.intake.quarantine.listed()}
    assert set(notes) == {"bad.csv", "noise.spc"}
    assert "no format read here" in notes["bad.csv"]["reason"]
    note = notes["noise.spc"]
    assert note["sha256"] == digest_of(bytes(range(256)) * 8)
    assert desk.intake.quarantine.copy_of(note) == bytes(range(256)) * 8
    assert (desk.folder / "bad.csv").exists()
    assert desk.imported() == []
    assert len(list(desk.intake.quarantine.folder.glob("*.json"))) == 2


def test_a_huge_file_is_refused_without_being_copied(desk):
    path = desk.drop("map.csv")
    os.truncate(path, 40 << 20)
    assert desk.imported() == []
    assert "33554432 at most" in desk.reasons()["map.csv"]
    assert not list((desk.home / "raw").iterdir())
    assert not list(desk.intake.quarantine.folder.glob("*.bin"))
    desk.watch.forget()
    desk.imported()
    assert len(desk.intake.quarantine.listed()) == 1


def test_quarantine_has_a_bound(desk, monkeypatch):
    monkeypatch.setattr("instrument.drop_folder.keeping.MAX_QUARANTINE", 100)
    desk.drop("a.csv", "x" * 80)
    desk.drop("b.csv", "y" * 80)
    desk.imported()
    copied = [note["copied"] for note in desk.intake.quarantine.listed()]
    assert sorted(copied) == [False, True]


def test_quarantine_is_read_again_once_a_person_says_what_the_file_does_not(tmp_path):
    desk = Desk(tmp_path, technique=None)
    text = SPECTRUM.replace("Raman shift (cm-1)", "wavenumber")
    path = desk.drop("a.csv", text)
    assert desk.imported() == []
    assert "how it was measured" in desk.reasons()["a.csv"]
    path.unlink()
    stated = Source(desk.folder, technique=Technique.RAMAN)
    later = Intake(desk.home, stated, name="h1")
    assert later.retry() == 1
    (arrival,) = later.waiting()
    (found,) = later.sorted(arrival).scans
    assert found.original.data == text.encode()
    later.done(arrival)
    assert later.quarantine.listed() == []
    assert later.retry() == 0


def test_reports_beside_a_spectrum_belong_to_it(desk):
    desk.drop("run7.csv", SPECTRUM)
    desk.drop("run7.txt", "Result: Cocaine hydrochloride\nScore: 0.93\n")
    desk.drop("RUN7.PDF", b"%PDF-1.4 report")
    desk.drop("run8.txt", "Result: Heroin\n")
    (found,) = desk.imported()
    assert sorted(one.name for one in found.sidecars) == ["RUN7.PDF", "run7.txt"]
    answer = found.scan.settings["device_answer"]
    assert (answer["name"], answer["figure"], answer["source"]) == (
        "Cocaine hydrochloride",
        0.93,
        "run7.txt",
    )
    assert answer["proven"] is False
    assert set(desk.reasons()) == {"run8.txt"}, "a report alone is nobody's"


def test_a_report_that_comes_first_finds_its_spectrum(desk):
    desk.drop("a.txt", "Result: Caffeine\n")
    assert desk.imported() == []
    assert set(desk.reasons()) == {"a.txt"}
    desk.drop("a.csv")
    (found,) = desk.imported()
    assert [one.name for one in found.sidecars] == ["a.txt"]
    assert found.scan.settings["device_answer"]["name"] == "Caffeine"
    assert desk.reasons() == {}


def test_a_report_that_comes_late_is_kept(desk):
    desk.drop("a.csv")
    assert len(desk.imported()) == 1
    desk.drop("a.txt", "Result: Caffeine\n")
    desk.settle()
    (arrival,) = desk.intake.waiting()
    found = desk.intake.sorted(arrival)
    assert found.scans == ()
    (late,) = found.late
    desk.intake.done(arrival)
    assert desk.intake.late_report(late.sha256) == b"Result: Caffeine\n"
    assert desk.imported() == []


def test_two_exports_of_one_name_are_two_scans(desk):
    desk.drop("a.csv", SPECTRUM)
    desk.drop("a.dat", varied(4))
    assert len(desk.imported()) == 2


def test_many_files_of_one_stem_are_taken_one_by_one(desk):
    for number in range(20):
        desk.drop(f"a.{number:03}", varied(number))
    assert len(desk.imported()) == 20


def test_what_was_copied_outlives_a_kill(desk):
    desk.drop("a.csv")
    desk.settle()
    shutil.rmtree(desk.folder)
    reborn = Intake(desk.home, desk.source, name="h1")
    (arrival,) = reborn.waiting()
    first = reborn.sorted(arrival).scans[0].scan
    (again,) = Intake(desk.home, desk.source, name="h1").waiting()
    second = reborn.sorted(again).scans[0].scan
    assert first.described() == second.described(), "the same scan, so that archiving it twice keeps one"
    assert Intake(desk.home, desk.source, name="other").waiting() == ()
    reborn.done(arrival)
    assert reborn.waiting() == ()


def test_a_lost_copy_is_taken_again(desk):
    desk.drop("a.csv")
    desk.settle()
    (copy,) = (desk.home / "raw").iterdir()
    copy.chmod(0o600)
    copy.write_bytes(b"damaged")
    assert desk.intake.waiting() == ()
    assert len(desk.imported()) == 1


def test_content_that_came_another_way_is_known(desk):
    desk.intake.taken_elsewhere(digest_of(SPECTRUM.encode()), "a.csv")
    desk.drop("a.csv")
    assert desk.imported() == []


def test_a_full_disk_loses_nothing(desk, monkeypatch):
    desk.drop("a.csv")
    monkeypatch.setattr("instrument.drop_folder.keeping.RESERVE", 1 << 62)
    desk.intake.collect()
    desk.clock.now += 2
    with pytest.raises(OSError, match="no room"):
        desk.intake.collect()
    monkeypatch.undo()
    assert len(desk.imported()) == 1


def test_leftovers_of_a_killed_writer_go(tmp_path):
    old, new = tmp_path / ".old.tmp", tmp_path / ".new.tmp"
    old.touch()
    new.touch()
    os.utime(old, (1, 1))
    RawCopies(tmp_path)
    assert not old.exists()
    assert new.exists(), "another writer may be at it"


def test_a_damaged_journal_says_so(tmp_path):
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 20)
    with pytest.raises(JournalDamaged, match="cannot be used"):
        Journal(path)
    other = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE x (y)")
        database.commit()
    with pytest.raises(JournalDamaged, match="no journal of this version"):
        Journal(other)


def test_a_damaged_note_is_passed_over(tmp_path):
    quarantine = Quarantine(tmp_path)
    (tmp_path / "x.json").write_text("[")
    assert quarantine.listed() == []
    assert quarantine.copy_of({"sha256": "0" * 64}) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_waits(desk):
    desk.drop("a.csv").chmod(0)
    assert desk.settle().unfinished == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("folder://mnt/export", "three slashes"),
        ("folder:///x?settle_s=0", "settle_s"),
        ("folder:///x?wait_s=nan", "wait_s"),
        ("folder:///x?technique=nmr", "raman or ftir"),
        ("folder:///x?depth=99", "depth"),
        ("folder:///x%00", "three slashes"),
        (f"folder:///x?serial={'s' * 65}", "64 printable"),
    ],
)
def test_urls_nobody_can_act_on(url, words):
    with pytest.raises(DeviceURLError, match=words):
        Source.of(DeviceURL.parse(url))


def test_a_url_says_everything():
    text = "folder:///mnt/My%20Export?settle_s=1.5&technique=ftir&serial=S1&model=M&laser_nm=1064&emulated=1"
    source = Source.of(DeviceURL.parse(text))
    assert source.root == Path("/mnt/My Export")
    assert (source.settle_s, source.technique, source.serial) == (1.5, Technique.FTIR, "S1")
    assert (source.model, source.laser_nm, source.emulated, source.url) == ("M", 1064.0, True, text)


@given(st.text(max_size=40))
def test_any_name_is_judged(name):
    assert is_unfinished(name) in {True, False}
    assert is_unfinished("." + name)
    assert is_unfinished(name + ".part")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["look", "wait", "write", "grow", "remove", "unplug"]),
            st.integers(0, 3),
        ),
        max_size=30,
    )
)
def test_whatever_happens_each_content_is_imported_once_and_whole(steps):
    with tempfile.TemporaryDirectory() as place:
        desk, seen, written = Desk(Path(place)), [], set()
        for step, (what, which) in enumerate(steps):
            path = desk.folder / f"{which}.csv"
            if what == "write":
                written.add(varied(step))
                path.write_text(varied(step))
            elif what == "grow" and path.exists():
                with path.open("a") as file:
                    file.write(f"{301 + step},1\n")
                written.add(path.read_text())
            elif what == "remove":
                path.unlink(missing_ok=True)
            elif what == "unplug":
                desk.folder.rename(Path(place) / "away")
                desk.intake.collect()
                (Path(place) / "away").rename(desk.folder)
            desk.clock.now += {"wait": 2.0}.get(what, 0.3)
            desk.intake.collect()
            seen += [one.original.data.decode() for one in desk.finished()]
        assert len(seen) == len(set(seen))
        assert set(seen) <= written
        left = {path.read_text() for path in desk.folder.iterdir()}
        seen += [one.original.data.decode() for one in desk.imported()]
        assert left <= set(seen)


def failing(function, wanted, error, *, after=0):
    """Return a function that fails as a pulled drive does, for one name, after so many good calls."""
    calls = []

    def fails(*arguments, **options):
        if wanted is None or arguments[0] == wanted:
            calls.append(arguments)
            if len(calls) > after:
                raise OSError(error, os.strerror(error))
        return function(*arguments, **options)

    return fails


@pytest.mark.parametrize("error", [errno.EIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN])
def test_a_drive_pulled_out_while_it_is_listed(desk, monkeypatch, error):
    desk.drop("sub/a.csv")
    monkeypatch.setattr("instrument.drop_folder.listing.os.open", failing(os.open, "sub", error))
    assert not desk.intake.collect().present
    monkeypatch.undo()
    monkeypatch.setattr("instrument.drop_folder.listing.os.scandir", failing(os.scandir, None, error))
    assert not desk.intake.collect().present
    monkeypatch.undo()
    assert len(desk.imported()) == 1


@pytest.mark.parametrize("error", [errno.EACCES, errno.ENOENT, errno.ELOOP])
def test_a_sub_folder_that_cannot_be_entered_is_passed_over(desk, monkeypatch, error):
    desk.drop("sub/a.csv", varied(1))
    desk.drop("b.csv", varied(2))
    monkeypatch.setattr("instrument.drop_folder.listing.os.open", failing(os.open, "sub", error))
    assert [one.original.name for one in desk.imported()] == ["b.csv"]


@pytest.mark.parametrize("error", [errno.EIO, errno.ENODEV, errno.ENOTCONN])
def test_a_drive_pulled_out_while_a_file_is_read(desk, monkeypatch, error):
    desk.drop("a.csv")
    (entry,) = list_files(desk.folder, depth=0).entries
    monkeypatch.setattr("instrument.drop_folder.taking.os.read", failing(os.read, None, error))
    with pytest.raises(ConnectionLost, match="plug the device in"):
        take(desk.folder, entry)


def test_a_file_that_may_not_be_opened_is_not_ready(desk, monkeypatch):
    desk.drop("a.csv")
    (entry,) = list_files(desk.folder, depth=0).entries
    monkeypatch.setattr("instrument.drop_folder.taking.os.open", failing(os.open, "a.csv", errno.EACCES))
    with pytest.raises(DeviceNotReady, match="cannot be read now"):
        take(desk.folder, entry)


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_systems_without_locks_are_read_all_the_same(desk, monkeypatch, error):
    desk.drop("a.csv")
    monkeypatch.setattr("instrument.drop_folder.taking.fcntl.flock", failing(fcntl.flock, None, error))
    monkeypatch.setattr("instrument.drop_folder.taking.fcntl.fcntl", failing(fcntl.fcntl, None, error))
    assert len(desk.imported()) == 1
    desk.drop("b.csv", varied(3))
    monkeypatch.setattr("instrument.drop_folder.taking.fcntl.flock", failing(fcntl.flock, None, errno.EIO))
    assert not desk.settle().present


def test_systems_without_leases_are_served(desk, monkeypatch):
    desk.drop("a.csv")
    monkeypatch.delattr("instrument.drop_folder.taking.fcntl.F_SETLEASE", raising=False)
    assert len(desk.imported()) == 1


def test_a_drive_mounted_in_the_place_of_another_is_looked_at_anew(desk, tmp_path):
    desk.drop("a.csv", varied(1))
    assert len(desk.imported()) == 1
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.csv").write_text(varied(2))
    desk.folder.rename(tmp_path / "first")
    other.rename(desk.folder)
    assert len(desk.imported()) == 1
