from django.apps import AppConfig


class BuildersConfig(AppConfig):
    name = "builders"
    verbose_name = "Workers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from builders import checks  # noqa: F401, PLC0415  registers them, once applications are there
