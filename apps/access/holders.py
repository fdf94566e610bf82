"""Tells the declarations of attributes which rules rely on them."""

from apps.access import rulebook
from apps.access.models import Rule
from apps.accounts.declarations import register_relier
from apps.accounts.models import Attribute


def broken_by(attribute: Attribute, then: Attribute | None) -> str:
    """Which rule could not be read any more if the declaration became this, or went."""
    present = rulebook.declarations()
    declared = dict(present)
    key = (attribute.about, attribute.name)
    if then is None:
        declared.pop(key, None)
    else:
        declared[key] = then
    for rule in Rule.objects.order_by("name"):
        before = rulebook.read_rule(rule, present)
        after = rulebook.read_rule(rule, declared)
        if after.fault and not before.fault:
            return f"The access rule “{rule}” relies on it: {after.fault} Change the rule first."
    return ""


register_relier(broken_by)
