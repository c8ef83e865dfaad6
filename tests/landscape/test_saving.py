"""A landscape as a file: back as it was, and only for its own data and objective."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from oracles import ORACLES, dataset, objective, stated

from certify.decide.options import CheckOptions
from certify.errors import InputError, UnreadableFile, UsageError
from certify.landscape.finding import find_landscape
from certify.landscape.saving import load_landscape, save_landscape

OPTIONS = CheckOptions(time_limit=60)


@pytest.mark.parametrize("name", ["O4", "O1 zero", "logistic, two classes"])
def test_it_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    """Every number, to the last bit."""
    oracle = ORACLES[name]
    problem = stated(oracle.dataset, oracle.objective)
    landscape = find_landscape(problem, OPTIONS)
    save_landscape(landscape, tmp_path / "l.npz", oracle.dataset)
    again = load_landscape(tmp_path / "l.npz", problem, oracle.dataset)
    for field in ("units", "signs", "gains", "doubtful", "nu", "predictions"):
        assert np.array_equal(getattr(again, field), getattr(landscape, field))
    for field in ("lower", "upper", "radius", "slack", "constant", "next_best", "method", "nodes", "rank", "complete"):
        assert getattr(again, field) == getattr(landscape, field)


def test_another_problem_is_refused(tmp_path: Path) -> None:
    """Other data, another decay: one line that says which of them differs."""
    oracle = ORACLES["O4"]
    save_landscape(
        find_landscape(stated(oracle.dataset, oracle.objective), OPTIONS), tmp_path / "l.npz", oracle.dataset
    )
    other = dataset(oracle.dataset.X, [1.0, 2.0])
    with pytest.raises(UsageError, match="another data"):
        load_landscape(tmp_path / "l.npz", stated(other, oracle.objective), other)
    with pytest.raises(UsageError, match="another objective"):
        load_landscape(tmp_path / "l.npz", stated(oracle.dataset, objective(0.2)), oracle.dataset)


@pytest.mark.parametrize("field", ["units", "signs", "gains", "nu", "scalars", "predictions", "doubtful", "method"])
@pytest.mark.parametrize("damage", ["gone", "short", "changed"])
def test_damage_is_refused_or_harmless(field: str, damage: str, tmp_path: Path) -> None:
    """A file that was tampered with is one clear error, unless what was changed says nothing about the optima."""
    oracle = ORACLES["O4"]
    problem = stated(oracle.dataset, oracle.objective)
    path = tmp_path / "l.npz"
    save_landscape(find_landscape(problem, OPTIONS), path, oracle.dataset)
    with np.load(path) as stored:
        arrays = dict(stored)
    if damage == "gone":
        del arrays[field]
    elif damage == "short":
        arrays[field] = arrays[field][:-1]
    else:
        arrays[field] = arrays[field] * 1.01 + (0.01 if arrays[field].dtype == float else 1)
    np.savez(path, **arrays)
    if (damage, field) in {
        ("changed", "doubtful"),
        ("changed", "method"),
        ("short", "method"),
    }:
        return
    with pytest.raises(InputError):
        load_landscape(path, problem, oracle.dataset)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    """An array of objects is refused before anything in it is read."""
    oracle = ORACLES["O4"]
    np.savez(tmp_path / "l.npz", certify_landscape=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UnreadableFile):
        load_landscape(tmp_path / "l.npz", stated(oracle.dataset, oracle.objective), oracle.dataset)


def test_only_a_complete_landscape_is_saved(tmp_path: Path) -> None:
    """What may lack a direction would be believed to be all."""
    oracle = ORACLES["O4"]
    landscape = find_landscape(stated(oracle.dataset, oracle.objective), OPTIONS)
    with pytest.raises(ValueError, match="all known"):
        save_landscape(replace(landscape, next_best=np.inf), tmp_path / "l.npz", oracle.dataset)
