"""``python -m instrument.guardian``: own a laser until nobody needs it."""

import argparse
import logging
import logging.handlers
import math
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import PortBusy
from ..registry import contains_laser
from .connections import Mailbox
from .keeper import LaserKeeper
from .marker import Marker
from .permit import Permit
from .port import LaserPort, opener
from .relief import EXIT_FAILED, EXIT_FORFEITED, Relief, run_relieved
from .server import GuardianServer
from .socket_file import Lock, beside, bind_socket

#: Exit status when another guardian holds the lock (EX_TEMPFAIL of sysexits.h): connect to that one.
EXIT_OTHER_RUNS = 75

_log = logging.getLogger(__name__)
_LOG_BYTES = 1 << 20
#: Niceness asked for: light must not wait for other programs' turns. Without the right to it, it stays.
_NICE = -10


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


def _seconds(text: str) -> float:
    return 0.0 if float(text) == 0.0 else _positive(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m instrument.guardian", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--laser", required=True, help="device URL of the laser, or of what contains it")
    parser.add_argument(
        "--power-mw", type=_positive, required=True, help="power to set, and the most to allow"
    )
    parser.add_argument("--max-on-s", type=_positive, default=60.0, help="longest uninterrupted emission")
    parser.add_argument("--warning-s", type=_seconds, default=0.0, help="warning before the first light")
    parser.add_argument(
        "--require-confirmation", action="store_true", help="no light before the safety questions"
    )
    parser.add_argument("--idle-s", type=_positive, default=60.0, help="end after so long without a client")
    parser.add_argument("--detach", action="store_true", help="go on in a child; exit 0 once locked")
    parser.add_argument("--log", type=Path, help="log file; default: none")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a guardian and its relief; return the exit status of whichever of the two this is in the end."""
    args = _parser().parse_args(argv)
    _start_log(args.log)
    try:
        lock = Lock(beside(args.socket, ".lock"))
    except PortBusy:
        return EXIT_OTHER_RUNS
    except OSError as error:
        _log.error("cannot lock: %s", error)
        return EXIT_FAILED
    if args.detach and os.fork():
        # The lock belongs to the open file, which the child shares: it stays held.
        os._exit(0)
    with suppress(OSError):
        os.nice(_NICE)
    marker = Marker(beside(args.socket, ".armed"))
    try:
        # All drivers are loaded before the first fork: a guardian that follows on another has no time for it.
        contains_laser(args.laser)
    except Exception:
        # The guardian meets it again, and tells its clients.
        _log.exception("the drivers cannot be loaded")
    try:
        return run_relieved(
            lambda relief: _serve(args, lock, marker, relief), armed=lambda: marker.present, owns=lock.held
        )
    finally:
        lock.close()


def _serve(args: argparse.Namespace, lock: Lock, marker: Marker, relief: Relief) -> int:
    """Be a guardian, with a log of its own, until the laser is verified off; return an exit status."""
    _start_log(args.log)
    try:
        forfeited = _guard(args, lock, marker, relief)
    except Exception:
        _log.exception("ended by an error")
        return EXIT_FAILED
    return EXIT_FORFEITED if forfeited else 0


def _guard(args: argparse.Namespace, lock: Lock, marker: Marker, relief: Relief) -> bool:
    mailbox = Mailbox()
    port = LaserPort(opener(args.laser), power_mw=args.power_mw, marker=marker)
    permit = Permit(warning_s=args.warning_s, required=args.require_confirmation)
    keeper = LaserKeeper(port, permit, max_on_s=args.max_on_s, changed=mailbox.wake)
    about = {
        "laser": args.laser,
        "power_mw": args.power_mw,
        "max_on_s": args.max_on_s,
        "warning_s": args.warning_s,
        "require_confirmation": args.require_confirmation,
    }
    with bind_socket(args.socket) as listener:
        server = GuardianServer(
            listener, keeper, mailbox, about=about, idle_s=args.idle_s, owns=lock.held, relief=relief
        )
        signal.set_wakeup_fd(mailbox.writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _: server.stop(f"the guardian got {signal.Signals(got).name}"))
        try:
            server.run()
        except Exception:
            # The loop may fail; turning off may not. Should it take long, the relief starts another guardian.
            keeper.turn_off_and_wait("the guardian's loop failed")
            raise
        if lock.held():
            args.socket.unlink(missing_ok=True)
    signal.set_wakeup_fd(-1)
    mailbox.close()
    _log.info("ended: %s", server.stop_reason or "no client for a while, laser verified off")
    return server.forfeited


def _start_log(path: Path | None) -> None:
    handler: logging.Handler = logging.NullHandler()
    if path is not None:
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1)
    layout = "%(asctime)s %(process)d %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=layout, handlers=[handler], force=True)


if __name__ == "__main__":
    sys.exit(main())
