"""Why somebody may or may not do something, for objects of all kinds."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.access import asking, explanations
from apps.core.errors import Invalid
from apps.core.pages import answer, put_on_form
from apps.web.access_forms import WhyForm
from apps.web.objects import page_of

ICONS = {
    "account": "user",
    "token": "key-round",
    "administrator": "shield-check",
    "role": "users",
    "grant": "key-round",
    "rule": "lock",
}


@login_required
@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Why a person may or may not do something: a question in the address, answered below."""
    user: Any = request.user
    form = WhyForm(request.GET if "object" in request.GET else None)
    found, refusal, url = None, None, None
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            found = asking.why(
                user,
                person=given["person"],
                action=given["action"],
                named=given["object"],
                wanted={"stage": given["stage"]} if given["stage"] else {},
            )
        except Invalid as error:
            # What somebody may not see, or ask, has no page: only what is wrong stands here.
            refusal = error
            put_on_form(form, error)
        else:
            url = page_of(found.obj._meta.label_lower, str(found.obj.pk), user=user)
    context = {
        "section": "access",
        "form": form,
        "found": found,
        "object_url": url,
        "reasons": _told(found) if found else [],
        "reads_all": explanations.reads_all(user),
        "kinds": asking.kinds(),
    }
    status = 422 if form.is_bound and found is None else 200
    return answer(request, "access/why.html", context, refusal=refusal, status=status)


def _told(found: asking.Answer) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason,
            "icon": ICONS.get(reason.kind, "info"),
            "tone": "green" if reason.allows else "red",
        }
        for reason in found.explanation.reasons
    ]
