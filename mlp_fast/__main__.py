"""The command line: ``python -m mlp_fast demo``."""

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mlp_fast", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="train the tutorial's networks and a digit reader")
    demo.add_argument("--plots", type=Path, metavar="FOLDER", help="write the pictures there, too")
    options = parser.parse_args(arguments)

    from mlp_fast.demo import run  # imported here, so that --help is quick

    try:
        run(options.plots)
    except (ImportError, OSError) as error:  # a missing extra; a folder that cannot be written
        print(f"{parser.prog} demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
