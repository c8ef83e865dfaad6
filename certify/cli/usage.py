"""What the parser raises, and its messages on one line, with where a wrong value came from."""

from __future__ import annotations

from typing import Any

import typer

from certify.cli.configuration import option_name

# typer is built on click, in some versions on its own copy of it; ClickException <- UsageError <- BadParameter
_USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
CLICK_ERROR: type[Exception] = _USAGE_ERROR.__bases__[0]


def usage_message(error: Any) -> str:
    """The parser's message, and the help that would have prevented it."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "certify"
    return f"{message}{_origin(error, context)}; see {path} --help"


def _origin(error: Any, context: Any) -> str:
    option = getattr(error, "param", None)
    if option is None or context is None:
        return ""
    source = getattr(context.get_parameter_source(option.name), "name", "")
    if source == "ENVIRONMENT":
        return f", set by the environment variable {option.envvar}"
    if source == "DEFAULT_MAP":
        return f", set in {context.obj[option_name(option)]}"
    return ""
