"""What a report is: by the end of its name, held to its first bytes where those tell."""

from django.db import models

from apps.core.errors import Invalid


class ReportKind(models.TextChoices):
    HTML = "html", "HTML"
    PNG = "png", "PNG picture"
    JPEG = "jpeg", "JPEG picture"
    GIF = "gif", "GIF picture"
    WEBP = "webp", "WebP picture"
    SVG = "svg", "SVG drawing"
    JSON = "json", "JSON"
    CSV = "csv", "CSV table"
    TEXT = "text", "Text"


class Origin(models.TextChoices):
    """Among whose artifacts a report lies."""

    RUN = "run", "run"
    VERSION = "version", "version"


# So many bytes of a file tell what it is.
BEGINNING = 512
ENDINGS = {
    "html": ReportKind.HTML,
    "htm": ReportKind.HTML,
    "png": ReportKind.PNG,
    "jpg": ReportKind.JPEG,
    "jpeg": ReportKind.JPEG,
    "gif": ReportKind.GIF,
    "webp": ReportKind.WEBP,
    "svg": ReportKind.SVG,
    "json": ReportKind.JSON,
    "csv": ReportKind.CSV,
    "txt": ReportKind.TEXT,
    "md": ReportKind.TEXT,
    "log": ReportKind.TEXT,
}
MEDIA_TYPES = {
    ReportKind.PNG: "image/png",
    ReportKind.JPEG: "image/jpeg",
    ReportKind.GIF: "image/gif",
    ReportKind.WEBP: "image/webp",
    ReportKind.SVG: "image/svg+xml",
}
# Pictures that are only pictures, known by their first bytes.
_BEGINS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def named(path: str) -> ReportKind | None:
    """What a file calls itself; None for what mlgov does not show."""
    return ENDINGS.get(path.rpartition(".")[2].lower()) if "." in path else None


def require_named(path: str) -> ReportKind:
    """Raises `Invalid` for what mlgov does not show."""
    kind = named(path)
    if kind is None:
        raise Invalid(
            f"“{path[:200]}” is none of the files that a card shows: HTML, pictures, JSON, CSV and "
            "text. Choose another one."
        )
    return kind


def require_kind(path: str, beginning: bytes) -> ReportKind:
    """Raises `Invalid` also for a picture that is none."""
    kind = require_named(path)
    wanted = MEDIA_TYPES.get(kind)
    if wanted and kind != ReportKind.SVG and picture_type(beginning) != wanted:
        raise Invalid(
            f"“{path[:200]}” is called a {kind.label} and is none. Log it under its right name."
        )
    return kind


def picture_type(beginning: bytes) -> str:
    """The media type of a picture that is no program; empty for anything else."""
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _BEGINS.items() if beginning.startswith(magic)), "")


def text_of(content: bytes, *, is_whole: bool) -> str:
    """The content as text; empty for what is none."""
    if b"\x00" in content:
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        # The last letter may have been cut in the middle.
        cut = not is_whole and error.start >= len(content) - 4
        return content[: error.start].decode() if cut else ""
