"""A version of a model, and what one does with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgov_client.cards import Card
from mlgov_client.errors import DeploymentFailed, Misused, Refused
from mlgov_client.files import CardFile, format_of, text_of
from mlgov_client.progress import display
from mlgov_client.shapes import (
    CardFormat,
    DataSet,
    Deployment,
    Evaluation,
    ImportedCard,
    MissingField,
    Review,
    Stage,
    Status,
    VersionDetails,
)
from mlgov_client.transport import path_of
from mlgov_client.waiting import wait

if TYPE_CHECKING:
    from mlgov_client.client import Client

# How long a move may need until its deployment is there: messages are delivered within seconds.
TAKEN_UP_WITHIN = 120.0
PARTS_DONE = {"building": 0, "deploying": 1, "serving": 2}


class Version:
    """A version by name and number. Nothing is read before it is asked for."""

    def __init__(self, client: Client, model: str, number: int) -> None:
        self.model = model
        self.number = number
        self._client = client
        self._transport = client.transport
        self._path = path_of("models", model, "versions", number)

    def __repr__(self) -> str:
        return f"Version({str(self)!r})"

    def __str__(self) -> str:
        return f"{self.model}/{self.number}"

    def details(self) -> VersionDetails:
        return self._transport.get(self._path, VersionDetails.read)

    def status(self) -> Status:
        """Where it stands: its newest review for each stage, and its deployments."""
        details = self.details()
        newest: dict[str, int] = {}
        for stage, review in self._review_ids():
            newest.setdefault(stage, review)
        reviews = tuple(self._client.review(review) for review in newest.values())
        return Status(details, reviews, tuple(map(self._deployment, self._deployment_ids())))

    def reviews(self) -> list[Review]:
        """Newest first."""
        return [self._client.review(review) for _, review in self._review_ids()]

    def request_review(
        self, *, stage: str, note: str, reviewers: Sequence[str] | None = None
    ) -> Review:
        """Ask for the version to enter a stage, or find the review that did so before.

        Without reviewers, mlgov asks people who meet what the stage wants.
        """
        body: dict[str, Any] = {"stage": stage, "note": note}
        if reviewers is not None:
            body["reviewers"] = [reviewers] if isinstance(reviewers, str) else list(reviewers)
        try:
            return self._transport.post(f"{self._path}/reviews", Review.read, **body)
        except Refused as refusal:
            if refusal.status != 409 or (found := self._asked_before(stage)) is None:
                raise
            return found

    def wait_for_review(
        self, stage: str | None = None, timeout: float | str | None = None
    ) -> Review:
        """Wait for the newest review, of that stage where one is named. See `Client`."""
        review = self._newest_review(stage)
        if review is None:
            where = f" for {stage}" if stage else ""
            raise Misused(f"There is no review of {self}{where}. Request one first.")
        return self._client.wait_for_review(review.id, timeout)

    def deploy(self, stage: str | None = None, *, reason: str = "") -> Deployment:
        """Have the version serve in the environment of a stage; without one, of its own stage.

        Into a stage that asks for no review it is moved; where it stands already, a deployment that
        failed is tried again, and one that was retired gets the traffic back. Do it again as often
        as you like: what serves, or is on its way, is left as it is.
        """
        details = self.details()
        wanted = self._deploying_stage(stage, details)
        if details.stage != wanted.slug:
            details = self._transport.post(
                f"{self._path}/move", VersionDetails.read, stage=wanted.slug, reason=reason
            )
            return self._taken_up(wanted)
        deployment = self._taken_up(wanted)
        # What follows may have been done meanwhile by somebody else: then it is refused, in words.
        if deployment.state == "failed":
            return self._order(deployment, "retry")
        if deployment.state == "retired":
            return self._order(deployment, "roll-back", reason=reason)
        return deployment

    def wait_for_deployment(
        self, stage: str | None = None, timeout: float | str | None = None
    ) -> Deployment:
        """The deployment when it serves. Raises `DeploymentFailed` where it does not."""
        wanted = self._deploying_stage(stage, self.details())
        with display(self._client.progress) as shown:

            def tell(deployment: Deployment | None) -> None:
                state = deployment.state if deployment else "waiting to be taken up"
                link = f" {deployment.url}" if deployment else ""
                done = PARTS_DONE.get(state, 0)
                shown.show(f"{self} in {wanted.environment}: {state}.{link}", done, 2)

            deployment = wait(
                lambda: self._current_deployment(wanted),
                until=lambda found: found is not None and not found.is_on_its_way,
                told=tell,
                trouble=lambda error: shown.show(str(error), 0, 2),
                timeout=timeout,
                what=f"the deployment of {self}",
            )
        assert deployment is not None
        if deployment.state == "serving":
            return deployment
        run = deployment.failure
        said = [f"The deployment of {self} in {wanted.environment} is {deployment.state}."]
        if run is not None:
            said += [run.error_text, run.error_remedy, f"({run.error_code})"]
        raise DeploymentFailed(" ".join(filter(None, [*said, deployment.url])), deployment)

    def card(self) -> Card:
        """What people wrote about the version, and its lineage."""
        version = self.details()
        try:
            lineage = self._transport.get(f"{self._path}/lineage", lambda d: dict(d["document"]))
        except Refused as refusal:
            if refusal.status != 404:
                raise
            lineage = {}
        return self._transport.get(
            f"{self._path}/card", lambda data: Card.read(data, version, lineage)
        )

    def missing(self) -> list[MissingField]:
        """The fields of the card that a review needs, and that nobody has filled or confirmed."""
        return self._transport.get(
            f"{self._path}/card/missing", lambda rows: [MissingField.read(row) for row in rows]
        )

    def import_card(
        self, path: str | os.PathLike[str], *, format: str | None = None, replace: bool = False
    ) -> ImportedCard:
        """Put what a file says on the card, where it waits until somebody confirms it.

        Fields that say something keep it, unless `replace`.
        """
        text = text_of(path)
        return self._transport.post(
            f"{self._path}/card/import",
            ImportedCard.read,
            format=format or format_of(text, Path(path).name),
            content=text,
            replace=replace,
        )

    def export_card(self, format: str, timeout: float | str | None = None) -> CardFile:
        """The newest revision of the card in a format; what a worker writes is waited for."""
        address = f"{self._path}/card/exports"
        found = self._format(format)
        if not found.is_written:
            asked = self._transport.post(f"{address}{path_of(format)}", CardFormat.read)
            started = asked.run
            assert started is not None
            self._client.wait_for_run(
                lambda: self._format(format).run or started, f"{found.title} of {self}", timeout
            )
        return CardFile.of(*self._transport.fetch(f"{address}{path_of(format)}"))

    def evaluate(
        self, data_set: int | str | DataSet, *, kind: str, target: str, **options: Any
    ) -> Evaluation:
        """Start to measure the version on a data set of its project, by number or name.

        `kind` is binary, multiclass or regression; `options` are `positive`, `prediction_column`,
        `threshold`, `cohorts`, `sensitive`, `min_rows` and `seed`.
        """
        if isinstance(data_set, str):
            data_set = self._client.data_set(self.details().project, data_set)
        given = {name: value for name, value in options.items() if value is not None}
        return self._transport.post(
            f"{self._path}/evaluations",
            Evaluation.read,
            data_set=data_set.id if isinstance(data_set, DataSet) else data_set,
            kind=kind,
            target=target,
            **given,
        )

    def evaluations(self) -> list[Evaluation]:
        """Newest first."""
        return list(self._transport.all(f"{self._path}/evaluations", Evaluation.read))

    # ---- what the above is made of -----------------------------------------------------------

    def _format(self, wanted: str) -> CardFormat:
        rows = self._transport.get(
            f"{self._path}/card/exports", lambda rows: [CardFormat.read(row) for row in rows]
        )
        for row in rows:
            if row.format == wanted:
                return row
        known = ", ".join(row.format for row in rows)
        raise Misused(f"Cards are not written as “{wanted}”. The formats: {known}.")

    def _review_ids(self) -> list[tuple[str, int]]:
        rows = self._transport.all(f"{self._path}/reviews", lambda row: (row["stage"], row["id"]))
        return list(rows)

    def _asked_before(self, stage: str) -> Review | None:
        """The review that is open, or that let the version into the stage where it stands now."""
        review = self._newest_review(stage)
        if review is None or review.is_undecided:
            return review
        return review if review.is_approved and self.details().stage == review.stage else None

    def _newest_review(self, stage: str | None) -> Review | None:
        slug = None if stage is None else self._stage_named(stage, self.details()).slug
        found = (id for where, id in self._review_ids() if slug in (None, where))
        newest = next(found, None)
        return None if newest is None else self._client.review(newest)

    def _stage_named(self, name: str, details: VersionDetails) -> Stage:
        """By its slug, its name or MLflow's name for it, as mlgov itself finds it."""
        path = path_of("projects", details.project, "stages")
        stages = list(self._transport.all(path, Stage.read))
        for attribute in ("slug", "name", "mlflow_stage"):
            for stage in stages:
                if getattr(stage, attribute).casefold() == name.casefold():
                    return stage
        known = ", ".join(stage.name for stage in stages)
        raise Misused(f"{details.project} has no stage “{name}”. Its stages: {known}.")

    def _deploying_stage(self, name: str | None, details: VersionDetails) -> Stage:
        wanted = name or details.stage
        if wanted is None:
            raise Misused(f"{self} stands in no stage. Say which one is meant.")
        stage = self._stage_named(wanted, details)
        if stage.environment is None:
            raise Misused(f"{stage.name} has no environment, so its versions are not deployed.")
        return stage

    def _current_deployment(self, stage: Stage) -> Deployment | None:
        """What came of the version's last move into the stage; None while that is on its way."""
        details = self.details()
        if details.stage != stage.slug:
            raise DeploymentFailed(
                f"{self} does not stand in {stage.name}, so it does not serve there. {details.url}",
                None,
            )
        found = next(map(self._deployment, self._deployment_ids(stage.environment)), None)
        if found is None or (details.move is not None and found.move < details.move):
            return None
        return found

    def _taken_up(self, stage: Stage) -> Deployment:
        deployment = wait(
            lambda: self._current_deployment(stage),
            until=lambda found: found is not None,
            told=lambda found: None,
            trouble=lambda error: None,
            timeout=TAKEN_UP_WITHIN,
            what=f"mlgov to take up the deployment of {self}",
        )
        assert deployment is not None
        return deployment

    def _order(self, deployment: Deployment, verb: str, **body: str) -> Deployment:
        path = f"{path_of('deployments', deployment.id)}/{verb}"
        return self._transport.post(path, Deployment.read, **body)

    def _deployment_ids(self, environment: str | None = None) -> list[int]:
        where = {} if environment is None else {"environment": environment}
        rows = self._transport.all(
            "/deployments",
            lambda row: int(row["id"]),
            model=self.model,
            version=self.number,
            **where,
        )
        return list(rows)

    def _deployment(self, id: int) -> Deployment:
        return self._transport.get(path_of("deployments", id), Deployment.read)
