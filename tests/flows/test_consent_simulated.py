"""What the simulated worlds of consent found: where the record was not what docs/consent.md says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from tests.flows.test_consent import BOUNCED, DEFAULT, GROUP, IN, MINUTES, NEWS, OUT, SINCE, SOURCE, STATUS, Town
from tests.stories import onboarding
from tests.twins.wire import Fault, Trouble

PROJECT, OWNER = "Customer Onboarding", "Onboarding.Customer Number"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town.settled(tmp_path)


@pytest.fixture
def guarded(tmp_path: Path) -> tuple[Town, int]:
    """A town, and the only workspace of another type: without it the guards stop the next plan."""
    town = Town.settled(tmp_path, workspace_types=["Customer", "Mandate"])
    number = town.ecm.create("Mandate", {"Customer.Number": "C-2"})
    town.round()
    return town, number


def test_a_grant_replaces_a_withdrawal_that_staff_typed_of_somebody_who_had_left_already(
    tmp_path: Path,
) -> None:
    town = Town.settled(tmp_path, state="unsubscribed")
    town.ecm.edit(town.nine, {STATUS: OUT})
    town.round()
    town.chooses("opted_in", "C-2")

    outcome = town.round()

    assert (outcome.codes, town.withdrawn()) == ((0, 0), [])
    assert town.status(town.nine) == IN


def test_a_withdrawal_and_a_choice_of_one_round_stand_in_the_history_in_the_order_they_were_taken_in(
    town: Town,
) -> None:
    town.ecm.edit(town.nine, {STATUS: OUT})
    town.chooses("opted_in", "C-2")
    town.house.wire.takes = lambda name: 1.0
    town.round()

    told = sorted(town.entries(town.nine), key=lambda one: str(one["seen_at"]))
    assert [(one["before"], one["after"]) for one in told] == [("subscribed", "opted_in"), ("opted_in", "unsubscribed")]


def test_a_first_write_that_never_arrived_is_no_edit_of_a_person(town: Town) -> None:
    town.chooses("unsubscribed", "C-2")
    town.house.wire.faults.append(Fault(call="ecm values", trouble=Trouble.LOST_BEFORE))
    town.round()
    town.ecm.edit(town.nine)
    town.chooses("opted_in", "C-2")

    outcome = town.round()

    assert (outcome.codes, town.house.quarantined()) == ((0, 0), set())
    assert town.status(town.nine) == IN


def test_a_withdrawal_that_braze_shows_by_now_is_no_news_when_it_is_typed_once_more(town: Town) -> None:
    town.ecm.edit(town.seven, {NEWS: OUT})
    town.ecm.spaces[town.eight].held = "reserved"
    town.round()
    town.round(30)
    town.ecm.edit(town.eight, {NEWS: OUT})
    town.ecm.spaces[town.eight].held = ""
    town.round()
    town.round()

    assert town.history(town.seven) == town.history(town.eight) == [("news", "subscribed", "unsubscribed")]
    assert town.withdrawn() == [("C-1", f"group:{GROUP}")]


def test_the_interval_of_a_change_is_its_own_when_another_fact_changed_before_it_was_planned(
    guarded: tuple[Town, int],
) -> None:
    town, mandate = guarded
    changed = town.house.clock.now()
    town.braze.people["C-1"].groups[GROUP] = "unsubscribed"
    town.ecm.delete(mandate)
    outcome = town.round(20, "consent")
    town.chooses("opted_in")

    town.round(20, "consent", confirm=outcome.report.plan_hash)
    town.round(20, "consent")

    (news,) = [one for one in town.entries(town.seven) if one["channel"] == "news"]
    assert datetime.fromisoformat(news["since"]["after"]) <= changed


def test_a_withdrawal_by_staff_is_recorded_at_once_although_its_plan_waits_for_a_person(
    guarded: tuple[Town, int],
) -> None:
    town, mandate = guarded
    town.chooses("opted_in")
    town.round()
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.ecm.delete(mandate)

    outcome = town.round(20, "consent")

    assert (outcome.codes, town.withdrawn()) == ((6,), [("C-1", "email")])
    for confirmed in (False, True):
        if confirmed:
            town.round(20, "consent", confirm=outcome.report.plan_hash)
            town.round(20, "consent")
        assert town.withdrawn() == [("C-1", "email")]
        for number in (town.seven, town.eight):
            assert town.history(number)[1:] == [("email", "opted_in", "unsubscribed")]
            assert town.status(number) == OUT


def test_so_it_is_where_an_earlier_one_of_that_person_was_taken_in_from_another_workspace(
    guarded: tuple[Town, int],
) -> None:
    town, mandate = guarded
    town.ecm.edit(town.eight, {STATUS: OUT})
    town.round()
    town.round()
    town.chooses("opted_in")
    town.round()
    town.round()
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.ecm.delete(mandate)

    outcome = town.round(20, "consent")
    town.round(20, "consent", confirm=outcome.report.plan_hash)

    assert (outcome.codes, town.withdrawn()) == ((6,), [("C-1", "email")] * 2)
    for number in (town.seven, town.eight):
        assert town.history(number)[2:] == [("email", "opted_in", "unsubscribed")]


def test_after_a_choice_in_braze_that_waits_for_a_person_it_waits_with_that_and_is_told_once(
    guarded: tuple[Town, int],
) -> None:
    town, mandate = guarded
    town.chooses("opted_in")
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.ecm.delete(mandate)
    outcome = town.round(20, "consent")
    assert (outcome.codes, town.withdrawn(), len(town.entries(town.seven))) == ((6,), [("C-1", "email")], 0)

    town.round(20, "consent", confirm=outcome.report.plan_hash)
    town.round(20, "consent")

    assert town.withdrawn() == [("C-1", "email")]
    for number in (town.seven, town.eight):
        assert town.history(number) == [("email", "subscribed", "unsubscribed")]
    assert town.status(town.eight) == OUT


def test_a_withdrawal_that_braze_took_late_is_recorded_in_the_round_in_which_it_did(guarded: tuple[Town, int]) -> None:
    town, mandate = guarded
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.ecm.delete(mandate)
    town.house.wire.faults.append(Fault(call="braze withdraw", trouble=Trouble.LOST_BEFORE))
    assert town.round(20, "consent").codes == (6,)
    assert (town.withdrawn(), town.entries(town.eight)) == ([], [])

    assert town.round(20, "consent").codes == (6,)

    assert town.withdrawn() == [("C-1", "email")]
    assert town.history(town.eight) == [("email", "subscribed", "unsubscribed")]


@pytest.mark.parametrize("trouble", [Trouble.LOST_AFTER, Trouble.FAILED_AFTER, Trouble.CUT])
def test_a_withdrawal_typed_over_a_state_whose_answer_was_lost_is_one(town: Town, trouble: Trouble) -> None:
    """Staff type what stood there before our write: the date beside it shows that the write had arrived."""
    town.chooses("unsubscribed")
    town.round()
    town.round()
    town.house.wire.faults.append(Fault(call="ecm values", trouble=trouble, times=9))
    town.chooses("opted_in")
    town.round()
    assert town.status(town.seven) == IN
    town.house.wire.faults.clear()

    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round()
    town.round(30)

    assert [town.status(one) for one in (town.seven, town.eight)] == [OUT, OUT]
    assert town.withdrawn() == [("C-1", "email")]


def test_a_withdrawal_typed_where_ours_never_arrived_is_one(town: Town) -> None:
    """The person came back since, and staff type the word that we had wanted to write."""
    town.chooses("opted_in")
    town.round()
    town.round()
    town.house.wire.faults.append(Fault(call="ecm values", trouble=Trouble.LOST_BEFORE, times=9))
    town.chooses("unsubscribed")
    town.round()
    assert town.status(town.seven) == IN
    town.house.wire.faults.clear()

    town.chooses("opted_in")
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round()
    town.round(30)

    assert [town.status(one) for one in (town.seven, town.eight)] == [OUT, OUT]
    assert town.withdrawn() == [("C-1", "email")]


def test_what_stood_there_before_a_write_that_never_arrived_is_no_withdrawal_by_staff(town: Town) -> None:
    town.chooses("unsubscribed")
    town.round()
    town.round()
    town.house.wire.faults.append(Fault(call="ecm values", trouble=Trouble.LOST_BEFORE, times=9))
    town.chooses("opted_in")
    town.round()
    assert town.status(town.seven) == OUT
    town.house.wire.faults.clear()

    town.ecm.edit(town.seven, {"Consent.Bounced": "no"})  # something else
    town.round()

    assert ([town.status(one) for one in (town.seven, town.eight)], town.withdrawn()) == ([IN, IN], [])


def test_a_grant_replaces_a_withdrawal_by_staff_though_our_write_of_it_never_went_through(town: Town) -> None:
    town.ecm.spaces[town.nine].held = "reserved by somebody"
    town.ecm.edit(town.nine, {STATUS: OUT})
    town.round(20, "consent")
    assert (town.withdrawn(), town.house.quarantined()) == ([("C-2", "email")], set())
    town.chooses("opted_in", "C-2")
    town.ecm.spaces[town.nine].held = ""

    outcome = town.round(20, "consent")

    assert (outcome.codes, town.status(town.nine)) == ((0,), IN)


@pytest.mark.parametrize("trouble", [Trouble.LOST_AFTER, Trouble.FAILED_AFTER, Trouble.CUT])
def test_so_it_is_where_nothing_stands_beside_the_state_and_a_person_made_the_last_edit(
    town: Town, trouble: Trouble
) -> None:
    """Of news there is neither a date nor a source: in doubt the withdrawal wins (flows.md, "Order")."""
    _comes_back_and_the_answer_is_lost(town, trouble)
    assert town.status(town.seven, NEWS) == DEFAULT

    town.ecm.edit(town.seven, {NEWS: OUT})
    town.round()
    town.round(30)

    assert [town.status(one, NEWS) for one in (town.seven, town.eight)] == [OUT, OUT]
    assert town.withdrawn() == [("C-1", f"group:{GROUP}")] * 2


def test_what_stood_there_before_a_write_that_never_arrived_is_no_withdrawal_where_nobody_edited(town: Town) -> None:
    _comes_back_and_the_answer_is_lost(town, Trouble.LOST_BEFORE)
    assert town.status(town.seven, NEWS) == OUT

    town.round()

    assert [town.status(one, NEWS) for one in (town.seven, town.eight)] == [DEFAULT, DEFAULT]
    assert town.withdrawn() == [("C-1", f"group:{GROUP}")]


def test_a_withdrawal_typed_between_the_look_and_the_write_of_the_run_after_is_not_overwritten(town: Town) -> None:
    _comes_back_and_the_answer_is_lost(town, Trouble.LOST_AFTER)
    town.chooses("opted_in")
    town.house.clock.advance(20 * MINUTES)
    crossings = town.house.copy(_folder(town)).start().crossings

    at = crossings.index("ecm values:before") + 1
    outcome = town.house.start(happen={at: lambda: town.ecm.edit(town.seven, {NEWS: OUT})})

    assert (outcome.codes, town.status(town.seven, NEWS)) == ((0, 3), OUT)
    town.round()
    town.round(30)
    assert [town.status(one, NEWS) for one in (town.seven, town.eight)] == [OUT, OUT]
    assert [town.status(one) for one in (town.seven, town.eight)] == [IN, IN]
    assert town.withdrawn() == [("C-1", f"group:{GROUP}")] * 2


def _folder(town: Town) -> Path:
    folder = town.house.folder.parent / "copy"
    folder.mkdir()
    return folder


def _comes_back_and_the_answer_is_lost(town: Town, trouble: Trouble) -> None:
    """Let staff withdraw C-1 from the newsletter, C-1 subscribe again, and nobody know whether that was written."""
    town.ecm.edit(town.seven, {NEWS: OUT})
    town.round()
    town.round()
    town.house.wire.faults.append(Fault(call="ecm values", trouble=trouble, times=9))
    town.braze.people["C-1"].groups[GROUP] = "subscribed"
    town.round()
    town.house.wire.faults.clear()


def test_a_withdrawal_that_was_taken_over_is_not_that_of_the_next_owner_though_our_write_never_went_through(
    town: Town,
) -> None:
    town.ecm.spaces[town.nine].held = "reserved by somebody"
    town.ecm.edit(town.nine, {STATUS: OUT})
    town.round(20, "consent")
    assert town.withdrawn() == [("C-2", "email")]
    town.chooses("opted_in")
    town.round(20, "consent")
    town.ecm.spaces[town.nine].held = ""

    town.ecm.edit(town.nine, {"Customer.Number": "C-1"})
    outcome = town.round(20, "consent")

    assert (outcome.codes, town.withdrawn(), town.status(town.nine)) == ((0,), [("C-2", "email")], IN)
    assert town.history(town.nine) == [("email", "subscribed", "unsubscribed")]


@pytest.mark.parametrize("trouble", [Trouble.LOST_AFTER, Trouble.FAILED_AFTER, Trouble.CUT])
def test_an_older_state_of_ours_that_a_person_types_over_one_whose_answer_was_lost_is_an_edit(
    town: Town, trouble: Trouble
) -> None:
    """The date and the source beside it show that the newer one had arrived."""
    town.chooses("opted_in")
    town.round()
    town.round()
    town.house.wire.faults.append(Fault(call="ecm values", trouble=trouble, times=9))
    town.chooses("unsubscribed")
    town.round()
    town.house.wire.faults.clear()
    assert town.status(town.seven) == OUT

    town.ecm.edit(town.seven, {STATUS: IN})
    outcome = town.round()
    town.round()

    assert (outcome.codes, town.house.quarantined()) == ((0, 3), {f"ws:{town.seven}"})
    assert [town.status(one) for one in (town.seven, town.eight)] == [IN, OUT]


@pytest.mark.parametrize("arrives", [False, True])
def test_a_date_alone_shows_whether_a_withdrawal_was_typed_over_what_may_not_have_arrived(
    tmp_path: Path, arrives: bool
) -> None:
    email = {"name": "email", "watch": "email", "purpose": "Marketing", "status": STATUS, "since": SINCE}
    town = Town.settled(tmp_path, channels=[email])
    town.chooses("unsubscribed")
    town.round()
    town.round()
    trouble = Trouble.LOST_AFTER if arrives else Trouble.LOST_BEFORE
    town.house.wire.faults.append(Fault(call="ecm values", trouble=trouble, times=9))
    town.chooses("opted_in")
    town.round()
    town.house.wire.faults.clear()

    town.ecm.edit(town.seven, {STATUS: OUT})  # or, where nothing arrived, something else
    town.round()
    town.round(30)

    assert town.withdrawn() == ([("C-1", "email")] if arrives else [])
    assert [town.status(one) for one in (town.seven, town.eight)] == ([OUT, OUT] if arrives else [IN, IN])


def test_a_refused_state_is_not_kept_for_a_replay_once_the_person_is_back_at_what_stands_there(town: Town) -> None:
    groups = town.braze.people["C-1"].groups
    for state in ("unsubscribed", "subscribed", "unsubscribed"):
        groups[GROUP] = state
        town.round()
    town.house.wire.faults.append(Fault(call="ecm values", trouble=Trouble.REFUSED, times=2))
    groups[GROUP] = "subscribed"
    assert town.round().codes == (0, 3)

    groups[GROUP] = "unsubscribed"
    outcome = town.round()

    assert (outcome.codes, town.status(town.seven, NEWS)) == ((0, 0), OUT)
    assert [fate for fate in town.house.fates() if fate.state == "refused"] == []


def test_what_was_not_filed_in_a_workspace_that_was_gone_is_filed_once_it_is_back(guarded: tuple[Town, int]) -> None:
    town, number = guarded
    town.ecm.create("Mandate", {"Customer.Number": "C-1"})  # so that no listing is empty
    town.round()
    town.chooses("unsubscribed", "C-2")
    town.house.wire.faults += [
        Fault(call=call, trouble=Trouble.NOT_SENT, times=2) for call in ("ecm file", "ecm values")
    ]
    town.round()
    town.house.wire.faults.clear()
    town.ecm.delete(number)
    codes = [town.round().codes for _ in range(4)]
    assert (codes[-1], town.entries(number)) == ((0, 0), [])

    town.ecm.restore(number)
    for _ in range(3):
        town.round()

    assert town.status(number) == OUT
    assert [(one["before"], one["after"]) for one in town.entries(number)] == [("subscribed", "unsubscribed")]


@pytest.mark.parametrize(
    ("attribute", "edit", "silent"), [(STATUS, "By phone", True), (STATUS, "Unknown", False), (NEWS, "By phone", False)]
)
def test_the_word_of_a_withdrawal_typed_in_the_place_of_an_edit_is_one_though_we_wrote_it_last(
    town: Town, attribute: str, edit: str, silent: bool
) -> None:
    """We overwrite nobody's edit, so that what stands there after one was typed as well."""
    _chooses(town, attribute, "unsubscribed")
    town.round()
    town.round()
    town.ecm.edit(town.seven, {attribute: edit}, silent=silent)
    _chooses(town, attribute, "opted_in" if attribute == STATUS else "subscribed")
    assert town.round(60 * 25).codes == (0, 3)
    town.round(60 * 25)

    town.ecm.edit(town.seven, {attribute: OUT}, silent=silent)
    town.round(60 * 25)
    town.round(30)

    assert town.withdrawn() == [("C-1", "email" if attribute == STATUS else f"group:{GROUP}")]
    assert [town.status(one, attribute) for one in (town.seven, town.eight)] == [OUT, OUT]
    assert town.house.quarantined() == set()


