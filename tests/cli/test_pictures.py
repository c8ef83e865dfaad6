"""`--plot` as a user meets it: the file that is written, its numbers in JSON, and what is refused."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import ROOT, called, certify, environment, only_line
from oracles import ORACLES

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

STATED = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--penalize", "all")
COMMANDS = {
    "staircase": ("optima", "o4.npz"),
    "rose": ("optima", "o4.npz", "--picture", "rose"),
    "predictions": ("optima", "o4.npz", "--picture", "predictions:2"),
    "neurons": ("stationary", "m8.npz", "o8.npz"),
    "path": ("path", "m8.npz", "o8.npz", "--width", "3"),
    "spectrum": ("width", "m8.npz", "o8.npz", "--exhaustive"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with O4's data, O8's, and its two separate neurons."""
    monkeypatch.chdir(tmp_path)
    for name in ("O4", "O8"):
        data = ORACLES[name].dataset
        np.savez(f"{name.lower()}.npz", X=data.X, y=data.y[:, 0])
    net = next(k for k in ORACLES["O8"].networks if k.name == "2 separate neurons").network
    np.savez("m8.npz", **{"fc1.weight": net.hidden_weights, "fc2.weight": net.output_weights.T})
    yield tmp_path


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_picture_is_written_and_its_numbers_are_in_json(kind: str, folder: Path) -> None:
    """As SVG and as PNG; the objective and eps are in the caption; what the command prints is as without --plot."""
    plain = called(*COMMANDS[kind], *STATED, "--format", "json")
    drawn = called(*COMMANDS[kind], *STATED, "--format", "json", "--plot", "p.svg")
    assert drawn.returncode == plain.returncode == 0, drawn.stderr
    picture = json.loads(drawn.stdout)["picture"]
    assert picture == json.loads(plain.stdout)["picture"]
    assert picture["kind"] == kind
    assert "0.1/2 (|W1|^2 + |W2|^2)" in picture["caption"]
    assert "eps = " in picture["caption"]
    assert 0 <= picture["eps"] <= 1e-4
    root = ElementTree.parse("p.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = [text for text in root.itertext() if text.strip()]
    assert f"{kind}: {picture['title']}" in words
    assert picture["caption"] in words
    first = Path("p.svg").read_bytes()
    assert called(*COMMANDS[kind], *STATED, "--plot", "p.svg", "-q").returncode == 0
    assert Path("p.svg").read_bytes() == first  # no date, no random names
    assert called(*COMMANDS[kind], *STATED, "--plot", "p.PNG", "-q").returncode == 0
    from matplotlib.image import imread

    pixels = imread("p.PNG", format="png")
    assert min(pixels.shape[:2]) > 500
    assert np.all(pixels[..., 3:] == 1)  # nothing shines through
    assert np.ptp(pixels[..., 0]) > 0.5
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".tmp") == []


def test_the_staircase_is_that_of_the_record(folder: Path) -> None:
    """Bars are `components`; the marks are m*, M* and rank + 1: of O4 1, 3, 1."""
    record = json.loads(called(*COMMANDS["staircase"], *STATED, "--format", "json").stdout)
    picture = record["picture"]
    bars = {bar["width"]: bar for bar in picture["components"]}
    assert bars[0] == {"width": 0, "isolated": "0", "continua": 0, "total": "0"}
    for step in record["components"]:
        bar = bars[step["width"]]
        assert (bar["total"], bar["continua"]) == (step["total"], step["continua"])
        assert int(bar["isolated"]) == step["isolated"] * math.factorial(step["width"])
    assert (picture["m_star"], picture["M_star"], picture["rank_plus_one"]) == (1, 2, record["rank"] + 1)


def test_the_rose_is_the_gain(folder: Path) -> None:
    """Of O4: gain over beta is 1 at 30, 90 and 150 degrees, nowhere more, and four sectors meet at 60, 120, 240, 300."""
    record = json.loads(called(*COMMANDS["rose"], *STATED, "--format", "json").stdout)
    rose = record["picture"]
    angles, gains = (np.array(rose["curve"][key]) for key in ("angles", "gain_over_beta"))
    X, nu = ORACLES["O4"].dataset.X, np.array(record["dual"]["nu"])
    units = np.column_stack([np.cos(angles), np.sin(angles)])
    assert gains == pytest.approx(np.maximum(units @ X.T, 0) @ nu / record["beta"], abs=1e-12)
    assert np.max(np.abs(gains)) <= 1 + 1e-9
    stars = sorted(math.degrees(star["angle"]) for star in rose["directions"])
    assert stars == pytest.approx([30, 90, 150], abs=1e-6)
    assert [star["gain_over_beta"] for star in rose["directions"]] == pytest.approx([1, 1, 1], abs=1e-9)
    assert [math.degrees(sector["from"]) for sector in rose["sectors"]] == pytest.approx([60, 120, 240, 300])
    assert [sector["active_samples"] for sector in rose["sectors"]] == [2, 1, 0, 1]


