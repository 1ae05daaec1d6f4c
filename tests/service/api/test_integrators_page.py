"""The integrator's page: what it promises is typed into a shell, as it stands, against a real server."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.docs.document import operations
from service.api.docs.first_hour import STEPS, steps_for
from service.api.permissions import PERMISSIONS, Role
from service.api.settings import ServerSettings
from tests.bars.transcript import shell, steps_of


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a server that sends webhooks to its own machine, where it can send any."""
    from tests.service.api.conftest import serving

    known = "webhook_allow_private" in ServerSettings.__dataclass_fields__
    with serving(
        tmp_path_factory.mktemp("docs"), **({"webhook_allow_private": True} if known else {})
    ) as one:
        yield one


@pytest.fixture(scope="module")
def page(trial: Any) -> str:
    answer = trial.client(None).get("/docs")
    assert answer.status_code == 200
    return answer.text


def test_the_first_hour_as_it_stands_on_the_page(trial: Any, page: str, tmp_path: Path) -> None:
    steps = steps_of(page)
    assert [one.name for one in steps] == [one.name for one in steps_for(PERMISSIONS)]
    if len(steps) < len(STEPS):
        print("this server sends no webhooks: steps left out")
    told = {"OPIOSCAN_TOKEN": trial.tokens[Role.PARCEL_SYSTEM], "TMPDIR": str(tmp_path)}
    with shell(told) as terminal:
        for step in steps:
            assert step.promises, step.name
            wrote = terminal.type(step.command)
            for promise in step.promises:
                assert promise in wrote, f"{step.name} promises {promise!r}:\n{step.command}\n\n{wrote}"


def test_the_page_needs_nothing_from_anywhere(trial: Any, page: str) -> None:
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    document = trial.client(None).get("/api/v1/openapi.json").json()
    for _, path, operation in operations(document):
        if path.startswith("/api/"):
            assert f'id="{operation["operationId"]}"' in page, f"{path} is told of nowhere"


@pytest.mark.parametrize("host", ["$(reboot)", "a;b", "x' onload='", "", "[::1"])
def test_an_address_that_a_shell_would_run_is_not_shown(trial: Any, host: str) -> None:
    shown = trial.client(None).get("/docs", headers={"host": host})
    if shown.status_code == 200:
        assert "export OPIOSCAN=http://127.0.0.1:8480\n" in shown.text


def test_the_address_is_the_readers_own(trial: Any, page: str) -> None:
    assert f"export OPIOSCAN={trial.url}\n" in page
    other = httpx.get(f"{trial.url}/docs", headers={"host": "screening.example.org:8443"})
    assert "export OPIOSCAN=http://screening.example.org:8443\n" in other.text
