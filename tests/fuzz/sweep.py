"""The long run of tests/fuzz/test_adversarial.py: `PYTHONPATH=.:tests/helpers python tests/fuzz/sweep.py [OPTIONS]`.

Everything that is done with an adversarial case, for one seed after another; what raised, what was not true and what was
late is listed at the end with the seed that shows it again. Ends with 1 if anything is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from adversarial import adversarial_case
from attacks import attack_in_full, expressible, files_attacked
from command_line import called


def main() -> int:
    """Sweep, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 10_000), metavar=("FIRST", "LAST"))
    parser.add_argument("--seconds", type=float, default=240.0, help="of the whole sweep")
    parser.add_argument("--time-limit", type=float, default=1.0, help="of a check")
    parser.add_argument("--engine", choices=("auto", "enumerate", "cvxpy"), default="auto")
    parser.add_argument("--files", action="store_true", help="through files and the command line")
    chosen = parser.parse_args()
    warnings.simplefilter("error")
    answers, found, late = Counter[str](), Counter[str](), list[str]()
    deadline, count = time.monotonic() + chosen.seconds, 0
    for seed in range(*chosen.seeds):
        if time.monotonic() > deadline:
            break
        count += 1
        try:
            if chosen.files:
                answers.update(_through_files(seed, chosen.time_limit))
            else:
                attack = attack_in_full(adversarial_case(seed), seed, chosen.time_limit, chosen.engine)
                answers.update(attack.answers)
                late += attack.late
        except Exception as error:  # noqa: BLE001 - each is a find
            found[_find(seed, error)] += 1
    print(f"{count} cases, {sum(answers.values())} answers")
    for answer, times in sorted(answers.items()):
        print(f"{times:7d}  {answer}")
    for line in [*found, *late]:
        print(line)
    return 1 if found or late else 0


def _through_files(seed: int, seconds: float) -> Iterator[str]:
    if not expressible(adversarial_case(seed)):
        return
    with tempfile.TemporaryDirectory() as folder:
        for command, code in files_attacked(called, adversarial_case(seed), Path(folder), seconds):
            yield f"{command}: exit {code}"


def _find(seed: int, error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"seed {seed}: {type(error).__name__} {error} ({Path(place.filename).name}:{place.lineno})"


if __name__ == "__main__":
    sys.exit(main())
