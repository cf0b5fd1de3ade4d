"""``python -m preread.simulation``: the same as ``./run simulate``."""

import sys

from preread.simulation.command import main

if __name__ == "__main__":
    sys.exit(main())
