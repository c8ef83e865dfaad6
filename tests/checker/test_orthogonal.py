"""Without weight decay a dual vector counts only where it is exactly orthogonal to all that networks predict."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from certify.certificates import CertificateWish, Source
from certify.certificates.sealing import sealed
from certify.checker.claims import decide
from certify.checker.orthogonal import on_line
from certify.checker.rejection import Rejected
from certify.decide.check import CheckOptions, check_network
from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.verdict import Decision

NONE, FREE, PENALIZED = Bias.NONE, Bias.FREE, Bias.PENALIZED
Document = dict[str, Any]


def claim(
    X: list[list[float]],
    y: list[float],
    hidden: Bias = NONE,
    output: Bias = NONE,
    loss: Loss = Loss.HALF_SQUARED,
    weight: list[float] | None = None,
) -> Document:
    """A certificate about a network of nothing: its bound and what it claims are the writer's."""
    data = Dataset(np.array(X), np.array(y)[:, None], None if weight is None else np.array(weight))
    biases = [None if bias is NONE else np.zeros(1) for bias in (hidden, output)]
    network = Network(np.zeros((1, data.inputs)), np.zeros((1, 1)), *biases)
    goal = Objective(loss, Reduction.SUM, 0.0, 0.0, hidden, output)
    wish = CertificateWish(Source(data), wanted=True, carried=True)
    verdict = check_network(network, data, goal, CheckOptions(), wish=wish)
    assert verdict.certificate is not None
    document: Document = json.loads(verdict.certificate)
    return document


def accepted(document: Document) -> bool:
    """Whether the checker accepts the document, with the checksum that belongs to it."""
    document.pop("checksum", None)
    decide(sealed(document))
    return True


def with_nu(document: Document, *nu: int | Fraction, bound: float = 0.0) -> Document:
    """The document as an open claim of this bound, from this dual vector."""
    document["claim"] |= {"verdict": "open", "better": None, "lower_bound": float(bound).hex()}
    pairs = [Fraction(v) for v in nu]
    document["dual"] = {"nu": [[v.numerator, v.denominator] for v in pairs]}
    return document


def test_conflicting_targets_bound_every_network() -> None:
    """Equal inputs with targets 1 and -1 cost 1, whatever the biases: the network of nothing is optimal there."""
    for hidden in (FREE, PENALIZED):
        document = claim([[0.5], [0.5]], [1.0, -1.0], hidden)
        assert document["claim"]["verdict"] == "certified"
        assert document["claim"]["lower_bound"] == (1.0).hex()
        assert document["dual"]["nu"] == [[1, 1], [-1, 1]]
        assert accepted(document)


def test_a_bound_an_ulp_higher_is_rejected() -> None:
    """The bound is exact."""
    document = claim([[0.5], [0.5]], [1.0, -1.0], FREE)
    document["claim"]["lower_bound"] = float(np.nextafter(1.0, 2.0)).hex()
    with pytest.raises(Rejected, match="the dual vector proves"):
        accepted(document)


@pytest.mark.parametrize(
    ("X", "nu", "hidden", "output", "reason"),
    [
        # each would prove more than is true
        ([[0.5], [0.5], [2.0]], (1, -1 + Fraction(1, 2**60), 0), FREE, NONE, "kink on one line"),
        ([[0.5], [np.nextafter(0.5, 1)], [2.0]], (1, -1, 0), FREE, NONE, "kink on one line"),
        ([[0.5], [0.5], [2.0]], (1, 0, -1), FREE, NONE, "kink on one line"),
        ([[1.0, 2.0], [-1.0, -2.0], [3.0, 1.0]], (1, -1, 0), NONE, NONE, "linear functions of column 0"),
        ([[0.0, 2.0], [0.0, -2.0], [3.0, 1.0]], (1, -1, 0), NONE, NONE, "linear functions of column 1"),
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 1.0]], (1, -1, 0), NONE, NONE, "kink on one line"),
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 1.0]], (2, 1, 0), NONE, NONE, "kink on one line"),
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 1.0]], (2, -1, 0), NONE, FREE, "sum to exactly zero"),
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 1.0]], (2, -1, 0), NONE, PENALIZED, "sum to exactly zero"),
        ([[0.0, 0.0], [2.0, 4.0], [3.0, 1.0]], (1, 0, 0), NONE, FREE, "sum to exactly zero"),
        ([[0.0], [1.0], [2.0]], (1, 0, 0), FREE, NONE, "kink on one line"),
    ],
)
def test_what_is_not_orthogonal_is_rejected(
    X: list[list[float]], nu: tuple[Fraction, ...], hidden: Bias, output: Bias, reason: str
) -> None:
    """Sums that are not zero, rows an ulp apart, opposite rows, constants: none of them passes."""
    with pytest.raises(Rejected, match=reason):
        accepted(with_nu(claim(X, [4.0, -4.0, 1.0], hidden, output), *nu))


@pytest.mark.parametrize(
    ("X", "nu", "output"),
    [
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 1.0]], (2, -1, 0), NONE),
        ([[1e-300, 0.0], [3e-300, 0.0], [3.0, 1.0]], None, NONE),
        ([[0.0, 0.0], [2.0, 4.0], [3.0, 1.0]], (1, 0, 0), NONE),
        ([[0.0, 0.0], [0.0, -0.0], [3.0, 1.0]], (1, -1, 0), FREE),
        ([[1.0], [2.0], [-1.0]], (2, -1, 0), NONE),
    ],
)
def test_what_is_orthogonal_is_accepted(X: list[list[float]], nu: tuple[int, ...] | None, output: Bias) -> None:
    """Proportional rows of one side, zero rows that meet no neuron: with the bound that they prove."""
    document = claim(X, [4.0, -4.0, 1.0], NONE, output)
    assert Fraction(float.fromhex(document["claim"]["lower_bound"])) > 0
    assert accepted(document)
    if nu is not None:
        assert accepted(with_nu(document, *nu))


