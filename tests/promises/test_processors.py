"""The answer does not depend on which code numpy's BLAS or the C library pick for the processor."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
PLAIN = ("--loss", "half-squared", "--reduction", "sum")
CASES = {
    "iris, certified": ("iris_torch_wide.npz", "iris.npz", *PLAIN, "--weight-decay", "15", "--penalize", "all"),
    "iris, refuted": ("iris_torch_narrow.npz", "iris.npz", *PLAIN, "--weight-decay", "15", "--penalize", "all"),
    "diabetes, from Keras": ("diabetes_keras_wide.h5", "diabetes.npz"),
    "pair, logistic": (
        *("iris_pair_sklearn_wide.npz", "iris_pair.npz"),
        *("--convention", "sklearn", "--loss", "logistic", "--weight-decay", "0.064"),
    ),
}
# what OpenBLAS takes the processor for, and what the C library and numpy are told that it cannot do
KERNELS = [
    {},
    {"OPENBLAS_CORETYPE": "Haswell"},
    {
        "OPENBLAS_CORETYPE": "Prescott",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX",
    },
]


def answer(case: tuple[str, ...], kernel: dict[str, str]) -> str:
    """The JSON of a check, without what is measured: seconds and memory."""
    silent = {name: value for name, value in os.environ.items() if name not in {key for k in KERNELS for key in k}}
    model, data, *options = case
    command = [sys.executable, "-W", "ignore", "-m", "certify", "check", model, data, *options, "--format", "json"]
    ran = subprocess.run(command, cwd=FIXTURES, env=silent | kernel, capture_output=True, text=True, check=False)
    found = json.loads(ran.stdout)
    del found["search"]["seconds"], found["search"]["peak_memory_mb"]
    if found["same_width"] is not None:
        del found["same_width"]["seconds"]
    return json.dumps(found)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_answer_is_the_same_to_the_bit(case: tuple[str, ...]) -> None:
    """Values, bounds, nodes and witnesses, whatever the processor is said to be."""
    usual, *others = (answer(case, kernel) for kernel in KERNELS)
    assert re.search(r'"nodes": \d', usual)
    assert all(other == usual for other in others)
