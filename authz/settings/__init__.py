from authz.settings.all_settings import Settings

__all__ = ["Settings"]
