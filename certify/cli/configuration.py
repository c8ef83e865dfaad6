"""Settings from files: `[tool.certify]` of pyproject.toml and `certify.toml`, both in the working directory.

The keys are the long options of the commands, without the dashes in front. certify.toml may hold them at its top or in a
table [check], beside a table [objective], which belongs to the model next to it. Where both files set a key, certify.toml wins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from certify.errors import UsageError

Settings = dict[str, Any]


def command_defaults(commands: Mapping[str, Any], directory: Path) -> tuple[dict[str, Settings], dict[str, str]]:
    """For each of typer's commands the settings that it has, as its options' defaults; and which file sets an option.

    Raises UsageError as load_settings does.
    """
    options = {
        name: {option_name(option): option for option in command.params if _is_setting(option)}
        for name, command in commands.items()
    }
    settings = load_settings(directory, {option for each in options.values() for option in each})
    defaults = {
        command: {
            option.name: _as_typed(settings[name][0], option) for name, option in each.items() if name in settings
        }
        for command, each in options.items()
    }
    return defaults, {name: file for name, (_, file) in settings.items()}


def option_name(option: Any) -> str:
    """The long name of one of typer's options, with underscores, as in `time_limit`."""
    return str(max(option.opts, key=len)).lstrip("-").replace("-", "_")


def load_settings(directory: Path, known: Collection[str]) -> dict[str, tuple[Any, str]]:
    """Option name with underscores -> (value, the file that sets it).

    Raises UsageError for a file that is not TOML, a key that no command has, and a value that no option takes.
    """
    settings: dict[str, tuple[Any, str]] = {}
    for path, table in ((directory / "pyproject.toml", _project_table), (directory / "certify.toml", _own_table)):
        if path.is_file():
            for key, value in table(_parsed(path), path).items():
                name = _known_name(key, known, path)
                settings[name] = (_value(value, key, path), path.name)
    return settings


def _is_setting(option: Any) -> bool:
    """Whether files can set it: what the environment can set too."""
    return option.param_type_name == "option" and option.envvar is not None


def _as_typed(value: Any, option: Any) -> Any:
    if option.multiple:
        return value if isinstance(value, list) else [str(value)]
    return value if option.is_flag else str(value)


def _project_table(document: Settings, path: Path) -> Settings:
    return _flattened(_table(_table(document, "tool", path), "certify", path), path)


def _own_table(document: Settings, path: Path) -> Settings:
    rest = {key: value for key, value in document.items() if key not in ("objective", "tool")}
    return _project_table(document, path) | _flattened(rest, path)


def _flattened(table: Settings, path: Path) -> Settings:
    plain = {key: value for key, value in table.items() if key != "check"}
    return plain | _table(table, "check", path)


def _table(parent: Settings, key: str, path: Path) -> Settings:
    table = parent.get(key, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path.name}: {key} is a value; a table [{key}] was expected")
    return table


def _parsed(path: Path) -> Settings:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path.name}: not valid TOML: {error}") from error
    except OSError as error:
        raise UsageError(f"{path.name}: cannot be read: {error.strerror}") from error


def _known_name(key: str, known: Collection[str], path: Path) -> str:
    name = key.replace("-", "_")
    if name in known:
        return name
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    options = ", ".join(sorted(option.replace("_", "-") for option in known))
    hint = f"did you mean {near[0].replace('_', '-')!r}?" if near else f"the keys are: {options}"
    raise UsageError(f"{path.name}: unknown key {key!r}; {hint}")


def _value(value: Any, key: str, path: Path) -> Any:
    """Scalars as the words one would type, so that an option reads a file and a command line alike."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise UsageError(f"{path.name}: {key} must be a string, a number, true or false, or a list of strings")
