"""Run an emulator: ``python -m instrument.emulators obp|cobolt|spektralwerk …``."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
