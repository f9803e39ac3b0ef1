"""Sessions and refresh tokens: SPEC 2.2, CASES A-031 to A-043."""
import base64
import concurrent.futures
import sqlite3
import time

import pytest

from conftest import PASSWORD

AGENT = {"User-Agent": "owner/1.0"}
STRANGER = {"User-Agent": "stranger/6.6"}


def rows(server, table="session"):
    with sqlite3.connect(server.work / "data" / "postern.db") as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_refresh_gives_the_next_pair(server):
    me = server.person()
    answer = server.refresh(me["refresh_token"])
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    assert answer.data["refresh_token"] != me["refresh_token"]
    assert server.me(answer.data["access_token"]).status == 200


def test_a_thousand_refreshes_leave_one_row(make_server):
    s = make_server()
    me = s.person()
    before = rows(s)
    token = me["refresh_token"]
    for _ in range(1000):
        token = s.refresh(token).data["refresh_token"]
    assert rows(s) == before == 1


def test_a033_everybody_who_holds_a_generation_gets_the_same_successor(server):
    me = server.person()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: server.refresh(me["refresh_token"]), range(100)))
    assert {a.status for a in answers} == {200}
    successors = {a.data["refresh_token"] for a in answers}
    assert len(successors) == 1
    assert server.refresh(successors.pop()).status == 200


def test_a034_a_lost_answer_is_given_again(server):
    me = server.person()
    lost = server.refresh(me["refresh_token"]).data["refresh_token"]
    again = server.refresh(me["refresh_token"])
    assert again.status == 200 and again.data["refresh_token"] == lost
    assert server.refresh(lost).status == 200


def test_a032_two_generations_back_ends_the_session(server):
    me = server.person()
    second = server.refresh(me["refresh_token"]).data
    third = server.refresh(second["refresh_token"]).data
    answer = server.refresh(me["refresh_token"])
    assert answer.status == 401 and answer.error == "refresh_token_reused"
    for token in (second, third):
        assert server.refresh(token["refresh_token"]).error == "refresh_token_reused"
        assert server.me(token["access_token"]).status == 401
    server.wait_for("session.reuse_detected", reason="reused")


def test_the_predecessor_is_refused_after_the_window_and_the_session_stays(make_server):
    s = make_server(REFRESH_TOKEN_GRACE_SECONDS="1")
    me = s.person()
    successor = s.refresh(me["refresh_token"]).data["refresh_token"]
    assert s.refresh(me["refresh_token"]).status == 200
    time.sleep(1.2)
    answer = s.refresh(me["refresh_token"])
    assert answer.status == 401 and answer.error == "invalid_refresh_token"
    assert s.refresh(successor).status == 200


def test_a_repeat_does_not_extend_the_window(make_server):
    s = make_server(REFRESH_TOKEN_GRACE_SECONDS="2")
    me = s.person()
    s.refresh(me["refresh_token"])
    time.sleep(1.2)
    assert s.refresh(me["refresh_token"]).status == 200
    time.sleep(1.2)
    assert s.refresh(me["refresh_token"]).status == 401


def test_without_a_window_the_predecessor_is_refused_at_once(make_server):
    s = make_server(REFRESH_TOKEN_GRACE_SECONDS="0")
    me = s.person()
    successor = s.refresh(me["refresh_token"]).data["refresh_token"]
    time.sleep(0.01)
    assert s.refresh(me["refresh_token"]).status == 401
    assert s.refresh(successor).status == 200


def test_a_follower_is_caught_in_the_third_rotation(server):
    email = server.register()
    token = server.login(email, headers=AGENT)["refresh_token"]
    for rotation in range(3):
        successor = server.refresh(token, headers=AGENT).data["refresh_token"]
        followed = server.refresh(token, headers=STRANGER)
        if rotation < 2:
            assert followed.status == 200
            assert followed.data["refresh_token"] == successor
        else:
            assert followed.status == 401 and followed.error == "refresh_token_reused"
        token = successor
    assert server.refresh(token, headers=AGENT).error == "refresh_token_reused"
    server.wait_for("session.reuse_detected", reason="follower")


def test_an_owner_who_repeats_himself_is_no_follower(server):
    email = server.register()
    token = server.login(email, headers=AGENT)["refresh_token"]
    for _ in range(6):
        successor = server.refresh(token, headers=AGENT).data["refresh_token"]
        assert server.refresh(token, headers=AGENT).status == 200
        token = successor


def test_rotations_that_nobody_follows_break_the_follower_streak(server):
    email = server.register()
    token = server.login(email, headers=AGENT)["refresh_token"]
    for rotation in range(8):
        successor = server.refresh(token, headers=AGENT).data["refresh_token"]
        if rotation % 3 != 2:
            assert server.refresh(token, headers=STRANGER).status == 200
        token = successor


