from apps.core.doors import Login, Rate, anybody, declare, methods, own, own_list

declare(
    Login.SESSION,
    {
        "accounts:profile": methods(
            GET=own_list("account"), POST=own_list("account", "user.rename")
        ),
        "accounts:sessions": methods(GET=own_list("sessions")),
        "accounts:sessions_end": methods(POST=own_list("sessions", "session.end")),
        "accounts:session_end": methods(POST=own("session", "session.end")),
        "accounts:token_revoke": methods(POST=own("token", "token.revoke")),
    },
)

# The sign-on provider says with a signed token whom it signs out, disables or enables.
declare(
    Login.NONE,
    {
        "sign_on:back_channel_logout": methods(
            POST=anybody("user.sign_out", "token.revoke", rate=Rate.SIGN_IN)
        ),
        "sign_on:security_events": methods(
            POST=anybody(
                "user.disable", "user.enable", "user.sign_out", "token.revoke", rate=Rate.SIGN_IN
            )
        ),
    },
)
