"""The client: who asks, and the versions of models that he sees."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlgov_client.configuration import Configuration
from mlgov_client.errors import Misused, NotApproved, RunFailed
from mlgov_client.progress import display
from mlgov_client.references import Reference
from mlgov_client.shapes import DataSet, Evaluation, Person, Review, Run
from mlgov_client.transport import Transport, path_of
from mlgov_client.versions import Version
from mlgov_client.waiting import wait


class Client:
    """mlgov for one person, who is known by an access token.

    Without arguments it reads MLGOV_URL and MLGOV_TOKEN, else the variables of MLflow's client.
    `progress` is `auto`, `bar`, `lines` or `none`.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, progress: str = "auto"
    ) -> None:
        display(progress)  # refuses an unknown one before anything is waited for
        self.progress = progress
        self.transport = Transport(Configuration.read(url, token))

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @property
    def url(self) -> str:
        return self.transport.url

    def whoami(self) -> Person:
        return self.transport.get("/me", Person.read)

    def version(self, model: str, number: int | str | None = None) -> Version:
        """`version("fraud", 3)`, or one reference: `version("models:/fraud/3")`, `"fraud@live"`."""
        if number is None:
            wanted = Reference.parse(model)
        else:
            wanted = Reference.parse(f"{model}/{number}")
        return Version(self, wanted.model, wanted.number or self._looked_up(wanted))

    def review(self, id: int) -> Review:
        return self.transport.get(path_of("reviews", id), Review.read)

    def wait_for_review(self, id: int, timeout: float | str | None = None) -> Review:
        """The review when it is approved. Raises `NotApproved` where it is not, `TimedOut` later.

        A timeout is in seconds, or like `"2h"`; without one it waits for as long as it takes.
        """
        with display(self.progress) as shown:
            review = wait(
                lambda: self.review(id),
                until=lambda review: review.state != "open",
                told=lambda review: shown.show(_told(review), review.approvals, review.needed),
                trouble=lambda error: shown.show(str(error), 0, 1),
                timeout=timeout,
                what=f"review {id}",
            )
        if review.is_approved:
            return review
        if review.state == "withdrawn":
            raise NotApproved(f"Review {id} was withdrawn. {review.url}", review)
        said = [
            f"{reviewer.username}: {reviewer.comment}"
            for reviewer in review.reviewers
            if reviewer.state == "changes"
        ]
        raise NotApproved(
            "\n".join([f"Changes are requested in review {id}. {review.url}", *said]), review
        )

    def data_sets(self, project: str) -> list[DataSet]:
        """On which versions of a project can be evaluated, newest first."""
        path = f"{path_of('projects', project)}/data-sets"
        return list(self.transport.all(path, DataSet.read))

    def data_set(self, project: str, name: str) -> DataSet:
        """A data set of a project by its name, or by its number."""
        found = self.data_sets(project)
        for data_set in found:
            if name in (data_set.name, str(data_set.id)):
                return data_set
        known = ", ".join(data_set.name for data_set in found) or "none"
        raise Misused(
            f"{project} has no data set “{name}”. Its data sets: {known}. Upload one with "
            "`mlgov data-set upload`."
        )

    def upload_data_set(
        self,
        project: str,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        description: str = "",
    ) -> DataSet:
        """Upload a CSV or JSON file to evaluate on; its name is that of the file if not given."""
        source = Path(path)
        try:
            file = source.open("rb")
        except OSError as error:
            raise Misused(f"{path} cannot be read: {error.strerror or error}.") from error
        with file:
            return self.transport.upload(
                f"{path_of('projects', project)}/data-sets",
                DataSet.read,
                (source.name, file),
                {"name": name or source.stem, "description": description},
            )

    def evaluation(self, id: int) -> Evaluation:
        return self.transport.get(path_of("evaluations", id), Evaluation.read)

    def evaluation_report(self, id: int) -> dict[str, Any]:
        """The report of an evaluation that has come to one."""
        return self.transport.get(f"{path_of('evaluations', id)}/report", dict)

    def wait_for_evaluation(self, id: int, timeout: float | str | None = None) -> Evaluation:
        """The evaluation with its report. Raises `RunFailed` where it comes to none."""
        self.wait_for_run(lambda: self.evaluation(id).run, f"evaluation {id}", timeout)
        return self.evaluation(id)

    def wait_for_run(
        self, read: Callable[[], Run], what: str, timeout: float | str | None = None
    ) -> Run:
        """A run that has succeeded. Raises `RunFailed` where it has not, `TimedOut` later."""
        with display(self.progress) as shown:
            run = wait(
                read,
                until=lambda run: run.is_finished,
                told=lambda run: shown.show(f"{run.title}: {run.state}.", 0, 1),
                trouble=lambda error: shown.show(str(error), 0, 1),
                timeout=timeout,
                what=what,
            )
        if run.state != "succeeded":
            said = [f"{run.title}: {run.state}.", run.error_text, run.error_remedy]
            raise RunFailed(" ".join(filter(None, said)), run)
        return run

    def _looked_up(self, wanted: Reference) -> int:
        path = path_of("models", wanted.model)
        if not wanted.alias:
            newest = next(
                self.transport.all(f"{path}/versions", lambda row: int(row["number"])), None
            )
            if newest is None:
                raise Misused(f"{wanted.model} has no version yet.")
            return newest
        aliases: dict[str, int] = self.transport.get(path, lambda data: dict(data["aliases"]))
        for name, number in aliases.items():
            if name.casefold() == wanted.alias.casefold():
                return number
        known = ", ".join(sorted(aliases)) or "none"
        raise Misused(f"{wanted.model} has no alias “{wanted.alias}”. Its aliases: {known}.")


def _told(review: Review) -> str:
    about = f"Review {review.id} of {review.model}/{review.version} for {review.stage}"
    return f"{about}: {review.sentence} {review.url}"
