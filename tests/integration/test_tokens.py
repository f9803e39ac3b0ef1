"""Access tokens as bearers: CASES group D, A-050 to A-052. Tokens are forged with
the secret of an HS256 server, so that everything but the point is right."""
import base64
import hashlib
import hmac
import json
import sqlite3
import time

import pytest

SECRET = "a secret of at least thirty-two bytes"


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token):
    header, payload, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(payload))


def sign(header, payload, secret=SECRET):
    """header and payload: dicts, or text as it is to stand."""
    texts = [x if isinstance(x, (str, bytes)) else json.dumps(x) for x in (header, payload)]
    head = ".".join(b64(t) for t in texts)
    key = secret if isinstance(secret, bytes) else secret.encode()
    return head + "." + b64(hmac.new(key, head.encode(), hashlib.sha256).digest())


@pytest.fixture(scope="module")
def hs(tmp_path_factory):
    from conftest import Server
    s = Server(tmp_path_factory.mktemp("hs256"),
               {"JWT_ALGORITHM": "HS256", "JWT_SECRET_KEY": SECRET})
    s.somebody = s.person()
    yield s
    assert s.stop() == 0


@pytest.fixture
def token(hs):
    return hs.somebody["access_token"]


def refused(server, token):
    answer = server.me(token)
    assert answer.status == 401 and answer.error == "invalid_token", (answer.status, answer.body)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert server.is_alive()


def test_the_claims_are_those_of_rfc_9068(server):
    me = server.person()
    header, claims = parts(me["access_token"])
    assert header["typ"] == "at+jwt" and header["alg"] == "ES256" and header["kid"]
    assert set(claims) >= {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope",
                           "roles", "tenant", "sid", "auth_time", "type"}
    assert claims["type"] == "access" and claims["tenant"] == "default"
    assert claims["roles"] == ["user"] and claims["exp"] - claims["iat"] == 600
    assert claims["sub"] == server.me(me["access_token"]).data["id"]


def test_a_token_forged_right_is_accepted(hs, token):
    """Without this the tests below would prove nothing."""
    assert hs.me(sign(*parts(token))).status == 200


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, [], 0, "RS256", "ES256",
                                 "hs256", "HS384"])
def test_t001_other_algorithms(hs, token, alg):
    header, claims = parts(token)
    refused(hs, sign(header | {"alg": alg}, claims))
    head = f"{b64(json.dumps(header | {'alg': alg}))}.{b64(json.dumps(claims))}"
    refused(hs, head + ".")
    refused(hs, head)


def test_t001_no_algorithm(hs, token):
    header, claims = parts(token)
    del header["alg"]
    refused(hs, sign(header, claims))


def test_t002_other_signatures(hs, token):
    head, _, signature = token.rpartition(".")
    other = hs.login(hs.somebody["email"])["access_token"].rpartition(".")[2]
    raw = bytearray(unb64(signature))
    raw[5] ^= 4
    for bad in ["", b64(bytes(32)), b64(bytes(raw)), other, b64(unb64(signature)[:-1]),
                b64(unb64(signature) + b"\0")]:
        refused(hs, f"{head}.{bad}")


def test_t003_hs256_under_the_public_key(server):
    me = server.person()
    header, claims = parts(me["access_token"])
    jwk = server.get("/.well-known/jwks.json").json["keys"][0]
    for secret in [json.dumps(jwk), jwk["x"], unb64(jwk["x"]) + unb64(jwk["y"]),
                   b"\x04" + unb64(jwk["x"]) + unb64(jwk["y"])]:
        refused(server, sign(header | {"alg": "HS256"}, claims, secret))


@pytest.mark.parametrize("secret", ["", "secret", "postern", "changeme"])
def test_t004_weak_secrets(hs, token, secret):
    refused(hs, sign(*parts(token), secret))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5c", "x5u"])
def test_t006_t008_keys_brought_along_are_not_looked_at(hs, token, member):
    header, claims = parts(token)
    evil = "an attacker's secret of thirty-two bytes"
    header[member] = {"kty": "oct", "k": b64(evil)} if member == "jwk" else "http://127.0.0.1:1/"
    refused(hs, sign(header, claims, evil))


@pytest.mark.parametrize("kid", ["", " ", "../../dev/null", "/dev/null", "' UNION SELECT 1 --",
                                 "|id", "a\0b", "k" * 5000, 1, [], None])
def test_t009_kids_that_name_no_key(hs, token, kid):
    header, claims = parts(token)
    refused(hs, sign(header | {"kid": kid}, claims))


def test_t009_no_kid(hs, token):
    header, claims = parts(token)
    del header["kid"]
    refused(hs, sign(header, claims))


@pytest.mark.parametrize("more", [{"crit": ["exp"]}, {"crit": []}, {"crit": "exp"},
                                  {"b64": False, "crit": ["b64"]}, {"b64": False},
                                  {"zip": "DEF"}])
def test_t010_extensions(hs, token, more):
    header, claims = parts(token)
    refused(hs, sign(header | more, claims))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "id+jwt", "dpop+jwt", "logout+jwt", "", 1])
