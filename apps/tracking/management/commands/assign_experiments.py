"""Gives experiments that exist on the tracking server to a project."""

import argparse
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.context import acting
from apps.core.errors import DomainError
from apps.projects.models import Project
from apps.tracking import services, upstream
from apps.tracking.models import Experiment

PATH = "/api/2.0/mlflow/experiments/search"
PAGE = 1000


class Command(BaseCommand):
    help = (
        "Give experiments of the tracking server to a project: those with an id, those whose name "
        "begins with a text, or all that belong to none. Run twice it changes nothing."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("project", help="short name of the project")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--ids", nargs="+", metavar="ID", help="ids of experiments")
        which.add_argument("--name-prefix", metavar="TEXT", help="how their names begin")
        which.add_argument(
            "--all", action="store_true", help='all but the server\'s "Default", which --ids names'
        )
        parser.add_argument(
            "--move", action="store_true", help="take them from another project, too"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project “{options['project']}”.")
        try:
            found = [row for row in _experiments() if _is_meant(row, options)]
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        missing = set(options["ids"] or ()) - {str(row["experiment_id"]) for row in found}
        if missing:
            raise CommandError(
                f"The tracking server has no experiment {', '.join(sorted(missing))}. Nothing was "
                "changed."
            )
        counts = {"assigned": 0, "left": 0, "there already": 0}
        with acting(via="command"):
            for row in found:
                counts[self._assign(row, project, options)] += 1
        said = ", ".join(f"{number} {what}" for what, number in counts.items())
        self.stdout.write(f"{said}{' (nothing was changed)' if options['dry_run'] else ''}")

    def _assign(self, row: dict[str, Any], project: Project, options: dict[str, Any]) -> str:
        experiment_id = str(row["experiment_id"])
        owner = (
            Experiment.objects.select_related("project").filter(experiment_id=experiment_id).first()
        )
        what = f"{experiment_id} {row.get('name', '')}"
        if owner is not None and owner.project_id == project.pk:
            return "there already"
        if owner is not None and not options["move"]:
            self.stdout.write(f"left: {what} belongs to {owner.project.slug}")
            return "left"
        if not options["dry_run"]:
            try:
                services.assign_experiment(experiment_id, project=project, by=None, move=True)
            except DomainError as refusal:
                raise CommandError(refusal.message) from None
        self.stdout.write(f"assigned: {what}")
        return "assigned"


def _is_meant(row: dict[str, Any], options: dict[str, Any]) -> bool:
    if options["ids"]:
        return str(row["experiment_id"]) in options["ids"]
    if str(row["experiment_id"]) == "0":
        # Runs of everybody may lie in it, so it is given away by its number only.
        return False
    return options["all"] or str(row.get("name", "")).startswith(options["name_prefix"])


def _experiments() -> Iterator[dict[str, Any]]:
    """All that the server has, deleted ones too."""
    body: dict[str, Any] = {"max_results": PAGE, "view_type": "ALL"}
    while True:
        answer = upstream.client().post_json(PATH, body, "list of experiments")
        yield from answer.get("experiments") or []
        if not answer.get("next_page_token"):
            return
        body["page_token"] = answer["next_page_token"]
