"""Forms of a card, made from the schema; and input about what is said beside it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict

from apps.cards import documents
from apps.cards.schema import Field, Kind, Needed, Part, Section, spoken
from apps.core.pages import whole

MOST_ROWS = 200
NEEDED = {
    Needed.REVIEW: "needed for a review",
    Needed.HIGH: "needed where the risk is high",
    Needed.APPROVAL: "needed for an approval",
}
LONGEST_JSON = 200_000
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?|true|false")


class Lines(forms.CharField):
    """One entry to a line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = super().clean(value).splitlines()
        return [line.strip() for line in lines if line.strip()]


class Json(forms.CharField):
    """A JSON object, for values that have no form of their own."""

    widget = forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        if value in (None, "", {}, []):
            return ""
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            where = f" Line {error.lineno}." if isinstance(error, json.JSONDecodeError) else ""
            raise forms.ValidationError(f"This is not JSON.{where}") from None


class NumberOrText(forms.CharField):
    """What is spelled like a number, or like yes and no in JSON, is one."""

    def prepare_value(self, value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        return json.loads(text) if NUMBER.fullmatch(text) else text


class Number(forms.FloatField):
    """Whole where it was typed as a whole number."""

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        whole = isinstance(value, str) and value.strip().lstrip("+-").isdigit()
        return int(found) if found is not None and whole else found


class MarkdownText(forms.CharField):
    def clean(self, value: Any) -> str:
        # Browsers send line ends as two characters; a text that was only looked at is unchanged.
        return str(super().clean(value)).replace("\r\n", "\n")


class PartsForm(forms.Form):
    """The parts of an object, with forms of their own for objects and lists of objects in it."""

    use_required_attribute = False

    def __init__(
        self,
        *args: Any,
        parts: Iterable[Part],
        values: Mapping[str, Any],
        is_row: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.parts = {part.key: part for part in parts}
        self.inner: dict[str, ObjectForm | Rows] = {}
        data = self.data if self.is_bound else None
        for key, part in self.parts.items():
            value = values.get(key)
            name = f"{self.prefix}-{key}" if self.prefix else key
            if part.kind == Kind.OBJECT:
                self.inner[key] = ObjectForm(
                    data, prefix=name, parts=part.parts, values=value or {}
                )
            elif part.kind == Kind.OBJECTS and not is_row:
                self.inner[key] = Rows(data, prefix=name, part=part, values=value or [])
            else:
                self.fields[key] = form_field(part)
                self.initial[key] = value

    def is_valid(self) -> bool:
        # Each of them is asked, so that everything that is wrong is shown at once.
        answers = [super().is_valid(), *(form.is_valid() for form in self.inner.values())]
        return all(answers)

    def value(self) -> dict[str, Any]:
        """What was typed, without what is empty."""
        found = {key: self.cleaned_data.get(key) for key in self.fields}
        found |= {key: form.value() for key, form in self.inner.items()}
        return {key: found[key] for key in self.parts if not documents.is_empty(found.get(key))}

    def rendered(self) -> list[tuple[Part, Any]]:
        """Each part with its bound field, form or rows, in the order of the schema."""
        return [
            (part, self.inner[key] if key in self.inner else self[key])
            for key, part in self.parts.items()
        ]


class ObjectForm(PartsForm):
    """An object. One of which nothing was typed is none, and nothing is wrong with it."""

    is_object = True

    @property
    def name_of_it(self) -> str:
        """What tells this one from the others, as it is in the form now."""
        return str(self[next(iter(self.fields))].value() or "")[:80]

    def full_clean(self) -> None:
        if self.is_bound and self.is_blank():
            self._errors = ErrorDict()
            self.cleaned_data: dict[str, Any] = {}
            return
        super().full_clean()

    def is_blank(self) -> bool:
        typed = (str(self.data.get(self.add_prefix(name)) or "") for name in self.fields)
        return not any(text.strip() for text in typed) and all(
            form.is_blank() for form in self.inner.values()
        )


class Rows:
    """A list of objects: one form for each, some marked as removed, and room for more."""

    is_rows = True

    def __init__(
        self, data: Any, *, prefix: str, part: Part, values: list[Mapping[str, Any]]
    ) -> None:
        self.prefix, self.part = prefix, part
        count = len(values)
        if data is not None:
            count = min(MOST_ROWS, whole(data.get(f"{prefix}-count")))
            if data.get("add") == prefix:
                count = min(MOST_ROWS, count + 1)
        self.count = count
        self.is_added = data is not None and data.get("add") == prefix
        self.forms = [
            ObjectForm(
                data,
                prefix=f"{prefix}-{number}",
                parts=part.parts,
                values=values[number] if number < len(values) else {},
                is_row=True,
            )
            for number in range(count)
        ]
        self.removed = {
            number for number in range(count) if data and data.get(f"{prefix}-{number}-removed")
        }

    def is_valid(self) -> bool:
        answers = [form.is_valid() for _, form in self.kept()]
        return all(answers)

    def is_blank(self) -> bool:
        return all(form.is_blank() for _, form in self.kept())

    def value(self) -> list[dict[str, Any]]:
        return [value for _, form in self.kept() if (value := form.value())]

    def kept(self) -> list[tuple[int, ObjectForm]]:
        return [row for row in enumerate(self.forms) if row[0] not in self.removed]

    def numbered(self) -> list[tuple[int, ObjectForm, bool]]:
        """Number, form, and whether it is marked as removed."""
        return [(number, form, number in self.removed) for number, form in enumerate(self.forms)]


class SectionForm(PartsForm):
    """What people may write in one section of a card."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        section: Section,
        content: Mapping[str, Any],
        base_revision: int,
    ) -> None:
        self.section = section
        super().__init__(
            data,
            parts=section.typed,
            values=content.get(section.key) or {},
            label_suffix="",
            initial={"base_revision": base_revision},
        )
        self.fields["reason"] = forms.CharField(
            label="What changed, and why",
            required=False,
            max_length=300,
            help_text="Shown in the list of revisions and in the activity.",
        )
        # The revision that the person was reading.
        self.fields["base_revision"] = forms.IntegerField(
            min_value=1, widget=forms.HiddenInput, max_value=2**31 - 1
        )

    def changes(self) -> dict[str, Any]:
        """Fields of the section by pointer, None for those that are empty.

        What the browser did not send stays as it is.
        """
        found = self.value()
        return {
            field.pointer: found.get(field.key)
            for field in self.section.typed
            if self._was_sent(field.key)
        }

    def _was_sent(self, key: str) -> bool:
        form = self.inner.get(key)
        if isinstance(form, Rows):
            return f"{form.prefix}-count" in self.data
        if form is not None:
            return any(form.add_prefix(name) in self.data for name in form.fields)
        return key in self.data

    def show(self, refused: Mapping[str, str]) -> None:
        """Put the reasons of a refusal, by pointer, where they belong; the rest above the form."""
        for pointer, reason in refused.items():
            parts = pointer.strip("/").split("/")
            if parts[:1] != [self.section.key] or not self.put(parts[1:], reason):
                self.add_error(None, reason)

    def put(self, path: list[str], reason: str) -> bool:
        form: Any = self
        for number, step in enumerate(path):
            if isinstance(form, Rows):
                kept = form.kept()
                if not step.isdigit() or int(step) >= len(kept):
                    return False
                form = kept[int(step)][1]
            elif step in form.inner:
                form = form.inner[step]
            elif step in form.fields:
                form.add_error(step, reason)
                return True
            else:
                return False
            if number == len(path) - 1:
                target = form if isinstance(form, PartsForm) else self
                target.add_error(None, reason)
                return True
        return False


class CommentForm(forms.Form):
    text = forms.CharField(
        label="Comment",
        max_length=20_000,
        help_text="Markdown. For questions to those who decide, comment on the review instead.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    # The field of the card that it is about.
    pointer = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)


def form_field(part: Part) -> forms.Field:
    """The form field that fits a part. Whether it is filled is asked by the gates, not here."""
    found = _fitting(part)
    if isinstance(part, Field):
        # Shown beside the label, in place of "optional".
        found.needed = NEEDED.get(part.needed, "")  # type: ignore[attr-defined]
    return found


def _fitting(part: Part) -> forms.Field:
    common: dict[str, Any] = {
        "label": part.title,
        "help_text": part.help,
        "required": part.is_required and not isinstance(part, Field),
    }
    shape = part.shape
    match part.kind:
        case Kind.MARKDOWN:
            rows = 5 if shape.get("maxLength", 0) > 4000 else 3
            return MarkdownText(strip=False, widget=forms.Textarea(attrs={"rows": rows}), **common)
        case Kind.CHOICE:
            choices = [("", "–"), *((value, spoken(value)) for value in part.choices)]
            return forms.ChoiceField(choices=choices, **common)
        case Kind.DATE:
            return DateText(**common)
        case Kind.NUMBER if shape.get("type") == "integer":
            return forms.IntegerField(min_value=shape.get("minimum"), **common)
        case Kind.NUMBER:
            return Number(min_value=shape.get("minimum"), **common)
        case Kind.YES_OR_NO:
            return YesOrNo(**common)
        case Kind.LINES if shape["items"].get("type") == "string":
            return Lines(**common)
        case Kind.PAIRS | Kind.ANYTHING | Kind.LINES | Kind.OBJECTS:
            return Json(max_length=LONGEST_JSON, **common)
        case Kind.TEXT if isinstance(shape.get("type"), list):
            return NumberOrText(max_length=500, **common)
        case _:
            return forms.CharField(max_length=shape.get("maxLength", 2_000), **common)


class DateText(forms.DateField):
    """Kept as `2027-01-31`, as the schema has it."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return found.isoformat() if found else None


class YesOrNo(forms.TypedChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=[("", "–"), ("true", "Yes"), ("false", "No")],
            coerce=lambda text: text == "true",
            empty_value=None,
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else value
