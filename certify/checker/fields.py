"""Typed access to parsed JSON: every key, count, type and range is checked, and a failure names the place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

from certify.checker.rejection import Rejected, require, shown

_LONGEST_REAL = 32
MOST_EXPONENT = 4096


@dataclass(frozen=True, slots=True)
class Field:
    """A JSON value and where it stands; every method raises Rejected where the value is not what is asked for."""

    value: Any
    where: str

    def record(self, *keys: str) -> dict[str, Field]:
        """An object with exactly these keys."""
        require(type(self.value) is dict, f"{self.where}: expected an object, found {shown(self.value)}")
        for key in sorted(self.value.keys() ^ set(keys)):
            raise Rejected(
                f"{self.where}: " + (f"the key '{key}' is missing" if key in keys else f"unknown key {shown(key)}")
            )
        return {key: Field(value, f"{self.where}.{key}") for key, value in self.value.items()}

    def items(self, count: int | None = None, least: int = 0) -> list[Field]:
        """A list, of `count` entries where that is given."""
        return [Field(value, f"{self.where}[{i}]") for i, value in enumerate(self._list(count, least))]

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        fits = type(self.value) is int and low <= self.value <= high
        require(fits, f"{self.where}: expected an integer from {low} to {high}, found {shown(self.value)}")
        number: int = self.value
        return number

    def integers(self, count: int | None = None, low: int | None = None, high: int | None = None) -> list[int]:
        """A list of integers, each in [low, high] where these are given."""
        values = self._list(count)
        require(all(type(x) is int for x in values), f"{self.where}: expected integers alone")
        fits = (low is None or min(values, default=low) >= low) and (high is None or max(values, default=high) <= high)
        require(fits, f"{self.where}: an integer is outside {low} to {high}")
        return values

    def real(self) -> float:
        """A finite float, written exactly as C99 and float.hex() do: one spelling for each value, nothing rounded."""
        return _reals([self.value], self.where)[0]

    def reals(self, count: int | None = None) -> list[float]:
        """A list of reals."""
        return _reals(self._list(count), self.where)

    def matrix(self, rows: int | None = None, columns: int | None = None) -> list[list[float]]:
        """A list of equally long, nonempty lists of reals."""
        lines = self.items(rows, least=1)
        columns = columns if columns is not None else len(lines[0]._list(None, 1))
        return [line.reals(columns) for line in lines]

    def word(self, *choices: str) -> str:
        """One of the words."""
        fits = type(self.value) is str and self.value in choices
        require(fits, f"{self.where}: expected {' or '.join(choices)}, found {shown(self.value)}")
        word: str = self.value
        return word

    def digest(self) -> str:
        """A SHA-256 in lower-case hexadecimal."""
        text: str = self.value
        fits = type(text) is str and len(text) == 64 and set(text) <= set("0123456789abcdef")
        require(fits, f"{self.where}: expected a SHA-256 in hexadecimal, found {shown(text)}")
        return text

    @property
    def absent(self) -> bool:
        """Whether the value is null."""
        return self.value is None

    def _list(self, count: int | None, least: int = 0) -> list[Any]:
        require(type(self.value) is list, f"{self.where}: expected a list, found {shown(self.value)}")
        fits = len(self.value) == count if count is not None else len(self.value) >= least
        wanted = count if count is not None else f"at least {least}"
        require(fits, f"{self.where}: expected {wanted} entries, found {len(self.value)}")
        values: list[Any] = self.value
        return values


def _reals(texts: list[Any], where: str) -> list[float]:
    return [value if (value := _real(text)) is not None else _refuse(text, where) for text in texts]


def _real(text: Any) -> float | None:
    if type(text) is not str or len(text) > _LONGEST_REAL:
        return None
    try:
        value = float.fromhex(text)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) and value.hex() == text else None


def _refuse(text: Any, where: str) -> NoReturn:
    raise Rejected(f"{where}: expected a real such as '{(1.5).hex()}', found {shown(text)}")
