from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "User name and password do not belong together. Both are case-sensitive; look at Caps Lock. "
        "Whoever runs the portal can set a new password.",
        # the same words: a guesser learns nothing about which accounts exist
        "inactive": "User name and password do not belong together.",
    }
