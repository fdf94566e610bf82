"""The page of a card as PDF. Importing this takes a second and needs Pango: only workers do."""

from typing import Any

from weasyprint import HTML
from weasyprint.urls import URLFetcher

from apps.cards.formats import page
from apps.cards.formats.base import Context, Document, Exported

MEDIA_TYPE = "application/pdf"
SUFFIX = ".pdf"
NOWHERE = "https://mlgov.invalid/"


class OnlyWithin(URLFetcher):
    """Loads what stands in the page itself: no file of the worker, nothing of the network."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols=("data",), allow_redirects=False)

    def fetch(self, url: str, headers: Any = None) -> Any:
        if not url.startswith("data:"):
            raise ValueError("Only what stands in the page itself is loaded.")
        return super().fetch(url, headers)


def export(document: Document, context: Context) -> Exported:
    altered = page.export(document, context).altered
    content = rendered(page.written(document, context))
    return Exported(content, MEDIA_TYPE, SUFFIX, altered=altered)


def rendered(html: str) -> bytes:
    """A tagged PDF, which programs that read aloud can follow."""
    # Without a base, WeasyPrint gives up on some relative addresses; this one is refused as any.
    source = HTML(string=html, base_url=NOWHERE, url_fetcher=OnlyWithin())
    content: bytes = source.write_pdf(pdf_variant="pdf/ua-1")
    return content
