"""A calibration day from ``calibration/README.md``: typed into a real shell, and its output told as it is."""

import re

import pytest

from calibration.record import Kind
from service.archive.journal import Archive
from service.calibrations import Calibrations
from tests.cli.test_technicians_day import _is_printed, masked
from tests.warm_shell import ROOT

README = (ROOT / "calibration" / "README.md").read_text("utf-8")
DAY = README.partition("## A calibration day\n")[2].partition("\n## ")[0]
SCRIPT = "\n".join(re.findall(r"```bash\n(.*?)```", DAY, flags=re.DOTALL))
TOLD = [
    line for block in re.findall(r"```text\n(.*?)```", DAY, flags=re.DOTALL) for line in block.splitlines()
]


@pytest.mark.long
@pytest.mark.timeout(180)
def test_the_day_goes_as_the_readme_tells(tmp_path, warm_shell):
    done = warm_shell.run(SCRIPT, cwd=tmp_path, env={"NO_COLOR": "1", "COLUMNS": "80"}, timeout_s=150)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    printed = [masked(line) for line in (done.stdout + done.stderr).splitlines()]
    assert len(TOLD) > 8
    assert [line for line in TOLD if not _is_printed(masked(line), printed)] == []
    home = tmp_path / "laboratory"
    axis, rescue, resolution = _records(home)
    assert axis.outcome.laser_nm == pytest.approx(785.3, abs=0.05)
    assert 6.0 < resolution.outcome.width_cm1 < 10.0
    assert rescue.record_id != Calibrations(home / "calibrations").in_force(axis.device_serial).axis.record_id
    archive = Archive(home / "archive")
    assert archive.verify() == []
    for scan_id in axis.scans[1:]:
        text = (tmp_path / "rescued" / f"{scan_id[:12]}-rescued.jdx").read_text()
        assert scan_id in text
        assert rescue.record_id in text
    assert (tmp_path / "axis.png").read_bytes().startswith(b"\x89PNG")
    # The lamp was seen in the dark.
    assert archive.get(axis.scans[0]).laser_mw is None
    assert (tmp_path / "light.log").read_text().split()[-1] in {"0", "0.0"}


def _records(home):
    """Return the axis, the rescue and the resolution; the rescue is of the axis, too, and out of force."""
    records = [one.record for one in Calibrations(home / "calibrations").listed()]
    axes = sorted((one for one in records if one.kind is Kind.AXIS), key=lambda one: len(one.standards))
    (resolution,) = [one for one in records if one.kind is Kind.RESOLUTION]
    return axes[1], axes[0], resolution
