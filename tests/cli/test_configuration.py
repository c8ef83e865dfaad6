"""Settings: options win over the environment, and that over the files of the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import certify, only_line

from certify.cli.app import run
from certify.cli.configuration import load_settings
from certify.errors import UsageError

KNOWN = {"eps", "time_limit", "quiet", "map"}


def write(folder: Path, **texts: str) -> None:
    """Write pyproject.toml (`project`) and certify.toml (`own`)."""
    for name, text in texts.items():
        (folder / {"project": "pyproject.toml", "own": "certify.toml"}[name]).write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        {"project": '[tool.certify]\neps = 1e-3\ntime-limit = "5"\n[tool.other]\neps = 2\n'},
        {"project": "[tool.certify.check]\neps = 1e-3\ntime_limit = 5"},
        {"own": "eps = 1e-3\ntime-limit = 5\n[objective]\nloss = 'squared'"},
        {"own": "[check]\neps = 1e-3\ntime-limit = 5"},
        {"own": "[tool.certify]\neps = 1e-3\ntime-limit = 5"},
        {"project": "[tool.certify]\neps = 0.5\ntime-limit = 5", "own": "eps = 1e-3"},
    ],
)
def test_every_place_for_a_key(files: dict[str, str], tmp_path: Path) -> None:
    """Both files state the same settings, and certify.toml wins; the table [objective] is left to the model."""
    write(tmp_path, **files)
    settings = load_settings(tmp_path, KNOWN)
    assert {name: value for name, (value, _) in settings.items()} == {"eps": "0.001", "time_limit": "5"}
    assert settings["eps"][1] == ("certify.toml" if "own" in files else "pyproject.toml")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"project": "[tool.certify]\nepsilon = 1"}, "pyproject.toml: unknown key 'epsilon'; did you mean 'eps'"),
        ({"own": "[check]\nzzz = 1"}, "certify.toml: unknown key 'zzz'; the keys are: eps, map, quiet, time-limit"),
        ({"own": "[chek]\neps = 1"}, "unknown key 'chek'"),
        ({"own": "eps = "}, "certify.toml: not valid TOML"),
        ({"own": "check = 3"}, "a table"),
        ({"project": "tool = 3"}, "a table"),
        ({"own": "eps = 2020-01-01"}, "eps must be"),
        ({"own": "map = [1]"}, "map must be"),
    ],
)
def test_a_wrong_setting_is_an_error(files: dict[str, str], words: str, tmp_path: Path) -> None:
    """The message names the file, the key, and what was expected."""
    write(tmp_path, **files)
    with pytest.raises(UsageError) as caught:
        load_settings(tmp_path, KNOWN)
    assert words in str(caught.value)


def test_no_file_sets_nothing(tmp_path: Path) -> None:
    """A pyproject.toml of another project is not ours."""
    write(tmp_path, project="[project]\nname = 'other'")
    assert load_settings(tmp_path, KNOWN) == {}


@pytest.mark.parametrize(
    ("own", "variables", "options", "words"),
    [
        ("eps = 2", {}, [], "--eps': 2 is not above 0 and below 1; 1e-4 is usual, set in certify.toml"),
        ("eps = 2", {"CERTIFY_EPS": "3"}, [], "3 is not above 0 and below 1; 1e-4 is usual, set by the environment"),
        ("eps = 2", {"CERTIFY_EPS": "3"}, ["--eps", "4"], "4 is not above 0 and below 1; 1e-4 is usual; see"),
        ("time-limit = true", {}, [], "--time-limit"),
        ("threads = 1.5", {}, [], "set in certify.toml"),
        ("eps = [1]", {}, [], "certify.toml: eps must be"),
        ("quiet = true\nverbose = true", {}, [], "-q and -v exclude one another"),
        ("", {"CERTIFY_QUIET": "1"}, ["-v"], "-q and -v exclude one another"),
        ("map = ['hidden=W']", {}, [], "--map hidden=W"),
        ("map = 'hidden=W'", {}, [], "--map hidden=W"),
        ("help = true", {}, [], "unknown key 'help'"),
    ],
)
def test_precedence(
    own: str,
    variables: dict[str, str],
    options: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The strongest source is the one that an error names."""
    write(tmp_path, own=own)
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(["check", "m", "d", *options]) == 2
    assert words in only_line(capsys.readouterr().err.encode())


def test_settings_from_outside(tmp_path: Path) -> None:
    """A real process reads them too."""
    write(tmp_path, own="eps = 2")
    outcome = certify("check", "m", "d", cwd=tmp_path, CERTIFY_EPS="3")
    assert "3 is not above 0 and below 1; 1e-4 is usual, set by the environment" in only_line(outcome.stderr)
    assert outcome.returncode == 2


def test_help_and_version_need_no_settings(tmp_path: Path) -> None:
    """A broken settings file does not hide the version nor the overview."""
    write(tmp_path, own="eps = ")
    assert certify("--version", cwd=tmp_path).returncode == 0
    assert certify("--help", cwd=tmp_path).returncode == 0
