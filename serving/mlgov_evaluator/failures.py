"""Why there is no report: an id, a sentence, and a way out, as a run of mlgov shows them."""


class Failure(Exception):
    """`code` is `model.<what>` where the model's author can mend it, or `project.<what>` where the
    data set or what was asked for is wrong."""

    def __init__(self, code: str, text: str, remedy: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.remedy = remedy


def shown(value: object) -> str:
    """A value out of data or of an answer, for a sentence."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def listed(names: list[str], limit: int = 8) -> str:
    named = ", ".join(f"“{shown(name)}”" for name in names[:limit])
    return f"{named} and {len(names) - limit} more" if len(names) > limit else named
