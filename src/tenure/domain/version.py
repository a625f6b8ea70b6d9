"""Guards against changes by someone else."""

from __future__ import annotations

from collections.abc import Container

from tenure.domain.errors import PreconditionFailed, VersionConflict


def check_version(
    what: str, current: int, wanted: int | None, if_match: Container[int] | None
) -> None:
    """Refuse a change that was meant for another version: of the body, or any of `If-Match`.

    None asks for nothing. Raises PreconditionFailed, VersionConflict.
    """
    if if_match is not None and current not in if_match:
        raise PreconditionFailed(f"{what} is at version {current}")
    if wanted is not None and wanted != current:
        raise VersionConflict(f"{what} is at version {current}, not {wanted}")
