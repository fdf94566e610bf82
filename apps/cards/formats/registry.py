"""The formats that there are. Pages, REST and the command line list them from here."""

from functools import partial
from importlib import import_module

from apps.cards.formats import (
    canonical,
    cyclonedx,
    huggingface,
    page,
    regulations,
    sagemaker,
    sheet,
    toolkit,
)
from apps.cards.formats.base import Context, Document, Exported, Format, Imported
from apps.core.errors import Invalid, NotFound, Unavailable


def _pdf(document: Document, context: Context) -> Exported:
    # Not at the top: web processes neither have to have Pango nor load it.
    try:
        pdf = import_module("apps.cards.formats.pdf")
    except (ImportError, OSError):
        raise Unavailable(
            "No PDF can be written here: the worker needs mlgov's extra “pdf” and the library "
            "Pango. Whoever runs mlgov finds both under “PDF of cards” in the documentation of its "
            "operations. Until then take HTML and print it."
        ) from None
    exported: Exported = pdf.export(document, context)
    return exported


def _in_order_of(key: str) -> list[Format]:
    """The card in the order of a regulation, to be read in a browser or written on."""
    title, name = regulations.VIEWS[key]["title"], key.replace("_", "-")
    html = partial(regulations.export_html, key)
    markdown = partial(regulations.export_markdown, key)
    return [
        Format(f"{name}-html", f"{title} (HTML)", page.MEDIA_TYPE, f".{name}.html", html),
        Format(
            f"{name}-markdown", f"{title} (Markdown)", "text/markdown; charset=utf-8",
            f".{name}.md", markdown,
        ),
    ]  # fmt: skip


FORMATS: dict[str, Format] = {
    found.key: found
    for found in [
        Format(
            canonical.KEY,
            "mlgov JSON",
            canonical.MEDIA_TYPE,
            canonical.SUFFIX,
            canonical.export,
            canonical.read,
        ),
        Format(
            huggingface.KEY,
            "Markdown with Hugging Face front matter",
            huggingface.MEDIA_TYPE,
            huggingface.SUFFIX,
            huggingface.export,
            huggingface.read,
        ),
        Format(
            cyclonedx.KEY,
            "CycloneDX 1.6 ML-BOM",
            cyclonedx.MEDIA_TYPE,
            cyclonedx.SUFFIX,
            cyclonedx.export,
            cyclonedx.read,
        ),
        Format(
            toolkit.KEY,
            "Google Model Card Toolkit 0.0.2 JSON",
            toolkit.MEDIA_TYPE,
            toolkit.SUFFIX,
            toolkit.export,
            toolkit.read,
        ),
        Format(
            sagemaker.KEY,
            "SageMaker model card JSON",
            sagemaker.MEDIA_TYPE,
            sagemaker.SUFFIX,
            sagemaker.export,
            sagemaker.read,
        ),
        Format(page.KEY, "HTML", page.MEDIA_TYPE, page.SUFFIX, page.export),
        Format("pdf", "PDF", "application/pdf", ".pdf", _pdf, in_worker=True),
        Format(sheet.KEY, "Metrics as CSV", sheet.MEDIA_TYPE, sheet.SUFFIX, sheet.export),
        *(found for key in regulations.ORDERS for found in _in_order_of(key)),
    ]
}


def export(key: str, document: Document, context: Context | None = None) -> Exported:
    """The document in this format."""
    return named(key).export(document, context or Context())


def read(key: str, content: bytes) -> Imported:
    """The document in a file of this format."""
    found = named(key)
    if found.read is None:
        others = ", ".join(f.title for f in FORMATS.values() if f.read)
        raise Invalid(f"{found.title} cannot be imported. These can: {others}.")
    return found.read(content)


def named(key: str) -> Format:
    """The format of this key. Raises `NotFound`, naming those that there are."""
    found = FORMATS.get(key)
    if found is None:
        raise NotFound(f"There is no format “{key}”. There are: {', '.join(FORMATS)}.")
    return found
