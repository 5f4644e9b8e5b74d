"""The configuration is read strictly: every problem at once, each with its line, nothing reinterpreted."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ecmbraze.config import Settings, load, secret
from ecmbraze.errors import ConfigurationError
from ecmbraze.flows import BY_NAME

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
ENVIRON = {"ECM_PASSWORD": "a-password", "BRAZE_API_KEY": "a-key"}


def _load(text: str, folder: Path, environ: dict[str, str] | None = None) -> Settings:
    path = folder / "ecmbraze.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, flows=BY_NAME, environ=ENVIRON if environ is None else environ)


def _problems(text: str, folder: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as refused:
        _load(text, folder, environ)
    return "\n".join(refused.value.problems)


def _changed(old: str, new: str) -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1)


def test_the_example_loads(tmp_path: Path) -> None:
    settings = _load(EXAMPLE.read_text(encoding="utf-8"), tmp_path)

    assert settings.ecm.password is not None
    assert settings.ecm.password.reveal() == "a-password"
    assert settings.flows.keys() == BY_NAME.keys()
    assert not settings.both_loopback


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("NO", "'NO'"),
        ("0123", "'0123'"),
        ("1.10", "'1.10'"),
        ("22:00", "'22:00'"),
        ("+49170", "'+49170'"),
        ("2026-01-01", "'2026-01-01'"),
        ("yes", "'yes'"),
        ("1_000", "'1_000'"),
        ("0x1F", "'0x1F'"),
    ],
)
def test_c03_c04_what_yaml_would_reinterpret_must_be_quoted(tmp_path: Path, written: str, hint: str) -> None:
    told = _problems(_changed("username: svc-ecmbraze ", f"username: {written} "), tmp_path)

    assert f"ecm.username: quote it: {hint}" in told


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("Contract Status: Approved}", "Contract Status: 1.10}", "when.Onboarding.Contract Status"),
        ("Onboarding.Contract Status: Approved}", "Onboarding.Contract Status: [2.0, 1.10]}", "Contract Status[1]"),
        ("Contract Status: Approved}", "Contract Status: {not: 1.10}}", "Contract Status.not"),
        ('stage: "${Onboarding.Stage}"', "stage: 1.10", "properties.stage"),
    ],
)
def test_a_number_that_is_written_as_only_a_text_is_must_be_quoted(
    tmp_path: Path, old: str, new: str, where: str
) -> None:
    told = _problems(_changed(old, new), tmp_path)

    assert f"{where}: quote it: '1.10'" in told


def test_a_number_may_end_in_zeros_where_a_number_is_expected(tmp_path: Path) -> None:
    text = _changed("Onboarding.Contract Status: Approved}", "Onboarding.Contract Value: {at_least: 1.10}}")

    assert _load(text.replace("sample: 1.0 ", "sample: 0.50"), tmp_path)


@pytest.mark.parametrize("word", ["1.10", "12", "true", "null"])
def test_a_command_is_run_with_the_words_that_were_written_or_not_at_all(tmp_path: Path, word: str) -> None:
    told = _problems(_changed("password: ${ECM_PASSWORD} ", f"password: {{command: [echo, {word}]}} "), tmp_path)

    assert "ecm.password: quote every word of the command" in told


def test_a_quoted_value_is_kept_letter_by_letter(tmp_path: Path) -> None:
    text = _changed("when: {Onboarding.Contract Status: Approved}", "when: {Onboarding.Contract Status: '0123'}")

    rule = _load(text, tmp_path).flows["onboarding"].milestones[0]  # type: ignore[attr-defined]

    assert rule.when["Onboarding.Contract Status"].operand == "0123"


def test_c05_a_duplicate_key_names_both_lines(tmp_path: Path) -> None:
    assert "the key 'ecm' stands twice, first in line 1" in _problems("ecm: {}\nbraze: {}\necm: {}\n", tmp_path)


def test_c06_an_unknown_key_gets_a_suggestion(tmp_path: Path) -> None:
    told = _problems(_changed("max_messages: 500 ", "max_mesages: 500 "), tmp_path)

    assert "guards.max_mesages: unknown key; did you mean 'max_messages'?" in told


@pytest.mark.parametrize("value", ["0", "-1", "1000000000"])
def test_c08_a_guard_cannot_be_turned_off(tmp_path: Path, value: str) -> None:
    assert "guards.max_messages" in _problems(_changed("max_messages: 500 ", f"max_messages: {value} "), tmp_path)


@pytest.mark.parametrize(
    "text",
    ["a: &x [1]\nb: *x\n", "a: !!python/object:os.system {}\n", "a: 1\n---\nb: 2\n", "[" * 500, "", "- a\n", "\x00"],
)
def test_c07_the_text_itself_is_judged(tmp_path: Path, text: str) -> None:
    assert _problems(text, tmp_path)


def test_c07_a_file_larger_than_any_configuration_is_refused(tmp_path: Path) -> None:
    assert "larger than 256 kB" in _problems("# " + "x" * 1_100_000, tmp_path)


SECRETS = (
    "12345678",
    "012345678",
    "1.2345678",
    "12_345_678",
    "0x12345678",
    "2026-12-31",
    "12:34:56",
    "!12345678",
    "!12345678!x",
    "'12345678",
    '"12345678\\q"',
    "[12345678]",
    "{12345678: 12345678}",
    "*12345678",
    "&12345678",
    "|12345678",
    "12345678: 12345678",
    "{012345678: 012345678}",
    "[012345678]",
    "- 12345678",
    "%12345678",
    "@12345678",
    "12345678 x",
    "[[12345678]]",
    "{password: 12345678, 12345678: [012345678]}",
)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("password: ${ECM_PASSWORD}", "password: "),
        ("api_key: ${BRAZE_API_KEY}", "api_key: "),
        ("api_key: ${BRAZE_API_KEY}", "api-key: "),
        ("password: ${ECM_PASSWORD}", "passwort: "),
        ("password: ${ECM_PASSWORD}", "geheim: "),
        ("timezone: Europe/Berlin", "otds: {client_secret: "),
        ("timezone: Europe/Berlin", "timezone: {password: "),
        ("connections: 3 ", "connections: {password: "),
        ("max_gap: 72h ", "max_gap: {password: "),
        ("state: /var", "state: {password: "),
        ("stage: Onboarding.Stage", "stage: {password: "),
        ("stage: Onboarding.Stage", "api_token: "),
        ("        repeat: false ", "        repeat: {password: "),
        ("    milestones: ", "    milestones: {password: "),
        ("state: /var", "braze_api_key: "),
        ("connections: 3 ", "connections: 3\n  key: "),
    ],
)
def test_a_secret_that_is_not_quoted_is_never_repeated(tmp_path: Path, old: str, new: str, secret: str) -> None:
    told = _problems(_changed(old, f"{new}{secret}{'}' * new.count('{')}\n"), tmp_path)

    assert told
    assert not [part for part in ("12345678", "12_345", "2026-12-31", "12:34:56", "2345678") if part in told]


@pytest.mark.parametrize("written", ["12345678", "012345678", "text12345678", "[12345678]", "[{password: 12345678}]"])
def test_what_stands_where_a_section_with_secrets_belongs_is_not_repeated(tmp_path: Path, written: str) -> None:
    told = _problems(_changed("timezone: Europe/Berlin", f"otds: {written}\n"), tmp_path)

    assert "ecm.otds: " in told
    assert "is no section: write {client_id: …, client_secret: …, url: …}" in told
    assert "12345678" not in told


def test_a_long_value_does_not_bury_its_message(tmp_path: Path) -> None:
    told = _problems(_changed("timezone: Europe/Berlin", f"timezone: {'Europe' * 1000}"), tmp_path)

    assert "ecm.timezone: zone 'EuropeEurope" in told
    assert told.endswith("… unknown")


def test_a_hundred_problems_are_not_called_all_of_them(tmp_path: Path) -> None:
    rules = "".join(f"      - {{name: a{i}, when: {{A.b: []}}, before: {{}}}}\n" for i in range(150))
    text = EXAMPLE.read_text(encoding="utf-8").replace("    rules:\n", f"    rules:\n{rules}", 1)

    with pytest.raises(ConfigurationError, match="has 100 problems or more:") as refused:
        _load(text, tmp_path)

    assert len(refused.value.problems) == 100


FLOODS: dict[str, Callable[[int], str]] = {
    "unknown keys": lambda n: "".join(f"key{i}: value\n" for i in range(n // 19)),
    "keys that must be quoted": lambda n: "".join(f"key{i}: 0{i}\n" for i in range(n // 19)),
    "keys of a section": lambda n: "guards:\n" + "".join(f"  key{i}: 0{i}\n" for i in range(n // 20)),
    "flows": lambda n: "flows:\n" + "".join(f"  flow{i}: {{}}\n" for i in range(n // 20)),
    "one key twice": lambda n: "a: 1\n" * (n // 5),
    "members": lambda n: f"a: [{'1,' * (n // 2)}]",
    "maps": lambda n: f"a: [{'{b: 1},' * (n // 7)}]",
    "nesting": lambda n: "a: " + "[" * n,
    "one long key": lambda n: "a" * 500 + ": 1\n" + "b" * (n - 600) + ": 1",
}


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.long
def test_a_file_of_nothing_but_problems_is_read_twice_at_most_and_answered_in_a_hundred_lines(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: a scan by each parser, and no more work for a problem than there are lines to tell it in."""
    work = Counter[str]()

    def counted(of: Any, name: str) -> None:
        inner = getattr(of, name)

        def outer(*arguments: Any, **named: Any) -> Any:
            work[name] += 1
            return inner(*arguments, **named)

        monkeypatch.setattr(of, name, outer)

    counted(yaml, "parse")
    counted(difflib, "get_close_matches")
    text = FLOODS[kind](60_000)

    with pytest.raises(ConfigurationError) as refused:
        _load(text, tmp_path)

    assert len(refused.value.problems) <= 100
    assert (work["parse"] <= 2, work["get_close_matches"] <= 300) == (True, True)
    assert len(str(refused.value)) < 100_000


