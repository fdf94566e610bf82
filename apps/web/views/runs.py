"""The log of a run, which the page asks for again and again while the run goes on."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.builds import policies as build_policies
from apps.deployments import policies as deployment_policies
from apps.evaluations import policies as evaluation_policies
from apps.registry import policies as registry_policies
from apps.runs.models import Run, RunLogLine
from apps.web.logs import lines_after, log_of

LARGEST_ID = 2**63 - 1


@login_required
@require_safe
def run_log(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The lines after `?after=<id>`, alone; without it the log as a page; `?format=text` raw."""
    run = get_object_or_404(visible_runs(request.user), pk=pk)
    if request.GET.get("format") == "text":
        return _as_text(run)
    after = request.GET.get("after")
    if after is None:
        return render(request, "web/run.html", {"run": run, "log": log_of(run)})
    if not (after.isascii() and after.isdigit()) or int(after) > LARGEST_ID:
        raise Http404("There is no such line.")
    # Read before the lines: what is written between the two is asked for next time.
    finished = run.is_finished
    lines = lines_after(run, int(after))
    last = lines[-1].pk if lines else int(after)
    more_url = "" if finished else f"{reverse('web:run_log', args=[run.pk])}?after={last}"
    return render(request, "components/log_lines.html", {"lines": lines, "more_url": more_url})


def visible_runs(user: Any) -> QuerySet[Run]:
    """Runs of the builds, rollouts, evaluations and registrations that the person may see."""
    builds = build_policies.builds.visible_to(user)
    deployments = deployment_policies.deployments.visible_to(user)
    evaluations = evaluation_policies.evaluations.visible_to(user)
    versions = registry_policies.versions.visible_to(user)
    return Run.objects.filter(
        Q(build__in=builds.values("pk"))
        | Q(rollout__deployment__in=deployments.values("pk"))
        | Q(evaluation__in=evaluations.values("pk"))
        | Q(ingest__version__in=versions.values("pk"))
        | Q(data_set_intake__version__in=versions.values("pk"))
    )


def _as_text(run: Run) -> StreamingHttpResponse:
    def written() -> Iterator[str]:
        for line in RunLogLine.objects.filter(run=run).order_by("id").iterator(chunk_size=1_000):
            yield f"{line.at:%H:%M:%S} {line.text}\n"

    return StreamingHttpResponse(written(), content_type="text/plain; charset=utf-8")
