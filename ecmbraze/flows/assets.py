"""Assets: approved content of Braze becomes a governed document in ECM, and each new content a version of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ecmbraze.flow import Context, Flow, Known
from ecmbraze.model import Action, Change, Decision, Json, Kind, Record
from ecmbraze.needs import Cap, ContentNeeds, Needs
from ecmbraze.planning.assets import facts, writes
from ecmbraze.planning.assets.facts import Status
from ecmbraze.planning.assets.names import HTML, JSON
from ecmbraze.planning.assets.options import Options, Shown
from ecmbraze.planning.assets.writes import Archived
from ecmbraze.planning.outbound import Direction, Outbound, Sort

NAME = writes.FLOW
# After so many complete looks a lost tag, an archived or a deleted asset is marked (delivery.md, "Watermarks").
_LOOKS = 2
_STATUSES = (Status.APPROVED, Status.TAG_REMOVED, Status.ARCHIVED, Status.DELETED)
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
assets:                                         # approved content of Braze becomes governed documents
  enabled: true
  every: 1h
  tag: approved                                 # exact; the customer's assertion: Braze tells no approval
  kinds: [email_templates, content_blocks, campaigns, canvases]
  full_scan: 24h                                # everything is read once in this time: lists do not tell every edit
  workspace: {type: Marketing Governance, name: Braze Content}   # must exist, exactly one
  folders:                                      # made when missing
    email_templates: E-mail Templates
    content_blocks: Content Blocks
    campaigns: Campaigns
    canvases: Canvases
  rendering: true                               # an .html beside each e-mail, scripts and remote loads removed
  metadata:                                     # id, kind, name, tags, channels, status, updated, read, sha256
    Content.Braze ID: id
    Content.Status: status                      # approved, tag_removed, archived or deleted
    Content.SHA-256: sha256                     # of the document: what `sha256sum` says of it
  expected: []                                  # names that must be archived; missing ones are reported
  max_documents: 500                            # more new documents and versions in one run: exit 6
"""


def needs(options: Options) -> Needs:
    """Return what the flow reads."""
    return Needs(
        content=ContentNeeds(
            kinds=options.kinds,
            tag=options.tag,
            full_scan=options.full_scan,
            place=(options.workspace.type, options.workspace.name),
            rendering=options.rendering,
            expected=options.expected,
        )
    )


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one asset that was read: what its document needs, and what its category says of it."""
    record, memory = change.record, dict(change.memory)
    source, page = Archived.of(memory.get(writes.SOURCE)), Archived.of(memory.get(writes.RENDERING))
    status = _status(record)
    if not change.corrects or status is Status.NEVER or (status is not Status.APPROVED and source is None):
        return Decision(memory=memory)
    outcome: list[Action] = []
    if status is Status.APPROVED:
        outcome += writes.bring_up_to_date(options, record, source, JSON, context)
        past, source = source, writes.noted(record, source, JSON)
        memory[writes.VERSIONS] = writes.history(memory.get(writes.VERSIONS), record, past, source)
        memory[writes.SOURCE] = source.as_json()
        if writes.rendered(options, record):
            outcome += writes.bring_up_to_date(options, record, page, HTML, context)
            memory[writes.RENDERING] = writes.noted(record, page, HTML).as_json()
    assert source is not None, "only what was archived is marked"
    outcome += _marks(options, change, source, status, memory, context)
    return Decision.of(outcome, memory=memory)


def _marks(
    options: Options, change: Change, source: Archived, status: Status, memory: dict[str, Json], context: Context
) -> Sequence[Action]:
    """Return the writes of the category, unless nothing in it changes but when the asset was read or edited."""
    mark = writes.mark(options, change.record, source, status)
    if memory.get(writes.STATE) == mark:
        return ()
    memory[writes.STATE] = mark
    return tuple(writes.metadata(options, change.record, source, status, context))


def _status(record: Record) -> Status:
    """Return how an asset stands: what two complete looks have seen, or what was approved until they did."""
    if record.gone:
        return Status.DELETED
    state, lost = Status(str(record.facts.get(facts.STATE) or "")), record.facts.get(facts.LOST)
    if state in (Status.TAG_REMOVED, Status.ARCHIVED) and not (isinstance(lost, int) and lost >= _LOOKS):
        return Status.NEVER  # neither archived anew nor marked yet
    return state


def outbound(options: Options, _prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = [
        Outbound(sort=Sort.DOCUMENT, name=options.folders.of(kind), fact=f"approved {kind}", rule=kind)
        for kind in options.kinds
    ]
    for name, field in options.metadata.items():
        values = tuple(_STATUSES) if field is Shown.STATUS else ()
        rows.append(
            Outbound(sort=Sort.CATEGORY_ATTRIBUTE, name=name, fact=f"content.{field}", rule=writes.STATE, values=values)
        )
    return rows


FLOW = Flow(
    name=NAME,
    summary="Approved content of Braze becomes governed documents in ECM; other content becomes their next version.",
    direction=Direction.TO_ECM,
    options=Options,
    example=EXAMPLE,
    every=timedelta(hours=1),
    needs=needs,
    rules=lambda options: (),
    plan=plan,
    holds=lambda options, record, rule, occurrence, zone, now: None,
    outbound=outbound,
    caps=lambda options: (
        Cap(
            name="max_documents",
            kinds=frozenset((Kind.ARCHIVE, Kind.VERSION)),
            most=options.max_documents,
            what="new documents and versions",
        ),
    ),
    confirmed_first=True,
    replanned=True,  # an attribute that is mapped later is written on what does not change
)
