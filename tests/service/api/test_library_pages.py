"""Pages of libraries, calibrations and results as programs read them: what is found, and what is refused."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from calibration.chart_series import BASELINE
from library.browsing import Pieces
from library.errors import LibraryFormatError
from library.library_image import library_image
from library.starter import NAME, starter_entries
from library.store import write_library
from service.api.database import Database
from service.api.pages.shelves import _in_method_file
from service.api.permissions import Role
from service.api.screenings.bodies import ScreeningBody
from service.api.screenings.repository import open_screening
from service.method_file import starter_library
from service.plain_zip import write_zip

STARTER = starter_library().digest


def words_of(answer: Any) -> str:
    """Return what a page says, without its tags."""
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("libraries")
    write_library(folder / "own.h5", starter_entries(), name=NAME)
    image = library_image(starter_library())
    (folder / "method.zip").write_bytes(write_zip({f"library/{name}": data for name, data in image.items()}))
    return {"own": folder / "own.h5", "method": folder / "method.zip"}


@pytest.mark.parametrize("kind", ["own", "method"])
def test_pieces_are_those_of_the_whole(files: dict[str, Path], kind: str) -> None:
    pieces = Pieces.of_library(files[kind]) if kind == "own" else _in_method_file(files[kind])
    whole = starter_library().entries
    assert [head["reference_id"] for head in pieces.heads()] == [one.reference_id for one in whole]
    for wanted in (whole[0], whole[9], whole[-1]):
        found = pieces.entry(wanted.reference_id)
        assert found is not None
        assert (found.substance, found.grade) == (wanted.substance, wanted.grade)
        assert (found.spectrum.axis == wanted.spectrum.axis).all()
        assert (found.spectrum.intensity == wanted.spectrum.intensity).all()
    assert pieces.entry("nothing") is None


def test_a_library_that_is_cut_off_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    whole = _in_method_file(files["method"])
    cut = tmp_path / "cut"
    cut.write_bytes(files["method"].read_bytes()[: whole.places["intensity"][0] + 64])
    with pytest.raises(LibraryFormatError):
        Pieces(cut, whole.places).entry(starter_library().entries[-1].reference_id)
    with pytest.raises(LibraryFormatError):
        list(Pieces(cut, {**whole.places, "heads": (0, 10_000_000)}).heads())


def test_references_are_found_by_name_synonym_class_and_grade(server: Any) -> None:
    client, path = server.client(Role.AUDITOR), f"/libraries/{STARTER}"
    assert "Further references" in words_of(client.get(path))
    for query in ("metamizole", "DIPYRONE", "68-89-3", "raman-metamizole"):
        assert "Metamizole" in words_of(client.get(path, params={"q": query})), query
    told = words_of(client.get(path, params={"q": "fentanyl", "grade": "literature", "technique": "ftir"}))
    assert "carfentanil" in told
    assert "controlled" in told
    assert "No reference fits" in words_of(client.get(path, params={"q": "fentanyl", "grade": "measured"}))
    entry = words_of(client.get(f"{path}/entry", params={"id": "raman-metamizole-derived"}))
    for said in ("dipyrone", "MIT (Wasatch Photonics ENLIGHTEN)", "Nobody is on record", "1354"):
        assert said in entry, said
    assert client.get(f"{path}/entry", params={"id": "<script>"}).status_code == 404
    assert client.get(f"/libraries/{'0' * 64}").status_code == 404
    assert client.get(path, params={"grade": "pure"}).status_code == 422


def test_control_charts_say_in_words_what_they_show(server: Any) -> None:
    device = f"STS/{uuid.uuid4().hex[:8]}"
    for number in range(BASELINE + 2):
        off = (-1) ** number * 0.05 + (3.0 if number > BASELINE else 0.0)
        passed = number <= BASELINE
        outcome = {"lines": [{"expected_cm1": 1001.4, "found_cm1": 1001.4 + off}], "worst_cm1": abs(off)}
        body = {"device": device, "standard": "polystyrene", "passed": passed, "bench": "bench-1"}
        told = {**body, "at": f"2026-10-{number + 1:02}T08:00:00Z", "outcome": {**outcome, "limit_cm1": 2.0}}
        assert server.api("PUT", f"/verifications/{uuid.uuid4().hex * 2}", json=told).status_code == 201
    page = server.client(Role.OFFICER).get("/calibrations", params={"device": device})
    told = words_of(page)
    for said in (
        "✕ FAILED: worst line off by 2.95",
        "out of control: outside the control limits",
        "22 of 22",
    ):
        assert said in told, said
    assert "script-src 'self' 'nonce-" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    empty = words_of(server.client(Role.OFFICER).get("/calibrations", params={"device": "x/y"}))
    assert "No verification with a standard was told of yet" in empty


def test_the_list_is_filtered_found_and_followed(server: Any, bench: Any, item: str) -> None:
    client = server.client(Role.OFFICER)
    alarm, _ = bench.open(item), bench.open(item)
    bench.result(alarm, "alarm_named")
    told = client.get("/", params={"verdict": "alarm_named"})
    assert alarm in told.text
    assert alarm not in client.get("/", params={"verdict": "no_alarm"}).text
    assert alarm not in client.get("/", params={"bench": "elsewhere"}).text
    parcel_id = bench.screening(alarm)["parcel_id"]
    found = client.get("/", params={"item": f" {item.lower()} "})
    assert (found.status_code, found.headers["location"]) == (303, f"/parcels/{parcel_id}")
    assert "Not found" in words_of(client.get("/", params={"item": "RB000000000XX"}))
    assert client.get("/", params={"verdict": "safe"}).status_code == 422
    body = ScreeningBody(item_id=item, bench="bench-1")
    with Database(server.settings.db_path) as database, database.write("test") as change:
        for _ in range(51):
            open_screening(change, str(uuid.uuid4()), body)
    older = re.search(r'rel="next" href="([^"]*)"', client.get("/").text)
    assert older is not None
    assert alarm in client.get(older[1].replace("&amp;", "&")).text


def test_a_result_gives_its_files_to_whoever_is_signed_in(server: Any, bench: Any, item: str) -> None:
    made = bench.result(bench.open(item))
    told = server.client(Role.OFFICER).get(f"/results/{made}/result.json")
    assert told.json() == server.api("GET", f"/results/{made}", Role.OFFICER).json()
    assert server.client(Role.OFFICER).get(f"/results/{made}/scan.h5").status_code == 403
    scan = server.client(Role.AUDITOR).get(f"/results/{made}/scan.h5")
    assert scan.content.startswith(b"\x89HDF")


def test_problems_at_pages_are_pages_for_people_only(server: Any) -> None:
    client, path = server.client(Role.OFFICER), f"/results/{uuid.uuid4()}"
    page = client.get(path, headers={"accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in page.text
    assert client.get(path).json()["code"] == "not_found"
    api = client.get(f"/api/v1{path}", headers={"accept": "text/html"})
    assert api.json()["code"] == "not_found"
