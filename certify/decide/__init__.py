"""From bounds to a verdict."""

from certify.decide.check import check_network
from certify.decide.options import CheckOptions, Progress

__all__ = ["CheckOptions", "Progress", "check_network"]
