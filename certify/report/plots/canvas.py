"""Where pictures are drawn: matplotlib, which is loaded only here, and only when a picture is asked for.

No display is needed and no setting of the user's own matplotlib counts: the same numbers give the same picture. One opaque paper
is light enough to be read on a dark page and dim enough not to glare on it. Colours are told apart by shape, too.
"""

from __future__ import annotations

import logging
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from certify.errors import UsageError
from certify.files.replacing import replacing
from certify.report.plots.frame import Picture

SUFFIXES = (".png", ".svg")
PAPER, PANEL, INK, FAINT, GRID = "#f4f4f1", "#fbfbf9", "#24292f", "#5b636e", "#dcdcd6"
RED, BLUE, GREEN, AMBER, PURPLE = "#c4342d", "#2166ac", "#1b7f4d", "#b8860b", "#7b4fa3"
_SIZE = (7.6, 4.9)  # inches
_TITLE_COLUMNS, _CAPTION_COLUMNS = 72, 126
_DOTS = 160  # an inch, of PNG
_STYLE = {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PANEL,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    # the first comes with matplotlib, the second is as wide; who views an SVG has one of them
    "font.family": ["DejaVu Sans", "Verdana", "Helvetica", "Arial", "sans-serif"],
    "font.size": 9.5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 2.0,
    "path.simplify": True,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "svg.hashsalt": "certify",
}


def require_matplotlib() -> None:
    """Raise UsageError, with what to install, where matplotlib is missing or does not load."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # on its caches and the user's settings
            import matplotlib.backends.backend_agg
            import matplotlib.backends.backend_svg
            import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UsageError("--plot needs matplotlib, which is not installed; pip install 'certify[plot]'") from error
    except Exception as error:  # its own settings, which it reads when it is loaded, can stop it
        why = " ".join(str(error).split())
        raise UsageError(f"--plot needs matplotlib, which does not load here: {why}") from error


def save_picture(picture: Picture, path: Path) -> None:
    """Draw and write it as what the suffix says, .png or .svg, in one step.

    Raises UsageError where matplotlib is missing, or where the file cannot be written.
    """
    require_matplotlib()
    frame = picture.frame
    suffix = path.suffix.lower().removeprefix(".")
    metadata: dict[str, str | None] = {"Title": f"{frame.kind}: {frame.title}", "Description": frame.caption}
    metadata |= {"Date": None, "Creator": None} if suffix == "svg" else {"Software": "certify"}
    with _style() as matplotlib:
        figure = matplotlib.figure.Figure(figsize=_SIZE, layout="constrained")
        picture.draw(figure)
        _frame(figure, picture)
        try:
            with replacing(path) as temporary:
                figure.savefig(temporary, format=suffix, dpi=_DOTS, metadata=metadata)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def _style() -> Iterator[Any]:
    import matplotlib
    import matplotlib.figure

    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield matplotlib


def _frame(figure: Any, picture: Picture) -> None:
    """The title above and the caption below, in what the axes leave of the figure."""
    title = textwrap.wrap(picture.frame.title, _TITLE_COLUMNS)
    caption = [part for line in picture.frame.caption.split("\n") for part in textwrap.wrap(line, _CAPTION_COLUMNS)]
    above, below = 0.035 + 0.052 * len(title), 0.03 + 0.034 * len(caption)
    figure.text(0.018, 0.975, "\n".join(title), fontsize=12.5, fontweight="bold", va="top", linespacing=1.25)
    figure.text(0.018, 0.018, "\n".join(caption), fontsize=8, color=FAINT, va="bottom", linespacing=1.35)
    figure.get_layout_engine().set(rect=(0.01, below, 0.98, 1 - above - below))


def legend_above(axes: Any, columns: int = 5, **settings: Any) -> None:
    """The legend in rows above the axes, where no curve can be."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns, borderaxespad=0.2, columnspacing=1.4,
        handletextpad=0.6, **settings,
    )  # fmt: skip


def log_axis(axes: Any, values: list[float], names: list[float] | None = None) -> None:
    """A logarithmic y axis over positive values with ticks that can be read, however little they differ.

    Where one is not positive the axis stays linear. `names`: values that deserve room, as those of a line.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

    low, high = min([*values, *(names or [])]), max([*values, *(names or [])])
    if not low > 0:
        axes.margins(y=0.08)
        return
    axes.set_yscale("log")
    share = max((high / low) ** 0.08, 1 + 1e-9)
    axes.set_ylim(low / share, high * share)
    narrow = high / low < 30
    axes.yaxis.set_major_locator(MaxNLocator(6) if narrow else LogLocator())
    axes.yaxis.set_minor_locator(NullLocator() if narrow else LogLocator(subs=range(2, 10)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(_decimal)


def _decimal(value: float, _: object) -> str:
    return f"{value:.9g}"
