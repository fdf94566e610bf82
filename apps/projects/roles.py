"""What each role of a project may do. The documentation's table is made from this one."""

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    MAINTAINER = "maintainer", "Maintainer"
    DATA_SCIENTIST = "data_scientist", "Data scientist"
    REVIEWER = "reviewer", "Reviewer"
    VIEWER = "viewer", "Viewer"


VIEW = {"view", "comment", "predict"}
CONTRIBUTE = {"register", "edit_card", "request_review"}
OPERATE = {"deploy", "roll_back", "retry", "manage_keys", "move"}
GOVERN = {"manage_members", "manage_project", "override_stages", "delete"}

ACTIONS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset(VIEW | CONTRIBUTE | OPERATE | GOVERN | {"review"}),
    Role.MAINTAINER: frozenset(VIEW | CONTRIBUTE | OPERATE | {"review", "delete"}),
    Role.DATA_SCIENTIST: frozenset(VIEW | CONTRIBUTE | {"retry"}),
    Role.REVIEWER: frozenset(VIEW | {"review"}),
    Role.VIEWER: frozenset(VIEW - {"predict", "comment"}),
}

# Global roles are groups, so that sign-on can hand them out.
INFRASTRUCTURE_ADMINS = "infrastructure-admins"
AUDITORS = "auditors"
GLOBAL_ACTIONS: dict[str, frozenset[str]] = {
    INFRASTRUCTURE_ADMINS: frozenset({"view", "deploy", "roll_back", "retry", "manage_keys"}),
    AUDITORS: frozenset({"view"}),
}


def roles_that_may(action: str) -> list[str]:
    return [role for role, actions in ACTIONS.items() if action in actions]


def groups_that_may(action: str) -> list[str]:
    return [group for group, actions in GLOBAL_ACTIONS.items() if action in actions]