def test_the_band_is_what_predict_says(folder: Path) -> None:
    """Least and largest at every x of the picture, those of --predict; the vertices are in between and give the ends."""
    call = ("optima", "o4.npz", "--picture", "predictions:1", *STATED, "--format", "json")
    band = json.loads(called(*call).stdout)["picture"]
    x = np.array(band["x"])
    others = np.mean(ORACLES["O4"].dataset.X[:, 1])
    np.savez("new.npz", X=np.column_stack([x, np.full_like(x, others)]))
    found = json.loads(called("optima", "o4.npz", *STATED, "--predict", "new.npz", "--format", "json").stdout)
    assert band["least"] == pytest.approx(found["predictions"]["least"], abs=1e-12)
    assert band["largest"] == pytest.approx(found["predictions"]["largest"], abs=1e-12)
    curves = np.array(band["vertices"])
    assert np.min(curves, axis=0) == pytest.approx(band["least"], abs=1e-12)
    assert np.max(curves, axis=0) == pytest.approx(band["largest"], abs=1e-12)


def test_the_path_never_rises_and_the_straight_line_does(folder: Path) -> None:
    """Values at breakpoints are those of the record; both lines have the same ends; O8's straight line climbs over .19."""
    record = json.loads(called(*COMMANDS["path"], *STATED, "--format", "json").stdout)
    picture = record["picture"]
    times, values = (np.array(picture["path"][key]) for key in ("times", "values"))
    line = picture["straight_line"]["values"]
    assert picture["breakpoints"]["values"] == record["path"]["values"]
    assert picture["breakpoints"]["kinds"] == record["path"]["kinds"]
    at = np.interp(picture["breakpoints"]["times"], times, values)
    assert at == pytest.approx(record["path"]["values"], rel=1e-12)
    assert np.all(np.diff(values) <= 1e-12)
    assert (line[0], line[-1]) == pytest.approx((values[0], values[-1]), rel=1e-12)
    assert max(line) > 0.25
    called(*COMMANDS["path"], *STATED, "--at", "0.75", "--export", "middle.npz", "-q")
    checked = json.loads(called("stationary", "middle.npz", "o8.npz", *STATED, "--format", "json").stdout)
    assert np.interp(0.75, times, values) == pytest.approx(checked["value"], rel=1e-3)


def test_the_rose_of_a_spurious_minimum_shows_a_way_down(folder: Path) -> None:
    """Of O8: both neurons at gain beta, on their samples; the largest gain on the circle is M(nu), above beta."""
    record = json.loads(called(*COMMANDS["neurons"], *STATED, "--format", "json").stdout)
    rose, gain = record["picture"], record["gain"]
    assert [(star["number"], star["sign"]) for star in rose["directions"]] == [(0, 1), (1, 1)]
    assert [star["gain_over_beta"] for star in rose["directions"]] == pytest.approx([1, 1], abs=1e-9)
    X = ORACLES["O8"].dataset.X
    assert [math.tan(star["angle"]) for star in rose["directions"]] == pytest.approx(X[:, 1] / X[:, 0], abs=1e-9)
    largest = max(rose["curve"]["gain_over_beta"])
    assert largest == pytest.approx(gain["lower"] / gain["beta"], rel=1e-4)
    assert largest > 1.1


