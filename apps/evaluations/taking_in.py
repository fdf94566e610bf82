"""What the taking in of a logged data set does. It may be repeated after a crash."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from apps.core.errors import Invalid, NotFound, TooLarge, Unavailable
from apps.core.full import is_full
from apps.evaluations import intake, logged, services
from apps.evaluations.models import Intake
from apps.registry import storage
from apps.runs.failures import RunFailure
from apps.runs.runners import RunContext
from apps.tracking.files import Refused

UPLOAD = "Upload the file to the project instead."


def take_in(found: Intake, ctx: RunContext) -> None:
    """Copy the file into the artifact store, within bounds, and look at it."""
    with _in_words():
        with ctx.step("copy", "Copy the file"):
            data_set = logged.data_set_of(found.version, found.key)
            ctx.log(f"It lies at {data_set.address}.")
            with logged.opened(data_set, found.version, by=found.run.requested_by) as chunks:
                blob = storage.save(_checked(chunks, ctx), limit=intake.MOST_BYTES)
            ctx.log(f"{blob.size} bytes, sha256:{blob.sha256}")
        with ctx.step("look", "Look at its columns"):
            intake.require_size(blob.size)
            kind = intake.format_of(data_set.address)
            with storage.open_blob(blob.sha256) as file:
                columns = intake.columns_of(cast(BinaryIO, file), kind)
        ctx.check()
        made = services.keep_logged(found, data_set, blob, format=kind, columns=columns)
        ctx.log(f"It is the data set “{made}” of the project now.")


def _checked(chunks: Iterator[bytes], ctx: RunContext) -> Iterator[bytes]:
    for chunk in chunks:
        ctx.check()
        yield chunk


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise RunFailure("evaluations.project.source-gone", error.message, UPLOAD) from error
    except TooLarge as error:
        raise RunFailure(
            "evaluations.project.source-too-large",
            f"The file has more than the {intake.MOST_BYTES >> 20} MB that a data set may have.",
            "Upload a sample of it.",
        ) from error
    except Refused as error:
        raise RunFailure(
            "evaluations.platform.source-refused", error.message, "Then try it again."
        ) from error
    except Invalid as error:
        raise RunFailure("evaluations.project.source-unusable", error.message, UPLOAD) from error
    except storage.StoreFailed as error:
        raise RunFailure(
            "evaluations.platform.store-failed", error.message, "Then try it again."
        ) from error
    except Unavailable as error:
        raise RunFailure(
            "evaluations.platform.source-unavailable", error.message, "Try it again then."
        ) from error
    except OSError as error:
        if not is_full(error):
            raise
        raise RunFailure(
            "evaluations.platform.disk",
            "There is no room left in the artifact store of mlgov.",
            "The platform's people have to make room. Then try it again.",
        ) from error
