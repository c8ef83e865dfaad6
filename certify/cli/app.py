"""The command `certify`: its commands, and the wrapper that gives every outcome its exit code.

Nothing here imports numpy; the commands import what they need when they run.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from certify import __version__
from certify.cli import exit_codes
from certify.cli.commands import commands
from certify.cli.configuration import command_defaults
from certify.cli.inputs import limit_library_threads
from certify.cli.messages import say
from certify.cli.parsing import Job
from certify.cli.streams import prepare_streams, settle_streams
from certify.cli.usage import CLICK_ERROR, usage_message
from certify.errors import CertifyError
from certify.report.writing import write_to_stdout

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog=exit_codes.SUMMARY,
)
for _command in commands():
    app.command(epilog=exit_codes.SUMMARY)(_command)


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
    group: Any = context.command
    context.default_map, context.obj = command_defaults(group.commands, Path())


def main() -> None:
    """Run the command line and exit."""
    code = run(sys.argv[1:])
    if code == exit_codes.INTERRUPTED:
        # Python remembers a KeyboardInterrupt that passed through exec() (an import does that), and would end by signal.
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Exit code of `certify ARGUMENTS`; whatever goes wrong is one line on stderr."""
    prepare_streams()
    previous = signal.getsignal(signal.SIGTERM)
    if previous is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _terminate_like_ctrl_c)
    try:
        return _outcome(arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)
        settle_streams()


def _outcome(arguments: list[str]) -> int:
    try:
        job = _job(arguments)
        limit_library_threads()
        return job()
    except CertifyError as error:
        kind = "" if error.exit_code == exit_codes.INTERRUPTED else "error: "
        return _fail(f"{kind}{error}", error.exit_code)
    except CLICK_ERROR as error:
        return _fail(f"error: {usage_message(error)}", exit_codes.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted before any bound was known", exit_codes.INTERRUPTED)
    except MemoryError:
        return _fail("internal error: out of memory", exit_codes.INTERNAL)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a crash must not end with exit code 1, which is a verdict
        return _internal_error(error)


def _job(arguments: list[str]) -> Job:
    """What the arguments ask for, ready to run; help and version are printed at once.

    The parser writes to a buffer, because the streams may be closed, full, or read by nobody; on stderr it says nothing but
    the line end with which it answers Ctrl-C.
    """
    command = typer.main.get_command(app)
    with redirect_stdout(io.StringIO()) as printed, redirect_stderr(io.StringIO()):
        job = command.main(arguments, prog_name="certify", standalone_mode=False)
    if callable(job):
        ready: Job = job
        return ready
    if job == exit_codes.INTERRUPTED:
        raise KeyboardInterrupt
    write_to_stdout(printed.getvalue())
    return lambda: int(job or exit_codes.DONE)


def _terminate_like_ctrl_c(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    # A background job of a shell starts with SIGINT ignored, and stays so; SIGTERM must still end it.
    (handler if callable(handler) else signal.default_int_handler)(signal.SIGINT, frame)


def _fail(message: str, code: int) -> int:
    say(message)
    return code


def _internal_error(error: BaseException) -> int:
    if os.environ.get("CERTIFY_DEBUG", "") not in ("", "0") and sys.stderr is not None:
        traceback.print_exc()
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _fail(f"internal error: {what} (CERTIFY_DEBUG=1 shows where)", exit_codes.INTERNAL)
