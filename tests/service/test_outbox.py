"""The outbox holds what it was given, in order, until the server has it, whatever dies meanwhile."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from service.bench.outbox import Lane, Outbox, OutboxOp, Patience, SendReply
from service.bench.sending import MAX_PAUSE_S
from service.errors import OtherBody, OutboxError, ScanNotFound, ServerUnreachable

ROOT = Path(__file__).resolve().parents[2]
SCAN = "ab" * 32


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "outbox.sqlite3")


def op(key, path="/screenings/1", **body):
    return OutboxOp(key, "PUT", path, body)


def result(key, scan_id=SCAN):
    return op(key, f"/results/{key}", scan_id=scan_id, value=0.1)


class Server:
    """Takes operations, and answers with the next of the given replies; then with 201."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.got = []

    def __call__(self, operation):
        self.got.append(operation.key)
        reply = self.replies.pop(0) if self.replies else SendReply(201)
        if isinstance(reply, Exception):
            raise reply
        return reply


def test_operations_wait_in_order(outbox):
    ops = [op("c", a=1.5, b=[1, None]), OutboxOp("a", "put", f"/scans/{SCAN}", None, SCAN), result("b")]
    assert outbox.add(ops) == 3
    assert [each.key for each in outbox.pending()] == ["c", "a", "b"]
    assert outbox.pending()[0] == ops[0]
    assert outbox.pending()[1].method == "PUT"
    assert outbox.counts() == {"pending": 3, "done": 0, "refused": 0}
    assert [each.key for each in Outbox(outbox.path).pending()] == ["c", "a", "b"]


def test_adding_again_changes_nothing(outbox):
    assert outbox.add([op("a", x=1)]) == 1
    assert outbox.add([op("a", x=1.0), op("b")]) == 1
    outbox.flush(Server())
    assert outbox.add([op("a", x=1)]) == 0
    assert outbox.counts() == {"pending": 0, "done": 2, "refused": 0}


def test_a_key_with_another_body_is_refused_with_all_that_came_with_it(outbox):
    outbox.add([op("a", x=1)])
    for other in (op("a", x=2), op("a", "/other", x=1), OutboxOp("a", "PUT", "/screenings/1", None, SCAN)):
        with pytest.raises(OtherBody, match="'a'"):
            outbox.add([op("new"), other], closes="item")
    assert [each.key for each in outbox.pending()] == ["a"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (OutboxOp("", "PUT", "/x"), "needs a key"),
        (OutboxOp("k", "PUT", "x"), "starts with /"),
        (OutboxOp("k", "PUT", "/x", {}, SCAN), "both"),
        (op("k", x=float("nan")), "no JSON form"),
        (op("k", x=object()), "no JSON form"),
        (op("k", x="y" * 2**22), "more than"),
    ],
)
def test_operations_nobody_could_send_are_refused(outbox, bad, words):
    with pytest.raises(OutboxError, match=words):
        outbox.add([op("good"), bad])
    assert outbox.pending() == ()


def test_a_result_is_remembered_after_it_was_sent(outbox):
    assert not outbox.has_result(SCAN)
    outbox.add([result("r1")])
    assert outbox.has_result(SCAN)
    outbox.flush(Server())
    assert outbox.has_result(SCAN)
    assert not outbox.has_result("cd" * 32)


def test_an_item_keeps_its_screening_until_it_is_closed(outbox):
    first = outbox.open_screening("RR1")
    assert uuid.UUID(first).version == 4
    assert outbox.open_screening("RR1") == outbox.screening_of("RR1") == first
    assert Outbox(outbox.path).open_screening("RR1") == first
    assert outbox.open_screening("RR2") != first
    outbox.close_screening("RR1")
    assert outbox.screening_of("RR1") is None
    assert outbox.open_screening("RR1") != first


def test_open_screenings_are_listed(outbox):
    outbox.set_state("other", "x")
    ids = {item: outbox.open_screening(item) for item in ("RR2", "RR1")}
    assert outbox.open_screenings() == ids


def test_items_without_a_label_are_never_joined(outbox):
    assert outbox.open_screening("") != outbox.open_screening("")


