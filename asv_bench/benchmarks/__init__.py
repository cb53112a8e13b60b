"""Benchmarks of `mlp_fast` and its peers for asv, on one thread."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # asv imports this folder only, not those beside it
import peers  # noqa: F401 (it sets the threads)
