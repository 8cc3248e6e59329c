from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Wrong user name or password.",
        # the same words: a guesser learns nothing about which accounts exist
        "inactive": "Wrong user name or password.",
    }
