"""Which new file in a folder is the result of a measurement, and which is none."""

import os
import time

import numpy as np
import pytest

from instrument.drivers import result_folder
from instrument.drivers.result_folder import ResultFolder
from instrument.drivers.result_folder_facts import facts_of, no_facts
from instrument.errors import AcquisitionAborted, ConnectionLost, FileRefused, PortNotFound
from spectra.formats import encode_jcamp
from spectra.values import Spectrum, Technique

SETTLE_S = 0.04


def spectrum_file(seed=0):
    axis = np.arange(400.0, 4000.0, 4.0)
    values = np.random.default_rng(seed).random(axis.size)
    return encode_jcamp(Spectrum(axis, values, Technique.FTIR), f"sample {seed}")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "old.dx").write_bytes(spectrum_file(99))
    found = ResultFolder(tmp_path, settle_s=SETTLE_S)
    found.remember()
    return found


def looked(folder, *, done=True, within_s=0.5):
    """Look until there is a result or the time is over."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        result = folder.look(done=done)
        if result is not None:
            return result
        time.sleep(0.005)
    return None


def test_the_one_new_file_is_the_result(folder):
    (folder.path / "new.dx").write_bytes(spectrum_file(1))
    result = looked(folder)
    assert result.original.name == "new.dx"
    assert result.original.data == spectrum_file(1)
    assert result.original.format == "JCAMP-DX"
    assert result.decoded.spectrum.axis.size == 900
    facts = facts_of(result)
    assert facts["file"]["sha256"] == result.sha256
    assert facts["original_unit"] == "absorbance"
    assert facts["background"]["in_file"] is False
    assert facts.keys() == no_facts().keys()


def test_nothing_is_taken_before_the_instrument_is_done(folder):
    (folder.path / "new.dx").write_bytes(spectrum_file(1))
    assert looked(folder, done=False, within_s=0.15) is None
    # It has been at rest long enough: no further waiting.
    begun = time.monotonic()
    assert looked(folder) is not None
    assert time.monotonic() - begun < 0.1


def test_a_file_still_growing_is_waited_for(folder):
    data = spectrum_file(1)
    path = folder.path / "new.dx"
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), 4000):
            file.write(data[start : start + 4000])
            assert looked(folder, within_s=0.02) is None
    assert looked(folder).original.data == data


def test_a_file_that_rests_halfway_is_waited_for(folder):
    data = spectrum_file(1)
    path = folder.path / "new.dx"
    path.write_bytes(data[:3000])
    assert looked(folder, within_s=0.15) is None
    assert "cut off" in str(folder.refused())
    path.write_bytes(data)
    assert looked(folder).original.data == data


def test_old_files_touched_copied_or_renamed_are_none(folder):
    os.utime(folder.path / "old.dx")
    (folder.path / "copy.dx").write_bytes(spectrum_file(99))
    assert looked(folder, within_s=0.15) is None
    assert "already seen were touched or copied (copy.dx, old.dx)" in str(folder.refused())
    (folder.path / "new.dx").write_bytes(spectrum_file(1))
    assert looked(folder).original.name == "new.dx"


def test_a_result_already_taken_is_none_though_it_left_the_folder(folder):
    path = folder.path / "new.dx"
    path.write_bytes(spectrum_file(1))
    assert looked(folder) is not None
    path.unlink()
    folder.remember()
    (folder.path / "again.dx").write_bytes(spectrum_file(1))
    assert looked(folder, within_s=0.15) is None


def test_a_file_overwritten_by_the_next_result_is_taken(folder):
    (folder.path / "old.dx").write_bytes(spectrum_file(1))
    assert looked(folder).original.data == spectrum_file(1)


def test_of_two_new_files_none_is_taken(folder):
    for seed in (1, 2):
        (folder.path / f"new{seed}.dx").write_bytes(spectrum_file(seed))
    with pytest.raises(FileRefused, match=r"2 new files \(new1.dx, new2.dx\)"):
        looked(folder)
    folder.remember()
    (folder.path / "new3.dx").write_bytes(spectrum_file(3))
    assert looked(folder).original.name == "new3.dx"


def test_the_same_bytes_twice_are_one_measurement(folder):
    for name in ("a.dx", "b.dx"):
        (folder.path / name).write_bytes(spectrum_file(1))
    assert looked(folder).original.name == "a.dx"


def test_what_cannot_be_read_is_said(folder):
    (folder.path / "report.txt").write_text("a report")
    assert looked(folder, within_s=0.15) is None
    assert "report.txt" in str(folder.refused())


def test_several_spectra_in_one_file_are_none(folder):
    link = b"##TITLE=two\r\n##JCAMP-DX=5.01\r\n##DATA TYPE=LINK\r\n##BLOCKS=2\r\n"
    both = link + spectrum_file(1) + spectrum_file(2) + b"##END=\r\n"
    (folder.path / "two.dx").write_bytes(both)
    assert looked(folder, within_s=0.15) is None
    assert "holds 2 spectra" in str(folder.refused())


def test_raman_spectra_are_none(folder):
    axis = np.arange(400.0, 2000.0, 4.0)
    raman = Spectrum(axis, axis * 0 + 1, Technique.RAMAN, laser_nm=785.0)
    (folder.path / "raman.dx").write_bytes(encode_jcamp(raman, "raman"))
    assert looked(folder, within_s=0.15) is None
    assert "raman" in str(folder.refused())


def test_unfinished_and_hidden_names_links_and_folders_do_not_count(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.dx"
    elsewhere.write_bytes(spectrum_file(5))
    (folder.path / "link.dx").symlink_to(elsewhere)
    (folder.path / "sub").mkdir()
    for name in (".hidden.dx", "~lock.dx", "x.part", "x.TMP", "x.crdownload"):
        (folder.path / name).write_bytes(spectrum_file(1))
    os.mkfifo(folder.path / "pipe")
    assert looked(folder, within_s=0.12) is None
    assert "no new file appeared" in str(folder.refused())


def test_a_folder_that_is_not_there_or_goes_away(tmp_path):
    with pytest.raises(PortNotFound, match="mount it"):
        ResultFolder(tmp_path / "nowhere")
    (tmp_path / "gone").mkdir()
    folder = ResultFolder(tmp_path / "gone", settle_s=SETTLE_S)
    (tmp_path / "gone").rmdir()
    for ask in (folder.remember, lambda: folder.look(done=True)):
        with pytest.raises(ConnectionLost, match="gone"):
            ask()


def test_too_many_files_are_refused(folder, monkeypatch):
    monkeypatch.setattr(result_folder, "MAX_FILES", 3)
    for n in range(3):
        (folder.path / f"{n}.dx").write_bytes(b"x")
    with pytest.raises(FileRefused, match="an own folder"):
        folder.remember()


def test_files_too_large_for_a_spectrum_are_left_alone(folder, monkeypatch):
    monkeypatch.setattr(result_folder, "MAX_BYTES", 1000)
    monkeypatch.setattr("spectra.formats.reading.MAX_BYTES", 1000)
    (folder.path / "large.dx").write_bytes(bytes(5000))
    assert looked(folder, within_s=0.12) is None
    assert "more than" in str(folder.refused())
    folder.remember()


def test_what_is_there_before_is_counted_while_stop_is_asked(folder):
    with pytest.raises(AcquisitionAborted):
        folder.remember(stop=lambda: True)


def test_at_rest_only_when_nothing_is_new_for_a_while(folder):
    assert folder.at_rest()
    (folder.path / "late.dx").write_bytes(spectrum_file(4))
    assert not folder.at_rest()
    time.sleep(SETTLE_S * 1.5)
    assert folder.at_rest()
