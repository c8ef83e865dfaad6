"""What is done with an adversarial case, and how every answer is held to what it says."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
from adversarial import Case
from judged import judge, of_network

from certify.decide.check import check_network
from certify.decide.descend import descend_network
from certify.decide.options import CheckOptions
from certify.decide.solve import solve_dataset
from certify.errors import InputError
from certify.problem.network import Network
from certify.problem.objective import Bias
from certify.verdict import Reason, Verdict

CODES = {"certified": 0, "refuted": 1, "inconclusive": 4}


@dataclass(slots=True)
class Attack:
    """Everything that is asked about one case. known: the networks met so far, which no later bound may lie above."""

    case: Case
    options: CheckOptions
    known: list[Network] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)

    def check(self, network: Network | None = None, name: str = "check") -> Verdict | None:
        """Check the case's network, or another one."""
        case = self.case if network is None else of_network(self.case, network)
        return self._judged(name, lambda: check_network(case.network, case.data, case.goal, self.options), case)

    def solve(self, width: int | None = None) -> Network | None:
        """Train to the optimum; the network, unless the input was refused."""
        case, trained = self.case, []

        def run() -> Verdict:
            trained.append(solve_dataset(case.data, case.goal, self.options, width=width))
            return trained[0].verdict

        self._judged("solve", run, case, lambda: trained[0].network)
        return trained[0].network if trained else None

    def descend(self) -> None:
        """Look for better networks of the same width."""
        case, found = self.case, []

        def run() -> Verdict:
            found.append(descend_network(case.network, case.data, case.goal, self.options))
            return found[0].verdict

        self._judged("descend", run, case, lambda: found[0].network)

    def _judged(
        self, name: str, run: Callable[[], Verdict], case: Case, network: Callable[[], Network] | None = None
    ) -> Verdict | None:
        started = time.monotonic()
        try:
            verdict = run()
            seconds = time.monotonic() - started
            answered = case if network is None else of_network(case, network())
            judge(verdict, answered, self.known)
            early = verdict.reason is Reason.LIMIT and seconds < (self.options.time_limit or 0.0) / 4
            assert not early, f"a limit is the reason after {seconds:.2f} s"
        except InputError:
            self.answers[f"{name}: refused"] += 1
            return None
        except Exception as error:
            error.add_note(f"{name} of case {case.name}")
            raise
        self.known.append(answered.network)
        self.known += [] if verdict.witness is None else [verdict.witness.network]
        self.answers[f"{name}: {verdict.reason or verdict.decision}"] += 1
        if self.options.time_limit is not None and seconds > self.options.time_limit + 1:
            self.late.append(f"{name} took {seconds:.1f} s of case {case.name}")
        return verdict


def nearly(network: Network, seed: int) -> Network:
    """The network with its hidden weights moved by a share between 1e-9 and 1e-2 of each."""
    rng = np.random.default_rng(seed)
    moved = 1 + 10.0 ** rng.uniform(-9, -2) * rng.standard_normal(network.hidden_weights.shape)
    return Network(network.hidden_weights * moved, network.output_weights, network.hidden_bias, network.output_bias)


def attack_in_full(case: Case, seed: int, seconds: float, engine: str = "auto") -> Attack:
    """Check, train, check what was trained and a network nearby, and now and then descend."""
    options = CheckOptions(eps=case.eps, time_limit=seconds, threads=1 + seed % 2, engine=engine)
    attack = Attack(case, options)
    trained = attack.solve(None if seed % 2 else 1 + seed // 2 % 2)
    attack.check()
    if trained is not None:
        attack.check(trained, "trained")
        attack.check(nearly(trained, seed), "nearly")
    if seed % 3 == 0:
        attack.descend()
    return attack


def expressible(case: Case) -> bool:
    """Whether the command line has words for the objective, and files for the network."""
    goal = case.goal
    biases = {goal.hidden_bias, goal.output_bias} - {Bias.NONE}
    weights = case.data.sample_weight
    counted = weights is None or bool(np.any(weights))  # files of which nothing counts are refused
    return goal.hidden_decay == goal.output_decay and len(biases) < 2 and case.network.width > 0 and counted


def written(case: Case, folder: Path) -> tuple[str, str, list[str]]:
    """Model and data as files, and the arguments that state the objective."""
    net, data, goal = case.network, case.data, case.goal
    arrays = {"fc1.weight": net.hidden_weights, "fc2.weight": net.output_weights.T}
    biases = {"fc1.bias": net.hidden_bias, "fc2.bias": net.output_bias}
    model, samples = folder / "model.npz", folder / "data.npz"
    np.savez(model, **arrays, **{key: bias for key, bias in biases.items() if bias is not None})
    weights = {} if data.sample_weight is None else {"sample_weight": data.sample_weight}
    np.savez(samples, X=data.X, y=data.y[:, 0], **weights)
    penalize = "weights" if Bias.FREE in (goal.hidden_bias, goal.output_bias) else "all"
    stated = ["--loss", goal.loss, "--reduction", goal.reduction, "--weight-decay", repr(goal.hidden_decay)]
    return str(model), str(samples), [*stated, "--penalize", penalize]


def files_attacked(
    run: Callable[..., CompletedProcess[bytes]], case: Case, folder: Path, seconds: float = 0.5
) -> Iterator[tuple[str, int]]:
    """Every command on the files of a case, with its exit code; an answer is JSON, a refusal is one line."""
    model, data, stated = written(case, folder)
    certificate, better = folder / "certificate.json", folder / "better.npz"
    asked = [*stated, "--time-limit", repr(seconds), "--eps", repr(case.eps), "--format", "json"]
    shown = _judged(run("inspect", model, data, "--format", "json"))
    yield "inspect", shown
    code = _judged(run("check", model, data, *asked, "--certificate", certificate, "--witness", better))
    assert (code == 2) == (shown == 2), "what can be read is answered"
    yield "check", code
    if certificate.exists():
        verified = run("verify", certificate, model, data)
        assert verified.returncode == 0, verified.stdout
        yield "verify", verified.returncode
    if better.exists():
        yield "better", _judged(run("check", better, data, *asked))
    yield "stationary", _judged(run("stationary", model, data, *asked))
    yield "path", _judged(run("path", model, data, *asked, "--output", folder / "path.npz"))
    if (folder / "path.npz").exists():
        assert run("verify", folder / "path.npz", model, data).returncode == 0
    starts = ["--starts", "1", "--time-limit", repr(seconds), "--format", "json"]
    yield "width", _judged(run("width", model, data, *stated, *starts))
    yield "descend", _judged(run("descend", model, data, *asked, "--output", folder / "descended.npz"))
    yield "solve", _judged(run("solve", data, *asked, "--output", folder / "solved.npz"))


def _judged(ran: CompletedProcess[bytes]) -> int:
    """The exit code, after everything that was printed is what it has to be."""
    said = ran.stderr.decode()
    assert ran.returncode in (0, 1, 2, 4), said
    assert "Traceback" not in said, said
    assert "Warning" not in said, said
    if ran.returncode == 2:
        assert len(said.splitlines()) == 1, said
        assert said.startswith("certify: error: "), said
    else:
        report = strict_json(ran.stdout)
        verdict = report.get("verdict")
        assert verdict is None or "training" in report or ran.returncode == CODES[verdict]
    return ran.returncode


def strict_json(text: bytes) -> dict[str, Any]:
    """The object; NaN and infinity are no JSON."""

    def refused(word: str) -> None:
        raise AssertionError(f"{word} in JSON")

    parsed: dict[str, Any] = json.loads(text, parse_constant=refused)
    return parsed
