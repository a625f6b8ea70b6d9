"""The diagram of `docs/lifecycle.md`. `python -m tests.docs.lifecycle` writes it anew."""

from __future__ import annotations

from pathlib import Path

from tenure.domain.lifecycle import mermaid

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"
BEGIN = "<!-- lifecycle: written by `python -m tests.docs.lifecycle` -->\n"
END = "<!-- lifecycle: end -->\n"


def split(page: str) -> tuple[str, str, str]:
    """What stands before the diagram, the diagram's block, and what stands after."""
    before, _, rest = page.partition(BEGIN)
    block, _, after = rest.partition(END)
    return before, block, after


def block() -> str:
    """The diagram as a Markdown block."""
    return f"```mermaid\n{mermaid()}```\n"


if __name__ == "__main__":
    head, _, tail = split(PAGE.read_text("utf-8"))
    PAGE.write_text(f"{head}{BEGIN}{block()}{END}{tail}", "utf-8")
