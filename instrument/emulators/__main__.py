"""Run an emulator: ``python -m instrument.emulators KIND …``."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
