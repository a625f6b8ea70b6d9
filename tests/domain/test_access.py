from __future__ import annotations

import pytest

from tenure.domain.access import GRANTS, LOCAL_ADMIN, Permission, Principal, Role

# Who may do what, written out a second time.
MAY = {
    "admin": "open read execute control script work administer",
    "user": "open read execute control",
    "viewer": "open read",
    "worker": "open work",
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_grants(role: Role, permission: Permission) -> None:
    assert Principal(role).may(permission) is (permission.value in MAY[role].split())


def test_every_role_has_grants() -> None:
    assert set(GRANTS) == set(Role)


def test_the_local_admin_has_no_account() -> None:
    assert LOCAL_ADMIN.role is Role.ADMIN
    assert LOCAL_ADMIN.id is None
