"""Draws the pictures of README.md and docs/landscape.md anew: `python -m benchmarks.pictures` (a few seconds).

Each is what one `certify ... --plot FILE` writes, and FILE is the same on every machine with this version of matplotlib.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import numpy as np

from certify.cli.app import run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
SMALL = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--bias", "none")
IRIS = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "15", "--penalize", "all")
PICTURES = {
    "staircase": ("optima", "o4.npz", *SMALL),
    "rose": ("optima", "o4.npz", *SMALL, "--picture", "rose"),
    "predictions": ("optima", "o4.npz", *SMALL, "--picture", "predictions"),
    "stationary": ("stationary", "o8_model.npz", "o8.npz", *SMALL[:-2]),
    "path": ("path", "iris_torch_local.npz", "iris.npz", *IRIS),
    "width": ("width", "iris_torch_trapped.npz", "iris.npz", *IRIS),
}


def main() -> None:
    """Write all of them."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        root = math.sqrt(3.0)  # two samples between which three directions are optimal
        np.savez("o4.npz", X=np.array([[-root, 1.0], [root, 1.0]]), y=np.ones(2))
        # two samples at an obtuse angle, and a network with a neuron on each: a strict local minimum
        np.savez("o8.npz", X=np.array([[1.0, 0.0], [-0.28, 0.96]]), y=np.ones(2))
        size = math.sqrt(0.9)
        np.savez(
            "o8_model.npz",
            **{"fc1.weight": size * np.array([[1.0, 0.0], [-0.28, 0.96]]), "fc2.weight": np.full((1, 2), size)},
        )
        for name in ("iris", "iris_torch_local", "iris_torch_trapped"):
            os.symlink(ROOT / "fixtures" / f"{name}.npz", f"{name}.npz")
        for name, arguments in PICTURES.items():
            code = run([*arguments, "--plot", str(FOLDER / f"{name}.svg"), "-q"])
            if code != 0:
                raise SystemExit(f"certify {' '.join(arguments)} ended with {code}")


if __name__ == "__main__":
    main()
