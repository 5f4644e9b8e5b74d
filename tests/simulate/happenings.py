"""What may happen in a world: people at work in Extended ECM and Braze, operators, and what stands in a run's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from random import Random

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import Kind, State
from tests.simulate.surveys import FLOW as FEEDBACK
from tests.simulate.truth import CONTACTS, HOLDER, WITNESS
from tests.simulate.world import PEOPLE, STRANGER, World
from tests.stories.story import GROUP
from tests.twins.wire import Fault, Trouble

_READS = (
    "ecm ",
    "ecm listing",
    "ecm workspace",
    "ecm document",
    "ecm search",
    "braze profiles",
    "braze groups",
    "braze message",
    "braze bounces",
)
_WRITES = ("braze track", "braze track", "braze campaign", "braze canvas", "braze c")
_BACK = ("ecm values", "ecm file")


# people at work


def happen(world: World, rng: Random, flows: Sequence[str]) -> None:
    """Let one thing happen in ECM, most likely to what these flows read, or to a person in Braze."""
    doing: Callable[[World, Random, Sequence[str]], None] = rng.choices(
        (_stir, _create, _vanish, _hand_over, _consent, _poison),
        (20, 2, 1, 1, 4, 1),
    )[0]
    doing(world, rng, flows)
    if rng.random() < 0.5:
        answer(world, rng)
    world.look()


def answer(world: World, rng: Random) -> None:
    """Let somebody who was asked how it was say so, where people are asked."""
    if FEEDBACK in world.stories:
        world.note(world.surveys.answer(rng))


def _stir(world: World, rng: Random, flows: Sequence[str]) -> None:
    number = _any(world, rng, flows)
    if number is None:
        return
    space = world.house.ecm.spaces[number]
    modified = space.modified
    world.truth(world.spaces.flow_of[number]).stir(rng, world.house.ecm, number)
    if rng.random() < 0.05:
        space.modified = modified  # a category edit need not move the date (api/ecm.md 6)
        world.spaces.silent.add(number)
    world.note(f"stirred {number} {space.values}")


def _create(world: World, rng: Random, flows: Sequence[str]) -> None:
    flow = rng.choice(flows)
    if len(world.spaces.flow_of) < 14:
        create(world, rng, flow)


def create(world: World, rng: Random, flow: str, first: str = "", *, baseline: bool = False) -> None:
    """Make a workspace of ``first``, or of whomever, and where its flow reads several perhaps of another."""
    story, ecm = world.stories[flow], world.house.ecm
    number = story.make(ecm, first or rng.choice((*PEOPLE, STRANGER)))
    if flow in world.several:
        person = str(ecm.spaces[number].values[story.customer])
        others = [person, *rng.sample([one for one in PEOPLE if one != person], rng.choice((0, 1, 1, 2)))]
        ecm.spaces[number].rows[f"{story.category}.{CONTACTS}"] = contacts(rng, others)
    world.spaces.take_in(number, flow, baseline=baseline)
    world.note(f"created {number} of {flow} for {', '.join(world.spaces.people(number))}")


def contacts(rng: Random, people: Sequence[str]) -> tuple[dict[str, str], ...]:
    """Return the rows of a set that names these people as customers, and somebody else who is none."""
    rows = [{"Role": HOLDER, "Customer Number": person} for person in people]
    rows.append({"Role": WITNESS, "Customer Number": rng.choice(PEOPLE)})
    rng.shuffle(rows)
    return tuple(rows)


def _vanish(world: World, rng: Random, flows: Sequence[str]) -> None:
    number = _any(world, rng, flows)
    if number is None:
        return
    space = world.house.ecm.spaces[number]
    world.spaces.excuse(number)
    if rng.random() < 0.5:
        world.house.ecm.delete(number)
    else:
        space.hidden = not space.hidden
    world.note(f"deleted, hid or showed {number}")


def _hand_over(world: World, rng: Random, flows: Sequence[str]) -> None:
    number = _any(world, rng, flows)
    if number is None:
        return
    flow, person = world.spaces.flow_of[number], rng.choice(PEOPLE)
    story = world.stories[flow]
    world.spaces.excuse(number)
    if flow in world.several:
        # Now and then nobody is left.
        people = rng.sample(PEOPLE, rng.choice((0, 1, 1, 2, 2, 3)))
        world.house.ecm.edit(number, rows={f"{story.category}.{CONTACTS}": contacts(rng, people)})
    else:
        world.house.ecm.edit(number, {story.customer: person})
    world.note(f"{number} now names {', '.join(world.spaces.people(number))}")


def _consent(world: World, rng: Random, _flows: Sequence[str]) -> None:
    braze = world.house.braze
    person = braze.people[rng.choice(PEOPLE)]
    match rng.randrange(4):
        case 0 | 1:
            person.email_subscribe = rng.choice(("opted_in", "subscribed", "unsubscribed"))
        case 2:
            person.groups[GROUP] = rng.choice(("subscribed", "unsubscribed"))
        case 3:
            address = str(person.email)
            (braze.bounced.discard if address in braze.bounced else braze.bounced.add)(address)
    world.note(f"consent of {person.external_id}: {person.email_subscribe} {person.groups}")


def _poison(world: World, rng: Random, flows: Sequence[str]) -> None:
    number = _any(world, rng, flows)
    if number is not None:
        space = world.house.ecm.spaces[number]
        space.unreadable = "" if space.unreadable else "ECM answers 500: no"
        world.note(f"{number} is {space.unreadable or 'readable again'}")


def _any(world: World, rng: Random, flows: Sequence[str]) -> int | None:
    there = [n for n, flow in world.spaces.flow_of.items() if n in world.house.ecm.spaces and flow in flows]
    return rng.choice(there) if there else None


# what goes wrong


def trouble(world: World, rng: Random) -> None:
    """Let something stand in the way of the next runs."""
    braze = world.house.braze
    match rng.randrange(18):
        case 0 | 1 | 2 | 3 | 4 | 12 | 13 | 14 | 15 | 16 | 17:
            kind, skip = rng.choice(list(Trouble)), rng.choice((0, 0, 0, 1, 2))
            writes = (*_WRITES, *(_BACK if FEEDBACK in world.stories else ()))
            fault = Fault(call=rng.choice(writes), trouble=kind, skip=skip, times=rng.randint(1, 3))
            world.house.wire.faults.append(fault)
            world.note(f"{fault}")
        case 5 | 6:
            fault = Fault(call=rng.choice(_READS), trouble=Trouble.CUT, skip=rng.randrange(9), times=rng.randint(1, 3))
            world.house.wire.faults.append(fault)
            world.note(f"{fault}")
        case 7:
            message, seconds = rng.choice((Kind.EVENT, Kind.CAMPAIGN, Kind.CANVAS)), rng.choice((5.0, 40.0, 400.0))
            braze.close(message, seconds)
            world.note(f"{message} takes nothing for {seconds} s")
        case 8:
            campaign = rng.choice(list(braze.campaigns.values()))
            campaign.state = rng.choice(("", "paused", "archived"))
            world.note(f"{campaign}")
        case 9:
            world.house.clock.ahead = rng.choice((0.0, 200.0, -200.0, 4000.0, -4000.0))
            world.house.told_time = abs(world.house.clock.ahead) > 300 or rng.random() < 0.5
            world.note(f"our clock is {world.house.clock.ahead} s ahead")
        case 10 if not world.exempt:
            person = rng.choice(PEOPLE)
            braze.refused[person] = "no"
            world.exempt.add(person)
            world.note(f"Braze refuses {person}")
        case 11:
            stranger(world)


def stranger(world: World) -> None:
    """Let Braze come to know who was unknown."""
    if STRANGER not in world.house.braze.people:
        address, groups = f"{STRANGER.lower()}@example.com", {GROUP: "subscribed"}
        world.house.braze.add(STRANGER, email=address, email_subscribe="opted_in", groups=groups)
        world.people.look()
        world.note(f"Braze knows {STRANGER}")


def switch(world: World, rng: Random) -> None:
    """Stop the sending of a flow, or of all; or let go on what was stopped."""
    stopped = [flow for flow, _, until in world.stops if until is None]
    if stopped and rng.random() < 0.6:
        world.resume(rng.choice(stopped))
    elif flow := rng.choice([one for one in (*world.stories, "*") if one not in stopped] or [""]):
        world.pause(flow)


def mend(world: World) -> None:
    """Let everything be well again, but for what people decided."""
    world.house.wire.faults.clear()
    world.house.clock.ahead, world.house.told_time = 0.0, True
    world.resume("*", *world.stories)  # also what was paused by a command that a kill kept from saying so
    for campaign in world.house.braze.campaigns.values():
        campaign.state = ""
    for space in world.house.ecm.spaces.values():
        space.unreadable = ""
    stranger(world)
    _replay(world)
    world.look()


def _replay(world: World) -> None:
    """Send again what Extended ECM refused, as an operator does: it wanted nothing else."""
    with closing(Ledger.open(world.house.state)) as ledger:
        again = [row for row in ledger.outbox.refused() if row.action.kind in (Kind.CATEGORY, Kind.DOCUMENT)]
        steps = [Step(row=row, state=State.READY, why="operator: quarantine") for row in again]
        ledger.outbox.move(steps, world.house.clock.now())
