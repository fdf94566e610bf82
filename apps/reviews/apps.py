from apps.core.apps import DomainConfig


class ReviewsConfig(DomainConfig):
    name = "apps.reviews"
    label = "reviews"
    default = True
