"""python -m certify.checker [--paranoid] CERT: decide a certificate that carries its arrays, with Python alone.

Exit codes: 0 accepted, 5 rejected (the reason on one line), 2 usage, no arrays, or a file that cannot be opened, 3 internal error.
"""

from __future__ import annotations

import os
import sys

from certify.checker.claims import decide
from certify.checker.document import read_bytes
from certify.checker.rejection import Rejected, WithoutArrays

ACCEPTED, USAGE, INTERNAL, REJECTED = 0, 2, 3, 5
_USAGE = "usage: python -m certify.checker [--paranoid] CERT"


def main(arguments: list[str]) -> int:
    """The exit code for these arguments; the answer goes to stdout."""
    paths = [argument for argument in arguments if argument != "--paranoid"]
    if len(paths) != 1 or paths[0].startswith("-"):
        print(_USAGE, file=sys.stderr)
        return USAGE
    try:
        accepted = decide(read_bytes(paths[0]), paranoid=len(paths) < len(arguments))
    except Rejected as reason:
        return _said(f"REJECTED {reason}", REJECTED)
    except OSError as error:
        print(f"cannot read {paths[0]!a}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    except WithoutArrays as reason:
        print(reason, file=sys.stderr)
        return USAGE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a crash must not read as an answer
        print(f"internal error: {type(error).__name__}: {str(error)!a}", file=sys.stderr)
        return INTERNAL
    return _said("\n".join(accepted.lines()), ACCEPTED)


def _said(answer: str, code: int) -> int:
    """The code, once the answer is out; a pipe that nobody reads, or a full disk, has not heard it."""
    try:
        print(answer, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes nowhere
        print(f"cannot write the answer: {error.strerror or error}", file=sys.stderr)
        return INTERNAL
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
