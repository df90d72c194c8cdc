"""Where credentials come from, in which order, and what is refused in one line without a value."""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from leaks import leaks
from polyframe.cli import main
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.order_signing import SignatureType
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet
from polyframe.secrets import keystore
from polyframe.secrets.credentials import load_credentials
from polyframe.secrets.files import CredentialsRefused
from polyframe.secrets.keystore import read_keystore, write_keystore
from polyframe.secrets.secret import Secret

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
OTHER = "0x" + "11" * 32
ADDRESS = PrivateKey.from_hex(KEY).address
PASSWORD = "a password of the keystore"
API = {
    "POLY_API_KEY": "7d3a5c0e-1111-2222-3333-444455556666",
    "POLY_API_SECRET": base64.urlsafe_b64encode(bytes(range(200, 232))).decode(),
    "POLY_API_PASSPHRASE": "ab" * 32,
}
BARE = {"POLY_PRIVATE_KEY": KEY}


@pytest.fixture(autouse=True)
def _cheap_ciphers(monkeypatch):
    """Scrypt at its full price once, in the verb's test; elsewhere a hundredth of it."""
    from eth_keyfile import keyfile

    real = keyfile.create_keyfile_json
    monkeypatch.setattr(
        keyfile,
        "create_keyfile_json",
        lambda *args, **named: real(*args, **{"iterations": 1024} | named),
    )


def refusal(environ, folder=Path("/nonexistent"), ask=None) -> str:
    with pytest.raises(CredentialsRefused) as caught:
        load_credentials(environ, folder, ask)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_code == 2
    for value in environ.values():
        if len(value) > 20 and not value.startswith("/"):
            is_public = re.fullmatch("0x[0-9a-fA-F]{40}|0+", value) is not None
            assert is_public or leaks(text, value) == []
    return text


def env_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / ".env"
    path.write_text(text)
    path.chmod(mode)
    return path


# --- where from -------------------------------------------------------------------------------


def test_the_environment_is_enough(tmp_path):
    found = load_credentials({**BARE, **API}, tmp_path)
    newer = deposit_wallets(ADDRESS)[0]
    assert (found.signer, found.wallet, found.account) == (ADDRESS, newer, newer)
    assert not found.is_wallet_named
    assert found.signature_type is SignatureType.DEPOSIT_WALLET
    assert found.key_hex.reveal() == KEY
    assert found.api is not None
    assert found.api.reveal().passphrase == "ab" * 32
    assert found.origin == "the environment"
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_an_env_file_fills_in_what_the_environment_leaves_out(tmp_path):
    env_file(
        tmp_path,
        f"# mine\nexport POLY_PRIVATE_KEY='0x{KEY}'\nTRADING_ADDRESS={ADDRESS}\n"
        "POLY_API_PASSPHRASE=${HOME}\n",
    )
    parts = {name: API[name] for name in ("POLY_API_KEY", "POLY_API_SECRET")}
    before = dict(os.environ)
    found = load_credentials({**parts, "POLY_PRIVATE_KEY": ""}, tmp_path)
    assert (found.signer, found.origin, found.wallet) == (ADDRESS, ".env", ADDRESS)
    assert found.signature_type is SignatureType.EOA
    assert found.api is not None
    assert found.api.passphrase.reveal() == "${HOME}"
    assert dict(os.environ) == before
    assert (
        load_credentials(
            {"POLY_PRIVATE_KEY": OTHER, **API, "TRADING_ADDRESS": ""}, tmp_path / "x"
        ).signer
        != ADDRESS
    )


def test_a_keystore_comes_first(tmp_path):
    path = tmp_path / "key.json"
    assert write_keystore(path, Secret("0x" + KEY), Secret(PASSWORD)) == ADDRESS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert leaks(path.read_bytes(), KEY) == []
    assert json.loads(path.read_text())["crypto"]["kdf"] == "scrypt"
    named = {"POLY_KEYSTORE": "key.json", "POLY_KEYSTORE_PASSWORD": PASSWORD}
    found = load_credentials(named, tmp_path)
    assert (found.signer, found.origin) == (ADDRESS, f"keystore {path}")
    asked = []

    def ask(where):
        asked.append(where)
        return PASSWORD

    assert load_credentials({"POLY_KEYSTORE": str(path)}, tmp_path, ask).signer == ADDRESS
    assert asked == [str(path)]
    assert (
        load_credentials({**named, "POLY_PRIVATE_KEY": "0x" + KEY.upper()}, tmp_path).signer
        == ADDRESS
    )
    assert "is another key than that of POLY_KEYSTORE" in refusal(
        {**named, "POLY_PRIVATE_KEY": OTHER}, tmp_path
    )


