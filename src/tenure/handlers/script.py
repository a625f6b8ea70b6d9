"""`python`: runs a Python script. Only with `--allow-scripts`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tenure.handlers.scripting import Interpreter, Script, run_script
from tenure.worker.context import Context
from tenure.worker.registry import handler

ScriptHandler = Callable[[Script, Context], Awaitable[dict[str, Any]]]


def python_handler(interpreter: str | None = None) -> ScriptHandler:
    """The handler of type `python`. `interpreter` (a path) runs the scripts with `-I`; None is the
    worker's own, its libraries included."""
    chosen = Interpreter((interpreter or sys.executable, "-I", "-u"), ".py")

    @handler("python")
    async def python(payload: Script, ctx: Context) -> dict[str, Any]:
        """Run `script_content`; see `tenure.handlers.scripting`."""
        return await run_script(payload, ctx, chosen)

    return python
