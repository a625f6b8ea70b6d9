"""`shell`: runs a script of /bin/sh. Only with `--allow-scripts`."""

from __future__ import annotations

from typing import Any

from tenure.handlers.scripting import Interpreter, Script, run_script
from tenure.worker.context import Context
from tenure.worker.registry import handler

_SH = Interpreter(("/bin/sh",), ".sh")


@handler("shell")
async def shell(payload: Script, ctx: Context) -> dict[str, Any]:
    """Run `script_content`; see `tenure.handlers.scripting`."""
    return await run_script(payload, ctx, _SH)
