"""All faults; each module enters its own when it is imported."""

from __future__ import annotations

from tests.e2e.doctor import faults_of_filters, faults_of_managers, faults_of_routes, faults_of_waiting
from tests.e2e.doctor.fault import FAULTS, Fault, add_filter, add_route, per_route

MODULES = (faults_of_filters, faults_of_managers, faults_of_routes, faults_of_waiting)

__all__ = ["FAULTS", "MODULES", "Fault", "add_filter", "add_route", "per_route"]
