from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "vDisk Portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal import checks  # noqa: F401, PLC0415 - registers the system checks
