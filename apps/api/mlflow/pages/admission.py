"""Holds each request to the door through which it comes, as is done everywhere else in mlgov."""

from functools import cache

from django.http import HttpRequest
from django.utils.module_loading import autodiscover_modules

from apps.accounts.models import User
from apps.api.mlflow.pages.answered import Address
from apps.core.admission import require_length
from apps.core.counting import count_address, count_person
from apps.core.doors import BESIDE, Door
from apps.core.errors import NotFound

NAME = "mlflow-pages"


def admit(request: HttpRequest, address: Address, user: User | None) -> None:
    """Raise for what has no door, for a body that is too long, and for one request too many."""
    door = _doors().get(address)
    if door is None:
        raise NotFound("MLflow's pages have nothing at this address.", code="no_such_endpoint")
    request.door = door  # type: ignore[attr-defined]
    require_length(request, door)
    if user is None:
        count_address(request)
    else:
        count_person(request, user.pk)


@cache
def _doors() -> dict[Address, Door]:
    autodiscover_modules("doors")
    return {(call.method, call.pattern): call.door for call in BESIDE[NAME].calls}
