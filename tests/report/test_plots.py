"""Pictures of results made by hand: numbers beyond floats, levels, and the file that is written."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from certify.errors import UsageError
from certify.landscape.components import Staircase as Counted
from certify.report.plots.canvas import save_picture
from certify.report.plots.frame import Frame, picture_keys
from certify.report.plots.rose import gains_at, plane_through
from certify.report.plots.spectrum import Level, Rung, Spectrum
from certify.report.plots.staircase import Staircase, short

FRAME = Frame("staircase", "title", "F = L + 1/2 (|W1|^2 + |W2|^2)\neps = 1e-04", 1e-4)
HUGE = Staircase(
    FRAME, tuple(Counted((199, 200), (True, True), (201,)).at(m) for m in range(198, 203)), 199, 200, 200, 201
)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (5040, "5,040"), (10**6, "10^6"), (9_960_000, "1.0e7"), (math.factorial(200), "7.9e374")],
)
def test_counts_of_every_size_are_short(number: int, text: str) -> None:
    assert short(number) == text


def test_more_components_than_floats_reach_are_drawn_and_written_in_full(tmp_path: Path) -> None:
    """200! has 375 digits; JSON has them all."""
    save_picture(HUGE, tmp_path / "p.svg")
    keys = picture_keys(HUGE)
    assert keys is not None
    assert keys["components"][2]["isolated"] == str(math.factorial(200))
    assert (tmp_path / "p.svg").stat().st_size > 1000


def test_a_file_that_is_there_is_replaced_or_left_whole(tmp_path: Path) -> None:
    """A picture that fails while it is drawn leaves the old file, and nothing beside it."""

    class Broken(Staircase):
        def draw(self, figure: object) -> None:
            raise ArithmeticError("no numbers")

    path = tmp_path / "p.png"
    path.write_text("old")
    broken = Broken(HUGE.frame, HUGE.bars, 199, 200, 200, 201)
    with pytest.raises(ArithmeticError):
        save_picture(broken, path)
    assert path.read_text() == "old"
    save_picture(HUGE, path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"]
    with pytest.raises(UsageError, match="cannot write"):
        save_picture(HUGE, tmp_path / "gone" / "p.png")


@pytest.mark.parametrize("network", [None, (2, 0.5), (7, 0.1), (99, 0.1)])
@pytest.mark.parametrize("optimum", [(0.1, 0.1), (0.0, 0.0)])
def test_spectra_of_every_shape_are_drawn(
    network: tuple[int, float] | None, optimum: tuple[float, float], tmp_path: Path
) -> None:
    """With widths that were not tried, networks inside and outside, many heights, and an optimum of 0."""
    rungs = (
        Rung(1, 3.0, True, (Level(4.0, 2), Level(5e5, 1)), True),
        Rung(2, 0.1 + 1e-6, False, (), False),
        Rung(3, 0.1, True, (), True),
    )
    save_picture(Spectrum(FRAME, rungs, 9, optimum, network), tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 1000


def test_the_plane_of_two_directions_holds_both() -> None:
    """Those along the first are passed over; where all are, there is none."""
    one, two = np.array([0.6, 0.8, 0.0]), np.array([0.0, 0.6, 0.8])
    found = plane_through([(one, "one"), (-one, "other way"), (two, "two")])
    assert found is not None
    plane, ends = found
    assert ends == ("one", "towards two")
    assert plane @ plane.T == pytest.approx(np.eye(2), abs=1e-15)
    for unit in (one, two):
        assert (plane @ unit) @ plane == pytest.approx(unit, abs=1e-15)
    assert plane_through([(one, "one"), (-one, "other way")]) is None


def test_gains_are_those_of_the_theory() -> None:
    """nu.(Z u)_+, by hand."""
    rows, nu = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([3.0, -1.0])
    assert gains_at(rows, nu, np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]])).tolist() == [3.0, -2.0, -2.0]