def test_an_edit_that_is_taken_back_while_the_withdrawal_stands_is_no_second_one(town: Town) -> None:
    town.chooses("unsubscribed")
    town.round()
    town.round()
    town.ecm.edit(town.seven, {STATUS: "Asked by phone"})
    town.round()

    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round()
    town.round(30)

    assert (town.house.quarantined(), town.status(town.seven)) == (set(), OUT)
    assert town.history(town.seven) == town.history(town.eight) == [("email", "subscribed", "unsubscribed")]


@pytest.mark.parametrize("bumps", [True, False])
def test_what_we_wrote_over_another_edit_of_the_workspace_is_no_withdrawal_by_staff(town: Town, bumps: bool) -> None:
    """Somebody edits something else each time; our clock may be behind that of Extended ECM."""
    town.chooses("opted_in")
    town.round()
    for state in ("unsubscribed", "opted_in", "unsubscribed"):
        town.house.clock.advance(20 * MINUTES)
        town.ecm.edit(town.seven, {"Consent.Bounced": state})
        town.ecm.spaces[town.seven].modified += 10 * MINUTES * bumps
        town.chooses(state)
        town.round(0)
        town.round(1)
    town.chooses("opted_in")
    town.round()
    town.round()

    assert (town.withdrawn(), town.status(town.seven)) == ([], IN)


