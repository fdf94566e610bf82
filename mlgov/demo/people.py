"""Who takes part in the demo, and what an administrator prepares for them.

Everything here can be done in the admin and on the project's pages as well. Running it again
finds what is there.
"""

from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db import transaction

from apps.accounts import services as account_services
from apps.accounts.models import User
from apps.audit.services import record
from apps.core.context import acting
from apps.projects import services as project_services
from apps.projects.models import Project, ReviewerRole
from apps.projects.roles import INFRASTRUCTURE_ADMINS
from apps.stages.models import Stage
from mlgov.beginnings import Engine, ensure_stages

PROJECT = "justice"


@dataclass(frozen=True)
class Person:
    username: str
    name: str
    does: str
    role: str = ""
    reviews_as: str = ""


PEOPLE = (
    Person("ada", "Ada Lindqvist", "data scientist", role="data_scientist"),
    Person("dora", "Dora Osei", "reviewer, domain", role="reviewer", reviews_as="domain"),
    Person("rafael", "Rafael Kim", "reviewer, risk", role="reviewer", reviews_as="risk"),
    Person("olga", "Olga Marin", "project owner", role="owner"),
    Person("ines", "Ines Novak", "infrastructure admin"),
    Person("admin", "Alex Weber", "administrator"),
)
REVIEWER_ROLES = {
    "domain": "Knows the field that the model is used in.",
    "risk": "Answers for what the model may do wrong.",
}


@transaction.atomic
def prepare(engine: Engine, passwords: dict[str, str]) -> dict[str, User]:
    """People, a project, environments and the stages `Staging` and `Production`."""
    with acting(via="command"):
        people = {person.username: _person(person, passwords) for person in PEOPLE}
        admin = people["admin"]
        roles = {
            slug: ReviewerRole.objects.get_or_create(
                slug=slug, defaults={"name": slug.title(), "description": description}
            )[0]
            for slug, description in REVIEWER_ROLES.items()
        }
        ensure_stages(engine, by=admin)
        if not Project.objects.filter(slug=PROJECT).exists():
            _ask_both_roles(roles, by=admin)
            project = project_services.create_project(
                slug=PROJECT,
                name="Justice analytics",
                description="Models on the handling of minor arrests.",
                by=people["olga"],
            )
            for person in PEOPLE:
                if person.role and person.role != "owner":
                    project_services.set_member(
                        project,
                        user=people[person.username],
                        role=person.role,
                        reviewer_roles=[roles[person.reviews_as]] if person.reviews_as else [],
                        by=people["olga"],
                    )
    return people


def _person(person: Person, passwords: dict[str, str]) -> User:
    user = User.objects.filter(username=person.username).first()
    if user is None:
        is_admin = person.username == "admin"
        user = User.objects.create_user(
            username=person.username,
            name=person.name,
            email=f"{person.username}@example.org",
            password=passwords[person.username],
            is_staff=is_admin,
            is_superuser=is_admin,
        )
        record(actor=None, action="user.create", obj=user)
        if person.username == "ines":
            user.groups.add(Group.objects.get_or_create(name=INFRASTRUCTURE_ADMINS)[0])
    return user


def new_token(user: User, name: str) -> str:
    """A token for the programs of the demo, in place of the one of the last start."""
    with transaction.atomic(), acting(via="command"):
        for token in user.access_tokens.filter(name=name, revoked_at=None):
            account_services.revoke_token(token, by=user)
        return account_services.create_token(user, name=name, by=user)[1]


def _ask_both_roles(roles: dict[str, ReviewerRole], *, by: User) -> None:
    """Both stages want an approval of each role, as the administrator sets it in the admin."""
    for stage in Stage.objects.filter(project=None, slug__in=["staging", "production"]):
        stage.approvals_required = 2
        stage.save(update_fields=["approvals_required"])
        stage.required_roles.set(roles.values())
        record(actor=by, action="stage.edit", obj=stage, data={"required_roles": sorted(roles)})