def test_an_odd_function_that_no_network_has() -> None:
    """The parity of three signs is orthogonal to linear and to even functions, so to all networks without biases: P* is 4."""
    X = [[float(a), float(b), float(c)] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]
    parity = [a * b * c for a, b, c in X]
    document = claim(X, parity)
    assert document["claim"]["verdict"] == "certified"
    assert accepted(with_nu(document, *map(int, parity), bound=4.0))
    with pytest.raises(Rejected, match="linear functions"):
        accepted(with_nu(document, *(int(a) for a, _, _ in X), bound=-100.0))


def test_fractions_without_a_short_common_denominator_are_refused() -> None:
    """Sums would take ever longer: a hostile certificate is not waited for."""
    primes = [p for p in range(3, 5000) if all(p % q for q in range(2, int(p**0.5) + 1))]
    powers = [Fraction(1, p ** int(300 * 3.3 / np.log2(p))) for p in primes[:60]]
    document = claim([[0.5]] * 60, [0.0] * 60, FREE)
    with pytest.raises(Rejected, match="common denominator has more than 32768 bits"):
        accepted(with_nu(document, *powers, bound=-1e300))


def test_a_sample_without_weight_carries_nothing() -> None:
    """An entry of nu where the weight is 0 has no conjugate."""
    document = claim([[0.5], [0.5], [0.5]], [1.0, -1.0, 9.0], FREE, weight=[1.0, 1.0, 0.0])
    assert accepted(document)
    with pytest.raises(Rejected, match="sample of weight zero"):
        accepted(with_nu(document, 1, 0, -1))


def test_the_logistic_domain_is_kept() -> None:
    """nu_i y_i / w_i must lie in [0, 1]."""
    document = claim([[0.5], [0.5]], [1.0, -1.0], FREE, loss=Loss.LOGISTIC)
    assert document["claim"]["verdict"] == "certified"
    for nu in ((-1, 1), (2, -2)):
        with pytest.raises(Rejected, match="outside the domain"):
            accepted(with_nu(document, *nu))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["objective"].update(hidden_decay=(5e-324).hex(), output_decay=(5e-324).hex()), "key"),
        (lambda d: d["objective"].update(output_decay=(1e-9).hex()), "both 0"),
        (lambda d: d["objective"].update(hidden_decay=(-1e-9).hex()), "both 0"),
        (lambda d: d["dual"].update(points=[]), "unknown key 'points'"),
        (lambda d: d["dual"]["nu"].pop(), "expected 2 entries"),
        (lambda d: d["dual"]["nu"].__setitem__(0, [2, 2]), "without a common divisor"),
        (lambda d: d["dual"]["nu"].__setitem__(0, [-1, -1]), "q > 0"),
        (lambda d: d["dual"]["nu"].__setitem__(0, [1, 0]), "q > 0"),
        (lambda d: d["dual"]["nu"].__setitem__(0, [1, 1, 1]), "expected 2 entries"),
        (lambda d: d["dual"]["nu"].__setitem__(0, [True, 1]), "integers alone"),
        (lambda d: d["dual"]["nu"].__setitem__(0, ["0x1.0000000000000p+0", 1]), "integers alone"),
    ],
)
def test_a_forged_form_is_rejected(change: Callable[[Document], object], reason: str) -> None:
    """A decay that is tiny and not 0, or 0 on one layer; another dual; numbers that are no reduced fractions."""
    document = claim([[0.5], [0.5]], [1.0, -1.0], FREE)
    change(document)
    with pytest.raises(Rejected, match=reason):
        accepted(document)


def test_a_dual_for_positive_decays_is_rejected() -> None:
    """Cones and majorants prove nothing where no gain but 0 will do."""
    document = claim([[0.5], [0.5]], [1.0, -1.0], FREE)
    one = (1.0).hex()
    hinges = {"centre": None, "basis": None, "points": [[(0.5).hex()]], "members": [0, 0], "ratios": None}
    document["dual"] = {"nu": [one, (-1.0).hex()], **hinges, "proofs": [None, None]}
    with pytest.raises(Rejected, match="unknown key"):
        accepted(document)


@pytest.mark.parametrize("row", [[3.0, -1.5, 0.0], [0.0, -5e-324], [2.0**1000, 2.0**-1000], [0.1, 0.3]])
def test_a_line_and_a_size_make_the_row(row: list[float]) -> None:
    """Exactly; the opposite row has the same line and the opposite size."""
    line, t = on_line(row)
    assert line is not None and [t * x for x in line] == [Fraction(x) for x in row]
    assert on_line([-x for x in row]) == (line, -t)
    assert on_line([0.0 * x for x in row]) == (None, 0)


def test_a_network_without_loss_is_certified() -> None:
    """F = 0 needs no dual vector but 0, and nothing else is within eps of P* = 0."""
    document = claim([[0.5], [1.5]], [0.0, 0.0], FREE)
    assert document["claim"]["verdict"] == Decision.CERTIFIED.value
    assert document["claim"]["value"] == [(0.0).hex(), (0.0).hex()]
    assert accepted(document)
