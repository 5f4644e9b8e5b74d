"""The claim of one installation as it stands outside the machine: the text of it, and how it is read back; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = re.compile(
    r"ecmbraze fence: installation (?P<installation>[0-9a-f]+) / epoch (?P<epoch>\d+) / token (?P<token>\d+-[0-9a-f]+)"
    r" / history (?P<length>\d+) (?P<digest>[0-9a-f]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Which state file may send, and how its history ended when it said so."""

    installation: str
    epoch: int
    """How often a copy was adopted."""
    token: str
    """Its number and what nobody can guess; drawn anew for each move."""
    length: int
    """How many rows the history had."""
    digest: str
    """What only the key of the history can make of its end."""

    @property
    def text(self) -> str:
        return (
            f"ecmbraze fence: installation {self.installation} / epoch {self.epoch} / token {self.token}"
            f" / history {self.length} {self.digest}"
        )

    @property
    def number(self) -> int:
        return number_of(self.token)

    @classmethod
    def read(cls, text: str) -> Claim | None:
        """Return the claim that a text is; ``None`` for any other text."""
        found = _TEXT.fullmatch(" ".join(text.split()))
        if found is None:
            return None
        return cls(
            installation=found["installation"],
            epoch=int(found["epoch"]),
            token=found["token"],
            length=int(found["length"]),
            digest=found["digest"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundClaim:
    """What stands in the place of the claim, and the lock it was read under; ``lock`` is empty where there is none."""

    text: str
    lock: str

    @property
    def claim(self) -> Claim | None:
        return Claim.read(self.text)


def number_of(token: str) -> int:
    """Return the number a token begins with; 0 of none."""
    return int(token.partition("-")[0] or 0)
