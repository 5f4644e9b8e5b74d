"""config.example.yaml as a user of a sandbox with the world of the example writes it."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from ecmbraze.cli.app import run
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.rehearsal import Result

EXAMPLE = (Path(__file__).parents[1] / "config.example.yaml").read_text(encoding="utf-8")


class Desk:
    """The example as a user of this sandbox writes it, in a folder of their own."""

    def __init__(self, box: RemoteSandbox, folder: Path) -> None:
        self.box, self.folder, self.path = box, folder, folder / "ecmbraze.yaml"
        self.secrets = {"ECM_PASSWORD": box.password, "BRAZE_API_KEY": box.api_key}
        self.columns = "200"

    def text(self, *changes: tuple[str, str]) -> str:
        """Return the example on this sandbox, with some of its text replaced; raises where the text is not there."""
        text = EXAMPLE
        for old, new in changes:
            assert old in text, f"config.example.yaml has no {old!r} any more"
            text = text.replace(old, new, 1)
        for old, new in (
            ("https://ecm.example.com/otcs/cs.exe", self.box.ecm),
            ("svc-ecmbraze ", f"{self.box.username} "),
            ("https://rest.fra-01.braze.eu", self.box.braze),
            ("/var/lib/ecmbraze/state.db", "state.db"),
        ):
            text = text.replace(old, new, 1)
        return text

    def write(self, *changes: tuple[str, str]) -> None:
        self.path.write_text(self.text(*changes), encoding="utf-8")

    def ecmbraze(self, *arguments: str) -> Result:
        """Run one command to its end, in this process."""
        out, err = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, self.environ()), redirect_stdout(out), redirect_stderr(err):
            code = run(["-c", str(self.path), *arguments])
        return Result(code, out.getvalue(), err.getvalue())

    def environ(self) -> dict[str, str]:
        return {**self.secrets, "ECMBRAZE_NOW": self.box.now().isoformat(), "COLUMNS": self.columns}
