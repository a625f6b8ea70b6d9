"""Files in YAML, of which JSON is a part: words are text, only `true` and `false` are booleans.

YAML 1.1 would read the key `on` as a boolean and a time as a date.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

Malformed = yaml.YAMLError


def blame(error: yaml.YAMLError) -> str:
    """What is wrong and where, in one line."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem is None or mark is None:
        return " ".join(str(error).split())
    return f"{problem} in line {mark.line + 1}"


_BOOL, _TIME = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """As YAML 1.2 has it."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOL, _TIME)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))


def load(text: str) -> Any:
    """What a file holds. Raises Malformed."""
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
