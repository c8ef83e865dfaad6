"""`inspect`: the same facts as text and JSON, for models, data and files that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from stored_files import SAMPLES, npz

from certify.files import describe_file


def test_a_model_is_described_with_the_objective_it_states() -> None:
    """Sizes, every array with its orientation, the objective with its source, and the cautions are shown."""
    found = describe_file(SAMPLES / "keras3_legacy.h5")
    text = "\n".join(found.lines())
    assert "hidden.weight = model_weights/hidden/sequential/hidden/kernel (3, 5) <f4, read transposed" in text
    assert "objective hidden decay: 0.02 (model_config)" in text
    assert "caution: optimizer AdamW" in text
    facts = json.loads(json.dumps(found.as_dict()))
    assert (facts["kind"], facts["width"], facts["error"]) == ("model", 5, None)
    assert facts["objective"]["loss"] == {"value": "squared", "source": "training_config"}


def test_silence_is_shown_as_silence() -> None:
    """A file that states nothing says so, part by part; an absent bias is `none`."""
    assert "  objective loss: not stated" in describe_file(SAMPLES / "torch_fc.npz").lines()


def test_data_are_described_with_their_ranges(tmp_path: Path) -> None:
    """n, d, k, ranges and hash of a data file."""
    found = describe_file(npz(tmp_path / "d.npz", X=np.arange(6.0).reshape(2, 3), y=np.array([0.0, 1.0])))
    assert "  arrays: X (2, 3) <f8, from 0.0 to 5.0" in found.lines()
    assert (found.as_dict()["samples"], found.as_dict()["inputs"], found.as_dict()["outputs"]) == (2, 3, 1)


@pytest.mark.parametrize("name", ["torch_fc.pt", "skobj.npz", "absent.npz"])
def test_refusals_are_part_of_the_answer(name: str) -> None:
    """A file that cannot be read is described by its one line, without an exception."""
    found = describe_file(SAMPLES / name)
    assert found.error is not None
    assert found.as_dict()["error"] == found.error
    assert found.lines()[1] == f"  error: {found.error}"


def test_options_decide_what_is_looked_for(tmp_path: Path) -> None:
    """--x and --y make a data file of unusual names one, --map a model."""
    path = npz(tmp_path / "f.npz", a=np.ones((4, 4)), b=np.ones(4))
    assert describe_file(path, x_key="a", y_key="b").kind == "data"
    mapping = {"hidden.weight": "a", "output.weight": "b"}
    assert describe_file(path, mapping=mapping).as_dict()["format"] == "mapped npz"
