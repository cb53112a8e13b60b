"""What every command here can be told."""

import argparse
import time
from pathlib import Path

from workloads import DTYPES

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows the options of all commands."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    options.add_argument("--repetitions", type=int, default=9, help="of everything timed")
    options.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: the time this process was given, all its threads; for machines with other work",
    )
    options.add_argument("--markdown", type=Path, help="write the table to this file")
    options.add_argument("--chart", type=Path, help="draw it in this file: .svg, .png or .pdf")
    return options
