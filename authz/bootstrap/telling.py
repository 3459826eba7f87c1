"""What tells people, and ends what nobody decided."""

from __future__ import annotations

import structlog

from authz.adapters.telemetry.delivery_observer import NotifierObserver
from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap.channels import channels
from authz.bootstrap.deciding import directory
from authz.bootstrap.guarding import guarded
from authz.bootstrap.outside import Outside, deliveries_at_once
from authz.domain.errors import SettingsInvalid
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.errands import Errands
from authz.services.expiry import Expiry, ExpirySettings
from authz.services.reach import Reach
from authz.services.routes import Routes
from authz.settings import Settings

_MS = 1000
log = structlog.get_logger("holdgate.notifier")


def delivery(settings: Settings, outside: Outside, metrics: Metrics) -> Delivery:
    """Return the worker that posts notices to channels."""
    observer = NotifierObserver(metrics)
    errands = Errands(
        outside.outbox,
        outside.store,
        outside.reviews,
        routes(settings, outside, metrics),
        Reach(directory(settings, outside), timeout=max(1.0, settings.opa_timeout / _MS)),
        observer,
    )
    bounds = DeliverySettings(
        in_hand=deliveries_at_once(settings),
        attempts=settings.delivery_attempts,
        lease_s=settings.delivery_lease / _MS,
    )
    return Delivery(outside.outbox, errands, observer, bounds)


def routes(settings: Settings, outside: Outside, metrics: Metrics) -> Routes:
    """Return the routes of the settings. Raises SettingsInvalid."""
    described = settings.routes
    behind = guarded(channels(settings, outside), settings, outside, metrics)
    telling = frozenset(name for name, route in described.items() if route.tell_requester)
    for name in sorted(telling):
        if behind.tellers.keys().isdisjoint(described[name].channels):
            advice = "no channel of this route can tell a person in private; see docs/notifications.md"
            log.warning("route.requester_untold", route=name, advice=advice)
    leading = {name: route.channels for name, route in described.items()}
    try:
        return Routes(behind.channels, leading, telling, behind.tellers)
    except ValueError as error:
        raise SettingsInvalid([f"HOLDGATE_ROUTES: {error}"]) from error


def expiry(outside: Outside, metrics: Metrics) -> Expiry:
    """Return the loop that ends what nobody decided in time."""
    return Expiry(outside.store, NotifierObserver(metrics), ExpirySettings())