def test_a_great_circle_goes_through_the_heaviest_neuron(folder: Path) -> None:
    """With three weights: it is at angle 0, with gain beta, and the largest gain of all is on the circle."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 3))
    np.savez("d3.npz", X=X, y=np.abs(X[:, 0]))
    np.savez("m3.npz", **{"fc1.weight": rng.standard_normal((2, 3)), "fc2.weight": np.array([[1.0, 2.0]])})
    assert called("descend", "m3.npz", "d3.npz", *STATED, "--output", "l3.npz", "-q").returncode in (0, 1, 4)
    record = json.loads(called("stationary", "l3.npz", "d3.npz", *STATED, "--format", "json").stdout)
    rose, gain = record["picture"], record["gain"]
    heaviest = min(rose["directions"], key=lambda star: star["angle"])
    assert (heaviest["angle"], heaviest["gain_over_beta"]) == pytest.approx((0, 1), abs=1e-5)
    assert np.array(rose["plane"]) @ np.array(rose["plane"]).T == pytest.approx(np.eye(2), abs=1e-12)
    assert max(np.abs(rose["curve"]["gain_over_beta"])) == pytest.approx(gain["lower"] / gain["beta"], rel=1e-3)


def test_a_network_without_neurons_has_a_rose(folder: Path) -> None:
    """Nothing is marked; a free hidden bias, whose directions are no points of a circle, is refused after the result."""
    np.savez("zero.npz", **{"fc1.weight": np.zeros((2, 2)), "fc2.weight": np.zeros((1, 2))})
    rose = json.loads(called("stationary", "zero.npz", "o8.npz", *STATED, "--format", "json").stdout)["picture"]
    assert rose["directions"] == []
    assert called("stationary", "zero.npz", "o8.npz", *STATED, "--plot", "p.svg", "-q").returncode == 0
    np.savez("free.npz", **{"fc1.weight": np.ones((2, 2)), "fc1.bias": np.zeros(2), "fc2.weight": np.ones((1, 2))})
    free = called("stationary", "free.npz", "o8.npz", *STATED[:-1], "weights", "--plot", "q.svg", "-q")
    assert (free.returncode, len(free.stdout.splitlines())) == (2, 1)
    assert "a free hidden bias" in only_line(free.stderr)
    assert not Path("q.svg").exists()


def test_the_spectrum_is_that_of_the_record(folder: Path) -> None:
    """Levels with their multiplicity: twice .595 at width 1, .19 at 2, and the given network on it; free from 3 on."""
    record = json.loads(called(*COMMANDS["spectrum"], *STATED, "--format", "json").stdout)
    picture = record["picture"]
    for drawn, width in zip(picture["widths"], record["widths"], strict=True):
        assert (drawn["width"], drawn["least"], drawn["exact"]) == (width["width"], width["least"], width["exact"])
        assert sum(level["count"] for level in drawn["levels"]) == width["spurious"]["count"]
    (twice,), (once,) = (drawn["levels"] for drawn in picture["widths"])
    assert (twice["value"], twice["count"]) == (pytest.approx(0.595), 2)
    assert (once["value"], once["count"]) == (pytest.approx(0.19), 1)
    assert picture["no_spurious_valley_from"] == record["no_spurious_valley_from"] == 3
    assert picture["network"] == {"width": 2, "value": pytest.approx(0.19)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("optima", "o4.npz", "--plot", "p.pdf"), "neither .png nor .svg"),
        (("width", "o4.npz", "--plot", "p"), "neither .png nor .svg"),
        (("optima", "o4.npz", "--plot", "missing/p.svg"), "does not exist"),
        (("optima", "o4.npz", "--plot", "p.svg", "--output", "p.svg"), "would overwrite --output"),
        (("path", "m8.npz", "o8.npz", "--plot", "folder.svg"), "this is a directory"),
        (("optima", "o4.npz", "--plot", "p.svg", "--picture", "pie"), "'pie' is not one of"),
        (("optima", "o4.npz", "--plot", "p.svg", "--picture", "rose:1,1"), "is not one of"),
        (("optima", "o4.npz", "--plot", "p.svg", "--picture", "rose:1"), "is not one of"),
        (("optima", "o4.npz", "--plot", "p.svg", "--picture", "predictions:0"), "is not one of"),
        (("optima", "o4.npz", "--plot", "p.svg", "--picture", "staircase:1"), "is not one of"),
        (("optima", "o4.npz", "--picture", "rose"), "name a file"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_the_search(
    arguments: tuple[str, ...], words: str, folder: Path
) -> None:
    """One line, exit code 2, no result and no file."""
    (folder / "folder.svg").mkdir()
    outcome = called(*arguments, *STATED)
    assert (outcome.returncode, outcome.stdout) == (2, b"")
    assert words in only_line(outcome.stderr)
    assert not (folder / "p.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--picture", "rose:1,9"), "3 directions are listed"),
        (("--picture", "predictions:3"), "the data has 2 inputs"),
        (("--vertices", "1"), "components are not counted"),
    ],
)
def test_what_the_result_does_not_hold_is_refused_after_it(
    arguments: tuple[str, ...], words: str, folder: Path
) -> None:
    """The result is printed all the same; one line on stderr, exit code 2, no file."""
    outcome = called("optima", "o4.npz", *STATED, "--plot", "p.svg", *arguments, "-q")
    assert outcome.returncode == 2
    assert outcome.stdout.startswith(b"MANY ")
    assert words in only_line(outcome.stderr)
    assert not (folder / "p.svg").exists()


@pytest.mark.parametrize(("picture", "words"), [("predictions", "move along segments"), ("rose", "a free hidden bias")])
def test_where_biases_move_along_segments_no_band_and_no_rose_is_drawn(picture: str, words: str, folder: Path) -> None:
    """Both biases free: between the samples optima predict what no vertex does. The staircase is counted all the same."""
    data = ORACLES["O11 beta 0.01"].dataset
    np.savez("o11.npz", X=data.X, y=data.y[:, 0])
    call = ("optima", "o11.npz", *STATED[:-1], "weights", "--bias", "both", "--plot", "p.svg", "-q")
    outcome = called(*call, "--picture", picture)
    assert (outcome.returncode, outcome.stdout[:5]) == (2, b"MANY ")
    assert words in only_line(outcome.stderr)
    assert not Path("p.svg").exists()
    assert called(*call).returncode == 0
    assert Path("p.svg").exists()


WITHOUT = "import sys; sys.modules['matplotlib'] = None; from certify.cli.app import run; sys.exit(run(sys.argv[1:]))"


@pytest.mark.parametrize("kind", ["staircase", "neurons", "path", "spectrum"])
def test_without_matplotlib_one_line_says_what_to_install(kind: str, folder: Path) -> None:
    """Before the search; without --plot the command, and the numbers of the picture, do not need it."""

    def ran(*more: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-c", WITHOUT, *COMMANDS[kind], *STATED, *more]
        return subprocess.run(command, capture_output=True, env=environment(), timeout=120, check=False)

    outcome = ran("--plot", "p.svg")
    assert (outcome.returncode, outcome.stdout) == (2, b"")
    assert "pip install 'certify[plot]'" in only_line(outcome.stderr)
    numbers = ran("--format", "json")
    assert numbers.returncode == 0
    assert json.loads(numbers.stdout)["picture"]["kind"] == kind


LOADED = "import sys; from certify.cli.app import run; run(sys.argv[1:]); sys.exit('matplotlib' in sys.modules)"


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (("optima", "--help"), False),
        (("optima", "o4.npz", *STATED, "--format", "json"), False),
        (("path", "m8.npz", "o8.npz", *STATED), False),
        (("width", "o8.npz", *STATED, "--starts", "1"), False),
        (("stationary", "m8.npz", "o8.npz", *STATED), False),
        (("optima", "o4.npz", *STATED, "--plot", "p.png"), True),
    ],
)
def test_matplotlib_is_loaded_only_when_a_picture_is_drawn(
    arguments: tuple[str, ...], loaded: bool, folder: Path
) -> None:
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=120, check=False)
    assert done.returncode == loaded, done.stderr


def test_the_users_own_matplotlib_settings_do_not_count(folder: Path) -> None:
    """Nor does a display that is not there, a folder that cannot be written, or a setting that is no setting."""
    call = (*COMMANDS["staircase"], *STATED, "-q", "--plot")
    assert certify(*call, "one.svg", cwd=folder).stderr == b""
    (folder / "matplotlibrc").write_text("axes.facecolor: red\nsavefig.transparent: True\nno such thing\n")
    strange = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "MPLBACKEND": "svg", "DISPLAY": ":99"}
    outcome = certify(*call, "two.svg", cwd=folder, MATPLOTLIBRC=str(folder / "matplotlibrc"), **strange)
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert (folder / "one.svg").read_bytes() == (folder / "two.svg").read_bytes()


@pytest.mark.parametrize("picture", sorted(path.name for path in (ROOT / "docs/pictures").glob("*")))
def test_pictures_of_the_documentation_are_small_and_shown(picture: str) -> None:
    """Each is an SVG below 60 kB that docs/landscape.md or the README shows."""
    path = ROOT / "docs/pictures" / picture
    assert path.suffix == ".svg"
    assert path.stat().st_size < 60_000
    pages = (ROOT / "docs/landscape.md").read_text("utf-8") + (ROOT / "README.md").read_text("utf-8")
    assert f"pictures/{picture}" in pages
