"""Names of experiments, which the tracking server keeps."""

import re
from collections.abc import Iterator
from typing import Any

from apps.core.errors import DomainError
from apps.projects.models import Project
from apps.tracking import queries, upstream
from apps.tracking.models import Experiment

SEARCH = "/api/2.0/mlflow/experiments/search"
MOST_RESULTS = 1000
MOST_PAGES = 20
# What a filter of MLflow's can hold, and means itself.
PLAIN = re.compile(r"[^'\"\\\\%_`]*")


def is_taken_by_experiments(beginning: str, *, of_others_than: Project) -> bool:
    """Whether experiments of other projects have names that begin so.

    Not where the tracking server does not answer: a name that is kept is for new experiments, and
    what is there stays where it is.
    """
    try:
        for page in _pages(beginning):
            if _is_of_another(page, of_others_than):
                return True
    except DomainError:
        pass
    return False


def _pages(beginning: str) -> Iterator[list[dict[str, Any]]]:
    """Active experiments whose names begin so, in small and capital letters as they are."""
    match = PLAIN.match(beginning)
    assert match is not None
    body = {"filter": f"name LIKE '{match[0]}%'", "max_results": MOST_RESULTS}
    for _ in range(MOST_PAGES):
        answer = upstream.client().post_json(SEARCH, body, "experiments")
        found = answer.get("experiments") or []
        yield [row for row in found if str(row.get("name", "")).startswith(beginning)]
        if not answer.get("next_page_token"):
            return
        body["page_token"] = answer["next_page_token"]


def _is_of_another(page: list[dict[str, Any]], project: Project) -> bool:
    ids = [str(row.get("experiment_id")) for row in page]
    homes = dict(
        Experiment.objects.filter(experiment_id__in=ids).values_list(
            "experiment_id", "project__slug"
        )
    )
    # One that has no row yet says in a tag whose it is; the rest is nobody's.
    slugs = (homes.get(str(row.get("experiment_id"))) or queries.project_slug(row) for row in page)
    return any(slug and slug != project.slug for slug in slugs)
