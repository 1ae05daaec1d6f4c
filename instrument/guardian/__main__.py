"""``python -m instrument.guardian``: own a laser until nobody needs it."""

import argparse
import logging
import logging.handlers
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import PortBusy
from .connections import Mailbox
from .keeper import LaserKeeper
from .marker import Marker
from .port import LaserPort, opener
from .server import GuardianServer
from .socket_file import Lock, beside, bind_socket

#: Exit status when another guardian holds the lock (EX_TEMPFAIL of sysexits.h): connect to that one.
EXIT_OTHER_RUNS = 75

_log = logging.getLogger(__name__)
_LOG_BYTES = 1 << 20


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m instrument.guardian", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--laser", required=True, help="device URL of the laser")
    parser.add_argument(
        "--power-mw", type=_positive, required=True, help="power to set, and the most to allow"
    )
    parser.add_argument("--max-on-s", type=_positive, default=60.0, help="longest uninterrupted emission")
    parser.add_argument("--idle-s", type=_positive, default=60.0, help="end after so long without a client")
    parser.add_argument("--detach", action="store_true", help="go on in a child; exit 0 once locked")
    parser.add_argument("--log", type=Path, help="log file; default: none")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a guardian; return its exit status."""
    args = _parser().parse_args(argv)
    _start_log(args.log)
    try:
        lock = Lock(beside(args.socket, ".lock"))
    except PortBusy:
        return EXIT_OTHER_RUNS
    except OSError as error:
        _log.error("cannot lock: %s", error)
        return 3
    if args.detach and os.fork():
        # The lock belongs to the open file, which the child shares: it stays held.
        os._exit(0)
    try:
        _serve(args, lock)
    except Exception:
        _log.exception("ended by an error")
        return 3
    finally:
        lock.close()
    return 0


def _serve(args: argparse.Namespace, lock: Lock) -> None:
    mailbox = Mailbox()
    marker = Marker(beside(args.socket, ".armed"))
    port = LaserPort(opener(args.laser), power_mw=args.power_mw, marker=marker)
    keeper = LaserKeeper(port, max_on_s=args.max_on_s, changed=mailbox.wake)
    about = {"laser": args.laser, "power_mw": args.power_mw, "max_on_s": args.max_on_s}
    with bind_socket(args.socket) as listener:
        server = GuardianServer(listener, keeper, mailbox, about=about, idle_s=args.idle_s, owns=lock.held)
        signal.set_wakeup_fd(mailbox.writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _: server.stop(f"the guardian got {signal.Signals(got).name}"))
        try:
            server.run()
        except Exception:
            # The loop may fail; turning off may not.
            keeper.turn_off_and_wait("the guardian's loop failed")
            raise
        if lock.held():
            args.socket.unlink(missing_ok=True)
    signal.set_wakeup_fd(-1)
    mailbox.close()
    _log.info("ended: %s", server.stop_reason or "no client for a while, laser verified off")


def _start_log(path: Path | None) -> None:
    handler: logging.Handler = logging.NullHandler()
    if path is not None:
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1)
    layout = "%(asctime)s %(process)d %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=layout, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
