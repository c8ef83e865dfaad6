"""What `certify verify` says of a path: whether F never rises on it, from this network on, decided by the checker alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from certify.checker.rejection import Rejected, require
from certify.cli import exit_codes
from certify.cli.choices import Format
from certify.cli.request import Request
from certify.errors import UnreadableFile
from certify.report.writing import deliver

if TYPE_CHECKING:
    from certify.checker.descents import Kept
    from certify.files import StoredDataset, StoredModel
    from certify.landscape.path.saving import SavedPath

_ZIP = b"PK\x03\x04"


def is_path(file: Path) -> bool:
    """Whether the file is a zip archive, as paths are and certificates are not. Raises UnreadableFile."""
    try:
        with open(file, "rb") as stream:
            return stream.read(len(_ZIP)) == _ZIP
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror or error}") from error


def verify_path(file: Path, model: StoredModel, data: StoredDataset, request: Request) -> int:
    """Decide, and deliver the answer; exit code 5 where it is rejected. Raises UnreadableFile for a file that is no path."""
    from certify.landscape.path.saving import load_path

    saved = load_path(file)
    try:
        kept: Kept | str = _decided(saved, model, data)
    except Rejected as reason:
        kept = str(reason)
    deliver(_as_json(kept) if request.format is Format.JSON else _as_text(kept, saved), request.output)
    return exit_codes.REJECTED if isinstance(kept, str) else exit_codes.DONE


def _decided(saved: SavedPath, model: StoredModel, data: StoredDataset) -> Kept:
    from certify.certificates.statement import plain_data, plain_network
    from certify.checker.descents import decide_way
    from certify.checker.objective import training_problem
    from certify.problem.network import padded

    for name, stored, expected in (("model", model, saved.model_sha256), ("data", data, saved.data_sha256)):
        same = stored.canonical_sha256 == expected
        require(
            same, f"{name} file: its arrays are not those that the path is about (SHA-256 {stored.canonical_sha256})"
        )
    require(model.network.outputs == 1 and data.dataset.outputs == 1, "a path is about one output")
    width = len(saved.way.vectors[0])
    require(width >= model.network.width, f"the network has {model.network.width} neurons, the path only {width}")
    fits = all(
        (bias is None) == (treatment == "none")
        for bias, treatment in zip(
            (model.network.hidden_bias, model.network.output_bias),
            (saved.objective.hidden_bias, saved.objective.output_bias),
            strict=True,
        )
    )
    require(fits, "objective: it treats the biases otherwise than the network has them")
    problem = training_problem(saved.objective, plain_data(data.dataset))
    return decide_way(problem, plain_network(padded(model.network, width)), saved.way)


def _as_text(kept: Kept | str, saved: SavedPath) -> str:
    if isinstance(kept, str):
        return f"REJECTED {kept}\n"
    from certify.report.numbers import GAP_DIGITS, rounded_down, rounded_up

    objective = saved.objective
    lines = [
        f"ACCEPTED path, {kept.pieces} pieces, width {len(saved.way.vectors[0])}",
        f"F goes from {rounded_down(kept.start[0])} to at most {rounded_up(kept.end[1])}",
        f"F rises by at most {rounded_up(kept.rise, GAP_DIGITS)} on the way, all pieces together",
        f"objective    {objective.loss}, {objective.reduction}, weight decay {objective.hidden_decay!r}, {objective.output_decay!r}",
        f"             hidden bias {objective.hidden_bias}, output bias {objective.output_bias}",
        "whether its end is a global optimum: certify path --export, certify check",
    ]
    return "\n".join(lines) + "\n"


def _as_json(kept: Kept | str) -> str:
    from certify.certificates.exact import rounded_outwards
    from certify.report.as_json import SCHEMA_VERSION, to_json
    from certify.report.json_parts import bounds_keys

    if isinstance(kept, str):
        return to_json({"schema_version": SCHEMA_VERSION, "accepted": False, "reason": kept})
    return to_json(
        {
            "schema_version": SCHEMA_VERSION,
            "accepted": True,
            "reason": None,
            "path": {
                "pieces": kept.pieces,
                "start_bounds": bounds_keys(rounded_outwards(*kept.start)),
                "end_bounds": bounds_keys(rounded_outwards(*kept.end)),
                "highest_rise": rounded_outwards(kept.rise, kept.rise).upper,
            },
        }
    )
