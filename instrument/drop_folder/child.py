"""A process that reads one file and answers with its spectra: ``python -m instrument.drop_folder.child``."""

import json
import resource
import sys

from spectra.errors import FormatError
from spectra.formats import MAX_BYTES, decode
from spectra.values import Technique

from .decoding import packed

#: Memory a reader may take beyond what the interpreter has, bytes: chosen; 32 MiB of text take 0.7 GiB.
MEMORY = 2 << 30
#: Processor time a reader may take, s: chosen.
PROCESSOR_S = 50


def main() -> int:
    """Read standard input, answer on standard output."""
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_CPU, PROCESSOR_S)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    head = json.loads(sys.stdin.buffer.readline(1 << 16))
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    technique = None if head["technique"] is None else Technique(head["technique"])
    try:
        answer = packed(decode(data, name=head["name"], technique=technique, laser_nm=head["laser_nm"]))
    except FormatError as error:
        answer = json.dumps({"error": str(error), "kind": type(error).__name__}).encode()
    sys.stdout.buffer.write(answer)
    return 0


def _limit(which: int, most: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(which)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))


if __name__ == "__main__":
    sys.exit(main())