def test_a_keystore_of_another_wallet_program_opens(tmp_path):
    """What geth or eth-account wrote with PBKDF2 and a password beyond Latin-1."""
    from eth_account import Account

    path = tmp_path / "foreign.json"
    locked = Account.encrypt("0x" + KEY, "pässwörd ✓ long", kdf="pbkdf2", iterations=10)
    path.write_text(json.dumps(locked))
    path.chmod(0o600)
    assert read_keystore(path, Secret("pässwörd ✓ long")).reveal() == KEY


# --- what is refused ---------------------------------------------------------------------------


def test_nothing_at_all_says_what_to_set(tmp_path):
    text = refusal({}, tmp_path)
    assert text.startswith("no key to sign with; name a keystore in POLY_KEYSTORE")
    assert "POLY_PRIVATE_KEY" in text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o677])
def test_a_file_that_others_can_read_is_refused_with_the_command(tmp_path, mode):
    path = env_file(tmp_path, f"POLY_PRIVATE_KEY={KEY}\n", mode)
    wanted = f"{path}: others may read or change it (mode {mode:03o}); run: chmod 600 {path}"
    assert refusal({}, tmp_path) == wanted
    # Also where the environment has everything: the file lies there all the same.
    assert refusal({**BARE, **API}, tmp_path) == wanted
    path.unlink()
    locked = tmp_path / "key.json"
    write_keystore(locked, Secret(KEY), Secret(PASSWORD))
    locked.chmod(mode)
    named = {"POLY_KEYSTORE": str(locked), "POLY_KEYSTORE_PASSWORD": PASSWORD}
    assert refusal(named, tmp_path).endswith(f"run: chmod 600 {locked}")


def test_a_link_is_as_good_as_what_it_leads_to(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    path = env_file(real, f"POLY_PRIVATE_KEY={KEY}\n", 0o644)
    (tmp_path / ".env").symlink_to(path)
    assert "chmod 600" in refusal({}, tmp_path)
    path.chmod(0o600)
    assert load_credentials({}, tmp_path).signer == ADDRESS


def test_another_users_file_is_refused(tmp_path, monkeypatch):
    env_file(tmp_path, f"POLY_PRIVATE_KEY={KEY}\n")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "belongs to another user" in refusal({}, tmp_path)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / ".env", 0o600)
    assert refusal({}, tmp_path).endswith(".env: is not a file; check the path")
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    (tmp_path / ".env").chmod(0o600)
    assert "is not UTF-8" in refusal({}, tmp_path)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"POLY_PRIVATE_KEY": KEY[:-1]}, "POLY_PRIVATE_KEY of the environment is no private key"),
        ({"POLY_PRIVATE_KEY": "zz" * 32}, "give 64 hex digits"),
        ({"POLY_PRIVATE_KEY": "00" * 32}, "is no private key"),
        ({"POLY_PRIVATE_KEY": "ff" * 32}, "is no private key"),
        ({"POLY_KEYSTORE": "0x" + KEY}, "POLY_KEYSTORE holds what looks like a key"),
        ({"POLY_KEYSTORE": "nowhere.json", "POLY_KEYSTORE_PASSWORD": "x"}, "no such keystore"),
        ({"POLY_KEYSTORE": "key.json"}, "no password; set POLY_KEYSTORE_PASSWORD"),
        (
            {**BARE, "POLY_API_KEY": "7d3a5c0e-1111"},
            "POLY_API_SECRET and POLY_API_PASSPHRASE are not set",
        ),
        ({**BARE, **API, "POLY_API_SECRET": "no base64 at all!"}, "POLY_API_SECRET is no API"),
        ({**BARE, **API, "POLY_API_KEY": "a key with spaces"}, "POLY_API_KEY is no API key"),
        ({**BARE, "TRADING_ADDRESS": KEY}, "TRADING_ADDRESS is no address"),
        ({**BARE, "POLY_SIGNATURE_TYPE": "4"}, "POLY_SIGNATURE_TYPE is no signature type"),
        (
            {**BARE, "TRADING_ADDRESS": ADDRESS, "POLY_SIGNATURE_TYPE": "1"},
            f"TRADING_ADDRESS {ADDRESS} is of type 0",
        ),
    ],
)
def test_what_is_malformed_or_contradicts_is_one_line(tmp_path, environ, said):
    assert said in refusal(environ, tmp_path)


