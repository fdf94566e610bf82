"""Writes about evaluations: data sets, measurings, and the rules that ask for them."""

from apps.evaluations.services.data_sets import upload_data_set, withdraw_data_set
from apps.evaluations.services.evaluations import (
    ATTEMPTS,
    EVALUATE,
    MOST_AT_ONCE,
    cancel,
    digest_of_report,
    keep_report,
    settle,
    start_evaluation,
)
from apps.evaluations.services.intakes import TAKE_IN, keep_logged, settle_intake, take_in
from apps.evaluations.services.rules import (
    add_rule,
    end_evaluations,
    heed,
    patterns_of,
    remove_rule,
)

__all__ = [
    "ATTEMPTS",
    "EVALUATE",
    "MOST_AT_ONCE",
    "TAKE_IN",
    "add_rule",
    "cancel",
    "digest_of_report",
    "end_evaluations",
    "heed",
    "keep_logged",
    "keep_report",
    "patterns_of",
    "remove_rule",
    "settle",
    "settle_intake",
    "start_evaluation",
    "take_in",
    "upload_data_set",
    "withdraw_data_set",
]
