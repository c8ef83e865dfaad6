"""From a function of arguments and a Request to a command that typer parses.

A command is written as

    @options("bias", *SEARCH)
    def solve(data: DataArgument, request: Request) -> int:
        \"\"\"The help.\"\"\"

and comes to have the options --bias, --eps, ... as Request declares them. Parsing gives a job: it runs outside the parser, which
would turn some of its exceptions into exit code 1, a verdict.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints

from certify.cli.request import Request

Job = Callable[[], int]


def options(*names: str) -> Callable[[Callable[..., int]], Callable[..., Job]]:
    """Turn a function whose last parameter is a Request into a command with these of its options, in this order.

    Raises KeyError for a name that Request does not have.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., Job]:
        arguments = list(inspect.signature(command, eval_str=True).parameters.values())[:-1]

        def parsed(**values: Any) -> Job:
            given = [values.pop(argument.name) for argument in arguments]
            return partial(command, *given, Request(**values))

        signature = inspect.Signature([*map(_keyword_only, arguments), *map(_option, names)])
        parsed.__signature__ = signature  # type: ignore[attr-defined]
        parsed.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
        parsed.__name__, parsed.__doc__, parsed.__module__ = command.__name__, command.__doc__, command.__module__
        return parsed

    return decorate


_FIELDS = {field.name: field for field in dataclasses.fields(Request)}
_ANNOTATIONS = get_type_hints(Request, include_extras=True)


def _option(name: str) -> inspect.Parameter:
    default = _FIELDS[name].default
    if default is dataclasses.MISSING:  # the option's own default_factory gives it
        default = inspect.Parameter.empty
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_ANNOTATIONS[name])


def _keyword_only(argument: inspect.Parameter) -> inspect.Parameter:
    return argument.replace(kind=inspect.Parameter.KEYWORD_ONLY)
