from apps.web.activity import TOLD
from tests.docs import code


def test_each_audit_action_is_told_in_words() -> None:
    assert set(TOLD) == code.audit_actions()
