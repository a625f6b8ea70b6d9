"""Asking a person for a password, or a script for one."""

from __future__ import annotations

import sys

from tenure.domain.errors import InvalidInput


def ask_password(label: str = "Password", *, twice: bool = False) -> str:
    """A password, unseen from the terminal, or the next line of stdin when that is none.

    Never from the command line, where others could read it. Raises InvalidInput.
    """
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if not line.rstrip("\r\n"):
            raise InvalidInput("stdin has no line with a password")
        return line.rstrip("\r\n")
    from getpass import getpass

    password = getpass(f"{label}: ")
    if twice and getpass(f"{label} again: ") != password:
        raise InvalidInput("the passwords differ")
    return password