def test_c17_an_empty_environment_variable_is_a_problem(tmp_path: Path) -> None:
    told = _problems(EXAMPLE.read_text(encoding="utf-8"), tmp_path, {"ECM_PASSWORD": "", "BRAZE_API_KEY": "x"})

    assert "ecm.password: the environment variable ECM_PASSWORD is empty or not set" in told


def test_c18_an_unknown_zone_gets_a_suggestion(tmp_path: Path) -> None:
    told = _problems(_changed("timezone: Europe/Berlin", "timezone: Europe/Berln"), tmp_path)

    assert "zone 'Europe/Berln' unknown; did you mean 'Europe/Berlin'?" in told


def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    told = _problems(_changed("${BRAZE_API_KEY}", "0a1b2c3d-secret"), tmp_path)

    assert "a secret never stands in the file" in told
    assert "0a1b2c3d-secret" not in told


def test_a_secret_file_must_be_private(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("from-a-file\n")
    text = _changed("${BRAZE_API_KEY}", f"file:{secret}")
    secret.chmod(0o644)
    assert "can be read by others" in _problems(text, tmp_path)
    secret.chmod(0o600)

    assert _load(text, tmp_path).braze.api_key.reveal() == "from-a-file"


def test_all_problems_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    text = _changed("connections: 3 ", "connections: 99 ").replace("repeat: false", "repeet: false")

    told = _problems(text, tmp_path).splitlines()

    assert [line.split(": ")[1] for line in told] == ["ecm.connections", "flows.onboarding.milestones[0].repeet"]
    assert text.splitlines()[int(told[0].split(":")[1]) - 1].strip().startswith("connections: 99")


def test_a_message_without_consent_does_not_load(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "consent: {email: subscribed} " in line)

    assert "a message needs a consent" in _problems(text.replace(line + "\n", ""), tmp_path)


BAD_URLS = (
    "http://ecm.example.com",
    "ftp://ecm.example.com",
    "https://",
    "ecm.example.com",
    "https://user@ecm.example.com",
    "https://user:pw@ecm.example.com",
    "https://ecm.example.com?x=1",
    "https://ecm.example.com#x",
    "http://localhost",
    "https://ecm.example.com/../x",
    "https://ecm.example.com/%2e%2e/x",
    "https://2130706433",
    "https://0x7f000001",
    "https://0177.0.0.1",
    "https://ecm.example.com.",
    "https://ec m.example.com",
    "https://ecm_x.example.com",
    "https://bücher.example",
    "https://[::ffff:127.0.0.1]",
    "https://169.254.169.254",
    "https://0.0.0.0",
    "https://ecm.example.com:0",
    "https://ecm.example.com:99999",
    "https://-ecm.example.com",
    "https://ecm..example",
    "http://10.0.0.1",
    "https://%65cm.example.com",
    "https:\\\\ecm.example.com",
    "https://224.0.0.1",
    "//ecm.example",
)


@pytest.mark.parametrize("url", BAD_URLS)
def test_t4_an_address_that_could_hide_another_host_is_refused(tmp_path: Path, url: str) -> None:
    told = _problems(_changed("https://rest.fra-01.braze.eu", f"'{url}'"), tmp_path)

    assert "braze.url" in told


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]:8080", "http://127.8.0.1"])
def test_c09_http_is_for_loopback_literals(tmp_path: Path, url: str) -> None:
    text = _changed("https://rest.fra-01.braze.eu", url).replace("https://ecm.example.com", "http://127.0.0.1:9")

    assert _load(text, tmp_path).both_loopback


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.sampled_from("abz:{}[],&*!|>-'\"#%@` \n\t0179.~?"), max_size=120) | st.text(max_size=60))
def test_i1_no_text_makes_anything_but_a_configuration_error(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(ConfigurationError):
        _load(text, tmp_path_factory.getbasetemp())


def test_an_attribute_has_one_flow_that_writes_it(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("contract_end: Contract", "stage: Contract")

    with pytest.raises(ConfigurationError, match=r"flows\.lifecycle\.attributes\.stage: onboarding writes"):
        _load(text, tmp_path)


def test_a_secret_that_is_looked_for_too_late_says_what_was_not_done_and_what_to_do() -> None:
    later = secret.defer("${ECM_PASSWORD}", {})

    with pytest.raises(ConfigurationError) as caught:
        later.reveal()

    assert "ECM_PASSWORD" in caught.value.happened
    assert (caught.value.undone, caught.value.advice) == (
        "Nothing was asked of the system that needs it.",
        "Start the command where that secret is to be had, as the schedule does.",
    )
    assert secret.defer("${ECM_PASSWORD}", {"ECM_PASSWORD": "x"}).reveal() == "x"