def test_a_wrong_password_and_a_broken_keystore(tmp_path):
    path = tmp_path / "key.json"
    write_keystore(path, Secret(KEY), Secret(PASSWORD))
    named = {"POLY_KEYSTORE": str(path), "POLY_KEYSTORE_PASSWORD": "another password"}
    assert "the password does not open it; correct POLY_KEYSTORE_PASSWORD" in refusal(named)
    locked = json.loads(path.read_text())
    strange = [locked | more for more in ({"version": 9}, {"crypto": {}}, {"crypto": None})]
    for broken in ("{}", "[]", "no json", "\x00", *map(json.dumps, strange)):
        path.write_text(broken)
        assert "is no Web3 v3 keystore" in refusal(named)
    with pytest.raises(CredentialsRefused, match="never overwritten"):
        write_keystore(path, Secret(KEY), Secret(PASSWORD))
    with pytest.raises(CredentialsRefused, match="too short"):
        write_keystore(tmp_path / "new", Secret(KEY), Secret("short"))
    assert not (tmp_path / "new").exists()


# --- the wallet ----------------------------------------------------------------------------------


def test_the_wallet_says_its_own_type(tmp_path):
    for wallet, kind in (
        (ADDRESS, SignatureType.EOA),
        (proxy_wallet(ADDRESS), SignatureType.POLY_PROXY),
        (safe_wallet(ADDRESS), SignatureType.GNOSIS_SAFE),
        (deposit_wallets(ADDRESS)[0], SignatureType.DEPOSIT_WALLET),
        (deposit_wallets(ADDRESS)[1], SignatureType.DEPOSIT_WALLET),
    ):
        for written in (wallet, wallet.lower()):
            found = load_credentials({**BARE, "TRADING_ADDRESS": written}, tmp_path)
            assert (found.wallet, found.signature_type, found.account) == (wallet, kind, wallet)


def test_a_wallet_that_nobody_names_follows_from_key_and_type(tmp_path):
    """An account has one name, before any network, whether somebody wrote it down or not."""
    for kind, wallet in (
        ("", deposit_wallets(ADDRESS)[0]),
        ("0", ADDRESS),
        ("1", proxy_wallet(ADDRESS)),
        ("2", safe_wallet(ADDRESS)),
        ("3", deposit_wallets(ADDRESS)[0]),
    ):
        unnamed = load_credentials({**BARE, "POLY_SIGNATURE_TYPE": kind}, tmp_path)
        named = load_credentials({**BARE, "TRADING_ADDRESS": wallet}, tmp_path)
        assert unnamed.account == named.account == wallet
        assert unnamed.trading_wallet == named.trading_wallet
        assert (unnamed.is_wallet_named, named.is_wallet_named) == (False, True)


@pytest.mark.parametrize("kind", ["", "2", "3"])
def test_a_strangers_wallet_is_refused_for_a_session_key_of_it_too(tmp_path, kind):
    stranger = PrivateKey.from_hex(OTHER).address
    text = refusal({**BARE, "TRADING_ADDRESS": stranger, "POLY_SIGNATURE_TYPE": kind}, tmp_path)
    assert f"{stranger} is no wallet of the key's address {ADDRESS}" in text
    assert deposit_wallets(ADDRESS)[0] in text
    assert "a session key cannot trade here" in text


# --- the verb ----------------------------------------------------------------------


def verb(*args, given=None, environ=None):
    return CliRunner().invoke(
        main,
        ["keystore", *map(str, args)],
        input=given,
        env={"POLY_KEYSTORE_PASSWORD": None, **(environ or {})},
    )


