"""Controls for those who may; for everybody else the same greyed out, with a way to ask why."""

from typing import Any

from django import template
from django.db.models import Model
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.template.context import Context

from apps.access import explanations, policies

register = template.Library()
REFUSED = "components/refused.html"
OPTIONS = frozenset({"label", "icon", "look", "also", "quiet"})


@register.tag
def permitted(parser: Parser, token: Token) -> "Permitted":
    """What is inside, if the person may do the action with the object; else a greyed-out label.

        {% permitted "edit_card" version label="Edit" icon="pencil" look="compact" %}
          <a href="…">Edit</a>
        {% endpermitted %}

    `look` is `compact`, `tab` or `link`, else that of a button. `also` lets in whoever may for
    another reason. `quiet` shows no control instead: where the page refuses the same elsewhere.
    What follows `{% otherwise %}` is told to those who may not, before the control.
    """
    _, *words = token.split_contents()
    if len(words) < 2:
        raise template.TemplateSyntaxError("permitted takes an action and an object.")
    action, obj, *rest = words
    options = token_kwargs(rest, parser)
    if rest or set(options) - OPTIONS or not {"label", "quiet"} & set(options):
        raise template.TemplateSyntaxError(
            f"permitted takes {', '.join(sorted(OPTIONS))}; a label unless it is quiet."
        )
    inside, otherwise = parser.parse(("otherwise", "endpermitted")), NodeList()
    if parser.next_token().contents == "otherwise":
        otherwise = parser.parse(("endpermitted",))
        parser.delete_first_token()
    asked = (parser.compile_filter(action), parser.compile_filter(obj))
    return Permitted(*asked, options, nodelist=inside, otherwise=otherwise)


class Permitted(template.Node):
    child_nodelists = ("nodelist", "otherwise")

    def __init__(
        self,
        action: FilterExpression,
        obj: FilterExpression,
        options: dict[str, FilterExpression],
        *,
        nodelist: NodeList,
        otherwise: NodeList,
    ) -> None:
        self.action, self.obj, self.options = action, obj, options
        self.nodelist, self.otherwise = nodelist, otherwise

    def render(self, context: Context) -> str:
        action, obj = self.action.resolve(context), self.obj.resolve(context)
        shown = {name: value.resolve(context) for name, value in self.options.items()}
        # Of the context itself: also where a part of a page is given a few values only.
        if shown.pop("also", False) or _may(context.request, action, obj):  # type: ignore[attr-defined]
            return self.nodelist.render(context)
        told = self.otherwise.render(context)
        if shown.pop("quiet", False):
            return told
        refused = context.template.engine.get_template(REFUSED)  # type: ignore[union-attr]
        question = {"action": action, "object": policies.of(obj).noun, "pk": obj.pk}
        return told + refused.render(context.new({**shown, **question}))


def _may(request: Any, action: str, obj: Model) -> bool:
    """Whether there may be something for which it is allowed; asked once for each page."""
    known = request.__dict__.setdefault("_permitted", {})
    key = (action, obj._meta.label_lower, obj.pk)
    if key not in known:
        known[key] = policies.of(obj).could(request.user, action, obj)
    return bool(known[key])


@register.simple_tag(takes_context=True)
def reads_access(context: dict[str, Any]) -> bool:
    """Whether the reader looks at everybody's rights, as auditors and administrators do."""
    return explanations.reads_all(context.request.user)  # type: ignore[attr-defined]
