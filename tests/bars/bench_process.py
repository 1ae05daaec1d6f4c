"""The bench process of the laser's trials (`laser_client`), seen from outside."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

EVENT_WITHIN_S = 40.0
READY_WITHIN_S = 60.0
END_WITHIN_S = 12.0


class Client:
    """The bench process, seen from outside."""

    def __init__(self, url: str, runtime: Path) -> None:
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._idle, self._silent = threading.Event(), threading.Event()
        with (runtime / "client.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("laser_client.py")), url, str(runtime)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        self.wait_for("ready", within_s=READY_WITHIN_S)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, or has nothing more to say."""
        return self._silent.is_set() or self._process.poll() is not None

    def is_idle(self) -> bool:
        """Whether its scan is over."""
        return self._idle.is_set()

    def tell(self, **message: Any) -> None:
        """Tell it what to do."""
        if message["do"] == "scan":
            self._idle.clear()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def wait_for(self, *events: str, within_s: float = EVENT_WITHIN_S) -> dict[str, Any]:
        """Return the next event of these kinds; others are passed over. ``ended`` ends every waiting."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                event = self._events.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"the bench process said none of {events}") from None
            if event["event"] in events:
                return event
            if event["event"] == "ended":
                raise RuntimeError(f"the bench process ended before it said {events}")

    def explain(self) -> None:
        """Have it write into its log where it is."""
        if not self.has_ended:
            self._process.send_signal(signal.SIGUSR1)
            time.sleep(0.2)

    def kill(self) -> int:
        """Kill it, and return when that was, ns."""
        moment = time.monotonic_ns()
        self._process.kill()
        self._process.wait()
        return moment

    def stop(self) -> None:
        """End it in order."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                self._events.put(event)
                if event["event"] in {"failed", "done"}:
                    self._idle.set()
        self._silent.set()
        self._idle.set()
        self._events.put({"event": "ended", "ns": time.monotonic_ns()})
