"""The picture of a table of detection."""

import pytest

from service.pod_plot import MAX_LINES, MAX_SERIES, detection_picture
from spectra.validation import Rate
from spectra.validation_tables import Detection


def row(target="fentanyl", matrix="lactose", level=0.1, k=3, n=5):
    return Detection(target, matrix, level, Rate(k, n), Rate(k, n), Rate(0, 7))


CURVE = [row(level=0.01, k=0), row(level=0.1), row(level=1.0, k=5), row(target="$x_1$", level=0.5)]


def test_a_curve_says_in_the_picture_that_it_is_simulated():
    drawn = detection_picture(CURVE, label="simulated", note="SNR 100", kind="svg").decode()
    # matplotlib draws letters as paths and leaves the text in a comment
    assert "<!-- SIMULATED -->" in drawn
    assert "SIMULATED · probability of detection, exact 95% intervals" in drawn
    assert "SNR 100" in drawn
    assert "fentanyl in lactose: false alarms 0/7" in drawn
    assert "$x_1$ in lactose" in drawn


def test_samples_without_a_share_stand_one_to_a_line():
    rows = [row(level=None), row(matrix="", level=0.2)]
    drawn = detection_picture(rows, label="measured", kind="svg").decode()
    assert "<!-- MEASURED -->" in drawn
    assert "fentanyl · lactose  3/5" in drawn
    assert "fentanyl · 0.2  3/5" in drawn
    assert "<!-- SIMULATED -->" not in drawn


def test_the_same_table_gives_the_same_bytes():
    first, again = (detection_picture(CURVE, label="simulated", kind="png") for _ in range(2))
    assert first.startswith(b"\x89PNG")
    assert first == again


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "nothing to draw"),
        ([row(level=None)] * (MAX_LINES + 1), "too many"),
        ([row(matrix=str(n)) for n in range(MAX_SERIES + 1)], "too many"),
    ],
)
def test_what_cannot_be_read_is_not_drawn(rows, words):
    with pytest.raises(ValueError, match=words):
        detection_picture(rows, label="measured", kind="png")