@pytest.mark.parametrize("mangle", [
    lambda t: t[:-1], lambda t: t + "A", lambda t: t.swapcase(), lambda t: t + "\n",
    lambda t: " " + t, lambda t: "prt-" + t[4:], lambda t: t[4:], lambda t: "", lambda t: "prt_",
    lambda t: t + "=", lambda t: t[:40] + ("A" if t[40] != "A" else "B") + t[41:],
    lambda t: "prt_" + "A" * (len(t) - 4), lambda t: t * 100])
def test_a031_t033_a_damaged_token_is_refused(server, mangle):
    me = server.person()
    answer = server.refresh(mangle(me["refresh_token"]))
    assert answer.status == 401 and answer.error == "invalid_refresh_token", answer.body
    assert server.refresh(me["refresh_token"]).status == 200


def test_a031_every_flipped_bit_is_noticed_before_the_database(server):
    me = server.person()
    text = me["refresh_token"]
    raw = base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << (bit % 8)
        token = "prt_" + base64.urlsafe_b64encode(flipped).decode().rstrip("=")
        if bit % 16 == 0:
            assert server.refresh(token).status == 401
    assert server.refresh(text).status == 200


def test_a040_logging_out_twice_is_logging_out(server):
    me = server.person()
    for _ in range(2):
        answer = server.post("/api/v1/auth/logout", token=me["access_token"])
        assert answer.status == 204 and answer.body == b""
    assert server.me(me["access_token"]).status == 401
    assert server.refresh(me["refresh_token"]).error == "session_revoked"


def test_logging_out_works_by_refresh_token_too(server):
    me = server.person()
    body = {"refresh_token": me["refresh_token"]}
    for _ in range(2):
        assert server.post("/api/v1/auth/logout", body).status == 204
    assert server.me(me["access_token"]).status == 401


def test_logging_out_by_refresh_token_does_not_mind_an_access_token_that_is_no_good(server):
    me = server.person()
    answer = server.post("/api/v1/auth/logout", {"refresh_token": me["refresh_token"]},
                         token=me["access_token"][:-4] + "AAAA")
    assert answer.status == 204
    assert server.refresh(me["refresh_token"]).error == "session_revoked"


def test_logging_out_without_any_token_is_refused(server):
    bad = server.post("/api/v1/auth/logout", token="x")
    assert bad.status == 401 and bad.error == "invalid_token"
    answer = server.post("/api/v1/auth/logout")
    assert answer.status == 401 and answer.error == "authentication_required"