def test_completing_closes_in_the_same_transaction(outbox):
    outbox.open_screening("RR1")
    with pytest.raises(OutboxError):
        outbox.add([op("", x=1)], closes="RR1")
    assert outbox.screening_of("RR1") is not None
    outbox.add([op("complete")], closes="RR1")
    assert outbox.screening_of("RR1") is None


def test_small_values_are_kept(outbox):
    assert outbox.get_state("k") is None
    outbox.set_state("k", "v")
    outbox.set_state("k", "w")
    assert outbox.get_state("k") == "w"
    outbox.set_state("k", None)
    assert outbox.get_state("k") is None


# ── sending ─────────────────────────────────────────────────────────────────


def test_an_operations_state_can_be_asked(outbox):
    outbox.add([op("a"), op("b")])
    outbox.flush(Server(SendReply(422)))
    outbox.add([op("c")])
    assert [outbox.state_of(key) for key in "abcd"] == ["refused", "done", "pending", None]


def test_all_is_sent_in_order_and_once(outbox):
    outbox.add([op(key) for key in "dacb"])
    server = Server()
    report = outbox.flush(server)
    assert (report.sent, report.refused, report.left, report.stopped) == (4, 0, 0, "")
    assert server.got == list("dacb")
    assert outbox.flush(server).sent == 0
    assert server.got == list("dacb")


def test_refused_operations_are_kept_and_the_rest_goes_on(outbox):
    outbox.add([op(key) for key in "abc"])
    report = outbox.flush(Server(SendReply(201), SendReply(409, "another body")))
    assert (report.sent, report.refused, report.left) == (2, 1, 0)
    (refused,) = outbox.refused()
    assert (refused.op.key, refused.status, refused.detail) == ("b", 409, "another body")
    assert refused.at.endswith("Z")
    assert outbox.flush(Server()).sent == 0
    assert outbox.retry_refused() == 1
    assert outbox.flush(Server()).sent == 1
    assert outbox.refused() == ()


def test_a_scan_that_cannot_be_read_is_kept_as_refused(outbox):
    outbox.add([OutboxOp("s", "PUT", f"/scans/{SCAN}", None, SCAN), op("next")])
    report = outbox.flush(Server(ScanNotFound("no scan abab")))
    assert (report.sent, report.refused) == (1, 1)
    assert outbox.refused()[0].detail == "not sent: no scan abab"


@pytest.mark.parametrize(
    "failure",
    [
        ServerUnreachable("no route"),
        TimeoutError("too slow"),
        *(SendReply(status, "later") for status in (500, 503, 429, 401, 403, 408, 302)),
    ],
)
def test_a_failure_stops_everything_and_loses_nothing(outbox, failure):
    outbox.add([op(key) for key in "abc"])
    report = outbox.flush(Server(SendReply(200), failure))
    assert (report.sent, report.refused, report.left) == (1, 0, 2)
    assert report.stopped
    assert 0 < report.retry_in_s <= 2
    server = Server()
    waiting = outbox.flush(server)
    assert server.got == []
    assert waiting.stopped == "waiting after a failure"
    assert 0 < waiting.retry_in_s <= report.retry_in_s
    assert outbox.flush(server, force=True).sent == 2
    assert server.got == ["b", "c"]
    assert outbox.get_state("sending") is None


def test_the_pause_grows_to_a_limit_and_hears_the_server(outbox):
    outbox.add([op("a")])
    pauses = [outbox.flush(Server(ConnectionError("x")), force=True).retry_in_s for _ in range(12)]
    assert pauses[4] > pauses[0]
    assert max(pauses) <= MAX_PAUSE_S
    assert pauses[-1] >= MAX_PAUSE_S / 2
    outbox.set_state("sending", None)
    assert outbox.flush(Server(SendReply(429, "", 77.0))).retry_in_s == 77.0
    assert outbox.flush(Server(SendReply(503, "", 1e9)), force=True).retry_in_s == MAX_PAUSE_S


@pytest.mark.parametrize("value", ["[1, 99999999999]", "nonsense", "[1]", "null", '["a", "b"]'])
def test_a_clock_set_back_or_a_damaged_pause_does_not_stop_sending(outbox, value):
    outbox.add([op("a")])
    outbox.set_state("sending", value)
    assert outbox.flush(Server()).sent == 1


