from apps.core.doors import Login, Rate, declare, may, methods
from apps.deployments.specs import LONGEST_BODY

# The key of an endpoint opens it as well. To others there is no difference between an endpoint
# that they may not call and none.
PREDICT = methods(
    GET=may("view", "endpoint", rate=Rate.READ),
    POST=may(
        "predict", "endpoint", rate=Rate.PREDICT, body=LONGEST_BODY, asks="replica of the model"
    ),
)

declare(
    Login.KEY,
    {"endpoints:invocations": PREDICT, "endpoints:version_invocations": PREDICT},
)
