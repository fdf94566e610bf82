"""What each role of a project may do. The documentation's table is made from this one."""

from django.db import models

from apps.access.vocabulary import register_actions


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    MAINTAINER = "maintainer", "Maintainer"
    DATA_SCIENTIST = "data_scientist", "Data scientist"
    REVIEWER = "reviewer", "Reviewer"
    VIEWER = "viewer", "Viewer"
    AUDITOR = "auditor", "Auditor"


VIEW = {"view", "comment", "predict"}
CONTRIBUTE = {"register", "edit_card", "request_review"}
OPERATE = {"deploy", "roll_back", "retry", "manage_keys", "manage_webhooks", "move"}
MEASURE = {"evaluate"}
GOVERN = {"manage_members", "manage_project", "override_stages", "delete"}

ACTIONS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset(VIEW | CONTRIBUTE | MEASURE | OPERATE | GOVERN | {"review"}),
    Role.MAINTAINER: frozenset(VIEW | CONTRIBUTE | MEASURE | OPERATE | {"review", "delete"}),
    Role.DATA_SCIENTIST: frozenset(VIEW | CONTRIBUTE | MEASURE | {"retry"}),
    Role.REVIEWER: frozenset(VIEW | MEASURE | {"review"}),
    Role.VIEWER: frozenset(VIEW - {"predict", "comment"}),
    # Reads everything, the trail included, and never more: whatever viewers come to do.
    Role.AUDITOR: frozenset({"view"}),
}

# What each is, for the forms and lists that offer them.
TOLD = {
    "view": "see it",
    "comment": "comment on versions and reviews",
    "predict": "try models and call endpoints",
    "register": "log, register and change models, versions, tags and aliases",
    "edit_card": "edit model cards",
    "request_review": "request reviews and withdraw them",
    "evaluate": "upload evaluation data sets, and evaluate versions on them",
    "review": "approve, or ask for changes",
    "move": "move versions to stages that ask for no review",
    "deploy": "deploy, roll out, retire and cancel deployments",
    "roll_back": "roll back to an earlier deployment",
    "retry": "retry registrations, builds and deployments",
    "manage_keys": "make and revoke API keys of endpoints",
    "delete": "delete models and versions",
    "override_stages": "make stages stricter for a project",
    "manage_members": "let people into a project, and give them roles",
    "manage_project": "change settings, name prefixes and sources of a project",
    "manage_webhooks": "make and change webhooks of a project",
}
register_actions(TOLD)

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
