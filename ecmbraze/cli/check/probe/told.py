"""Say what a probe found and what follows from it for the flows of this configuration; asks and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ecmbraze.cli.check.findings import Finding, Level, doubt, well
from ecmbraze.cli.check.probe.place import Place
from ecmbraze.cli.check.probe.steps import Effect, Seen, Step
from ecmbraze.config import Settings
from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError, RecordUnreadable
from ecmbraze.flows import BY_NAME
from ecmbraze.systems.ecm.probing import Trial

# Further than any clock of a server that may send messages; a wrong zone is off by a quarter of an hour at least.
_OFF = timedelta(minutes=5)
_SOURCES = (Step.DOCUMENT, Step.DEEP, Step.VERSION, Step.MOVE)


def refused(place: Place, why: str) -> Finding:
    """Return that nothing may be written to a workspace."""
    said = f"nothing was written to {place}: {why}"
    return Finding(level=Level.WRONG, where="probe", said=said, code=ConfigurationError.exit_code)


def not_done(why: str) -> Finding:
    return doubt("probe", f"not done, nothing was written: {why}")


def findings(
    config: Settings,
    place: Place,
    trial: Trial | None,
    seen: Seen,
    ended: EcmbrazeError | None,
    totals: Mapping[str, int],
) -> Iterator[Finding]:
    """Yield what the probe found. ``totals`` are the workspaces of each type that flows read."""
    if ended is not None:
        said = " ".join(f"{ended.happened} The probe ended there. {ended.advice}".split())
        yield Finding(level=Level.WRONG, where="probe", said=said, code=ended.exit_code)
    yield from _taken_back(place, trial, seen)
    yield from _edit(config, trial, seen, totals)
    yield from _documents(config, seen)
    yield from _index(config, seen)
    yield from _dates(config, seen)
    if seen.name_shown:
        said = f"a document comes back as {seen.name_shown!r}: names are not kept, and what flows file is found by name"
        yield Finding(level=Level.NOTE, where="probe: names", said=said)


def _taken_back(place: Place, trial: Trial | None, seen: Seen) -> Iterator[Finding]:
    """Yield what still stands in ECM of what was written."""
    clean = True
    if trial is not None and seen.edited:
        clean = False
        said = (
            f"{trial.name} holds what the probe did not write, somebody did meanwhile; it was left alone: {seen.stands}"
        )
        yield Finding(level=Level.NOTE, where="probe: put back", said=f"{said}; before the probe {_held(trial)}")
    elif trial is not None and seen.stands:
        clean = False
        said = f"{trial.name} of {place} may still hold {trial.value!r} ({seen.stands}): in ECM, see to it that "
        said += _held(trial, "is")
        yield Finding(level=Level.WRONG, where="probe: put back", said=said, code=RecordUnreadable.exit_code)
    for one in seen.cleared.left:
        clean = False
        code = CredentialRefused.exit_code if one.denied else RecordUnreadable.exit_code
        said = f"node {one.node.id} {one.node.name!r} is still there: {one.why}; delete it in ECM"
        yield Finding(level=Level.WRONG, where="probe: left behind", said=said, code=code)
    if seen.cleared.unlisted:
        clean = False
        said = f"whether anything else is left in {place} cannot be told: {seen.cleared.unlisted}"
        yield Finding(level=Level.WRONG, where="probe: left behind", said=said, code=RecordUnreadable.exit_code)
    if clean:
        yield well("probe", f"{place}: all that was written is taken back (documents lie in ECM's recycle bin)")


def _reason(effect: Effect) -> str:
    denied = effect.answer.denied
    return denied.happened if denied else effect.answer.reason


def _held(trial: Trial, verb: str = "was") -> str:
    return f"it {verb} empty" if trial.was_empty else f"it {verb} {trial.former!r}"


def _edit(config: Settings, trial: Trial | None, seen: Seen, totals: Mapping[str, int]) -> Iterator[Finding]:
    where = f"probe: {Step.EDIT}"
    effect = seen.effects.get(Step.EDIT)
    if trial is None:
        said = "not probed: the workspace has no text, number or checkbox that could be put back and that no flow names"
        yield doubt(where, said)
    elif effect is None:
        return
    elif effect.at is None:
        yield doubt(where, f"{trial.name} was not written for certain: {_reason(effect)}")
    elif seen.value_kept is False:
        yield doubt(where, f"ECM took a value for {trial.name} and does not show it: what that did says nothing")
    elif effect.moved:
        yield well(where, "moves the modify date of the workspace: the next run finds it")
    else:
        said = "moves no modify date of the workspace: where runs go by dates (see 'changes of' above), "
        said += _by_sweep(config, totals)
        yield Finding(level=Level.NOTE, where=where, said=said)
    yield from _listing(seen)


def _listing(seen: Seen) -> Iterator[Finding]:
    """Yield whether the listing, by which runs tell changes, shows at once what the workspace itself shows."""
    if seen.listing is None:
        return
    same, column = seen.listing
    if not same:
        said = "shows another modify date than the workspace itself: runs see changes as late as it does"
        yield Finding(level=Level.NOTE, where="probe: listing", said=said)
    if column is False:
        said = "its column does not show what was just written, or not whole: see changes of … for what runs make of it"
        yield Finding(level=Level.NOTE, where="probe: listing", said=said)
    if same and column is not False:
        also = ", and the new value in its column" if column else ""
        yield well("probe: listing", f"shows the modify date of the workspace at once{also}")


def _by_sweep(config: Settings, totals: Mapping[str, int]) -> str:
    """Return by when the sweep has found what moved no date; for large types that takes longer than `sweep_every`."""
    often, most = config.sweep_every, config.ecm.sweep_requests
    if not most:
        return "nothing finds it, since the sweep is off (ecm.sweep_requests: 0)"
    said = f"the sweep finds it, within {_span(often)} (sweep_every)"
    slow = {name: -(-total // most) * every for name, total in totals.items() if (every := _every(config, name))}
    late = {name: span for name, span in slow.items() if span > often}
    return said + "".join(
        f", of {name!r} within {_span(span)} ({totals[name]} workspaces, {most} a run by ecm.sweep_requests)"
        for name, span in late.items()
    )


def _every(config: Settings, type_name: str) -> timedelta | None:
    """Return how often a run looks at a type."""
    found = [
        section.every  # type: ignore[attr-defined]  # every section has it
        for flow, section in config.flows.items()
        if type_name in BY_NAME[flow].needs(section).types
    ]
    return min(found, default=None)


def _span(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours:.0f} h" if hours >= 1 else f"{span / timedelta(minutes=1):.0f} min"


def _documents(config: Settings, seen: Seen) -> Iterator[Finding]:
    """Yield what filing, versioning and moving documents does to the date of their workspace."""
    for step, effect in seen.effects.items():
        where = f"probe: {step}"
        if step is Step.EDIT:
            continue
        if effect.at is None:
            yield doubt(where, f"not done for certain: {_reason(effect)}")
        elif step is not Step.FOLDER:
            yield _document(config, step, effect, seen)
    done = {step for step in _SOURCES if step in seen.effects}
    if done and (missing := [step for step in _SOURCES if step not in done]):
        yield doubt("probe", f"not come to: {', '.join(missing)}")


def _document(config: Settings, step: Step, effect: Effect, seen: Seen) -> Finding:
    where = f"probe: {step}"
    if effect.moved:
        return well(where, "moves the modify date of the workspace: the next run finds it")
    said = "moves no modify date of the workspace"
    if step is Step.MOVE and seen.document_moved is False:
        said = f"{said}, nor its own: only the sweep finds it, within {_span(config.sweep_every)} (sweep_every)"
        relying = [f"flows.{flow}" for flow in config.flows if "moved" in _arrivals(config, flow)]
        said += f"; rules of {' and '.join(relying)} count moved documents" if relying else ""
        return Finding(level=Level.NOTE, where=where, said=said)
    if seen.indexed_s is None:
        return Finding(level=Level.NOTE, where=where, said=f"{said}: only the search or the sweep finds it (see below)")
    return well(where, f"{said}; the search index finds it")


def _arrivals(config: Settings, flow: str) -> set[str]:
    """Return how documents may arrive that the rules of a flow count."""
    rules = BY_NAME[flow].rules(config.flows[flow])
    return {str(one) for rule in rules for one in getattr(rule, "arrival", ())}


def _index(config: Settings, seen: Seen) -> Iterator[Finding]:
    if Step.DOCUMENT not in seen.effects or seen.effects[Step.DOCUMENT].at is None:
        return
    where = "probe: search index"
    relying = [f"flows.{flow}" for flow in config.flows if BY_NAME[flow].needs(config.flows[flow]).documents]
    who = f"{', '.join(relying)} rel{'ies' if len(relying) == 1 else 'y'} on it" if relying else "no flow relies on it"
    late = f"documents are found by the sweep, within {_span(config.sweep_every)} (sweep_every); {who}"
    if seen.search_failed:
        yield Finding(level=Level.NOTE, where=where, said=f"of no use ({seen.search_failed.rstrip('.')}): {late}")
    elif seen.indexed_s is None:
        yield Finding(
            level=Level.NOTE, where=where, said=f"does not show the document yet (--probe-wait): until it does {late}"
        )
    else:
        yield well(where, f"shows a new document within {seen.indexed_s:.0f} s; {who}")


def _dates(config: Settings, seen: Seen) -> Iterator[Finding]:
    """Yield whether what was written just now is dated so: else the zone of the configuration is not the server's."""
    where = "probe: dates"
    dated = [(f"the {step}", one.at, one.asked) for step, one in seen.effects.items() if one.moved]
    dated += [("the server's clock", *seen.clock)] if seen.clock else []
    offs = [(what, at - asked) for what, at, asked in dated if at and asked]
    for what, off in offs:
        if abs(off) > _OFF:
            said = (
                f"read in the zone {config.ecm.timezone or 'UTC'}, {what} is dated {_signed(off)} off the time it had: "
            )
            said += "set ecm.timezone to the zone of the Content Server"
            place = config.places.of(("ecm", "timezone"))
            yield Finding(level=Level.WRONG, where=place, said=said, code=ConfigurationError.exit_code)
            return
    if len(offs) > 1:
        yield well(where, "what was written now is dated now, in whole seconds: ecm.timezone is right")
    elif offs:
        yield well(where, "the server's clock agrees with ecm.timezone; no date of the workspace moved that would too")


def _signed(off: timedelta) -> str:
    minutes = round(off / timedelta(minutes=1))
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60}:{abs(minutes) % 60:02d} h"