def test_t011_tokens_of_another_kind(hs, token, typ):
    header, claims = parts(token)
    refused(hs, sign(header | {"typ": typ}, claims))


@pytest.mark.parametrize("kind", ["refresh", "id", "", None, 1])
def test_t011_tokens_for_another_purpose(hs, token, kind):
    header, claims = parts(token)
    refused(hs, sign(header, claims | {"type": kind}))


def test_t011_a_refresh_token_is_no_bearer(server):
    me = server.person()
    refused(server, me["refresh_token"])
    assert server.refresh(me["access_token"]).status == 401


def test_t012_duplicate_members(hs, token):
    header, claims = parts(token)
    text = json.dumps(claims)
    refused(hs, sign(header, text[:-1] + ', "sub": "x"}'))
    refused(hs, sign(json.dumps(header)[:-1] + ', "alg": "HS256"}', claims))
    refused(hs, sign(header, text[:-1] + ', "\\u0073ub": "x"}'))


@pytest.mark.parametrize("payload", ["[]", '"x"', "1", "null", "", b"\xff\xfe{}", "{}",
                                     '{"a":' * 1000 + "1" + "}" * 1000, "{", "{}{}"])
def test_t013_payloads_that_are_no_claims(hs, token, payload):
    refused(hs, sign(parts(token)[0], payload))


@pytest.mark.parametrize("exp", ["past", "text", "float", -1, 2**63, 2**64, 1e300, None, True, []])
def test_t014_expiry(hs, token, exp):
    header, claims = parts(token)
    value = {"past": int(time.time()) - 1, "text": str(claims["exp"]),
             "float": claims["exp"] + 0.5}.get(exp) if isinstance(exp, str) else exp
    refused(hs, sign(header, claims | {"exp": value}))


@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "iss", "aud", "sub", "sid", "jti", "type",
                                  "auth_time", "tenant"])
def test_t014_missing_claims(hs, token, name):
    header, claims = parts(token)
    del claims[name]
    refused(hs, sign(header, claims))


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_t015_the_future_within_the_leeway(hs, token, name):
    header, claims = parts(token)
    now = int(time.time())
    assert hs.me(sign(header, claims | {name: now + 3})).status == 200
    refused(hs, sign(header, claims | {name: now + 8}))


@pytest.mark.parametrize("change", [lambda i: i + "/", str.upper, lambda i: i[:-1],
                                    lambda i: [i], lambda i: i + ".evil", lambda i: ""])
def test_t016_issuer(hs, token, change):
    header, claims = parts(token)
    refused(hs, sign(header, claims | {"iss": change(claims["iss"])}))


@pytest.mark.parametrize("aud", [1, [], "", "http", ["http://other"], {}, None])
def test_t017_t046_audience(hs, token, aud):
    header, claims = parts(token)
    refused(hs, sign(header, claims | {"aud": aud}))


def test_t017_an_audience_among_others_is_not_ours_alone(hs, token):
    header, claims = parts(token)
    refused(hs, sign(header, claims | {"aud": [claims["aud"], "http://other"]}))
    assert hs.me(sign(header, claims | {"aud": [claims["aud"]]})).status == 200


@pytest.mark.parametrize("sub", ["", 1, None, "nobody", "00000000-0000-0000-0000-000000000000",
                                 "01890000-0000-7000-8000-000000000000"])
def test_t018_subject(hs, token, sub):
    header, claims = parts(token)
    refused(hs, sign(header, claims | {"sub": sub}))


def test_t018_another_person_s_session(hs, token):
    header, claims = parts(token)
    other = parts(hs.person()["access_token"])[1]
    refused(hs, sign(header, claims | {"sub": other["sub"]}))
    refused(hs, sign(header, claims | {"sid": other["sid"]}))


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize("change", [lambda s: s + "=", lambda s: "+" + s[1:],
                                    lambda s: s[:3] + "/" + s[4:], lambda s: s[:-1],
                                    lambda s: s + "A"])
def test_t019_base64url_is_strict(hs, token, segment, change):
    segments = token.split(".")
    segments[segment] = change(segments[segment])
    refused(hs, ".".join(segments))


def test_t019_spare_bits_are_zero(hs, token):
    head, _, signature = token.rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signature[-1])
    refused(hs, f"{head}.{signature[:-1]}{alphabet[last ^ 1]}")


@pytest.mark.parametrize("text", ["a", "a.b", "a.b.c.d", "." * 4, "..", "." * 5000,
                                  "a.b.c.d.e", '{"payload":"x"}'])
def test_t020_other_shapes(hs, text):
    refused(hs, text)


@pytest.mark.parametrize("size, status", [(8 * 1024, {401}), (64 * 1024, {401, 431}),
                                          (1024 * 1024, {401, 431})])
