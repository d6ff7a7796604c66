"""The durations of requests by route, in the process that answers."""

from concurrent.futures import ThreadPoolExecutor

import flask.testing

from admin_api.http.request.route_durations import KEPT, ROUTES_MAX, DurationsOfRoutes

ROUTES = "/api/admin/system/routes"


def test_requests_are_counted_by_route(client: flask.testing.FlaskClient) -> None:
    for number in (1, 2, 3):
        client.get(f"/api/admin/jobs/{number}")
    client.get("/api/no-such-path")
    body = client.get(ROUTES).get_json()
    (job,) = [each for each in body["routes"] if each["route"] == "/api/admin/jobs/{job_id}"]
    assert (job["method"], job["requests"], job["errors"]) == ("GET", 3, 0)
    assert 0 < job["milliseconds_p50"] <= job["milliseconds_p95"] <= job["milliseconds_max"]
    assert not [each for each in body["routes"] if "no-such-path" in each["route"]]
    assert body["seconds"] >= 0
    processes = client.get("/api/admin/system").get_json()["processes"]
    assert not processes or body["process"] in {each["name"] for each in processes}


def test_the_newest_requests_decide_and_errors_count() -> None:
    now = [0.0]
    kept = DurationsOfRoutes(lambda: now[0])
    for number in range(KEPT + 100):
        kept.add("GET", "/a", status=503 if number == 0 else 200, seconds=number / 1000)
    now[0] = 60.0
    (found,) = kept.all()
    assert (found.requests, found.errors) == (KEPT + 100, 1)
    assert (found.milliseconds_p50, found.milliseconds_p95) == (199, 289)
    assert (found.milliseconds_max, kept.seconds) == (299, 60)


def test_the_number_of_routes_is_bounded_and_threads_lose_no_request() -> None:
    kept = DurationsOfRoutes()
    for number in range(ROUTES_MAX + 5):
        kept.add("GET", f"/{number}", status=200, seconds=0.001)
    assert len(kept.all()) == ROUTES_MAX
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(
            lambda _: kept.add("GET", "/0", status=200, seconds=0.001), range(1_000)
        ):
            pass
    assert kept.all()[0].requests == 1_001
