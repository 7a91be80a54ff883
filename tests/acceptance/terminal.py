"""The command line of somebody who logs in to a server."""

import os
import re
import subprocess
from pathlib import Path

from harness import PATIENCE, Installation


class Terminal:
    """The command line of somebody, with a home of their own."""

    def __init__(self, installation: Installation, home: Path):
        self.installation, self.home = installation, home
        home.mkdir()
        self.variables = {"HOME": str(home), "XDG_CONFIG_HOME": ""}
        self.file = home / ".config/modelport/logins.json"

    def start(self, *arguments: str) -> subprocess.Popen:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return self.installation.spawn(*arguments, variables=self.variables, **pipes)

    def run(self, *arguments: str, expect: int = 0) -> str:
        """What a command says: its output, or its error where it fails."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=4 * PATIENCE)
        assert process.returncode == expect, f"{arguments}: {output}{errors}"
        return errors if expect else output

    def spoil(self, token: str) -> None:
        """Puts one that counts no longer in the place of the token."""
        text = self.file.read_text()
        assert token in text
        self.file.write_text(text.replace(token, token[:-8] + "AAAAAAAA"))

    def with_token(self, server: str, token: str, expect: int = 0) -> None:
        command = ["login", "--with-token", "--server", server]
        process = subprocess.run(
            [*self.installation.enter, os.environ["MODELPORT_BIN"], *command],
            env={**os.environ, **self.variables},
            input=f"{token}\n",
            capture_output=True,
            text=True,
        )
        assert process.returncode == expect, process.stderr


class Asked:
    """A login that waits for somebody."""

    def __init__(self, terminal: Terminal, *arguments: str):
        self.process = terminal.start("login", *arguments)
        self.code = re.search(r"the code (\S+)$", self.line())[1]
        self.url = re.search(r"or go to (\S+)$", self.line())[1]

    def line(self) -> str:
        return self.process.stderr.readline().rstrip("\n")

    def end(self) -> tuple[int, str]:
        output, errors = self.process.communicate(timeout=2 * PATIENCE)
        return self.process.returncode, output + errors
