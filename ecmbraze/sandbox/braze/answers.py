"""A refusal with its status and message, as Braze words it."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """End a request with a status and a body."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"message": message, **more}
