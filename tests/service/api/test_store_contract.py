"""What both kinds of database promise: one chain, whole changes, nothing altered, nobody waits for ever."""

import json
import os
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from service.api.database import Database
from service.api.engines import WRITING, open_engine
from service.api.errors import (
    StoreBusy,
    StoreTooNew,
    StoreUnreachable,
    StoreUnsuitable,
    TextUnfit,
    UnrecordedChange,
)
from service.api.events import chain
from service.api.events.verification import verify_chain
from service.api.idempotency import once
from service.api.migrating import revision, upgrade
from service.api.paging import take_page
from service.api.parcels.models import ParcelQuery
from service.api.parcels.repository import find_or_register
from service.api.permissions import Role
from service.api.s10 import ItemIdType, read_label
from service.api.sessions import Sessions
from service.api.settings import ServerSettings
from service.api.tables import Base, IdempotencyKey, Parcel, Result, SignIn, Token
from service.api.tokens.repository import create_token
from service.settings import load_settings
from service.uses import moment_text, uses_of

ROOT = Path(__file__).resolve().parents[3]
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


def register(database: Database, item: str, key: str | None = None) -> Any:
    with database.write("test") as change:

        def work() -> tuple[int, Any]:
            parcel, created = find_or_register(change, read_label(item, ItemIdType.CARRIER))
            return (201 if created else 200), ParcelQuery(item_id=parcel.parcel_id)

        return once(change, token_id="t", operation="o", key=key, request=item, work=work)


def test_the_steps_build_what_the_tables_say(place: Path | str) -> None:
    with Database(place) as database, database.read() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []
        assert verify_chain(session) == []


def test_a_change_is_whole_or_nothing_and_told_of(place: Path | str) -> None:
    with Database(place) as database:
        register(database, "one")
        with pytest.raises(UnrecordedChange), database.write("test") as change:
            change.session.add(Token(token_id="t", role="admin", name="", digest="d", created_at=change.now))
        with pytest.raises(KeyError), database.write("test") as change:  # noqa: PT012
            create_token(change, Role.ADMIN)
            change.record("nothing.known", "", {})
        with database.read() as session:
            assert chain.head(session)[0] == 1
            assert session.query(Token).count() == 0
            assert verify_chain(session) == []


@pytest.mark.parametrize("table", ["events", "results", "calibrations", "verifications"])
def test_records_are_never_changed(place: Path | str, table: str) -> None:
    with Database(place) as database:
        register(database, "one")
        verbs = [f"DELETE FROM {table}"] if table == "events" else []
        if isinstance(place, str):
            verbs.append(f"TRUNCATE {table} CASCADE")
        for statement in verbs:
            with pytest.raises(sa.exc.DBAPIError, match="never changed"), database.write("test") as change:
                change.session.execute(sa.text(statement))
            with database.read() as session:
                assert verify_chain(session) == []


def test_a_reader_sees_one_state_and_writes_nothing(place: Path | str) -> None:
    with Database(place) as database:
        register(database, "one")
        with database.read() as session:
            assert chain.head(session)[0] == 1
            register(database, "two")
            assert chain.head(session)[0] == 1
        with database.read() as session:
            assert chain.head(session)[0] == 2


def test_lists_are_followed_by_cursors(place: Path | str) -> None:
    with Database(place) as database:
        for item in "abcde":
            register(database, f"item {item}")
        found, cursor = [], ""
        with database.read() as session:
            while True:
                page, after = take_page(
                    session, Parcel, sa.select(Parcel), ParcelQuery(limit=2, cursor=cursor)
                )
                found += [one.item_id for one in page]
                if after is None:
                    break
                cursor = after
        assert len(found) == len(set(found)) == 5


