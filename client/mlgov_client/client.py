"""The client: who asks, and the versions of models that he sees."""

from mlgov_client.configuration import Configuration
from mlgov_client.errors import Misused, NotApproved
from mlgov_client.progress import display
from mlgov_client.references import Reference
from mlgov_client.shapes import Person, Review
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
