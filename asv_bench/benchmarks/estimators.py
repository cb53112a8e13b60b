"""Our estimators beside scikit-learn's: how many times as fast, for each row of estimators.py."""

import numpy as np
from estimators import ROWS, measured

NAMES = {row.name: row for row in ROWS}


class Estimators:
    """The same fit, answer or step by both."""

    params = (list(NAMES),)
    param_names = ("row",)
    timeout = 1800

    def track_ratio(self, name: str) -> float:
        """Return scikit-learn's median time over ours."""
        theirs, ours = np.median(measured(NAMES[name], 3)[0], axis=0)
        return float(theirs / ours)

    track_ratio.unit = "x"