def _chooses(town: Town, attribute: str, state: str) -> None:
    if attribute == STATUS:
        town.chooses(state)
    else:
        town.braze.people["C-1"].groups[GROUP] = state


def test_a_withdrawal_typed_in_an_edit_that_moves_no_date_is_later_than_a_grant_with_a_time(town: Town) -> None:
    """When it was typed is not known, but that no look before this one showed it."""
    edited = {number: town.ecm.spaces[number].modified for number in (town.seven, town.eight)}
    town.braze.choose("C-1", email="opted_in")
    town.round()
    for number, at in edited.items():  # nor does our own write move it
        town.ecm.spaces[number].modified = at
    town.round(60 * 25)

    town.ecm.edit(town.seven, {STATUS: OUT}, silent=True)
    town.round(60 * 25)
    seen = town.house.clock.now()
    town.round(30)

    assert town.withdrawn() == [("C-1", "email")]
    assert [town.status(one) for one in (town.seven, town.eight)] == [OUT, OUT]
    assert town.entries(town.eight)[-1]["since"] == {"after": None, "until": seen.isoformat()}


def test_nobody_is_messaged_on_a_withdrawal_typed_in_the_place_of_an_edit_that_was_read_and_not_planned(
    town: Town,
) -> None:
    town.chooses("unsubscribed")
    town.round()
    town.round()
    town.ecm.edit(town.eight, {STATUS: "By phone"})
    town.chooses("opted_in")
    town.round()
    town.round()

    town.ecm.edit(town.eight, {STATUS: OUT})
    town.ecm.edit(town.seven, {"Consent.Bounced": "no"})  # which the flow comes to first
    onboarding.STORY.acts[0](town.house, town.project)
    town.round(20, limit=1)

    assert (town.withdrawn(), town.campaigns()) == ([], [])
    town.round()
    assert town.withdrawn() == [("C-1", "email")]