def test_an_operation_added_while_sending_is_sent_too(outbox):
    def send(operation):
        if operation.key == "a":
            outbox.add([op("b")])
        return SendReply(201)

    outbox.add([op("a")])
    assert outbox.flush(send).sent == 2


HASTY = Patience(failures=2, over_s=0.0, again_s=60.0)


def of_screening(name, *, end=True):
    ops = [op(f"screening:{name}"), op(f"scan:{name}"), op(f"complete:{name}")]
    return ops if end else ops[:-1]


def test_what_the_server_fails_at_is_set_aside_with_its_screening(outbox):
    outbox.add([op("method:m"), *of_screening("a")])
    outbox.add(of_screening("b"))
    failing = {"scan:a", "method:m"}

    def send(operation):
        server.got.append(operation.key)
        return SendReply(500, "a bug") if operation.key in failing else SendReply(201)

    server = Server()
    reports = [outbox.flush(send, force=True, patience=HASTY) for _ in range(3)]
    assert [bool(one.stopped) for one in reports] == [True, True, False]
    assert (reports[-1].left, reports[-1].aside) == (3, 2)
    assert [one for one in server.got if one not in failing] == [
        "screening:a",
        *(o.key for o in of_screening("b")),
    ]
    told = outbox.aside()
    assert [(one.op.key, one.status, one.failures, one.held) for one in told] == [
        ("method:m", 500, 2, 1),
        ("scan:a", 500, 2, 2),
    ]
    outbox.add([op("screening:a"), op("complete:a-2")])
    assert outbox.flush(send, patience=HASTY).sent == 0, "it stays behind what it belongs to"
    failing.clear()
    assert outbox.retry_aside() == 2
    outbox.add(of_screening("c", end=False))
    server.got.clear()
    assert outbox.flush(send, patience=HASTY).left == 0
    assert server.got == ["method:m", "scan:a", "complete:a", "complete:a-2", "screening:c", "scan:c"]
    assert outbox.aside() == ()


def test_an_operation_set_aside_is_tried_again_by_itself(outbox):
    outbox.add(of_screening("a"))
    soon = Patience(failures=1, over_s=0.0, again_s=0.05)
    assert outbox.flush(Server(SendReply(502)), patience=soon).aside == 1
    assert outbox.flush(Server(), patience=soon).sent == 0
    time.sleep(0.06)
    assert outbox.flush(Server(), patience=soon).sent == 3


def test_only_5xx_for_long_enough_sets_aside(outbox):
    outbox.add(of_screening("a"))
    for reply in (SendReply(429), SendReply(401), ServerUnreachable("x"), SendReply(503)):
        assert outbox.flush(Server(reply), force=True, patience=Patience(failures=1)).aside == 0
    assert outbox.flush(Server(), force=True).left == 0


def test_an_outbox_of_before_is_taken_over(tmp_path):
    path = tmp_path / "outbox.sqlite3"
    Outbox(path).add([op("a"), result("b")])
    with sqlite3.connect(path) as database:
        database.execute("DROP INDEX ops_aside")
        for name in ("file_id", "chain", "failures", "failing_since", "aside_until"):
            database.execute(f"ALTER TABLE ops DROP COLUMN {name}")
    database.close()
    later = Outbox(path)
    later.add([op("a"), OutboxOp("m", "PUT", "/methods/1", file_id="f" * 64)])
    assert [(one.key, one.file_id) for one in later.pending()] == [("a", None), ("b", None), ("m", "f" * 64)]
    assert later.results_waiting() == 1


