"""Who may do what: every route with every role, and tokens that do not count."""

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.app import create_app
from service.api.database import Database
from service.api.permissions import PERMISSIONS, PUBLIC, Role, allowed
from service.api.settings import ServerSettings
from service.api.tables import Token
from service.api.tokens.repository import create_token, revoke_token

_DOCUMENT = create_app(ServerSettings(Path("none.sqlite3"), Path("none"))).openapi()
ROUTES = {
    operation["operationId"]: (method.upper(), path)
    for path, operations in _DOCUMENT["paths"].items()
    for method, operation in operations.items()
}

PAGES = {
    "latest_page": ("GET", "/"),
    "fleet_page": ("GET", "/fleet"),
    "flags_page": ("GET", "/flags"),
    "review_form": ("POST", "/flags/{flag_id}"),
    "result_page": ("GET", "/results/{result_id}"),
    "result_file": ("GET", "/results/{result_id}/result.json"),
    "report_of_result": ("GET", "/results/{result_id}/report.pdf"),
    "bundle_of_result": ("GET", "/results/{result_id}/bundle.zip"),
    "ask_review_form": ("POST", "/results/{result_id}/reviews"),
    "curves_file": ("GET", "/results/{result_id}/curves.json"),
    "scan_file_of_result": ("GET", "/results/{result_id}/scan.h5"),
    "screening_page": ("GET", "/screenings/{screening_id}"),
    "parcel_page": ("GET", "/parcels/{parcel_id}"),
    "libraries_page": ("GET", "/libraries"),
    "library_page": ("GET", f"/libraries/{'0' * 64}"),
    "reference_page": ("GET", f"/libraries/{'0' * 64}/entry?id=x"),
    "calibrations_page": ("GET", "/calibrations"),
    "reviews_page": ("GET", "/reviews"),
    "answer_form": ("POST", "/reviews/{review_id}"),
    "measures_page": ("GET", "/measures"),
    "measures_file": ("GET", "/measures/measures.csv"),
    "measures_json": ("GET", "/measures/measures.json"),
}


def _call(served: Any, operation: str, headers: dict[str, str]) -> httpx.Response:
    method, path = ROUTES.get(operation) or PAGES[operation]
    for name in (
        "parcel_id",
        "screening_id",
        "result_id",
        "flag_id",
        "webhook_id",
        "operation_id",
        "review_id",
    ):
        path = path.replace(f"{{{name}}}", str(uuid.uuid4()))
    path = path.replace("{scan_id}", "0" * 64).replace("{record_id}", "0" * 64).replace("{bench}", "bench-9")
    # A stream that begins would never end; this one is refused after the token was looked at.
    params = {"after": 10**12} if operation == "stream_events" else None
    return served.client(None).request(method, path, headers=headers, params=params)


def test_the_table_names_every_route_and_nothing_else() -> None:
    protected = {operation for operation, (_, path) in ROUTES.items() if path.startswith("/api/")}
    assert protected | set(PAGES) == set(PERMISSIONS)
    assert set(ROUTES) - protected <= PUBLIC
    assert not set(PERMISSIONS) & PUBLIC


@pytest.mark.parametrize("operation", list(PERMISSIONS))
def test_each_role_at_each_route(server: Any, operation: str) -> None:
    for role in Role:
        answer = _call(server, operation, {"Authorization": f"Bearer {server.tokens[role]}"})
        if allowed(operation, role):
            assert answer.status_code not in {401, 403}, (role, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), role


@pytest.mark.parametrize("operation", [name for name in PERMISSIONS if name not in PAGES])
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ops_wrong", "Bearer wrong", "Basic b3BzXw==", "Bearer " + "x" * 500]
)
def test_no_route_without_a_valid_token(server: Any, operation: str, header: str) -> None:
    answer = _call(server, operation, {"Authorization": header} if header else {})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_expired_and_revoked_tokens_do_not_count(server: Any) -> None:
    with Database(server.settings.db_path) as database:
        with database.write("test") as change:
            old, _ = create_token(change, Role.ADMIN, days=-1)
            soon, _ = create_token(change, Role.ADMIN, days=1)
            gone, row = create_token(change, Role.ADMIN)
        assert _call(server, "list_parcels", {"Authorization": f"bearer {gone}"}).status_code == 200
        with database.write("test") as change:
            assert revoke_token(change, row.token_id) is not None
            assert revoke_token(change, "nobody") is None
    assert _call(server, "list_parcels", {"Authorization": f"Bearer {soon}"}).status_code == 200
    for secret in (old, gone):
        assert _call(server, "list_parcels", {"Authorization": f"Bearer {secret}"}).status_code == 401


def test_secrets_are_not_kept(server: Any) -> None:
    with Database(server.settings.db_path) as database, database.read() as session:
        rows = [row.__dict__ for row in session.query(Token)]
    assert rows
    for secret in server.tokens.values():
        assert secret.startswith("ops_")
        assert len(secret) > 40
        assert secret not in str(rows)
        for file in server.settings.db_path.parent.glob("opioscan.sqlite3*"):
            assert secret.encode() not in file.read_bytes()


def test_nobody_else_may_read_the_database(server: Any) -> None:
    assert server.settings.db_path.stat().st_mode & 0o077 == 0


def test_no_other_site_may_read_answers(server: Any) -> None:
    answer = server.client().get("/api/v1/parcels", headers={"Origin": "https://example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_operation_is_described(server: Any) -> None:
    document = server.client(None).get("/api/v1/openapi.json").json()
    assert document == _DOCUMENT
    for operation, (method, path) in ROUTES.items():
        entry = document["paths"][path][method.lower()]
        assert entry["summary"], operation
        assert entry["description"], operation
        problem = entry["responses"]["4XX"]["content"]["application/problem+json"]
        assert problem["schema"]["$ref"].endswith("/ProblemView")
        if path.startswith("/api/"):
            assert entry["security"], operation
    assert document["components"]["schemas"]["ProblemView"]["properties"]["code"]["examples"]
    assert document["components"]["schemas"]["ParcelBody"]["properties"]["item_id"]["examples"]