def test_a_key_is_known_until_it_is_too_old(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database(place, key_days=7) as database:
        first = register(database, "one", "k")
        again = register(database, "one", "k")
        assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
        for number in range(30):
            register(database, "one", f"k{number}")
        monkeypatch.setattr("service.api.idempotency.utc_in", lambda days: "2999-01-01T00:00:00.000000Z")
        later = register(database, "one", "k")
        assert "Idempotent-Replayed" not in later.headers
        assert later.status_code == 200
        with database.read() as session:
            assert session.query(IdempotencyKey).count() == 31 - 20 + 1
        register(database, "one", "another")
        with database.read() as session:
            assert session.query(IdempotencyKey).count() == 1


def test_writers_that_wait_share_a_commit_and_no_error(place: Path | str) -> None:
    with Database(place) as database:
        commits = []
        sa.event.listen(database._engine, "commit", commits.append)
        entered, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with database.write("first") as change:
                create_token(change, Role.ADMIN)
                entered.set()
                leave.wait(10)

        def one(number: int) -> str:
            try:
                with database.write(f"w{number}") as change:
                    create_token(change, Role.BENCH)
                    if number % 3 == 0:
                        change.session.execute(sa.text("SELECT nothing FROM nowhere"))
            except sa.exc.DBAPIError:
                return "failed"
            return "kept"

        with ThreadPoolExecutor(13) as pool:
            holder = pool.submit(hold)
            assert entered.wait(10)
            jobs = [pool.submit(one, number) for number in range(12)]
            while database._writers._queue < 12:
                threading.Event().wait(0.005)
            leave.set()
            told = [job.result() for job in jobs]
            holder.result()
        assert told == ["failed" if number % 3 == 0 else "kept" for number in range(12)]
        assert len(commits) < 8
        with database.read() as session:
            assert session.query(Token).count() == 9
            assert verify_chain(session) == []


def test_a_commit_that_fails_fails_for_all_of_them(
    place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database(place) as database:

        def fail(*_: object) -> None:
            raise OSError("the disk is gone")

        sa.event.listen(database._engine, "commit", fail)
        with pytest.raises(OSError, match="disk is gone"), database.write("test") as change:
            create_token(change, Role.ADMIN)
        sa.event.remove(database._engine, "commit", fail)
        with database.write("test") as change:
            create_token(change, Role.ADMIN)
        with database.read() as session:
            assert session.query(Token).count() == 1
            assert verify_chain(session) == []


def test_a_writer_of_another_process_is_waited_for_and_no_longer(place: Path | str) -> None:
    with Database(place) as holding, Database(place, busy_s=0.1) as database:
        with holding.write("first") as change:
            create_token(change, Role.ADMIN)
            with pytest.raises(StoreBusy, match="try again"), database.write("second"):
                pass
        with database.write("third") as change:
            create_token(change, Role.ADMIN)


def test_two_processes_that_write_keep_one_chain(place: Path | str) -> None:
    Database(place).close()
    program = (
        "import sys\n"
        "from service.api.database import Database\n"
        "from service.api.permissions import Role\n"
        "from service.api.tokens.repository import create_token\n"
        "with Database(sys.argv[1]) as database:\n"
        "    for _ in range(10):\n"
        "        with database.write(sys.argv[2]) as change:\n"
        "            create_token(change, Role.BENCH)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(place), name], env=ENV, cwd=ROOT)
        for name in ("one", "other")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    with Database(place) as database, database.read() as session:
        assert chain.head(session)[0] == 20
        assert verify_chain(session) == []


def test_sign_ins_are_shared_by_processes_and_are_no_events(place: Path | str) -> None:
    with Database(place) as one, Database(place) as other:
        with one.write("test") as change:
            token_id = create_token(change, Role.ADMIN)[1].token_id
        secret = Sessions(one).open(token_id)
        assert Sessions(other).token_id(secret) == token_id
        Sessions(other).close(secret)
        assert Sessions(one).token_id(secret) is None
        with one.read() as session:
            assert chain.head(session)[0] == 1
            assert session.query(SignIn).count() == 0


def _old_rows(connection: sa.Connection) -> None:
    """Add a result with all it hangs on, told of by events, as a server of the first versions did."""
    now, names = "2025-01-02T03:04:05.000000Z", [str(uuid.uuid4()) for _ in range(3)]
    parcel, screening, result = names
    found = sa.MetaData()
    found.reflect(connection)
    text = json.dumps(
        {
            "components": [],
            "ranking": [{"reference_id": "r-1"}],
            "provenance": {
                "calibration": {"id": "", "verified_at": ""},
                "method": {"name": "m", "version": 1, "digest": "a" * 64},
                "library": {"name": "l", "digest": "b" * 64},
                "recipe": {"name": "r", "digest": "c" * 64},
            },
        }
    )
    row = Result(
        result_id=result,
        screening_id=screening,
        parcel_id=parcel,
        scan_id="d" * 64,
        verdict="no_alarm",
        training=True,
        identification=chain.canonical(json.loads(text)),
        device=chain.canonical({"model": "STS", "serial": "S1"}),
    )
    from service.api.results.record import record_digest

    digest = record_digest(row)

    def add(table: str, **values: Any) -> None:
        connection.execute(found.tables[table].insert(), values)

    add("parcels", parcel_id=parcel, item_id="A", item_key="A", item_id_type="carrier", label_problem="",
        salt=b"s", created_at=now)  # fmt: skip
    add(
        "screenings",
        screening_id=screening,
        parcel_id=parcel,
        bench="b",
        body_digest="",
        state="open",
        opened_at=now,
    )
    add("scans", scan_id="d" * 64, size=1, role="sample", screening_id=screening, spot=1, attempt=1,
        emulated=True, taken_at="2025-01-02T03:04:00Z", received_at=now)  # fmt: skip
    kept = (
        "result_id",
        "screening_id",
        "parcel_id",
        "scan_id",
        "verdict",
        "training",
        "identification",
        "device",
    )
    add("results", **{name: getattr(row, name) for name in kept}, emulated=True, late=False, record_digest=digest,
        received_at=now)  # fmt: skip
    add("result_people", result_id=result, operator="A. Jansen", salt=b"s")
    if "result_uses" in found.tables:
        for use in uses_of(json.loads(text), {"model": "STS", "serial": "S1"}, blank_id=""):
            at = moment_text("2025-01-02T03:04:00Z")
            add("result_uses", kind=use.kind, value=use.value, at=at, result_row=1, part=use.part)
    end = (0, chain.FIRST)
    for kind, subject, data in (
        ("parcel.registered", f"parcels/{parcel}", {"parcel_id": parcel}),
        ("screening.opened", f"screenings/{screening}", {"screening_id": screening}),
        ("result.accepted", f"results/{result}", {"result_id": result, "record_digest": digest}),
    ):
        link = chain.next_link(end, kind=kind, at=now, actor="token:t", subject=subject, data=data)
        add("events", **link)
        end = (link["seq"], link["hash"])
    connection.execute(found.tables["chain_head"].update().values(seq=end[0], hash=end[1]))


@pytest.mark.parametrize("step", ["0001", "0002", "0003"])
def test_every_earlier_schema_is_brought_up_with_its_rows(place: Path | str, step: str) -> None:
    if not isinstance(place, str):
        place.touch()
    engine = open_engine(place, 5)
    with engine.execution_options(**{WRITING: True}).begin() as connection:
        upgrade(connection, step)
        assert revision(connection) == step
        _old_rows(connection)
    engine.dispose()
    with Database(place) as database:
        with database.read() as session:
            assert verify_chain(session) == []
            assert session.scalar(sa.text("SELECT count(*) FROM result_uses WHERE value = 'r-1'")) == 1
            assert session.scalar(sa.text("SELECT operator FROM result_people")) == "A. Jansen"
        register(database, "new")
        with database.read() as session:
            assert verify_chain(session) == []


def test_a_database_of_a_later_version_is_refused(place: Path | str) -> None:
    with Database(place) as database:
        engine = database._writing
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNew, match="9999.*update the software"):
        Database(place)


def test_several_servers_may_start_at_once(postgres_url: str) -> None:
    from tests.service.api.postgres import new_database

    url = new_database(postgres_url)
    with ThreadPoolExecutor(3) as pool:
        opened = list(pool.map(lambda _: Database(url), range(3)))
    for one in opened:
        one.close()


def test_what_a_database_server_cannot_do_is_said(postgres_url: str) -> None:
    from tests.service.api.postgres import new_database

    url = new_database(postgres_url)
    with pytest.raises(StoreUnreachable, match="does not answer or let us in"):
        Database(url.replace("/opioscan_", "/nobody_"))
    with pytest.raises(StoreUnreachable):
        Database("postgresql://u:secret@127.0.0.1:9/nothing")
    with Database(url) as database:
        with pytest.raises(TextUnfit, match="NUL"):
            register(database, "zero", "a\0b")
        with pytest.raises(StoreUnreachable), database.write("test") as change:
            change.session.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        register(database, "one")
        with database.read() as session:
            assert chain.head(session)[0] == 1
    other = new_database(postgres_url, "LOCALE_PROVIDER icu ICU_LOCALE 'und'", strict=False)
    if other is not None:
        with pytest.raises(StoreUnsuitable, match="CREATE DATABASE"):
            Database(other)


@pytest.mark.parametrize(
    "url",
    ["postgres://u:geheim@h/n", "postgresql://u:geheim@h", "postgresql://:geheim@h/n", "postgresql://u:geheim@h/n?x=1",
     "postgresql://u:geheim@h/n?host=/tmp", "postgresql://u:geheim@/n", "postgresql://u:geheim@h/n?sslmode=prefer",
     "postgresql://u:geheim@h:x/n"],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    from service.errors import SettingsError

    settings = load_settings({"OPIOSCAN_HOME": str(tmp_path), "OPIOSCAN_DATABASE_URL": url})
    with pytest.raises(SettingsError) as caught:
        ServerSettings.of(settings)
    assert "geheim" not in str(caught.value)


def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    url = "postgresql://u:geheim@db.example:5433/n"
    settings = ServerSettings.of(load_settings({"OPIOSCAN_HOME": str(tmp_path)}), url)
    assert settings.place == url
    assert settings.shown == "postgresql://u@db.example:5433/n"
    assert "geheim" not in repr(settings)
    assert ServerSettings.of(load_settings({"OPIOSCAN_HOME": str(tmp_path)}), tmp_path / "x").shown.endswith(
        "/x"
    )


def _start(url: str, folder: Path) -> subprocess.Popen[str]:
    env = {**ENV, "OPIOSCAN_HOME": str(folder), "OPIOSCAN_DATABASE_URL": url}
    command = [sys.executable, "-m", "service.cli.start", "serve", "--port", "0", "--json"]
    return subprocess.Popen(command, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE)


def test_two_server_processes_on_one_database(postgres_url: str, tmp_path: Path) -> None:
    from tests.service.api.postgres import new_database

    url = new_database(postgres_url)
    with Database(url) as database, database.write("test") as change:
        secret, _ = create_token(change, Role.ADMIN)
        parcel_system, _ = create_token(change, Role.PARCEL_SYSTEM)
    servers = [_start(url, tmp_path) for _ in range(2)]
    try:
        told = [json.loads(one.stdout.readline()) for one in servers if one.stdout is not None]
        addresses = [one["address"] for one in told]
        headers = {"Authorization": f"Bearer {parcel_system}"}

        def post(number: int) -> str:
            body = {"item_id": f"ITEM{number % 20:04d}", "item_id_type": "carrier"}
            address = addresses[number // 20 % 2]
            answer = httpx.post(f"{address}/api/v1/parcels", json=body, headers=headers, timeout=20)
            assert answer.status_code in (200, 201), answer.text
            return str(answer.json()["parcel_id"])

        with ThreadPoolExecutor(6) as pool:
            ids = list(pool.map(post, range(80)))
        assert len(set(ids)) == 20
        with httpx.Client(timeout=20) as browser:
            assert browser.post(f"{addresses[0]}/login", data={"token": secret}).status_code == 303
            assert browser.get(f"{addresses[1]}/").status_code == 200
    finally:
        for one in servers:
            one.terminate()
        assert [one.wait(20) for one in servers] == [0, 0]
        for one in servers:
            one.communicate()
    with Database(url) as database, database.read() as session:
        assert verify_chain(session) == []
        assert session.query(Parcel).count() == 20


def test_a_parcel_is_screened_on_a_database_server(
    postgres_url: str, tmp_path: Path, scan_file: Any, serve_at: Any
) -> None:
    from tests.service.api.conftest import Bench
    from tests.service.api.postgres import new_database

    url = new_database(postgres_url)
    with serve_at(tmp_path, database_url=url) as served:
        bench = Bench(served, scan_file, iter(range(9)))
        screening = bench.open()
        bench.result(screening, "inconclusive")
        bench.result(screening, "no_alarm", spot=2)
        done = bench.complete(screening)
        late = bench.result(screening, "alarm_named", spot=3)
        assert done["finding"]["outward"] in {"refer", "no_hold_requested"}
        assert bench.parcel(done["parcel_id"])["finding"]["outward"] == "hold"
        assert served.api("GET", f"/results/{late}").json()["late"] is True
        listed = served.api("GET", f"/parcels/{done['parcel_id']}/results?limit=2").json()
        assert len(listed["items"]) == 2
        assert listed["next_cursor"]
        assert served.api("GET", "/impact?kind=device&value=S1", role=Role.AUDITOR).json()["total"] == 3
        assert served.api("GET", "/parcels?cursor=x").status_code == 400
        assert served.api("GET", "/events?after=9007199254740992", role=Role.AUDITOR).json()["items"] == []
    with Database(url) as database, database.read() as session:
        assert verify_chain(session) == []
