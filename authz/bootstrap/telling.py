"""What tells people, and ends what nobody decided."""

from __future__ import annotations

from authz.adapters.telemetry.delivery_observer import NotifierObserver
from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap.channels import channels
from authz.bootstrap.guarding import guarded
from authz.bootstrap.outside import Outside
from authz.domain.errors import SettingsInvalid
from authz.services.delivery import Delivery, DeliverySettings, Routes
from authz.services.expiry import Expiry, ExpirySettings
from authz.settings import Settings

_MS = 1000


def delivery(settings: Settings, outside: Outside, metrics: Metrics) -> Delivery:
    """Return the worker that posts notices to channels."""
    try:
        every = guarded(channels(settings, outside), settings, outside, metrics)
        routes = Routes(every, settings.routes)
    except ValueError as error:
        raise SettingsInvalid([f"HOLDGATE_ROUTES: {error}"]) from error
    return Delivery(
        outside.outbox,
        outside.store,
        outside.reviews,
        routes,
        NotifierObserver(metrics),
        DeliverySettings(attempts=settings.delivery_attempts, lease_s=settings.delivery_lease / _MS),
    )


def expiry(outside: Outside, metrics: Metrics) -> Expiry:
    """Return the loop that ends what nobody decided in time."""
    return Expiry(outside.store, NotifierObserver(metrics), ExpirySettings())
