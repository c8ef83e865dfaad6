"""The corpus of wrong certificates: (name, right certificate, change, the reason that must be given).

Every change is made to a right one, whose checksum is then mended, so that the checks behind it are met. Names are those
of checker_cases.py; "example" is the tight one of docs/certificate.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wrong:
    """change: applied to the right certificate `base`; reason: a pattern that the rejection must match."""

    base: str
    change: Callable[[Document], None]
    reason: str


def ulp(text: str, steps: int) -> str:
    """A real, so many floats further."""
    value = float.fromhex(text)
    for _ in range(abs(steps)):
        value = math.nextafter(value, math.inf if steps > 0 else -math.inf)
    return value.hex()


def put(path: str, value: Any) -> Callable[[Document], None]:
    """Set the entry at a path such as claim.value.0; a function is applied to what is there."""

    def change(document: Document) -> None:
        *way, last = path.split(".")
        place: Any = document
        for key in way:
            place = place[int(key) if isinstance(place, list) else key]
        key = int(last) if isinstance(place, list) else last
        place[key] = value(place[key]) if callable(value) else value

    return change


def at(path: str, action: Callable[[Any], Any]) -> Callable[[Document], None]:
    """Act on the list or object at a path, in place."""

    def change(document: Document) -> None:
        place: Any = document
        for key in path.split("."):
            place = place[int(key) if isinstance(place, list) else key]
        action(place)

    return change


def negated(text: str) -> str:
    """A real, of the other sign."""
    return (-float.fromhex(text)).hex()


def swap(i: int, j: int) -> Callable[[list], None]:
    """Exchange two entries."""

    def action(items: list) -> None:
        items[i], items[j] = items[j], items[i]

    return action


def _scale(leaf: list, factor: float) -> None:
    leaf[0][:] = [int(factor * x) for x in leaf[0]]


def _reweigh(leaf: list) -> None:
    leaf[1][1], leaf[1][3] = leaf[1][3] ** 2, 1


PLUS, MINUS = "dual.proofs.0", "dual.proofs.1"
MEAN = "half-squared mean free none cones"
MAJORANT = "half-squared sum penalized penalized majorants"
MAJORANT_FREE = "squared mean free none majorants"
CUT = "four inputs, majorants"
OPTIMUM, WEIGHTED = "optimal, O1", "three inputs"
REFUTED, WIDER = "refuted", "wider is better"
LOGISTIC = "logistic mean none none cones"
HINGE = "hinge sum penalized penalized cones"
DEFICIENT, PARALLEL, CENTRED = "rank two in four inputs, cones", "parallel rows merged", "free bias, centred"
OPPOSITE, OPPOSITE_MAJORANTS = "opposite rows turned, cones", "opposite rows turned, majorants"
CANCEL = "opposite rows cancel"
FREE_OUTPUT = "half-squared mean none free majorants"
OTHER_SHA = "0" * 64

CLAIMS = {
    "lower bound one ulp up": Wrong("example", put("claim.lower_bound", lambda x: ulp(x, 1)), "lower_bound: the dual"),
    "value one ulp too low": Wrong("example", put("claim.value", lambda v: [ulp(x, -1) for x in v]), "claim.value"),
    "value one ulp too high": Wrong("example", put("claim.value", lambda v: [ulp(x, 1) for x in v]), "claim.value"),
    "value upside down": Wrong(MEAN, put("claim.value", lambda v: v[::-1]), "claim.value"),
    "value infinite": Wrong(MEAN, put("claim.value.1", "inf"), "expected a real"),
    "certified at a smaller eps": Wrong(OPTIMUM, put("claim.eps", (2.0**-40).hex()), "the gap is"),
    "certified, bound lowered": Wrong("example", put("claim.lower_bound", (100.0).hex()), "the gap is"),
    "certified without a bound": Wrong("no lower bound", put("claim.verdict", "certified"), "without a lower bound"),
    "open called certified": Wrong(MEAN, put("claim.verdict", "certified"), "the gap is"),
    "open called refuted": Wrong(MEAN, put("claim.verdict", "refuted"), "without a better network"),
    "a wider network refutes": Wrong(WIDER, put("claim.verdict", "refuted"), "width 5, more than 3"),
    "unknown verdict": Wrong(MEAN, put("claim.verdict", "proved"), "expected certified or refuted or open"),
    "eps zero": Wrong("example", put("claim.eps", (0.0).hex()), "expected a tolerance"),
    "eps one": Wrong("example", put("claim.eps", (1.0).hex()), "expected a tolerance"),
    "eps negative": Wrong("example", put("claim.eps", (-0.5).hex()), "expected a tolerance"),
    "eps too large for the better network": Wrong(REFUTED, put("claim.eps", (1 - 2.0**-30).hex()), "not lower by more"),
    "better network's value": Wrong(REFUTED, put("claim.better.value.1", lambda x: ulp(x, -4)), "claim.better.value"),
    "better network worse": Wrong(
        REFUTED, put("claim.better.network.hidden_weights.0.0", (1e3).hex()), "claim.better.value"
    ),
    "better network with a bias": Wrong(REFUTED, put("claim.better.network.output_bias", (0.0).hex()), "expected null"),
    "better network of other inputs": Wrong(
        REFUTED, at("claim.better.network.hidden_weights.0", list.pop), "expected 2 entries"
    ),
    "better network without a neuron's weight": Wrong(
        REFUTED, at("claim.better.network.output_weights", list.pop), "expected 2 entries"
    ),
}

OBJECTIVES = {
    "other weight decay": Wrong("example", put("objective.hidden_decay", (4.0).hex()), "claim.value"),
    "hidden decay one ulp up": Wrong("example", put("objective.hidden_decay", lambda x: ulp(x, 1)), "claim.value"),
    "output decay one ulp up": Wrong("example", put("objective.output_decay", lambda x: ulp(x, 1)), "claim.value"),
    "weight decay zero": Wrong("example", put("objective.output_decay", (0.0).hex()), "must be positive"),
    "weight decay negative": Wrong("example", put("objective.output_decay", (-5.0).hex()), "must be positive"),
    "other loss": Wrong("example", put("objective.loss", "squared"), "claim.value"),
    "logistic loss with other targets": Wrong("example", put("objective.loss", "logistic"), "targets 0 and 1"),
    "unknown loss": Wrong("example", put("objective.loss", "huber"), "expected half-squared"),
    "other reduction": Wrong("example", put("objective.reduction", "mean"), "claim.value"),
    "other activation": Wrong("example", put("objective.activation", "tanh"), "expected relu"),
    "hidden bias declared": Wrong("example", put("objective.hidden_bias", "penalized"), "expected a list"),
    "output bias declared": Wrong("example", put("objective.output_bias", "free"), "expected a real"),
    "hidden bias called free": Wrong(MAJORANT, put("objective.hidden_bias", "free"), "expected 2 entries, found 3"),
    "free output bias called penalized": Wrong(
        "squared sum free free majorants", put("objective.output_bias", "penalized"), "claim.value"
    ),
}

SOURCES = {
    "data hash": Wrong("example", put("data.sha256", OTHER_SHA), "data: not the arrays"),
    "network hash": Wrong("example", put("network.sha256", OTHER_SHA), "network: not the arrays"),
    "hash too short": Wrong("example", put("data.sha256", "00"), "expected a SHA-256"),
    "hash in capitals": Wrong("example", put("data.sha256", str.upper), "expected a SHA-256"),
    "file hash not a hash": Wrong("example", put("network.file_sha256", "none"), "expected a SHA-256"),
    "other data": Wrong("example", put("data.arrays.X.0.0", (2.0).hex()), "data: not the arrays"),
    "target one ulp up": Wrong("example", put("data.arrays.y.1", lambda x: ulp(x, 1)), "data: not the arrays"),
    "negative zero": Wrong("example", put("data.arrays.X.0.1", (-0.0).hex()), "data: not the arrays"),
    "samples swapped": Wrong("example", at("data.arrays.y", swap(0, 1)), "data: not the arrays"),
    "other weights": Wrong("example", put("network.arrays.output_weights.0", (4.0).hex()), "network: not the arrays"),
    "sample weights added": Wrong(
        "example", put("data.arrays.sample_weight", [(1.0).hex()] * 3), "data: not the arrays"
    ),
    "a sample missing": Wrong("example", at("data.arrays.y", list.pop), "expected 3 entries, found 2"),
    "more samples stated": Wrong("example", put("data.samples", 4), "expected 4 entries, found 3"),
    "other inputs stated": Wrong("example", put("data.inputs", 3), "expected 3 entries, found 2"),
    "other width stated": Wrong("example", put("network.width", 2), "expected 2 entries, found 1"),
    "samples absurd": Wrong("example", put("data.samples", 10**30), "expected an integer from 1"),
    "NaN in the data": Wrong("example", put("data.arrays.X.0.0", "nan"), "expected a real"),
}

DUALS = {
    "nu one ulp up": Wrong("example", put("dual.nu.1", lambda x: ulp(x, 1)), "lower_bound: the dual|lies below"),
    "nu doubled": Wrong(MEAN, put("dual.nu", lambda v: [(2 * float.fromhex(x)).hex() for x in v]), "lower_bound|below"),
    "nu's signs flipped": Wrong(
        OPTIMUM, put("dual.nu", lambda v: [(-float.fromhex(x)).hex() for x in v]), "bound: the"
    ),
    "nu of other samples": Wrong("example", at("dual.nu", swap(0, 1)), "lower_bound: the dual vector proves"),
    "nu too short": Wrong("example", at("dual.nu", list.pop), "expected 3 entries, found 2"),
    "nu no longer of zero sum": Wrong(FREE_OUTPUT, put("dual.nu.0", lambda x: ulp(x, 1)), "sum to exactly zero"),
    "nu no longer of zero sum, hidden": Wrong(CENTRED, put("dual.nu.3", lambda x: ulp(x, 1)), "sum to exactly zero"),
    "nu outside the logistic domain": Wrong(LOGISTIC, put("dual.nu.0", (1.5).hex()), "outside the domain"),
    "nu of the wrong class": Wrong(LOGISTIC, put("dual.nu.0", lambda x: (-float.fromhex(x)).hex()), "outside the dom"),
    "nu outside the hinge's domain": Wrong(
        HINGE, put("dual.nu.1", (1.0 + 2.0**-52).hex()), "outside the domain of the hinge"
    ),
    "nu of the wrong class, hinge": Wrong(
        HINGE, put("dual.nu.0", lambda x: (-float.fromhex(x)).hex()), "outside the domain of the hinge"
    ),
    "hinge loss with other targets": Wrong("example", put("objective.loss", "hinge"), "the hinge loss needs targets 0"),
    "hinge loss for the logistic one": Wrong(LOGISTIC, put("objective.loss", "hinge"), "value: |lower_bound: "),
    "nu on a sample of weight zero": Wrong("sample weights", put("dual.nu.3", (1e-9).hex()), "weight zero"),
    "nu on a logistic sample of weight zero": Wrong(
        "sample weights, logistic, mean", put("dual.nu.3", (1e-9).hex()), "outside the domain"
    ),
    "dual missing": Wrong(MEAN, put("dual", None), "one of them is there without the other"),
    "dual not wanted": Wrong(MEAN, put("claim.lower_bound", None), "one of them is there without the other"),
    "points moved": Wrong("example", put("dual.points.1.1", (0.5).hex()), "lies below the gain|too far|longer than"),
    "point one ulp off": Wrong("example", put("dual.points.0.0", lambda x: ulp(x, 1)), "longer than|lies below"),
    "points far away": Wrong("example", put("dual.points.0.0", (50.0).hex()), "too far from the data"),
    "members swapped": Wrong("example", at("dual.members", swap(0, 1)), "too far|lies below|longer than"),
    "member that is not there": Wrong("example", put("dual.members.0", 3), "outside 0 to 2"),
    "member negative": Wrong("example", put("dual.members.0", -1), "outside 0 to 2"),
    "no points": Wrong("example", put("dual.points", []), "outside 0 to -1"),
    "ratio changed": Wrong(PARALLEL, put("dual.ratios.3", (1.0).hex()), "too far|lies below|longer than"),
    "ratio of the other sign": Wrong(PARALLEL, put("dual.ratios.3", (-2.0).hex()), "too far|lies below|longer than"),
    "turned ratio of the other sign": Wrong(OPPOSITE, put("dual.ratios.4", (0.75).hex()), "too far|lies below|longer"),
    "turned ratio changed": Wrong(OPPOSITE, put("dual.ratios.5", (-1.5).hex()), "too far|lies below|longer than"),
    "turned ratio with a free bias": Wrong(CENTRED, put("dual.ratios", [(-1.0).hex()] * 6), "allows no ratios"),
    "turned sample's dual entry": Wrong(OPPOSITE, put("dual.nu.4", negated), "claim.lower_bound|lies below|longer"),
    "nothing but a linear part left unproved": Wrong(CANCEL, put("dual.proofs.0", None), "a proof is needed"),
    "the linear part's other sign left unproved": Wrong(CANCEL, put("dual.proofs.1", None), "a proof is needed"),
    "the linear part's proofs swapped": Wrong(CANCEL, at("dual.proofs", swap(0, 1)), "lies below"),
    "the linear part of a majorant left out": Wrong(
        OPPOSITE_MAJORANTS,
        put("dual.ratios.3", lambda x: negated(x)),
        "too far|more than the limit|not below its bound",
    ),
    "ratios with a free bias": Wrong(CENTRED, put("dual.ratios", [(1.0).hex()] * 6), "allows no ratios"),
    "centre without a free bias": Wrong("example", put("dual.centre", [(0.0).hex()] * 2), "allows a centre"),
    "centre moved": Wrong(CENTRED, put("dual.centre.0", (99.0).hex()), "too far|lies below|longer than"),
    "basis stretched": Wrong(
        DEFICIENT, put("dual.basis.0", lambda v: [(2 * float.fromhex(x)).hex() for x in v]), "too far|longer than"
    ),
    "basis turned": Wrong(DEFICIENT, at("dual.basis", swap(0, 1)), "too far from the data|longer than|lies below"),
    "basis zero": Wrong(DEFICIENT, put("dual.basis", [[(0.0).hex()] * 4] * 2), "all zero"),
    "basis of other inputs": Wrong(DEFICIENT, at("dual.basis.1", list.pop), "expected 4 entries, found 3"),
    "basis empty": Wrong(DEFICIENT, put("dual.basis", []), "expected at least 1 entries"),
    "rank absurd": Wrong(DEFICIENT, put("dual.basis", lambda b: b * 200), "rank 400, the limit is"),
    "proof missing": Wrong("example", put(PLUS, None), "a proof is needed"),
    "proof missing for a hinge of weight one": Wrong("example", put(MINUS, None), "a proof is needed"),
    "proof of the other sign": Wrong("example", at("dual.proofs", swap(0, 1)), "lies below the gain"),
    "one proof alone": Wrong("example", at("dual.proofs", list.pop), "expected 2 entries, found 1"),
    "third proof": Wrong("example", at("dual.proofs", lambda p: p.append(None)), "expected 2 entries, found 3"),
    "unknown kind": Wrong("example", put(f"{PLUS}.kind", "boxes"), "expected cones or majorants"),
    "kind missing": Wrong("example", at(PLUS, lambda p: p.pop("kind")), "expected a proof with its kind"),
}

CONES = {
    "leaf dropped": Wrong("example", at(f"{PLUS}.nodes", lambda n: n.pop(2)), "lies below|ends|dependent"),
    "last leaf dropped": Wrong("example", at(f"{PLUS}.nodes", list.pop), "ends 1 cones too early"),
    "leaf duplicated": Wrong("example", at(f"{PLUS}.nodes", lambda n: n.insert(2, n[1])), "node 4|follow|below"),
    "leaf appended": Wrong("example", at(f"{PLUS}.nodes", lambda n: n.append([[3, 4], [0, 1]])), "follow after"),
    "split appended": Wrong("example", at(f"{PLUS}.nodes", lambda n: n.append([0, 1, 1, 1])), "follow after"),
    "leaves swapped": Wrong("example", at(f"{PLUS}.nodes", swap(1, 2)), "lies below the gain"),
    "split dropped": Wrong("example", at(f"{PLUS}.nodes", lambda n: n.pop(0)), "lies below the gain|ends"),
    "no nodes": Wrong("example", put(f"{PLUS}.nodes", []), "ends 3 cones too early"),
    "split shifted": Wrong("example", put(f"{PLUS}.nodes.0", [0, 1, 2, 1]), "lies below the gain"),
    "split's indices swapped": Wrong("example", put(f"{PLUS}.nodes.0", [1, 0, 1, 1]), "lies below the gain"),
    "split of a generator with itself": Wrong("example", put(f"{PLUS}.nodes.0", [0, 0, 1, 1]), "neither a split"),
    "split weight zero": Wrong("example", put(f"{PLUS}.nodes.0", [0, 1, 0, 1]), "neither a split"),
    "split weight negative": Wrong("example", put(f"{PLUS}.nodes.0", [0, 1, 1, -1]), "neither a split"),
    "split index too large": Wrong("example", put(f"{PLUS}.nodes.0", [0, 2, 1, 1]), "neither a split"),
    "split weight absurd": Wrong("example", put(f"{PLUS}.nodes.0", [0, 1, 1, 2**65]), "neither a split"),
    "split of five numbers": Wrong("example", put(f"{PLUS}.nodes.0", [0, 1, 1, 1, 1]), "neither a split"),
    "split with true for 1": Wrong("example", put(f"{PLUS}.nodes.0", [0, True, 1, 1]), "neither a split"),
    "z's sign flipped": Wrong("example", put(f"{PLUS}.nodes.6.0", [3, -4]), "lies below the gain"),
    "z one unit down": Wrong("example", put(f"{PLUS}.nodes.6.0", [3, 3]), "lies below the gain at generator 1"),
    "z one unit up": Wrong("example", put(f"{PLUS}.nodes.6.0", [3, 5]), "z is longer than the limit"),
    "z of three entries": Wrong("example", put(f"{PLUS}.nodes.6.0", [3, 4, 0]), "neither a split nor a leaf"),
    "z in other units": Wrong("example", put(f"{PLUS}.exponent", 1), "z is longer than the limit"),
    "z in smaller units": Wrong("example", put(f"{PLUS}.exponent", -1), "lies below the gain"),
    "exponent absurd": Wrong("example", put(f"{PLUS}.exponent", -(10**9)), "expected an integer from"),
    "exponent a string": Wrong("example", put(f"{PLUS}.exponent", "0"), "expected an integer from"),
    "gate at another point": Wrong("example", put(f"{PLUS}.nodes.6.1", [1, 1]), "lies below the gain"),
    "gate that is not there": Wrong("example", put(f"{PLUS}.nodes.6.1", [2, 1]), "neither a split nor a leaf"),
    "gate weight negative": Wrong("example", put(f"{PLUS}.nodes.6.1", [0, 2, 1, -1]), "neither a split nor a leaf"),
    "gate without a weight": Wrong("example", put(f"{PLUS}.nodes.6.1", [0]), "neither a split nor a leaf"),
    "gate index negative": Wrong("example", put(f"{PLUS}.nodes.6.1", [-1, 1]), "neither a split nor a leaf"),
    "second gate that is not there": Wrong("example", put(f"{PLUS}.nodes.6.1", [0, 1, 2, 1]), "neither a split nor a"),
    "gate weight absurd": Wrong("example", put(f"{PLUS}.nodes.6.1", [0, 1, 0, 2**65]), "neither a split nor a leaf"),
    "gate a string": Wrong("example", put(f"{PLUS}.nodes.6.1", [0, "1"]), "neither a split nor a leaf"),
    "z with a string": Wrong("example", put(f"{PLUS}.nodes.6.0", [3, "4"]), "neither a split nor a leaf"),
    "z with true for 1": Wrong("example", put(f"{PLUS}.nodes.2.0", [0, False]), "neither a split nor a leaf"),
    "leaf of three lists": Wrong("example", put(f"{PLUS}.nodes.6", [[3, 4], [0, 1], []]), "neither a split nor a leaf"),
    "leaf of a list and a number": Wrong("example", put(f"{PLUS}.nodes.6", [[3, 4], 0]), "neither a split nor a leaf"),
    "no gates": Wrong("example", put(f"{PLUS}.nodes.6.1", []), "neither a split nor a leaf"),
    "point moved": Wrong("example", put(f"{PLUS}.points.0", [-1, -1]), "lies below the gain"),
    "point of three entries": Wrong("example", put(f"{PLUS}.points.0", [1, 1, 1]), "expected 2 entries"),
    "point absurdly long": Wrong("example", put(f"{PLUS}.points.0", [10**300, 1]), "more than 900 bits"),
    "start not of zero sum": Wrong("example", put(f"{PLUS}.start.2", [-1, -2]), "do not sum to zero"),
    "start dependent": Wrong("example", put(f"{PLUS}.start", [[1, 0], [-2, 0], [1, 0]]), "are dependent"),
    "start all zero": Wrong("example", put(f"{PLUS}.start", [[0, 0]] * 3), "are dependent"),
    "start turned": Wrong("example", at(f"{PLUS}.start", swap(0, 1)), "lies below the gain"),
    "start of two": Wrong("example", at(f"{PLUS}.start", list.pop), "expected 3 entries, found 2"),
    "start absurdly long": Wrong("example", put(f"{PLUS}.start", [[2**950, 0], [0, 1], [-(2**950), -1]]), "900 bits"),
    "generators growing": Wrong(
        "example", put(f"{PLUS}.nodes", [[0, 1, 2**60, 2**60]] * 16), "a generator of more than 900 bits"
    ),
    "node a string": Wrong("example", put(f"{PLUS}.nodes.0", "leaf"), "neither a split nor a leaf"),
    "node an object": Wrong("example", put(f"{PLUS}.nodes.0", {}), "neither a split nor a leaf"),
    "z too short for a hinge of weight one": Wrong("example", put(f"{MINUS}.nodes.0.0", [0, 0]), "lies below the gain"),
    "z too short where weights are large": Wrong(
        WEIGHTED, at(f"{PLUS}.nodes", lambda n: [_scale(x, 0.7) for x in n if len(x) == 2]), "lies below the gain"
    ),
    "one weight for another": Wrong(
        WEIGHTED, at(f"{PLUS}.nodes", lambda n: [_reweigh(x) for x in n if len(x) == 2 and len(x[1]) > 2]), "lies below"
    ),
    "hidden bias entry of z": Wrong(
        MEAN, at(f"{PLUS}.nodes", lambda n: [x[0].__setitem__(-1, 2**60) for x in n if len(x) == 2]), "longer than"
    ),
}


def _leaf(change: Callable[[dict], Any]) -> Callable[[list], None]:
    """Change the first leaf of a majorant tree."""
    return lambda nodes: change(next(node for node in nodes if isinstance(node, dict)))


def _numbers(key: str, index: int, value: Any) -> Callable[[list], None]:
    """Change one hint of the first leaf."""

    def change(leaf: dict) -> None:
        integers = leaf[key]["integers"]
        integers[index] = value(integers[index]) if callable(value) else value

    return _leaf(change)


def _first_row(key: str, *row: int) -> Callable[[list], None]:
    """Replace the first hints of one kind in the first leaf."""
    return _leaf(lambda leaf: leaf[key]["integers"].__setitem__(slice(len(row)), row))


def _tilts(change: Callable[[list[int]], list[int]]) -> Callable[[list], None]:
    """Replace all tilts of the first leaf."""
    return _leaf(lambda leaf: leaf["tilts"].update(integers=change(leaf["tilts"]["integers"])))


_NODES = f"{PLUS}.nodes"
MAJORANTS = {
    "curvature zero": Wrong(CUT, at(_NODES, _numbers("curvatures", 0, 0)), "a curvature"),
    "curvature negative": Wrong(CUT, at(_NODES, _numbers("curvatures", 0, lambda x: -x)), "a curvature"),
    "curvature too large": Wrong(CUT, at(_NODES, _numbers("curvatures", 0, lambda x: 4 * x)), "not positive semid"),
    "curvature too small": Wrong(CUT, at(_NODES, _numbers("curvatures", 0, lambda x: x // 9)), "not positive semid"),
    "slope above one": Wrong(MAJORANT, at(_NODES, _numbers("slopes", 1, 2**21)), "a slope may exceed 1"),
    "slope a hair above one": Wrong(MAJORANT, at(_NODES, _first_row("slopes", 0, 2**20 + 1, 0, 0)), "slope may exceed"),
    "slope and constant a hair above one": Wrong(
        MAJORANT, at(_NODES, _first_row("slopes", -1, 0, 0, 2**20)), "a slope may exceed 1"
    ),
    "side's tail a hair too long": Wrong(CUT, at(_NODES, _first_row("sides", 7, 0, 0, 8, 0)), "side's multiplier may"),
    "slope's constant above one": Wrong(MAJORANT, at(_NODES, _numbers("slopes", 0, -(2**21))), "a slope may exceed 1"),
    "slope in other units": Wrong(
        MAJORANT, at(_NODES, _leaf(lambda leaf: leaf["slopes"].__setitem__("shift", 18))), "a slope may exceed 1"
    ),
    "slopes' signs flipped": Wrong(
        FREE_OUTPUT,
        at(_NODES, _leaf(lambda leaf: leaf["slopes"].update(integers=[-x for x in leaf["slopes"]["integers"]]))),
        "not positive semidefinite",
    ),
    "slope with a bias above one": Wrong(MAJORANT_FREE, at(_NODES, _numbers("slopes", 3, 2**20)), "slope may exceed"),
    "tilts zeroed": Wrong(CUT, at(_NODES, _tilts(lambda t: [0] * len(t))), "a slope may exceed 1"),
    "tilts zeroed, with a bias": Wrong(MAJORANT_FREE, at(_NODES, _tilts(lambda t: [0] * len(t))), "slope may exceed"),
    "tilts doubled": Wrong(CUT, at(_NODES, _tilts(lambda t: [2 * x for x in t])), "a slope may exceed 1"),
    "tilts halved": Wrong(CUT, at(_NODES, _tilts(lambda t: [x // 2 for x in t])), "a slope may exceed 1"),
    "tilts negative": Wrong(CUT, at(_NODES, _tilts(lambda t: [-x for x in t])), "a tilt is negative"),
    "a tilt of minus one unit": Wrong(CUT, at(_NODES, _numbers("tilts", -1, -1)), "a tilt is negative"),
    "tilts above and below exchanged": Wrong(
        CUT, at(_NODES, _tilts(lambda t: [*t[2:4], *t[:2], *t[4:]])), "a slope may exceed 1"
    ),
    "tilts by the other side": Wrong(CUT, at(_NODES, _tilts(lambda t: [t[1], t[0], *t[2:]])), "a slope may exceed 1"),
    "tilts of the next slope": Wrong(CUT, at(_NODES, _tilts(lambda t: t[4:] + t[:4])), "a slope may exceed 1"),
    "tilts in other units": Wrong(
        CUT, at(_NODES, _leaf(lambda leaf: leaf["tilts"].__setitem__("shift", 31))), "a slope may exceed 1"
    ),
    "a tilt too few": Wrong(CUT, at(_NODES, _tilts(lambda t: t[:-1])), "tilts, pairs: .*, expected"),
    "a tilt too many": Wrong(CUT, at(_NODES, _tilts(lambda t: [*t, 0])), "tilts, pairs: .*, expected"),
    "tilts above alone": Wrong(CUT, at(_NODES, _tilts(lambda t: t[: len(t) // 2])), "tilts, pairs: .*, expected"),
    "tilts at a root": Wrong(FREE_OUTPUT, at(_NODES, _tilts(lambda t: [1, 1])), "tilts, pairs: .*, expected"),
    "leaf without tilts": Wrong(CUT, at(_NODES, _leaf(lambda leaf: leaf.pop("tilts"))), "the key 'tilts' is missing"),
    "side's constant negative": Wrong(CUT, at(_NODES, _numbers("sides", 0, lambda x: -x)), "side's multiplier may be"),
    "side's constant zero": Wrong(CUT, at(_NODES, _numbers("sides", 0, 0)), "side's multiplier may be negative"),
    "side's tail too long": Wrong(CUT, at(_NODES, _numbers("sides", 1, lambda x: 99 * x)), "side's multiplier may be"),
    "pair negative": Wrong(CUT, at(_NODES, _numbers("pairs", 0, lambda x: -x)), "a pair's multiplier is negative"),
    "pair too large": Wrong(CUT, at(_NODES, _numbers("pairs", 0, lambda x: 10**6 * x)), "not positive semidefinite"),
    "constant's multiplier lowered": Wrong(
        CUT, at(_NODES, _numbers("multipliers", 0, lambda x: x - abs(x) // 2 - 2**38)), "not positive semidefinite"
    ),
    "unit's multiplier lowered": Wrong(
        CUT, at(_NODES, _numbers("multipliers", 1, lambda x: x - abs(x) // 2 - 2**38)), "not positive semidefinite"
    ),
    "multipliers raised": Wrong(
        CUT, at(_NODES, _numbers("multipliers", 1, lambda x: x + 2**40)), "more than the limit"
    ),
    "bias' multiplier negative": Wrong(
        MAJORANT_FREE, at(_NODES, _numbers("multipliers", 2, -1)), "multiplier of the bias is negative"
    ),
    "bias' multiplier raised": Wrong(
        MAJORANT_FREE, at(_NODES, _numbers("multipliers", 2, lambda x: x + 2**40)), "more than the limit"
    ),
    "a curvature too few": Wrong(CUT, at(_NODES, _leaf(lambda leaf: leaf["curvatures"]["integers"].pop())), "expected"),
    "half a slope": Wrong(CUT, at(_NODES, _leaf(lambda leaf: leaf["slopes"]["integers"].pop())), "not rows of 5"),
    "a slope too many": Wrong(
        CUT, at(_NODES, _leaf(lambda leaf: leaf["slopes"]["integers"].extend([0] * 5))), "slopes, sides, curvatures"
    ),
    "a multiplier too few": Wrong(
        CUT, at(_NODES, _leaf(lambda leaf: leaf["multipliers"]["integers"].pop())), "expected 2 multipliers"
    ),
    "no multipliers": Wrong(
        CUT, at(_NODES, _leaf(lambda leaf: leaf["multipliers"]["integers"].clear())), "expected 2 multipliers"
    ),
    "two rows of multipliers": Wrong(
        CUT, at(_NODES, _leaf(lambda leaf: leaf["multipliers"]["integers"].extend([1, 1]))), "expected 2 multipliers"
    ),
    "shift negative": Wrong(
        CUT, at(_NODES, _leaf(lambda leaf: leaf["pairs"].__setitem__("shift", -1))), "expected an integer from 0"
    ),
    "leaf without a hint": Wrong(CUT, at(_NODES, _leaf(lambda leaf: leaf.pop("pairs"))), "the key 'pairs' is missing"),
    "leaf with another hint": Wrong(CUT, at(_NODES, _leaf(lambda leaf: leaf.update(extra=1))), "unknown key 'extra'"),
    "leaf dropped": Wrong(CUT, at(_NODES, list.pop), "ends 1 parts too early"),
    "leaf duplicated": Wrong(CUT, at(_NODES, lambda n: n.append(n[-1])), "follow after the tree is complete"),
    "leaves swapped": Wrong(CUT, at(_NODES, swap(3, 4)), "expected|not positive semidefinite|more than"),
    "cut by another hinge": Wrong(CUT, put(f"{_NODES}.0", 1), "expected|not positive semidefinite|more than the"),
    "cut by nothing": Wrong(CUT, put(f"{_NODES}.0", 99), "expected an integer from 0 to"),
    "cut by the first normal that is not there": Wrong(CUT, put(f"{_NODES}.0", 8), "expected an integer from 0 to 7"),
    "cut negative": Wrong(CUT, put(f"{_NODES}.0", -1), "expected an integer from 0 to"),
    "cut a float": Wrong(CUT, put(f"{_NODES}.0", (1.0).hex()), "expected an object"),
    "normal turned": Wrong(
        CUT, put(f"{PLUS}.normals.0", lambda v: [(-50 * float.fromhex(x)).hex() for x in v]), "not positive semid"
    ),
    "normal too short": Wrong(CUT, at(f"{PLUS}.normals.0", list.pop), "expected 4 entries, found 3"),
}

STRUCTURE = {
    "stale version": Wrong("example", put("version", 0), "expected an integer from 1"),
    "later version": Wrong("example", put("version", 2), "version 2: this checker decides version 1"),
    "version a string": Wrong("example", put("version", "1"), "expected an integer"),
    "version true": Wrong("example", put("version", True), "expected an integer"),
    "other format": Wrong("example", put("format", "certificate"), "not a certificate"),
    "format missing": Wrong("example", lambda d: d.pop("format"), "not a certificate"),
    "unknown key": Wrong("example", put("comment", "hello"), "unknown key 'comment'"),
    "unknown key inside": Wrong("example", put("objective.note", None), "objective: unknown key 'note'"),
    "key missing": Wrong("example", lambda d: d.pop("claim"), "the key 'claim' is missing"),
    "key missing inside": Wrong("example", at("objective", lambda o: o.pop("loss")), "the key 'loss' is missing"),
    "real as an integer": Wrong("example", put("claim.eps", 1), "expected a real"),
    "real in decimal": Wrong("example", put("claim.eps", "0.001"), "expected a real"),
    "real spelt otherwise": Wrong("example", put("claim.eps", "0x1p-10"), "expected a real"),
    "real with a space": Wrong("example", put("claim.eps", lambda x: x + " "), "expected a real"),
    "real with too many digits": Wrong("example", put("claim.eps", "0x1.00000000000001p-10"), "expected a real"),
    "real too large": Wrong("example", put("dual.nu.0", "0x1.0000000000000p+99999999999"), "expected a real"),
    "real absurdly long": Wrong("example", put("dual.nu.0", "0x" + "f" * 10**6), "expected a real"),
    "real null": Wrong("example", put("dual.nu.0", None), "expected a real"),
    "list for an object": Wrong("example", put("objective", []), "expected an object"),
    "object for a list": Wrong("example", put("dual.nu", {}), "expected a list"),
    "string for a list": Wrong("example", put("dual.nu", "0x0.0p+0"), "expected a list"),
    "number for a word": Wrong("example", put("objective.loss", 1), "expected half-squared"),
    "ragged rows": Wrong("example", put("data.arrays.X.1", lambda v: v + v), "expected 2 entries, found 4"),
}

WRONG: dict[str, Wrong] = {
    f"{family}: {name}": wrong
    for family, corpus in (
        ("claim", CLAIMS),
        ("objective", OBJECTIVES),
        ("source", SOURCES),
        ("dual", DUALS),
        ("cones", CONES),
        ("majorants", MAJORANTS),
        ("structure", STRUCTURE),
    )
    for name, wrong in corpus.items()
}
