"""Linear and mixed-integer programs over {c >= 0 : M c = b}, by HiGHS; each answer is put on its support again and looked at.

HiGHS computes in its own arithmetic, so that last digits may depend on the machine: only which entries are not zero is
taken from it, and the point of that support is solved for here.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from certify.arrays import Bools, Floats
from certify.linear import least_squares, matmul, norm

_PRESENT = 1e-9  # of the largest entry, columns at length 1
_SAME = 1e-8  # of the target: what M c may miss
_START_SECONDS = 5.0  # that the process may take beside its search
_TIGHT = 1e-10  # the least feasibility tolerance that HiGHS takes


class MassPrograms:
    """Programs over the masses c (N,), columns (r, N) and target (r,) not 0."""

    def __init__(self, columns: Floats, target: Floats) -> None:
        self.lengths = norm(columns, axis=0)
        self.scale = float(norm(target))
        self.columns = columns / np.where(self.lengths > 0, self.lengths, 1.0)
        self.target = target / self.scale

    def lowest(self, costs: Floats) -> Floats | None:
        """A vertex (N,) of the least costs . c; None where HiGHS finds none."""
        from scipy.optimize import linprog  # a third of a second to import

        inner = costs * self._units()
        top = float(np.max(np.abs(inner), initial=0.0)) or 1.0
        settings = {"primal_feasibility_tolerance": _TIGHT, "dual_feasibility_tolerance": _TIGHT}
        answer = linprog(inner / top, A_eq=self.columns, b_eq=self.target, method="highs-ds", options=settings)
        return None if answer.x is None else self.on_support(answer.x > _PRESENT * np.max(answer.x))

    def fewest(self, largest: Floats, seconds: float) -> tuple[int, Floats | None]:
        """The fewest entries that are not 0: a lower bound that HiGHS gives, and the best point (N,) found, in about so many seconds.

        largest (N,): upper bounds on the entries over the whole polytope.
        """
        above = largest / self._units() * (1 + 1e-6)
        with TemporaryDirectory(prefix="certify-") as folder:
            question, answer = Path(folder) / "question.npz", Path(folder) / "answer.json"
            np.savez(question, columns=self.columns, target=self.target, largest=above, seconds=seconds)
            run = [sys.executable, "-m", "certify.landscape.fewest_worker", str(question), str(answer)]
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    run, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    timeout=seconds + _START_SECONDS, check=False,
                )  # fmt: skip
            if not answer.exists():
                return 1, None
            found = json.loads(answer.read_text(encoding="utf-8"))
        support = None if found["support"] is None else np.array(found["support"], dtype=bool)
        return int(found["lower"]), None if support is None else self.on_support(support)

    def on_support(self, support: Bools) -> Floats | None:
        """The point (N,) whose entries elsewhere are 0; None where there is no such point with positive entries."""
        part = self.columns[:, support]
        if not part.shape[1]:
            return None
        inner = least_squares(part, self.target)
        if not (np.all(inner >= -_SAME) and float(norm(matmul(part, inner) - self.target)) <= _SAME):
            return None
        point = np.zeros(support.size)
        point[support] = np.maximum(inner, 0.0)
        point[point <= _PRESENT * np.max(point)] = 0.0
        return point * self._units()

    def _units(self) -> Floats:
        """An entry of c, for each unit of the scaled one."""
        return self.scale / np.where(self.lengths > 0, self.lengths, 1.0)
