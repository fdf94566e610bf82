"""Copy the models of an MLflow registry into a project."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from apps.accounts.models import User
from apps.core.context import acting
from apps.core.errors import DomainError
from apps.projects.models import Project

try:
    from mlgov import importing
except ImportError:  # MLflow comes with an extra
    importing = None  # type: ignore[assignment]


class Command(BaseCommand):
    help = (
        "Copy registered models, versions, tags, aliases, stages and artifacts from an MLflow "
        "registry. Versions keep their numbers. What is there already is left as it is, so an "
        "import that was interrupted is continued by starting it again. Credentials are read "
        "from MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "origin", help="What you would set MLFLOW_TRACKING_URI to, e.g. https://mlflow.team."
        )
        parser.add_argument(
            "--registry", default="", help="MLFLOW_REGISTRY_URI, where it is another one."
        )
        parser.add_argument("--project", required=True, help="Short name of the project.")
        parser.add_argument("--by", required=True, help="User name of the administrator.")
        parser.add_argument("--models", default="", help="Only names like this, e.g. fraud-*.")
        parser.add_argument(
            "--no-stages", action="store_true", help="Leave the stages of the versions out."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only list what there is.")
        parser.add_argument("--report", type=Path, help="Write what was done to this JSON file.")

    def handle(self, *args: Any, **options: Any) -> None:
        if importing is None:
            raise CommandError(
                "MLflow is not installed here: install mlgov with the extra `tracking`."
            )
        importing.bounded_retries()
        for option in ("origin", "registry"):
            if urlsplit(options[option]).password:
                raise CommandError(
                    f"Leave the password out of {option}: set MLFLOW_TRACKING_USERNAME and "
                    "MLFLOW_TRACKING_PASSWORD instead, which no list of processes shows."
                )
        importer = importing.Importer(
            origin=options["origin"].rstrip("/"),
            registry=options["registry"].rstrip("/"),
            project=self._project(options["project"]),
            by=self._administrator(options["by"]),
            with_stages=not options["no_stages"],
        )
        console = Console(stderr=True)
        try:
            with console.status("Reading the other registry"):
                planned = importer.plan(options["models"])
        except DomainError as error:
            raise CommandError(error.message) from error
        count = sum(len(entry.versions) for entry in planned)
        if options["dry_run"]:
            for entry in planned:
                self.stdout.write(f"{entry.model.name}: {len(entry.versions)} versions")
            self.stdout.write(f"{len(planned)} models with {count} versions; nothing was changed.")
            return
        with acting(via="import"):
            self._import(importer, planned, count, console)
        self._tell(importer.report, options["report"])

    def _import(self, importer: Any, planned: list[Any], count: int, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("Importing", total=count)
            for entry in planned:
                importer.take(
                    entry, done=lambda label: progress.update(task, advance=1, description=label)
                )

    def _tell(self, report: Any, path: Path | None) -> None:
        self.stdout.write(
            f"{len(report.imported)} versions imported, {len(report.there_already)} were there "
            f"already, {len(report.left)} left."
        )
        for label, reason in report.left:
            self.stdout.write(f"  left: {label}: {reason}")
        if not report.changed:
            self.stdout.write("Nothing was changed.")
        if path is not None:
            path.write_text(json.dumps(vars(report), indent=2) + "\n")
        if report.left:
            raise CommandError(
                f"{len(report.left)} could not be imported, for the reasons above. Everything "
                "else is here; import again when they are mended."
            )

    def _project(self, slug: str) -> Project:
        project = Project.objects.filter(slug=slug).first()
        if project is None:
            raise CommandError(f"There is no project “{slug}”. Make it first, in the pages.")
        return project

    def _administrator(self, username: str) -> User:
        user = User.objects.filter(username=username, is_active=True, is_superuser=True).first()
        if user is None:
            raise CommandError(f"“{username}” is no administrator here; imports need one.")
        return user
