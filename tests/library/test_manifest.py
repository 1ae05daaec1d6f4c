"""manifest.csv: followed strictly, or refused with a reason."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from library.errors import ManifestError
from library.manifest import Row, inside, is_cas, read_manifest


def write(folder, text):
    (folder / "manifest.csv").write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_folder_without_a_manifest(folder):
    assert read_manifest(folder) is None


def test_rows_keep_their_order_and_empty_cells_say_nothing(folder):
    write(folder, '\ufeffFile,name,class,\r\nb.csv,"Urea, pure",cutting_agent,\r\n\r\na.csv,,,\r\n')
    rows = read_manifest(folder)
    assert list(rows) == ["b.csv", "a.csv"]
    assert rows["b.csv"] == Row("b.csv", name="Urea, pure", substance_class="cutting_agent")
    assert rows["a.csv"] == Row("a.csv")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column 'file'"),
        ("name\nx\n", "no column 'file'"),
        ("file;name\na;b\n", "unknown column"),
        ("file,colour\na,b\n", "unknown column 'colour'"),
        ("file,name,name\na,b,c\n", "a column twice"),
        ("file,name\na\n", "1 cells for 2"),
        ("file,name\na,b,c\n", "3 cells for 2"),
        ("file\na\na\n", "listed twice"),
        ("file\na\x07\n", "control characters"),
        ("file,name\na," + "x" * 3000 + "\n", "too long"),
        ('file\n"a"b\n', "line 2"),
        ('file\n"a\n', "line"),
        (b"file\n\xff\n", "UTF-8"),
    ],
)
def test_a_manifest_that_cannot_be_followed(folder, text, why):
    write(folder, text)
    with pytest.raises(ManifestError, match=why):
        read_manifest(folder)


def test_bounds(folder, monkeypatch):
    (folder / "manifest.csv").mkdir()
    with pytest.raises(ManifestError, match="no file"):
        read_manifest(folder)
    (folder / "manifest.csv").rmdir()
    write(folder, "file\n" + "".join(f"f{i}\n" for i in range(20_001)))
    with pytest.raises(ManifestError, match="more than 20000"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "row",
    [
        Row("a", technique="nmr"),
        Row("a", inchikey="PJMPHNIQZUBGLI"),
        Row("a", cas="437-38-8"),
        Row("a", cas="x"),
    ],
)
def test_rows_that_say_nonsense(row):
    assert "manifest.csv says" in row.problem()


def test_rows_that_make_sense():
    row = Row("a", technique="ftir", inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N", cas="437-38-7")
    assert not row.problem()
    assert is_cas("7732-18-5")


@pytest.mark.parametrize(
    "file", ["", "../a", "/etc/passwd", "a/../../b", "..\\a", "a\0b", "link/passwd", "far"]
)
def test_no_file_outside_the_folder(folder, file):
    (folder / "link").symlink_to("/etc")
    (folder / "far").symlink_to("/etc/passwd")
    assert inside(folder, file) is None


def test_files_inside_the_folder(folder):
    assert inside(folder, "a.csv") == folder / "a.csv"
    assert inside(folder, "sub/./a.csv") == folder / "sub/a.csv"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=200)
    | st.text(max_size=100).map(lambda t: ("file,name\n" + t).encode("utf-8", "ignore"))
)
def test_any_bytes_are_rows_or_a_manifest_error(folder, data):
    write(folder, data)
    with suppress(ManifestError):
        rows = read_manifest(folder)
        assert all(name == row.file for name, row in rows.items())
