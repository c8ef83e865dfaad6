"""The command `certify`: its commands, and the wrapper that gives every outcome its exit code.

Nothing here imports numpy; the commands import what they need when they run.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from certify import __version__
from certify.cli import exit_codes
from certify.cli.check import check
from certify.cli.configuration import load_settings
from certify.cli.descend import descend
from certify.cli.inspect import inspect
from certify.cli.messages import say
from certify.cli.solve import solve
from certify.cli.verify import verify
from certify.errors import CertifyError
from certify.report.writing import discard_stdout

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 80}
CLICK_USAGE_ERROR = typer.BadParameter.__bases__[0]
CLICK_ERROR = CLICK_USAGE_ERROR.__bases__[0]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    epilog=exit_codes.SUMMARY,
)
app.command(epilog=exit_codes.SUMMARY)(check)
app.command(epilog=exit_codes.SUMMARY)(solve)
app.command(epilog=exit_codes.SUMMARY)(descend)
app.command(epilog=exit_codes.SUMMARY)(inspect)
app.command(epilog=exit_codes.SUMMARY)(verify)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"certify {__version__}")
        raise typer.Exit


@app.callback()
def certify(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Decide whether a trained two-layer ReLU network is a global minimum of its training loss, and prove it; or train one
    that is.

    Options win over environment variables (--time-limit is CERTIFY_TIME_LIMIT), and these over the keys of certify.toml
    or [tool.certify] in pyproject.toml (time-limit = 60) in the working directory.
    """
    context.default_map = _defaults(context)


def main() -> None:
    """Run the command line and exit."""
    code = run(sys.argv[1:])
    if code == exit_codes.INTERRUPTED:
        # Python remembers a KeyboardInterrupt that passed through exec() (an import does that), and would end by signal.
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Exit code of `certify ARGUMENTS`; whatever goes wrong is one line on stderr."""
    _prepare_streams()
    previous = signal.signal(signal.SIGTERM, _terminate_like_ctrl_c)
    try:
        return _job(arguments)()
    except CertifyError as error:
        kind = "" if error.exit_code == exit_codes.INTERRUPTED else "error: "
        return _fail(f"{kind}{error}", error.exit_code)
    except CLICK_ERROR as error:
        return _fail(f"error: {_usage_message(error)}", exit_codes.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted before any bound was known", exit_codes.INTERRUPTED)
    except MemoryError:
        return _fail("internal error: out of memory", exit_codes.INTERNAL)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a crash must not end with exit code 1, which is a verdict
        return _internal_error(error)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _job(arguments: list[str]) -> Callable[[], int]:
    """What the arguments ask for, ready to run.

    A job runs outside the parser, which would turn some of its exceptions into exit code 1, a verdict.
    """
    command = typer.main.get_command(app)
    try:
        job = command.main(arguments, prog_name="certify", standalone_mode=False)
    except SystemExit as exit:
        if not isinstance(exit.__context__, BrokenPipeError):
            raise
        # Nobody reads the help that was printed.
        discard_stdout()
        job = exit_codes.DONE
    if job == exit_codes.INTERRUPTED:
        raise KeyboardInterrupt
    return job if callable(job) else lambda: int(job or exit_codes.DONE)


def _defaults(context: typer.Context) -> dict[str, dict[str, Any]]:
    """The settings of the configuration files, for each command those that it has."""
    commands = context.command.commands
    options = {
        name: {_option_name(option): option for option in command.params if _is_setting(option)}
        for name, command in commands.items()
    }
    known = {option for each in options.values() for option in each} - {"help"}
    settings = load_settings(Path(), known)
    context.obj = {name: file for name, (_, file) in settings.items()}
    return {
        command: {
            option.name: _as_typed(settings[name][0], option) for name, option in each.items() if name in settings
        }
        for command, each in options.items()
    }


def _is_setting(option: Any) -> bool:
    """Whether files can set it: what the environment can set too."""
    return option.param_type_name == "option" and option.envvar is not None


def _option_name(option: Any) -> str:
    """The long name with underscores, as in `time_limit`."""
    return max(option.opts, key=len).lstrip("-").replace("-", "_")


def _as_typed(value: Any, option: Any) -> Any:
    if option.multiple:
        return value if isinstance(value, list) else [str(value)]
    return value if option.is_flag else str(value)


def _usage_message(error: Any) -> str:
    """The parser's message on one line, with where the value came from if not from the command line."""
    message = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
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
        return f", set in {context.obj[_option_name(option)]}"
    return ""


def _terminate_like_ctrl_c(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    # A background job of a shell starts with SIGINT ignored; SIGTERM must still end it.
    (handler if callable(handler) else signal.default_int_handler)(signal.SIGINT, frame)


def _prepare_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(message: str, code: int) -> int:
    say(message)
    return code


def _internal_error(error: BaseException) -> int:
    if os.environ.get("CERTIFY_DEBUG", "") not in ("", "0"):
        traceback.print_exc()
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _fail(f"internal error: {what} (CERTIFY_DEBUG=1 shows where)", exit_codes.INTERNAL)
