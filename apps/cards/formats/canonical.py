"""mlgov's own JSON: the document itself, in the spelling that its digest is taken of."""

from apps.cards.formats.base import Context, Document, Exported, Imported
from apps.cards.formats.fields import SCHEMA
from apps.cards.formats.fitting import faults, strangers
from apps.cards.formats.leftovers import keep
from apps.cards.formats.reading import from_json
from apps.core.digests import canonical_json
from apps.core.errors import Invalid

KEY = "json"
MEDIA_TYPE = "application/json"
SUFFIX = ".card.json"


def export(document: Document, context: Context) -> Exported:
    return Exported(canonical_json(document), MEDIA_TYPE, SUFFIX)


def read(content: bytes) -> Imported:
    """The document in a file. Values that the schema does not allow are refused by name."""
    return imported(from_json(content), KEY)


def imported(value: object, key: str) -> Imported:
    """A document as mlgov writes it. Fields that the schema does not know are kept aside."""
    if not isinstance(value, dict):
        raise Invalid("The file is not a model card: a card is a JSON object. Send that.")
    missing = [name for name in SCHEMA["required"] if name not in value]
    if missing:
        raise Invalid(
            f"“{missing[0]}” is missing, so this is not a card as mlgov writes it. Add it, or "
            "choose the format that the file is in.",
            details={f"/{name}": "This is missing." for name in missing},
        )
    document: Document = value
    strange = strangers(document)
    wrong = faults(document)
    if wrong:
        place, sentence = next(iter(wrong.items()))
        more = f" {len(wrong) - 1} more fields are wrong." if len(wrong) > 1 else ""
        raise Invalid(f"“{place}”: {sentence}{more} Correct the file.", details=wrong)
    kept = keep(document, key, dict(strange) or None)
    return Imported(document, kept=kept)
