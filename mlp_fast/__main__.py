"""Multi-layer perceptrons on the CPU, trained by Numba-compiled kernels."""

import argparse
import sys
from pathlib import Path

from mlp_fast import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mlp_fast", description=__doc__)
    parser.add_argument("--version", action="version", version=f"mlp_fast {__version__}")
    commands = parser.add_subparsers(dest="command")
    demo = commands.add_parser("demo", help="train the tutorial's networks and a digit reader")
    demo.add_argument("--plots", type=Path, metavar="FOLDER", help="write the pictures there, too")
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0

    from mlp_fast.demo import run  # imported here, so that --help is quick

    try:
        run(options.plots)
    except (ImportError, OSError) as error:  # a missing extra; a folder that cannot be written
        print(f"{parser.prog} demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
