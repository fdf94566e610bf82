from io import StringIO

import pytest
from django.core.management import call_command

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.stages.models import Environment, Stage
from mlgov.beginnings import Engine, ensure_stages
from tests import factories

pytestmark = pytest.mark.django_db
ENGINE = Engine("process", "venv", "", "Processes.")


def test_an_empty_installation_gets_stages_to_begin_with() -> None:
    assert ensure_stages(ENGINE, by=None) is True
    made = Stage.objects.values_list("slug", "environment__slug", "approvals_required")
    assert list(made) == [
        ("staging", "staging", 1),
        ("production", "production", 2),
        ("archived", None, 0),
    ]
    assert dict(Environment.objects.values_list("slug", "replicas")) == {
        "staging": 1,
        "production": 2,
    }
    assert AuditEvent.objects.filter(action="stage.create").count() == 3


def test_what_an_administrator_removed_stays_removed(owner: User) -> None:
    ensure_stages(ENGINE, by=None)
    factories.make_project(owner=owner)
    Stage.objects.all().delete()
    assert ensure_stages(ENGINE, by=None) is False
    assert not Stage.objects.exists()


def test_the_command_says_what_it_did(settings: object) -> None:
    said = StringIO()
    call_command("create_stages", stdout=said)
    call_command("create_stages", stdout=said)
    first, second = said.getvalue().splitlines()
    assert first.startswith("Made the first stages")
    assert second == "There are stages or projects already: nothing was made."
