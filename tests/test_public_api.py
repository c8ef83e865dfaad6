"""The library's public names, and the signature of each: a change here is a change for those who import certify."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files

import pytest
from command_line import environment

import certify

SIGNATURES = {
    "CheckOptions": [
        "eps: float = 0.0001",
        "time_limit: float | None = None",
        "threads: int = 1",
        "seed: int = 0",
        "engine: str = 'auto'",
        "tight: bool = False",
        "started: float | None = None",
        "-> None",
    ],
    "Dataset": [
        "X: Floats",
        "y: Floats",
        "sample_weight: Floats | None = None",
        "-> None",
    ],
    "Network": [
        "hidden_weights: Floats",
        "output_weights: Floats",
        "hidden_bias: Floats | None = None",
        "output_bias: Floats | None = None",
        "-> None",
    ],
    "Objective": [
        "loss: Loss",
        "reduction: Reduction",
        "hidden_decay: float",
        "output_decay: float",
        "hidden_bias: Bias",
        "output_bias: Bias",
        "activation: Activation = Activation(name='relu', below=0.0, above=1.0)",
        "-> None",
    ],
    "Verdict": [
        "decision: Decision",
        "reason: Reason | None",
        "explanation: str",
        "eps: float",
        "value: Bounds",
        "optimum: Bounds",
        "gain: Bounds",
        "beta: float",
        "width: int",
        "width_needed: int | None",
        "samples: int",
        "inputs: int",
        "outputs: int",
        "rank: int",
        "stationarity: Stationarity",
        "witness: Witness | None",
        "search: SearchReport",
        "same_width: SameWidth | None = None",
        "interrupted: bool = False",
        "proof: LowerBound | None = None",
        "certificate: bytes | None = None",
        "certificate_note: str = ''",
        "lacks: Lack | None = None",
        "-> None",
    ],
    "check_network": [
        "network: Network",
        "dataset: Dataset",
        "objective: Objective",
        "options: CheckOptions = CheckOptions(eps=0.0001, time_limit=None, threads=1, seed=0, engine='auto', tight=False, started=None)",
        "progress: ProgressCallback | None = None",
        "wish: CertificateWish | None = None",
        "-> Verdict",
    ],
    "descend_network": [
        "network: Network",
        "dataset: Dataset",
        "objective: Objective",
        "options: CheckOptions = CheckOptions(eps=0.0001, time_limit=None, threads=1, seed=0, engine='auto', tight=False, started=None)",
        "progress: ProgressCallback | None = None",
        "wish: CertificateWish | None = None",
        "-> Descent",
    ],
    "load_dataset": [
        "path: Path",
        "x_key: str | None = None",
        "y_key: str | None = None",
        "-> StoredDataset",
    ],
    "load_model": [
        "path: Path",
        "mapping: Mapping[str, str] | None = None",
        "inputs: int | None = None",
        "activation: str | None = None",
        "-> StoredModel",
    ],
    "resolve_objective": [
        "network: Network",
        "dataset: Dataset | None",
        "stated_by_file: StatedObjective",
        "options: StatedObjective",
        "convention: str | None = None",
        "-> tuple[Objective, tuple[str, ...]]",
    ],
    "save_network": [
        "network: Network",
        "path: Path",
        "like: StoredModel",
        "-> None",
    ],
    "solve_dataset": [
        "dataset: Dataset",
        "objective: Objective",
        "options: CheckOptions = CheckOptions(eps=0.0001, time_limit=None, threads=1, seed=0, engine='auto', tight=False, started=None)",
        "width: int | None = None",
        "progress: ProgressCallback | None = None",
        "wish: CertificateWish | None = None",
        "-> Solution",
    ],
}
WORDS = {
    "Bias": ["none", "penalized", "free"],
    "Decision": ["certified", "refuted", "inconclusive"],
    "Loss": ["half-squared", "squared", "logistic", "hinge"],
    "Reason": ["limit", "width", "numerics", "interrupted"],
    "Reduction": ["sum", "mean"],
}
ERRORS = {"CertifyError": "Exception", "InputError": "CertifyError"}


def signature_lines(function: Callable[..., object]) -> list[str]:
    """The parameters one by one, then what is returned, annotations as they are written."""
    signature = inspect.signature(function)
    assert all(each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for each in signature.parameters.values())
    lines = [f"{each.name}: {each.annotation}{default_of(each)}" for each in signature.parameters.values()]
    return [*lines, f"-> {signature.return_annotation}"]


def default_of(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"


def test_exported_names_are_pinned() -> None:
    """The library's public names are these, and each is there."""
    assert certify.__all__ == sorted([*SIGNATURES, *WORDS, *ERRORS])
    assert all(getattr(certify, name).__name__ == name for name in certify.__all__)
    assert set(certify.__all__) <= set(dir(certify))


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_pinned(name: str) -> None:
    """Names, kinds, order, types and defaults of the parameters, and what comes back."""
    assert signature_lines(getattr(certify, name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", WORDS)
def test_words_are_pinned(name: str) -> None:
    """The values that options, files and JSON use."""
    assert [member.value for member in getattr(certify, name)] == WORDS[name]


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pinned(name: str) -> None:
    """What a caller may catch, and what that is a kind of."""
    assert getattr(certify, name).__base__.__name__ == ERRORS[name]


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that the package does not have fails as any module's would."""
    with pytest.raises(AttributeError, match="no attribute 'Netwrok'"):
        _ = certify.Netwrok


@pytest.mark.parametrize("package", ["certify", "certify.files"])
def test_type_checkers_see_the_names_that_are_loaded_lazily(package: str) -> None:
    """The imports for type checkers name each public name once, from the module that it is loaded from."""
    module = importlib.import_module(package)
    tree = ast.parse(inspect.getsource(module))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    homes = module._HOMES
    assert seen == homes
    assert sorted(seen) == sorted(module.__all__)


def test_the_package_says_that_it_is_typed() -> None:
    """py.typed is there, and importing the package loads nothing else."""
    assert files("certify").joinpath("py.typed").is_file()
    code = (
        "import sys, certify; print([name for name in sys.modules if name.startswith('certify.') or name == 'numpy'])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True, timeout=60)
    assert done.stdout.strip() == b"[]"
