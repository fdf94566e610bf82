from apps.core.doors import Author, Login, Rate, declare, may, methods, view

declare(
    Login.SESSION,
    {
        "reviews:new": methods(
            GET=may("request_review", "version", rate=Rate.READ),
            POST=may("request_review", "version", "review.request"),
        ),
        "reviews:detail": methods(GET=view("review")),
        # Administrators are no reviewers: deciding takes a role in the project.
        "reviews:approve": methods(
            POST=may("review", "review", "review.approve", members_only=True)
        ),
        "reviews:request_changes": methods(
            POST=may("review", "review", "review.request_changes", members_only=True)
        ),
        "reviews:comment": methods(POST=may("comment", "review", "review.comment")),
        "reviews:withdraw": methods(
            POST=may("manage_project", "review", "review.withdraw", author=Author.TOO)
        ),
        "reviews:ask": methods(
            POST=may("manage_project", "review", "review.ask", author=Author.TOO)
        ),
    },
)
