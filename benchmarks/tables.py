"""Results as Markdown: one file a part, and the table of targets; the README repeats two of them.

python -m benchmarks.tables        copies them into the README
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.machine import machine, processor

RESULTS = Path(__file__).resolve().parent / "results"
README = Path(__file__).resolve().parent.parent / "README.md"
COPIED = ("targets", "check", "solve")
END = "<!-- end of copy -->"
_HEAD = ["| target | asked | measured | met | day | processor |", "|---|---|---|---|---|---|"]


def row(*cells: object) -> str:
    """One line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head(*names: str) -> list[str]:
    """The first two lines of a table."""
    return [row(*names), "|" + "---|" * len(names)]


def seconds_text(seconds: float, cut: bool = False) -> str:
    """Three figures; a run that the limit cut is shown as more than that."""
    return (">" if cut else "") + short(seconds)


def short(number: float) -> str:
    """Two or three figures, with thousands separated: 0.0123, 4.56, 12.3, 1,230."""
    if not math.isfinite(number):
        return "none"
    rounded = float(f"{number:.3g}")
    magnitude = math.floor(math.log10(abs(rounded))) if rounded else 2
    return f"{rounded:,.{min(max(0, 2 - magnitude), 6)}f}"


def excess_text(excess: float) -> str:
    """A bound's excess over what is attained; negative ones are rounding, or a false bound."""
    return f"{excess:.1e}" if math.isfinite(excess) else "none"


def write_part(name: str, command: str, lines: Sequence[str], seconds: float, folder: Path = RESULTS) -> None:
    """results/NAME.md: the command, the day, how many seconds it took, the machine, and the lines."""
    folder.mkdir(exist_ok=True)
    took = f"{short(seconds)} s in all"
    print(f"{name}: {took}", flush=True)
    header = [f"`{command}`, {date.today().isoformat()}, {took}. {machine()}.", ""]
    (folder / f"{name}.md").write_text("\n".join([*header, *lines]) + "\n")


def note_targets(measured: Sequence[tuple[str, str, str, bool]], folder: Path = RESULTS) -> None:
    """Replace those lines (what, asked, measured, met) of results/targets.md, or add them; the others stay.

    Each says when it was measured and on which processor, as they need not all be of one run.
    """
    path = folder / "targets.md"
    folder.mkdir(exist_ok=True)
    old = path.read_text().splitlines()[2:] if path.exists() else []
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in old if line.startswith("| ")}
    here = (date.today().isoformat(), processor())
    lines |= {what: row(what, asked, got, "yes" if met else "**no**", *here) for what, asked, got, met in measured}
    path.write_text("\n".join([*_HEAD, *lines.values()]) + "\n")


def forget_targets(folder: Path = RESULTS) -> None:
    """Start results/targets.md anew."""
    (folder / "targets.md").unlink(missing_ok=True)


def begin(name: str) -> str:
    """The line of the README below which results/NAME.md is repeated, as far as END."""
    return f"<!-- copy of benchmarks/results/{name}.md -->"


def copy_results(readme: Path = README, folder: Path = RESULTS) -> None:
    """The README's copies brought up to date. Raises ValueError where the lines around one are missing."""
    text = readme.read_text()
    for name in COPIED:
        before, first, rest = text.partition(begin(name))
        _, last, after = rest.partition(END)
        if not (first and last):
            raise ValueError(f"{readme}: expected the lines {begin(name)} and {END} around a copy")
        text = f"{before}{first}\n\n{(folder / f'{name}.md').read_text()}\n{last}{after}"
    readme.write_text(text)


if __name__ == "__main__":
    copy_results()
