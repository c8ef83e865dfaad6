"""certify: is a trained two-layer ReLU network a global minimum of its training loss?

The names below are loaded when first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certify.decide.check import check_network
    from certify.decide.descend import descend_network
    from certify.decide.options import CheckOptions
    from certify.decide.solve import solve_dataset
    from certify.errors import CertifyError, InputError
    from certify.files import load_dataset, load_model, resolve_objective, save_network
    from certify.problem.dataset import Dataset
    from certify.problem.network import Network
    from certify.problem.objective import Bias, Loss, Objective, Reduction
    from certify.verdict import Decision, Reason, Verdict

__version__ = "0.1.0"

_HOMES = {
    "Network": "certify.problem.network",
    "Dataset": "certify.problem.dataset",
    "Objective": "certify.problem.objective",
    "Loss": "certify.problem.objective",
    "Reduction": "certify.problem.objective",
    "Bias": "certify.problem.objective",
    "Verdict": "certify.verdict",
    "Decision": "certify.verdict",
    "Reason": "certify.verdict",
    "CheckOptions": "certify.decide.options",
    "check_network": "certify.decide.check",
    "solve_dataset": "certify.decide.solve",
    "descend_network": "certify.decide.descend",
    "load_model": "certify.files",
    "load_dataset": "certify.files",
    "resolve_objective": "certify.files",
    "save_network": "certify.files",
    "CertifyError": "certify.errors",
    "InputError": "certify.errors",
}

# spelled out, because type checkers read it
__all__ = [
    "Bias",
    "CertifyError",
    "CheckOptions",
    "Dataset",
    "Decision",
    "InputError",
    "Loss",
    "Network",
    "Objective",
    "Reason",
    "Reduction",
    "Verdict",
    "check_network",
    "descend_network",
    "load_dataset",
    "load_model",
    "resolve_objective",
    "save_network",
    "solve_dataset",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'certify' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
