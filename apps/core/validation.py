"""What the fields of a model ask for, said as a refusal."""

from django.core.exceptions import ValidationError
from django.db import models

from apps.core.errors import Invalid


def require_valid(obj: models.Model, *fields: str) -> None:
    """Raise `Invalid` where one of these fields does not hold what its definition allows.

    Databases disagree here: PostgreSQL refuses a text that is too long, SQLite keeps it.
    """
    for field in fields:
        if "\x00" in str(getattr(obj, field)):
            sentence = "This holds a NUL character, which cannot be stored."
            raise Invalid.at(field, sentence)
    others = {field.name for field in obj._meta.fields} - set(fields)
    try:
        obj.clean_fields(exclude=others)
    except ValidationError as error:
        sentences = {field: " ".join(texts) for field, texts in error.message_dict.items()}
        raise Invalid(" ".join(sentences.values()), details=sentences) from None
