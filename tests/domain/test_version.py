from __future__ import annotations

import pytest

from tenure.domain.errors import PreconditionFailed, VersionConflict
from tenure.domain.version import check_version


def test_the_current_version_passes_and_so_does_none() -> None:
    check_version("the job", 3, None, None)
    check_version("the job", 3, 3, {2, 3})


def test_another_version_is_refused_by_what_asked_for_it() -> None:
    with pytest.raises(VersionConflict, match="the job is at version 3, not 2"):
        check_version("the job", 3, 2, None)
    with pytest.raises(PreconditionFailed, match="the job is at version 3"):
        check_version("the job", 3, 3, frozenset())