def test_who_came_back_from_a_withdrawal_by_staff_is_messaged_in_the_round_that_replaces_it(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round()
    town.round()
    town.chooses("opted_in")
    onboarding.STORY.acts[0](town.house, town.project)

    town.round()

    assert (town.status(town.seven), town.campaigns()) == (IN, ["C-1"])


def _out_of_sight(town: Town, number: int, rounds: int = 3, flows: Sequence[str] = ()) -> None:
    """Hide a workspace from our account for some rounds: two listings without it, and it counts as gone."""
    town.ecm.spaces[number].hidden = True
    for _ in range(rounds):
        town.round(20, *flows)


def test_a_workspace_that_comes_back_says_what_was_recorded_meanwhile_though_nothing_ever_was_there(town: Town) -> None:
    _out_of_sight(town, town.seven)
    town.chooses("unsubscribed")
    town.round()

    town.ecm.spaces[town.seven].hidden = False
    town.round()

    assert [town.status(one) for one in (town.seven, town.eight)] == [OUT, OUT]
    assert (town.history(town.seven), town.history(town.eight)) == ([], [("email", "subscribed", "unsubscribed")])


def test_one_that_comes_back_gets_nothing_where_nothing_was_ever_recorded(town: Town) -> None:
    _out_of_sight(town, town.seven)

    town.ecm.spaces[town.seven].hidden = False
    town.round()

    assert [town.status(one) for one in (town.seven, town.eight)] == [None, None]


@pytest.mark.parametrize("new", [True, False])
def test_a_state_that_was_due_when_its_workspace_went_is_written_once_it_is_back(tmp_path: Path, new: bool) -> None:
    """That of a new one, or of one where staff typed a withdrawal that Braze shows already: it is no news."""
    town = Town.settled(tmp_path, state="unsubscribed")
    number = town.opens("C-1") if new else town.seven
    if not new:
        town.ecm.edit(number, {STATUS: OUT})
    town.house.wire.faults.append(Fault(call="ecm values", trouble=Trouble.NOT_SENT, times=9))
    town.round()
    town.house.wire.faults.clear()
    _out_of_sight(town, number)

    town.ecm.spaces[number].hidden = False
    town.round()
    assert town.status(number) == OUT
    town.chooses("opted_in")
    town.round()

    assert (town.status(number), town.house.quarantined()) == (IN, set())


def test_a_document_of_unknown_outcome_waits_for_its_workspace_and_is_there_once(town: Town) -> None:
    for trouble in (Trouble.CUT, Trouble.LOST_BEFORE):
        town.house.wire.faults.append(Fault(call="ecm file", trouble=trouble, times=9))
        state = "unsubscribed" if trouble is Trouble.CUT else "opted_in"
        town.chooses(state, "C-2")
        town.round(0)
        town.house.wire.faults.clear()
        _out_of_sight(town, town.nine)
        assert {fate.state for fate in town.house.fates() if fate.recipient == f"ws:{town.nine}"} >= {"waiting"}

        town.ecm.spaces[town.nine].hidden = False
        for _ in range(2):
            town.round()

    assert town.history(town.nine) == [("email", "subscribed", "unsubscribed"), ("email", "unsubscribed", "opted_in")]
    assert {fate.state for fate in town.house.fates() if fate.recipient == f"ws:{town.nine}"} == {"sent"}


def test_the_interval_of_a_withdrawal_reaches_over_the_time_in_which_its_workspace_was_gone(town: Town) -> None:
    typed = town.house.clock.now()
    town.ecm.edit(town.seven, {STATUS: OUT})
    _out_of_sight(town, town.seven)
    town.ecm.edit(town.seven, {BOUNCED: "no"})

    town.ecm.spaces[town.seven].hidden = False
    town.round()

    (told,) = town.entries(town.seven)
    since, until = (datetime.fromisoformat(told["since"][name]) for name in ("after", "until"))
    assert since <= typed <= until
    assert town.withdrawn() == [("C-1", "email")]


def test_a_withdrawal_that_another_flow_read_just_before_its_workspace_went_is_taken_in_once_it_is_back(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, also=[{"workspace_types": [PROJECT], "customer": OWNER}])
    town.ecm.types[PROJECT] = (town.ecm.types[PROJECT][0], ("Onboarding", "Consent"))
    for _ in range(3):
        town.round()
    town.ecm.edit(town.project, {STATUS: OUT})
    town.round(20, "onboarding")
    town.ecm.create(PROJECT, {OWNER: "C-2"})  # so that no listing is empty
    _out_of_sight(town, town.project, flows=("onboarding",))
    town.round()
    assert town.withdrawn() == []

    town.ecm.spaces[town.project].hidden = False
    town.round()

    assert town.withdrawn() == [("C-1", "email")]
    assert town.history(town.project) == town.history(town.seven) == [("email", "subscribed", "unsubscribed")]


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_withdrawal_typed_out_of_sight_over_what_may_have_arrived_is_one(town: Town, rounds: int) -> None:
    _comes_back_and_the_answer_is_lost(town, Trouble.LOST_AFTER)
    town.ecm.spaces[town.seven].hidden = True
    town.ecm.edit(town.seven, {NEWS: OUT})
    _out_of_sight(town, town.seven, rounds)

    town.ecm.spaces[town.seven].hidden = False
    town.round()
    town.round(30)

    assert town.withdrawn() == [("C-1", f"group:{GROUP}")] * 2
    assert [town.status(one, NEWS) for one in (town.seven, town.eight)] == [OUT, OUT]


@pytest.mark.parametrize("hidden", [True, False])
def test_a_grant_replaces_a_withdrawal_that_braze_showed_already_though_our_write_of_it_never_went_through(
    tmp_path: Path, hidden: bool
) -> None:
    town = Town(tmp_path, state="unsubscribed", everybody_within="15m")
    town.ecm.edit(town.nine, {STATUS: OUT})
    town.ecm.spaces[town.nine].held = "reserved by somebody"
    town.round()
    if hidden:
        _out_of_sight(town, town.nine)
    town.chooses("opted_in", "C-2")
    town.round()

    town.ecm.spaces[town.nine].hidden, town.ecm.spaces[town.nine].held = False, ""
    town.round()

    assert (town.house.quarantined(), town.status(town.nine)) == (set(), IN)


def test_a_withdrawal_that_comes_back_while_another_one_stands_is_no_second_one(town: Town) -> None:
    town.ecm.edit(town.seven, {NEWS: OUT})
    _out_of_sight(town, town.seven)
    town.ecm.edit(town.eight, {NEWS: OUT})
    town.round()
    _out_of_sight(town, town.eight)

    town.ecm.spaces[town.seven].hidden = town.ecm.spaces[town.eight].hidden = False
    town.round()
    town.round(30)

    assert (town.history(town.seven), town.history(town.eight)) == ([], [("news", "subscribed", "unsubscribed")])
    assert [town.status(one, NEWS) for one in (town.seven, town.eight)] == [OUT, OUT]


def test_one_that_comes_back_after_the_person_did_goes_to_braze_though_another_one_went_meanwhile(town: Town) -> None:
    town.ecm.edit(town.seven, {NEWS: OUT})
    _out_of_sight(town, town.seven)
    town.ecm.edit(town.eight, {NEWS: OUT})
    town.round()
    _out_of_sight(town, town.eight)
    other = town.opens("C-1")
    town.round()
    town.braze.people["C-1"].groups[GROUP] = "subscribed"
    town.round()
    assert town.status(other, NEWS) == DEFAULT

    town.ecm.spaces[town.seven].hidden = False
    town.round()
    town.round(30)

    assert town.withdrawn() == [("C-1", f"group:{GROUP}")] * 2
    assert [town.status(one, NEWS) for one in (town.seven, other)] == [OUT, OUT]


def test_an_older_word_of_ours_that_staff_put_in_the_place_of_a_withdrawal_is_not_overwritten(town: Town) -> None:
    """The withdrawal was taken over and not written again, since the category stood in quarantine for another edit."""
    town.chooses("opted_in")
    town.round()
    town.round()
    before = town.status(town.seven, NEWS)
    town.ecm.edit(town.seven, {STATUS: "By phone", NEWS: OUT})
    town.round()
    town.round()
    assert town.withdrawn() == [("C-1", f"group:{GROUP}")]

    town.ecm.edit(town.seven, {NEWS: before})
    town.ecm.edit(town.seven, {STATUS: IN})
    codes = [town.round().codes for _ in range(2)]

    assert (codes[0], town.status(town.seven, NEWS), town.status(town.eight, NEWS)) == ((0, 3), before, OUT)


def test_a_withdrawal_typed_out_of_sight_where_our_first_write_had_no_answer_is_no_write_of_ours(town: Town) -> None:
    town.chooses("unsubscribed")
    town.house.wire.faults.append(Fault(call="ecm values", trouble=Trouble.LOST_BEFORE, times=2))
    town.round()
    town.ecm.edit(town.seven, {STATUS: OUT})
    _out_of_sight(town, town.seven)
    town.chooses("subscribed")
    town.round()

    town.ecm.spaces[town.seven].hidden = False
    for _ in range(2):
        town.round()

    assert town.withdrawn() == [("C-1", "email")]
    assert [town.status(one) for one in (town.seven, town.eight)] == [OUT, OUT]


def test_a_state_that_we_wrote_before_is_written_again_over_a_withdrawal_that_an_edit_kept_us_from_recording(
    town: Town,
) -> None:
    town.round()
    town.ecm.edit(town.eight, {STATUS: OUT})
    town.round()
    before = dict(town.ecm.spaces[town.seven].values)
    town.ecm.edit(town.seven, {NEWS: OUT, SOURCE: "By hand"})
    for _ in range(3):
        town.round()
    town.braze.people["C-1"].groups[GROUP] = "subscribed"
    town.round()
    assert (town.status(town.seven, NEWS), town.status(town.eight, NEWS)) == (OUT, before[NEWS])

    town.ecm.edit(town.seven, {SOURCE: before[SOURCE]})
    codes = [town.round().codes for _ in range(2)]

    assert (codes[1], town.status(town.seven, NEWS)) == ((0, 0), before[NEWS])
    assert len(town.withdrawn()) == 2
