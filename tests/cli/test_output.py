"""What people and programs see."""

import io
import re

import pytest
from rich.console import Console

from service.cli import output
from service.words import WORDS
from spectra.reasons import REASONS


def shown(identification, *, colour=False, width=100):
    screen = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        markup=False,
    )
    screen.print(output.verdict_panel(identification))
    return screen.file.getvalue()


def component(substance, **more):
    return {
        "substance": substance,
        "role": "content",
        "controlled": True,
        "spectral_share": 0.22,
        "evidence": "measured",
        **more,
    }


def test_json_is_one_line_sorted_and_finite(capsys):
    output.emit_json({"b": 1, "a": ["ä", None, 0.1]})
    output.emit_json([])
    assert capsys.readouterr().out == '{"a": ["ä", null, 0.1], "b": 1}\n[]\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.emit_json(float("nan"))
    assert capsys.readouterr().out == ""


def test_lines_and_warnings_hold_no_control_characters(capsys):
    output.say("one\ntwo \x1b[31m")
    output.warn("bad\rname")
    out, err = capsys.readouterr()
    assert out == "one\ntwo \N{REPLACEMENT CHARACTER}[31m\n"
    assert err == "opioscan: warning: bad\N{REPLACEMENT CHARACTER}name\n"


def test_a_bar_is_shown_on_a_terminal_and_nothing_in_a_pipe(capsys, monkeypatch):
    with output.progress("fitting", 3) as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(output, "console", lambda **_: Console(file=buffer, force_terminal=True, width=80))
    buffer = io.StringIO()
    with output.progress("fitting", 3) as advance:
        advance(3)
    assert "fitting" in buffer.getvalue()


@pytest.mark.parametrize("verdict", ["alarm_named", "alarm_class", "no_alarm", "inconclusive", "new_verdict"])
def test_every_verdict_has_words_and_a_symbol_and_is_presumptive(verdict):
    text = shown({"verdict": verdict})
    assert "Presumptive result: laboratory confirmation is still due." in text
    words, _ = output.words_of({"verdict": verdict})
    assert words.word in text
    assert words.symbol in text
    assert words.step in text
    assert "TRAINING" not in text


def test_verdicts_differ_without_their_colour():
    assert len({words.word for words in WORDS.values()}) == len(WORDS)
    assert len({words.symbol for words in WORDS.values()}) == 3
    assert len({shown({"verdict": str(verdict)}) for verdict in WORDS}) == 4


def test_nothing_found_is_never_called_safe():
    text = shown({"verdict": "no_alarm"})
    assert "Nothing found never means safe" in text
    assert not re.search(r"\b(safe|clear|released?)\b", text.replace("never means safe", ""), re.IGNORECASE)


def test_an_alarm_names_what_was_found_and_keeps_its_first_step():
    text = shown(
        {
            "verdict": "alarm_named",
            "components": [
                component("polyethylene", role="container", controlled=False),
                component("caffeine", controlled=False),
                component("fentanyl"),
            ],
            "not_excluded": [{"substance": "fentanyl"}],
            "reasons": ["axis_unverified"],
            "scan_id": "abc",
        }
    )
    assert "ALARM: fentanyl" in text
    assert "Seen: caffeine (content, 22% of the spectral area, measured reference)" in text
    assert "Scan: abc" in text
    steps = [line for line in text.splitlines() if "→" in line]
    assert "Hold the parcel" in steps[0]
    assert REASONS["axis_unverified"].next_step in steps[1]


def test_a_class_alarm_names_no_substance():
    text = shown(
        {
            "verdict": "alarm_class",
            "components": [component("fentanyl", role="content")],
            "classes": [
                {"class": "fentanyl_analogue", "detected": True},
                {"class": "nitazene", "detected": False},
            ],
        }
    )
    assert "ALARM: CLASS OF SUBSTANCE  ▲" in text
    assert "evidence for the class fentanyl_analogue" in text
    assert "nitazene" not in text


def test_reasons_tell_what_to_do_next_once():
    text = shown(
        {"verdict": "inconclusive", "reasons": ["container_only", "weak_signal", "weak_signal", "new_code"]}
    )
    assert REASONS["container_only"].next_step in text
    assert text.count(REASONS["weak_signal"].next_step) == 1
    assert "Because: new_code" in text


def test_what_was_not_excluded_is_said():
    listed = [{"substance": f"s{n}", "detectable_share": n / 20 or None} for n in range(11)]
    text = shown({"verdict": "inconclusive", "not_excluded": listed})
    assert "Not excluded: s0 (no reference), s1 below 5%, s2 below 10%" in text
    assert "and 3 more" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_training_cannot_be_overlooked(width):
    text = shown({"verdict": "alarm_named", "training": True}, width=width)
    assert text.count("TRAINING") >= 4
    assert "TRAINING" in text.splitlines()[0]
    assert "TRAINING" in "".join(text.splitlines()[-3:])
    assert "\x1b[" in shown({"verdict": "alarm_named", "training": True}, colour=True)


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {"verdict": 5, "reasons": "abc", "components": "x", "classes": 7, "not_excluded": None},
        {"verdict": "alarm_named", "components": [1, {}, {"spectral_share": "x"}], "reasons": [None]},
        {
            "verdict": "alarm_named",
            "components": [component("\x1b]0;evil\x07[red]x[/]")],
            "source": "\x1b[2J",
        },
    ],
)
def test_hostile_answers_are_shown_harmlessly(hostile):
    text = shown(hostile)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "Presumptive" in text