def test_a_body_of_no_type_is_not_read(server):
    me = server.person()
    body = '{"refresh_token":"%s"}' % me["refresh_token"]
    got = server.raw(f"POST /api/v1/auth/logout HTTP/1.1\r\nHost: localhost\r\n"
                     f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
    assert got.startswith(b"HTTP/1.1 415 ")
    assert server.refresh(me["refresh_token"]).status == 200


def test_logout_all_ends_every_session(server):
    me = server.person()
    others = [server.login(me["email"]) for _ in range(3)]
    assert server.post("/api/v1/auth/logout-all", token=me["access_token"]).status == 204
    for tokens in [me, *others]:
        assert server.me(tokens["access_token"]).status == 401
        assert server.refresh(tokens["refresh_token"]).error == "session_revoked"


def test_a041_logging_out_the_others_keeps_this_one(server):
    me = server.person()
    other = server.login(me["email"])
    answer = server.post("/api/v1/auth/logout-all", {"except_current": True},
                         token=me["access_token"])
    assert answer.status == 204
    assert server.me(me["access_token"]).status == 200
    assert server.me(other["access_token"]).status == 401


def test_sessions_are_listed_and_ended_one_by_one(server):
    me = server.person()
    other = server.login(me["email"], headers={"User-Agent": "phone/2"})
    answer = server.get("/api/v1/users/me/sessions", token=me["access_token"])
    assert answer.status == 200 and answer.json["page"] == {"next_cursor": None}
    assert len(answer.data) == 2
    assert [s["current"] for s in answer.data].count(True) == 1
    phone = next(s for s in answer.data if s["user_agent"] == "phone/2")
    assert not phone["current"] and phone["ip_address"] == "127.0.0.1"

    path = f"/api/v1/users/me/sessions/{phone['id']}"
    assert server.request("DELETE", path, token=me["access_token"]).status == 204
    assert server.request("DELETE", path, token=me["access_token"]).status == 404
    assert server.me(other["access_token"]).status == 401
    assert len(server.get("/api/v1/users/me/sessions", token=me["access_token"]).data) == 1


def test_nobody_ends_a_stranger_s_session(server):
    me, stranger = server.person(), server.person()
    mine = server.get("/api/v1/users/me/sessions", token=me["access_token"]).data[0]["id"]
    answer = server.request("DELETE", f"/api/v1/users/me/sessions/{mine}",
                            token=stranger["access_token"])
    assert answer.status == 404
    assert server.me(me["access_token"]).status == 200


@pytest.mark.parametrize("id", ["{%s}", "urn:uuid:%s", "%s0", "x%s", "' OR 1=1 --",
                                "00000000-0000-0000-0000-00000000000"])
def test_j031_an_id_that_is_no_uuid_is_malformed(server, id):
    me = server.person()
    sid = server.get("/api/v1/users/me/sessions", token=me["access_token"]).data[0]["id"]
    id = (id % sid if "%s" in id else id).replace(" ", "%20").replace("'", "%27")
    id = id.replace("{", "%7B").replace("}", "%7D").replace("=", "%3D")
    answer = server.request("DELETE", f"/api/v1/users/me/sessions/{id}", token=me["access_token"])
    assert answer.status in (400, 404)
    assert server.me(me["access_token"]).status == 200


def test_j031_an_id_may_be_written_in_capitals(server):
    me = server.person()
    sid = server.get("/api/v1/users/me/sessions", token=me["access_token"]).data[0]["id"]
    path = f"/api/v1/users/me/sessions/{sid.upper()}"
    assert server.request("DELETE", path, token=me["access_token"]).status == 204


def test_a_restart_keeps_sessions_and_what_ended_them(make_server):
    s = make_server()
    me, gone = s.person(), s.person()
    first = me["refresh_token"]
    second = s.refresh(first).data["refresh_token"]
    third = s.refresh(second).data["refresh_token"]
    s.post("/api/v1/auth/logout", token=gone["access_token"])
    s.restart()
    assert s.me(me["access_token"]).status == 200
    assert s.me(gone["access_token"]).status == 401
    assert s.refresh(gone["refresh_token"]).error == "session_revoked"
    assert s.refresh(third).status == 200
    assert s.refresh(first).error == "refresh_token_reused"


def test_a037_sessions_end(make_server):
    s = make_server()
    me = s.person()
    s.stop()
    with sqlite3.connect(s.work / "data" / "postern.db") as db:
        db.execute("UPDATE session SET expires_at = ?", (int(time.time() * 1000) - 1000,))
    s.start()
    assert s.refresh(me["refresh_token"]).error == "session_expired"
    assert s.me(me["access_token"]).status == 401


def test_a037_refreshing_does_not_go_beyond_the_absolute_end(make_server):
    s = make_server()
    me = s.person()
    s.stop()
    end = int(time.time() * 1000) + 60_000
    with sqlite3.connect(s.work / "data" / "postern.db") as db:
        db.execute("UPDATE session SET absolute_expires_at = ?", (end,))
    s.start()
    answer = s.refresh(me["refresh_token"])
    assert answer.status == 200 and answer.data["refresh_expires_in"] <= 60


def test_expired_rows_are_swept(make_server):
    s = make_server()
    kept = s.person()
    for _ in range(20):
        s.login(kept["email"])
    s.stop()
    with sqlite3.connect(s.work / "data" / "postern.db") as db:
        keep = db.execute("SELECT min(id) FROM session").fetchone()[0]
        db.execute("UPDATE session SET expires_at = 1 WHERE id <> ?", (keep,))
    s.start()
    end = time.monotonic() + 10
    while rows(s) > 1 and time.monotonic() < end:
        time.sleep(0.1)
    assert rows(s) == 1
    assert s.refresh(kept["refresh_token"]).status == 200


def test_disabling_an_account_from_elsewhere_is_known_within_a_second(server):
    me = server.person()
    assert server.me(me["access_token"]).status == 200
    done = server.cli("user", "disable", me["email"])
    assert done.returncode == 0, done.stderr
    time.sleep(1.0)
    assert server.me(me["access_token"]).status == 401
    assert server.refresh(me["refresh_token"]).error == "session_revoked"
    assert server.cli("user", "enable", me["email"]).returncode == 0
    server.login(me["email"])


def test_a_stolen_database_does_not_make_tokens(make_server):
    """The rows under another master key: refused at the start."""
    s = make_server()
    s.person()
    s.stop()
    key = s.work / "data" / "master.key"
    key.chmod(0o600)
    key.write_text("A" * 43 + "\n")
    with pytest.raises(AssertionError, match="master key"):
        s.start()
