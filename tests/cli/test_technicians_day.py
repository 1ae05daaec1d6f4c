"""A technician's day from ``library/README.md``: typed into a real shell, and its output told as it is."""

import re

import pytest

from library.changes import read_changes
from library.store import read_library
from spectra.references import Grade
from tests.warm_shell import ROOT

README = (ROOT / "library" / "README.md").read_text("utf-8")
DAY = README.partition("## A technician's day\n")[2].partition("\n## ")[0]
SCRIPT = "\n".join(re.findall(r"```bash\n(.*?)```", DAY, flags=re.DOTALL))
TOLD = [
    line for block in re.findall(r"```text\n(.*?)```", DAY, flags=re.DOTALL) for line in block.splitlines()
]


@pytest.fixture(scope="module")
def day(tmp_path_factory, warm_shell):
    """Type the day into a new folder; return the folder and what was printed."""
    desk = tmp_path_factory.mktemp("d")
    done = warm_shell.run(SCRIPT, cwd=desk, env={"NO_COLOR": "1", "COLUMNS": "80"}, timeout_s=150)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return desk, done.stdout + done.stderr


def masked(line):
    """Return a line without what differs from day to day and machine to machine: digests and numbers of scans."""
    return re.sub(r"\d+", "0", re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{4,}\b", "0", line)).rstrip()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_the_readme_tells_what_is_printed(day):
    printed = [masked(line) for line in day[1].splitlines()]
    assert len(TOLD) > 40
    assert [line for line in TOLD if not _is_printed(masked(line), printed)] == []


def _is_printed(told, printed):
    head, cut, _ = told.partition("…")
    return any(one.startswith(head) if cut else one == head for one in printed)


@pytest.mark.long
def test_the_day_leaves_what_it_promises(day):
    desk, _ = day
    entries = {entry.substance.name: entry for entry in read_library(desk / "lab.h5").entries}
    assert set(entries) == {"lactose", "metamizole", "sucrose", "caffeine"}
    assert {entry.grade for entry in entries.values()} == {Grade.MEASURED}
    vouched = entries["caffeine"].authentication
    assert (vouched.authenticated_by, vouched.operators, vouched.emulated) == (
        "Grace Hopper",
        ("Ada Smith",),
        True,
    )
    papers = entries["metamizole"].authentication
    assert (papers.lot, papers.emulated, entries["metamizole"].substance.controlled) == ("M-7", False, True)
    actions = [(one["action"], one["by"]) for one in read_changes(desk / "lab.h5")]
    assert actions == [("edit", "Ada Smith"), ("edit", "Ada Smith"), ("authenticate", "Grace Hopper")]
    page = (desk / "import.html").read_text()
    assert page.count("<svg") == 3
    assert "perhaps lactose" in page
    assert (desk / "light.log").read_text().split()[-1] in {"0", "0.0"}