def test_only_one_sends_at_a_time(outbox):
    outbox.add([op("a")])
    with outbox.path.with_name("outbox.sqlite3.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = outbox.flush(Server())
    assert (report.busy, report.sent, report.left) == (True, 0, 1)
    assert outbox.flush(Server()).sent == 1


def test_threads_and_processes_share_an_outbox(outbox):
    def work(name):
        box = Outbox(outbox.path)
        for n in range(5):
            box.add([op(f"{name}-{n}"), op("common")])

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.counts()["pending"] == 21


# ── what may happen to the file ─────────────────────────────────────────────

CHILD = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from service.bench.outbox import Outbox, OutboxOp, SendReply
outbox = Outbox(Path(sys.argv[1]))
"""


def child(code, *arguments):
    text = CHILD.format(root=str(ROOT)) + code
    command = [sys.executable, "-c", text, *map(str, arguments)]
    # Measuring coverage would leave half a file of its own behind when killed.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, env=env)


def killed_after(process, delay):
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    lines = process.stdout.read().split("\n")
    process.wait()
    process.stdout.close()
    return lines[:-1]


def test_killed_writers_keep_whole_transactions(outbox):
    code = """
print("ready", flush=True)
for n in range(10**9):
    key = f"{sys.argv[2]}-{n}"
    outbox.add([OutboxOp(key + x, "PUT", "/x", {"n": n}) for x in "abc"])
    print(key, flush=True)
"""
    reported = []
    for turn, delay in enumerate((0.0, 0.013, 0.029, 0.05)):
        reported += killed_after(child(code, outbox.path, turn), delay)
    keys = [each.key for each in outbox.pending()]
    assert reported
    assert {key + x for key in reported for x in "abc"} <= set(keys)
    assert len(keys) % 3 == 0
    assert [key[-1] for key in keys] == list("abc") * (len(keys) // 3)


def test_killed_senders_send_again_and_skip_nothing(outbox):
    outbox.add([op(f"{n:04d}") for n in range(60)])
    code = """
def send(op):
    print(op.key, flush=True)
    return SendReply(201)
print("ready", flush=True)
outbox.flush(send)
"""
    got = []
    for delay in (0.002, 0.009, 0.02):
        got += killed_after(child(code, outbox.path), delay)
    server = Server()
    outbox.flush(server)
    got += server.got
    assert sorted(set(got)) == [f"{n:04d}" for n in range(60)]
    assert got == sorted(got)


def test_a_damaged_file_is_told_and_left_alone(tmp_path):
    content = b"not a database at all, but long enough to look at" * 50
    path = tmp_path / "outbox.sqlite3"
    path.write_bytes(content)
    with pytest.raises(OutboxError, match=r"outbox\.sqlite3 is damaged"):
        Outbox(path)
    assert path.read_bytes() == content


def test_other_databases_and_versions_are_refused(tmp_path, outbox):
    other = sqlite3.connect(tmp_path / "other.sqlite3")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(OutboxError, match="no outbox of this version"):
        Outbox(tmp_path / "other.sqlite3")
    later = sqlite3.connect(outbox.path)
    later.execute("PRAGMA user_version = 2")
    later.close()
    with pytest.raises(OutboxError, match="no outbox of this version"):
        Outbox(outbox.path)


def test_a_file_replaced_under_us_is_noticed(outbox):
    outbox.path.unlink()
    with pytest.raises(OutboxError, match="no outbox"):
        outbox.add([op("a")])


def test_places_that_cannot_be_are_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="file"):
        Outbox(tmp_path / "file" / "outbox.sqlite3")
    with pytest.raises(OutboxError, match="cannot be used"):
        Outbox(tmp_path)


def test_changes_are_flushed_to_the_disk(outbox):
    with outbox._file.transaction() as database:
        assert database.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_each_lane_has_a_pause_of_its_own(outbox):
    outbox.add([OutboxOp("m", "PUT", "/methods/1", file_id="f" * 64), op("a")])
    failed = outbox.flush(Server(SendReply(503)), lane=Lane.FILES)
    assert failed.stopped
    assert 0 < failed.retry_in_s <= 2
    server = Server()
    assert outbox.flush(server, lane=Lane.RECORDS).sent == 1
    assert outbox.flush(server, lane=Lane.FILES).stopped == "waiting after a failure"
    assert server.got == ["a"]
    failed = outbox.flush(Server(SendReply(503)), lane=Lane.FILES, force=True)
    assert failed.retry_in_s > 1, "it grows"
    assert outbox.flush(server, force=True).left == 0
    assert server.got == ["a", "m"]
