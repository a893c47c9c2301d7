"""What all processes of the database tell together."""

import os

import msgspec
from prometheus_client import generate_latest

from talkd.areas.operations.colleagues import Colleagues, Load
from talkd.areas.operations.merging import merge
from talkd.areas.operations.view import Readings
from talkd.bus.others import Others, Process
from talkd.web import metrics
from talkd.web.admission import Admission
from talkd.web.call import World

METRICS, LOAD = "metrics", "load"
"""The questions to other processes."""


def answer(world: World) -> None:
    """Let this process answer the questions of others."""
    answers = world[Colleagues].answers
    answers[METRICS] = lambda: _get_own_metrics(world)
    answers[LOAD] = lambda: msgspec.msgpack.encode(_get_own_load(world))


def list_processes(world: World) -> list[Process]:
    """Return the processes that serve the database, this one first."""
    others = world[Others]
    return [others.myself, *others.living.values()]


async def get_metrics(world: World) -> bytes:
    """Return the metrics of all processes on this machine.

    A request reaches any of the workers of a machine. So that each metric is in every answer, it has a label with the
    process. Other machines are asked for their metrics by themselves.
    """
    own = _get_own_metrics(world)
    if world[Others].is_alone:
        return own
    here = {each.id: each for each in world[Others].list_here()}
    found = await world[Colleagues].ask(METRICS, here.values())
    return merge({str(os.getpid()): own} | {here[number].place.rpartition(" ")[2]: found[number] for number in found})


async def get_load(world: World) -> Load:
    """Return how much all processes have to do together."""
    found = await world[Colleagues].ask(LOAD, world[Others].living.values())
    loads = [_get_own_load(world), *(msgspec.msgpack.decode(each, type=Load) for each in found.values())]
    return Load(
        sum(each.requests for each in loads), sum(each.waiting for each in loads), sum(each.sockets for each in loads)
    )


def _get_own_metrics(world: World) -> bytes:
    db = world.db
    readings = Readings(
        waiting=world.changes.waiting,
        statements=db.statements,
        failures=db.availability.failures,
        outages=db.availability.outages,
        outage_seconds=db.availability.seconds,
        waiting_for_database=db.availability.waiting,
        replicas=db.list_replicas(),
        others=world[Others],
    )
    return bytes(generate_latest(metrics.registry)) + readings.text()


def _get_own_load(world: World) -> Load:
    sockets = int(metrics.registry.get_sample_value("talkd_signaling_sockets") or 0)
    return Load(world[Admission].in_flight, world.changes.waiting, sockets)
