from __future__ import annotations

import pytest

from tenure.domain.access import GRANTS, LOCAL_ADMIN, Kind, Permission, Principal, Role, narrowed

# Who may do what, written out a second time.
MAY = {
    "admin": "open known read submit execute control script work account administer",
    "user": "open known read submit execute control account",
    "viewer": "open known read account",
    "worker": "open known work submit",
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
    assert LOCAL_ADMIN.kind is Kind.LOCAL


@pytest.mark.parametrize("role", list(Role))
def test_scopes_only_narrow(role: Role) -> None:
    for scope in Permission:
        principal = Principal(role, scopes=narrowed([scope]))
        for permission in Permission:
            included = permission in {scope, Permission.OPEN, Permission.KNOWN} or (
                scope is Permission.EXECUTE and permission is Permission.SUBMIT
            )
            assert principal.may(permission) is (included and Principal(role).may(permission))
