"""Names of aliases and tags that not everybody may set or delete.

Whether a version is promoted is known above the registry: the app that knows says how to ask.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from django.db.models import Q

from apps.accounts.models import User
from apps.core.errors import NotPermitted
from apps.core.prepared import Prepared, object_of, with_related
from apps.projects.models import Membership, Project
from apps.projects.roles import Role
from apps.registry.models import LabelKind, LabelRule, ModelVersion

NOUNS = {
    LabelKind.ALIAS: "alias",
    LabelKind.MODEL_TAG: "tag",
    LabelKind.VERSION_TAG: "tag",
}
PLURALS = {
    Role.OWNER: "owners",
    Role.MAINTAINER: "maintainers",
    Role.DATA_SCIENTIST: "data scientists",
}
_promoted: list[Callable[[ModelVersion], bool]] = []


def ask_for_promotion(is_promoted: Callable[[ModelVersion], bool]) -> None:
    """Let rules that wait for the promotion of a version ask here."""
    if is_promoted not in _promoted:
        _promoted.append(is_promoted)


def rules_of(project: Project) -> list[LabelRule]:
    """What holds in a project: the rules of all projects, and its own."""
    return list(
        LabelRule.objects.filter(Q(project=None) | Q(project=project)).select_related("project")
    )


def require(
    project: Project,
    kind: LabelKind,
    names: Iterable[str],
    *,
    by: User,
    version: ModelVersion | None = None,
) -> None:
    """Raise `NotPermitted` where a rule keeps one of these labels from the person.

    `version` is the one that is changed; nothing that is only being made is promoted.
    """
    names = list(names)
    if not names:
        return
    for row in _RULES.rows(project=project.pk, kind=str(kind)):
        rule = object_of(row, LabelRule)
        found = next((name for name in names if fits(rule, name)), None)
        if found is None or (rule.after_promotion and not _is_promoted(version)):
            continue
        if not _is_among(rule, project, by):
            raise NotPermitted(_sentence(rule, found), code="protected_label")


_RULES = Prepared(
    lambda project, kind: with_related(
        LabelRule.objects.filter(Q(project=None) | Q(project=project), kind=kind)
    )
)


def fits(rule: LabelRule, name: str) -> bool:
    # In any case of letters: who reads “Production” takes it for “production”.
    return fnmatchcase(name.casefold(), rule.pattern.casefold())


def _is_promoted(version: ModelVersion | None) -> bool:
    return version is not None and any(asked(version) for asked in _promoted)


def _is_among(rule: LabelRule, project: Project, user: User) -> bool:
    if not rule.roles:
        return False
    if user.is_superuser:
        return True
    return Membership.objects.filter(project=project, user=user, role__in=rule.roles).exists()


def who(rule: LabelRule) -> str:
    """Who may set such labels, for a sentence and for lists."""
    people = [PLURALS[role] for role in PLURALS if role in rule.roles]
    return " and ".join(people) or "mlgov alone"


def _sentence(rule: LabelRule, name: str) -> str:
    noun = NOUNS[LabelKind(rule.kind)]
    where = "here" if rule.project_id else "in all projects"
    when = " once the version is promoted" if rule.after_promotion else ""
    if not rule.roles:
        return (
            f"The {noun} “{name}” is kept by mlgov alone{when}: a rule {where} protects "
            f"“{rule.pattern}”. Choose another name."
        )
    return (
        f"The {noun} “{name}” is set and deleted by {who(rule)} only{when}: a rule {where} "
        f"protects “{rule.pattern}”. Ask one of them, or choose another name."
    )
