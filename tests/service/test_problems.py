"""Every error of every package has an exit code, a status, a code and a title."""

import importlib
import inspect
from pathlib import Path

import pytest

from instrument.errors import LaserMayBeOn, PortBusy
from service import problems
from service.errors import AgentRefused, DiskFull, ServerRefused, ServiceError

ROOT = Path(problems.__file__).parent.parent
PACKAGES = ("spectra", "library", "calibration", "instrument", "service")


def error_classes():
    for package in PACKAGES:
        for path in sorted(
            [*(ROOT / package).rglob("errors.py"), *(ROOT / package).rglob("release_errors.py")]
        ):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(name)
            for cls in vars(module).values():
                if inspect.isclass(cls) and issubclass(cls, BaseException) and cls.__module__ == name:
                    yield cls


@pytest.mark.parametrize("cls", list(error_classes()), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_error_is_in_the_table_by_itself(cls):
    assert f"{cls.__module__}.{cls.__name__}" in problems.KINDS


@pytest.mark.parametrize("name", problems.KINDS)
def test_every_row_names_a_class_that_exists(name):
    module, _, cls = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), cls), Exception)


def test_rows_are_usable():
    kinds = list(problems.KINDS.values())
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(400 <= kind.status < 600 and 1 < kind.exit_code <= 6 for kind in kinds)
    assert [kind.code for kind in kinds if kind.exit_code == 6] == ["laser_may_be_on"]


def test_a_problem_object_has_the_fields_of_rfc_9457():
    problem = problems.problem_of(DiskFull("no\nroom"), instance="/x")
    assert problem == {
        "type": "urn:opioscan:problem:disk_full",
        "title": "The disk is full",
        "status": 507,
        "detail": "no room",
        "instance": "/x",
        "code": "disk_full",
    }


def test_an_unexpected_error_keeps_its_message_inside():
    problem = problems.problem_of(ZeroDivisionError("secret"))
    assert problem["code"] == "internal_error"
    assert "secret" not in str(problem)


def test_a_subclass_is_found_by_its_nearest_base():
    class Own(DiskFull):
        pass

    class Worded(AgentRefused):
        code, status = "own_code", 418

    assert problems.kind_of(Own("x")).code == "disk_full"
    assert (problems.kind_of(Worded("x")).code, problems.kind_of(Worded("x")).status) == ("own_code", 418)


def masked_by(later):
    try:
        raise LaserMayBeOn("no answer")
    finally:
        raise later


@pytest.mark.parametrize("later", [DiskFull("full"), KeyboardInterrupt(), ZeroDivisionError()])
def test_a_laser_that_may_be_on_outranks_what_came_after(later):
    with pytest.raises(type(later)) as caught:
        masked_by(later)
    assert problems.kind_of(caught.value).exit_code == 6


def test_a_laser_that_may_be_on_is_found_in_a_group():
    group = ExceptionGroup("two", [ValueError("a"), ExceptionGroup("more", [LaserMayBeOn("b")])])
    assert problems.kind_of(group).exit_code == 6


def test_a_circle_of_causes_ends():
    one, two = ValueError("1"), ValueError("2")
    one.__cause__, two.__cause__ = two, one
    assert problems.kind_of(one) is problems.UNEXPECTED


def test_messages_are_one_bounded_line():
    assert problems.message_of(FileNotFoundError(2, "No such file", "a.csv")) == "a.csv: No such file"
    assert problems.message_of(OSError(28, "No space left")) == "No space left"
    assert problems.message_of(ValueError()) == "ValueError"
    assert len(problems.message_of(ValueError("x" * 5000))) == problems.MAX_DETAIL


@pytest.mark.parametrize("error", [PortBusy("b"), LaserMayBeOn("l"), DiskFull("d"), ServerRefused("r")])
def test_an_error_survives_the_wire(error):
    back = problems.error_of(problems.problem_of(error))
    assert type(back) is type(error)
    assert problems.kind_of(back) == problems.kind_of(error)


def test_a_code_of_a_later_version_gives_the_default():
    error = problems.error_of({"code": "new", "detail": "why"}, default=AgentRefused)
    assert type(error) is AgentRefused
    assert str(error) == "why"
    assert type(problems.error_of({})) is ServiceError
    assert type(problems.error_of({"code": "file_not_found"})) is ServiceError
