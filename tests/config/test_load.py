"""The configuration is read strictly: every problem at once, each with its line, nothing reinterpreted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecmbraze.config import Settings, load
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
    assert settings.flows.keys() == {"onboarding", "cases", "lifecycle", "approvals"}
    assert not settings.both_loopback


@pytest.mark.parametrize(
    ("written", "hint"),
    [("NO", "'NO'"), ("0123", "'0123'"), ("1.10", "'1.10'"), ("22:00", "'22:00'"), ("+49170", "'+49170'"),
     ("2026-01-01", "'2026-01-01'"), ("yes", "'yes'"), ("1_000", "'1_000'"), ("0x1F", "'0x1F'")],
)  # fmt: skip
def test_c03_c04_what_yaml_would_reinterpret_must_be_quoted(tmp_path: Path, written: str, hint: str) -> None:
    told = _problems(_changed("username: svc-ecmbraze ", f"username: {written} "), tmp_path)

    assert f"ecm.username: quote it: {hint}" in told


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


def test_c07_a_file_over_one_megabyte_is_refused(tmp_path: Path) -> None:
    assert "larger than 1 MB" in _problems("# " + "x" * 1_100_000, tmp_path)


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
    "http://ecm.example.com", "ftp://ecm.example.com", "https://", "ecm.example.com", "https://user@ecm.example.com",
    "https://user:pw@ecm.example.com", "https://ecm.example.com?x=1", "https://ecm.example.com#x", "http://localhost",
    "https://ecm.example.com/../x", "https://ecm.example.com/%2e%2e/x", "https://2130706433", "https://0x7f000001",
    "https://0177.0.0.1", "https://ecm.example.com.", "https://ec m.example.com", "https://ecm_x.example.com",
    "https://bücher.example", "https://[::ffff:127.0.0.1]", "https://169.254.169.254", "https://0.0.0.0",
    "https://ecm.example.com:0", "https://ecm.example.com:99999", "https://-ecm.example.com", "https://ecm..example",
    "http://10.0.0.1", "https://%65cm.example.com", "https:\\\\ecm.example.com", "https://224.0.0.1", "//ecm.example",
)  # fmt: skip


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