def test_keystore_import_reads_the_key_from_standard_input(tmp_path):
    path = tmp_path / "key.json"
    done = verb("import", path, given=f"0x{KEY}\n", environ={"POLY_KEYSTORE_PASSWORD": PASSWORD})
    assert (done.exit_code, leaks(done.output, KEY)) == (0, [])
    assert ADDRESS in done.output
    assert f"export POLY_KEYSTORE={path}" in done.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keystore(path, Secret(PASSWORD)).reveal() == KEY
    again = verb("import", path, given=KEY, environ={"POLY_KEYSTORE_PASSWORD": PASSWORD})
    assert (again.exit_code, "never overwritten" in again.stderr) == (2, True)


def test_keystore_new_makes_a_key_nobody_has_seen(tmp_path):
    path = tmp_path / "key.json"
    done = verb("new", path, "--json", environ={"POLY_KEYSTORE_PASSWORD": PASSWORD})
    told = json.loads(done.stdout)
    key = read_keystore(path, Secret(PASSWORD))
    assert told["address"] == PrivateKey.from_hex(key.reveal()).address
    assert leaks(done.output, key.reveal()) == []


@pytest.mark.parametrize("how", ["import", "new"])
def test_a_key_on_the_command_line_is_never_taken(tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    done = verb(how, "0x" + KEY, given=KEY, environ={"POLY_KEYSTORE_PASSWORD": PASSWORD})
    assert done.exit_code == 2
    assert leaks(done.output, KEY) == []
    assert "a key does not belong on the command line" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_key_is_refused_without_being_repeated(tmp_path):
    done = verb(
        "import", tmp_path / "k", given=KEY + "ab", environ={"POLY_KEYSTORE_PASSWORD": PASSWORD}
    )
    assert (done.exit_code, leaks(done.output, KEY)) == (2, [])
    assert "is no private key" in done.stderr
    nobody = verb("import", tmp_path / "k", given=KEY)
    assert (nobody.exit_code, "POLY_KEYSTORE_PASSWORD" in nobody.stderr) == (2, True)


def test_a_key_in_a_strategy_file_is_refused_and_not_repeated(tmp_path):
    path = tmp_path / "s.yaml"
    for body in (
        f"private_key: '0x{KEY}'\n",
        f"name: '0x{KEY}'\n",
        f"seed: '0x{KEY}'\n",
        f"seed: 0x{KEY}\n",
        f"tracing: {{otlp_endpoint: 0x{KEY}, metrics_s: 0x{KEY}}}\n",
        f"tracing: {{otlp_endpoint: '0x{KEY}'}}\n",
        f"venue: {{fallback: '0x{KEY}'}}\n",
        f"capital: {{bankroll_usd: '{KEY}'}}\n",
        f"'0x{KEY}': 1\n",
    ):
        path.write_text(f"{body}plugins: {{}}\nprofiles: {{paper: {{}}, production: {{}}}}\n")
        done = CliRunner().invoke(main, ["check", str(path)])
        assert done.exit_code == 3, body
        assert leaks(done.output, KEY) == [], body


def test_new_keys_are_valid_and_different():
    assert keystore.new_key() != keystore.new_key()
    PrivateKey.from_hex(keystore.new_key().reveal())


# --- paper ----------------------------------------------------------------------


def test_a_paper_run_imports_none_of_it(tmp_path):
    """With everything an operator could have lying about, none of it is looked at."""
    env_file(tmp_path, f"POLY_PRIVATE_KEY={KEY}\n", 0o644)
    (tmp_path / "s.yaml").write_text(
        "universe: {max_markets: 20}\nembedded: {markets: 8}\nplugins: {qs: {}}\n"
        "profiles: {paper: {}, production: {}}\n"
    )
    code = (
        "import sys\nfrom polyframe.cli import main\n"
        "main(['run', 's.yaml', '--profile', 'paper', '--venue', 'embedded', '--speed', '50',"
        " '--for', '1s', '--plain'], standalone_mode=False)\n"
        "names = ('polyframe.secrets', 'eth_keyfile', 'dotenv')\n"
        "print('loaded', [m for m in sys.modules if m.startswith(names)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "POLY_PRIVATE_KEY": KEY},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "loaded []", done.stdout[-500:] + done.stderr[-2000:]
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != ".env":
            assert leaks(path.read_bytes(), KEY) == [], path
