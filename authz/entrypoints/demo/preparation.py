"""Everything that can be checked before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from authz.entrypoints.demo.binaries import find_binaries
from authz.entrypoints.demo.errors import DemoRefused
from authz.entrypoints.demo.gate_settings import without_settings
from authz.entrypoints.demo.parts import DATA, Parts
from authz.entrypoints.demo.people import read_people
from authz.entrypoints.demo.ports import Ports, read_ports, refuse_taken
from authz.entrypoints.demo.run_directory import RunDirectory, checkout, run_directory
from authz.entrypoints.demo.stack import Stack

T = TypeVar("T")


def prepare(environ: Mapping[str, str], policies: Path | None) -> Stack:
    """Return a stack that is ready to start, with the policies in `policies`, else those of the checkout.

    Raises DemoRefused with all that is in the way: a running demo, missing servers, taken ports, missing
    policies.
    """
    problems: list[str] = []
    home = checkout()
    policies = (policies or home / "policies").absolute()
    run = run_directory(environ)
    _attempt(lambda: _refuse_running(run), problems)
    binaries = _attempt(lambda: find_binaries(environ, home), problems)
    ports = _attempt(lambda: _free_ports(environ), problems)
    people = _attempt(lambda: read_people(policies / DATA), problems)
    if problems or binaries is None or ports is None or people is None:
        raise DemoRefused(*problems)
    return Stack(Parts(run, ports, binaries, policies, without_settings(environ)), people)


def _refuse_running(run: RunDirectory) -> None:
    if run.is_held():
        raise DemoRefused(run.already_held())


def _free_ports(environ: Mapping[str, str]) -> Ports:
    ports = read_ports(environ)
    refuse_taken(ports)
    return ports


def _attempt(check: Callable[[], T], problems: list[str]) -> T | None:
    try:
        return check()
    except DemoRefused as refused:
        problems += refused.problems
        return None
