"""Feedback: people are asked after completion, and what they answer goes back to the workspace it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from ecmbraze.flow import Context, Flow, Known
from ecmbraze.model import Change, Decision, Json, PersonKey, Record
from ecmbraze.needs import Asked, Needs
from ecmbraze.planning.feedback import answering, asking, occasions, requests, writes
from ecmbraze.planning.feedback.options import Options
from ecmbraze.planning.naming import CUSTOMER_FACTS
from ecmbraze.planning.outbound import Direction, Outbound, of_rule
from ecmbraze.planning.rules import by_rule

NAME = requests.FLOW
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
feedback:                                       # asked after completion, the answer goes back to the record
  enabled: true
  every: 15m
  workspace_types: [Case]
  customer: Case.Customer Number
  also: []                                      # [{workspace_types: [Project], customer: Project.Customer Number}]
  create_profiles: false
  cooldown: 90d                                 # per person, over all rules and workspaces
  braze_requests: 600                           # exports of 50 people per run at most, of those who were asked
  rules:
    - name: case_survey
      when: {Case.Status: Closed}
      repeat: true                              # reopened and closed again is a new occasion
      delay: 2d                                 # reopened before: not sent
      hours: {from: "09:00", to: "18:00"}       # requests leave between these times of day ...
      zone: Europe/Berlin                       # ... in this zone; default: ecm.timezone
      sample: 1.0                               # share that is asked, decided by the business key
      send:
        campaign: 3f0c0000-0000-4000-8000-000000000005
        consent: {email: opted_in}
        properties: {case: "${workspace.name}", token: "${feedback.token}"}
      answer:                                   # profile attributes that the survey writes, as Braze shows them
        score: survey_score                     # an answer is there when this is set
        comment: survey_comment                 # optional
        at: survey_answered_at                  # optional; else when we first saw it
        workspace: survey_token                 # optional; without it only a single open request counts
      answer_within: 30d
      write:                                    # score, comment, at, asked, survey
        Feedback.Score: score
        Feedback.Comment: comment
        Feedback.Answered On: at
      comment_document: too_long                # never, too_long (for the attribute) or always
      comment_length: 254                       # how many characters the attribute of the comment takes
      folder: Feedback                          # of those documents
"""


def needs(options: Options) -> Needs:
    """Return what the flow reads: of workspaces what rules name, of the people it asked the answers."""
    built_in = ("workspace.", "feedback.")
    named = frozenset(fact for rule in options.rules for fact in rule.facts() if not fact.startswith(built_in))
    longest = max(rule.answer_within for rule in options.rules)
    return Needs(
        customers=options.customers,
        facts=named - frozenset(CUSTOMER_FACTS),
        people=frozenset().union(*(rule.answer.facts for rule in options.rules)),
        asked=Asked(flow=NAME, within=longest, requests=options.braze_requests),
    )


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace that may have been completed, or one person who may have answered."""
    if isinstance(change.record.key, PersonKey):
        return answering.plan(options, change, change.record.key.recipient, known, context)
    return asking.plan(options, change, known, context)


def ahead(options: Options, record: Record, memory: Mapping[str, Json], zone: tzinfo) -> Sequence[tuple[datetime, str]]:
    """Return (instant, rule) of each request to come of a workspace."""
    return [] if record.gone else [(due, rule.name) for due, rule in occasions.ahead(options.rules, memory, zone)]


def postponed(options: Options, rule: str, zone: tzinfo, now: datetime) -> str:
    """Return why no request of a rule leaves now; empty within its hours."""
    mine = next((one for one in options.rules if one.name == rule), None)
    if mine is None or occasions.in_hours(mine, now, zone) <= now:
        return ""
    return f"outside the hours of {rule}, {mine.hours.begin:%H:%M} to {mine.hours.end:%H:%M}"


def warnings(options: Options) -> Sequence[str]:
    """Return what may be meant and should be known."""
    return [
        f"rule {rule.name!r} sends a survey as transactional: in some countries a satisfaction survey counts as "
        "advertising, which needs a consent"
        for rule in options.rules
        if rule.send.consent and rule.send.consent.transactional
    ]


def outbound(options: Options, _prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = list(options.identifiers())
    for rule in options.rules:
        rows += of_rule(rule, times=["workspace.modified"])
    return [*rows, *writes.declared(options.rules)]


FLOW = Flow(
    name=NAME,
    summary="People are asked after completion, and what they answer in Braze goes back to the workspace in ECM.",
    direction=Direction.BOTH,
    options=Options,
    example=EXAMPLE,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: options.rules,
    plan=plan,
    holds=by_rule(lambda options: options.rules),
    ahead=ahead,
    postponed=postponed,
    warnings=warnings,
    outbound=outbound,
)
