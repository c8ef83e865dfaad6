"""The exceptions that a user can meet; each carries one clear line.

CertifyError                  everything below; the command line turns it into its exit code
├── InputError                exit 2: something given to us cannot be used
│   ├── UnreadableFile        truncated, garbled, hostile, oversized, or holding NaN
│   ├── UnsupportedModel      readable, but not a two-layer ReLU network that we decide
│   ├── AmbiguousFile         two readings are possible; the message names the option that settles it
│   ├── ObjectiveError        the objective is not stated in full, or contradicts the network
│   └── UsageError            options that do not fit together
└── Interrupted               exit 130: Ctrl-C before there was any bound to show
"""

from __future__ import annotations


class CertifyError(Exception):
    """Base of every error that is shown to the user as one line."""

    exit_code = 3


class InputError(CertifyError):
    """Usage, configuration or unreadable input."""

    exit_code = 2


class UnreadableFile(InputError):
    """The file is missing, damaged, hostile, too large, or holds values that are not finite."""


class UnsupportedModel(InputError):
    """The file holds a model outside what certify decides; the message says what is supported."""


class AmbiguousFile(InputError):
    """More than one reading of the file is possible; the message names the option that decides."""


class ObjectiveError(InputError):
    """The objective is incomplete or does not fit the network; it is never guessed."""


class UsageError(InputError):
    """Options that are out of range or contradict one another."""


class Interrupted(CertifyError):
    """Ctrl-C arrived before any bound was known."""

    exit_code = 130