def test_t021_large_tokens(hs, size, status):
    got = hs.raw(b"GET /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                 + b"a" * size + b"\r\nConnection: close\r\n\r\n")
    assert int(got.split()[1]) in status


def test_t029_the_jwks_holds_public_members_only(server):
    answer = server.get("/.well-known/jwks.json")
    assert answer.status == 200 and "max-age=300" in answer.headers["Cache-Control"]
    keys = answer.json["keys"]
    assert len({k["kid"] for k in keys}) == len(keys) >= 1
    for k in keys:
        assert not set(k) & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
        assert k["use"] == "sig" and k["alg"]
    etag = answer.headers["ETag"]
    for known in (etag, "*", f"W/{etag}", f'"other", {etag}'):  # RFC 9110 13.1.2
        again = server.get("/.well-known/jwks.json", headers={"If-None-Match": known})
        assert again.status == 304 and again.body == b"" and again.headers["ETag"] == etag
    for other in ('"other"', etag[1:-1], '"other", W/"x"', ""):
        again = server.get("/.well-known/jwks.json", headers={"If-None-Match": other})
        assert again.status == 200 and again.json["keys"] == keys


def test_hs256_publishes_nothing(hs):
    assert hs.get("/.well-known/jwks.json").json == {"keys": []}


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_every_algorithm_serves_and_changes_without_logging_anybody_out(make_server, alg):
    s = make_server(JWT_ALGORITHM=alg)
    me = s.person()
    assert parts(me["access_token"])[0]["alg"] == alg
    assert s.me(me["access_token"]).status == 200
    s.stop()
    s.env["JWT_ALGORITHM"] = "EdDSA" if alg != "EdDSA" else "ES256"
    s.start()
    assert s.me(me["access_token"]).status == 200  # the old key still verifies
    assert s.refresh(me["refresh_token"]).status == 200


def test_t031_a_withdrawn_key_is_gone_within_a_second(make_server):
    s = make_server()
    me = s.person()
    assert s.me(me["access_token"]).status == 200
    kid = parts(me["access_token"])[0]["kid"]
    assert s.cli("key", "rotate").returncode == 0
    time.sleep(1.0)
    assert s.me(me["access_token"]).status == 200  # retiring: still good
    fresh = s.login(me["email"])["access_token"]
    assert parts(fresh)[0]["kid"] != kid
    assert s.cli("key", "retire", "--", kid).returncode == 0
    time.sleep(1.0)
    refused(s, me["access_token"])
    assert s.me(fresh).status == 200
    assert kid not in [k["kid"] for k in s.get("/.well-known/jwks.json").json["keys"]]


def test_t031_withdrawing_the_key_that_signs_leaves_logins_possible(make_server):
    s = make_server()
    me = s.person()
    kid = parts(me["access_token"])[0]["kid"]
    assert s.cli("key", "retire", "--", kid).returncode == 1
    assert s.cli("key", "retire", "--force", "--", kid).returncode == 0
    time.sleep(1.0)
    refused(s, me["access_token"])
    fresh = s.refresh(me["refresh_token"])
    assert fresh.status == 200 and parts(fresh.data["access_token"])[0]["kid"] != kid
    assert s.me(fresh.data["access_token"]).status == 200


def test_t043_tokens_of_ended_sessions_are_refused_at_once(server):
    me = server.person()
    assert server.me(me["access_token"]).status == 200  # now it is remembered
    server.post("/api/v1/auth/logout", token=me["access_token"])
    refused(server, me["access_token"])


def test_t048_a_damaged_key_refuses_the_start(make_server):
    s = make_server()
    s.stop()
    with sqlite3.connect(s.work / "data" / "postern.db") as db:
        db.execute("UPDATE signing_key SET sealed = x'00112233'")
    with pytest.raises(AssertionError):
        s.start()


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Basic", "Basic !!!", "Bearer",
                                   "Bearer ", "Token x", "Basic " + "A" * 8000])
def test_a050_other_schemes_are_no_bearer(server, value):
    answer = server.get("/api/v1/users/me", headers={"Authorization": value})
    assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a051_the_form_of_the_authorization_header(server):
    token = server.person()["access_token"]

    def ask(*lines):
        head = "".join(f"Authorization: {line}\r\n" for line in lines)
        got = server.raw(f"GET /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\n{head}"
                         "Connection: close\r\n\r\n".encode())
        return int(got.split()[1])

    assert ask(f"Bearer {token}") == 200
    assert ask(f"bearer {token}") == 200
    assert ask(f"Bearer {token}", f"Bearer {token}") == 400
    assert ask(f"Bearer {token}, Basic dXNlcjpwYXNz") == 400
    assert ask(f"Bearer  {token}") == 401
    assert ask(f"Bearer {token},") == 401


def test_a052_a_token_in_the_query_is_not_seen(server):
    token = server.person()["access_token"]
    answer = server.get(f"/api/v1/users/me?access_token={token}")
    assert answer.status == 401 and answer.error == "authentication_required"
    assert token not in server.log()


def test_t045_a_token_expires(make_server):
    s = make_server(ACCESS_TOKEN_EXPIRE_MINUTES="1")
    me = s.person()
    assert me["expires_in"] == 60
    header, claims = parts(me["access_token"])
    assert claims["exp"] - claims["iat"] == 60
