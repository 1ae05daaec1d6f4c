"""From a failed verification to the results under review: real emulators, a real agent, a real server."""


def test_a_failed_verification_puts_results_under_review(server, rig, client, manned, quick, wait_until):
    def under_review():
        lines = client.impact(kind="device", value=device, limit="200")["items"]
        return {one["item_id"] for one in lines if one["under_review"]}

    server.start()
    rig.put("polystyrene")
    device = client.verify("b1", **quick)["device"]
    # The bench is shared by the tests of a folder, and flags stay.
    before, refused = under_review(), client.status()["outbox"]["refused"]
    rig.put("polystyrene")
    assert client.verify("b1", **quick)["passed"]
    rig.put("metamizole")
    doubtful = client.scan("b1", "DRIFTED", **quick)
    rig.put("polystyrene")
    rig.drift(1.8)
    failed = client.verify("b1", **quick)
    rig.drift(0.0)
    assert failed["verdict"] == "failed", failed["verification"]["why"]
    rig.put("metamizole")
    after = client.scan("b1", "AFTERWARDS", **quick)
    rig.put("polystyrene")
    assert client.verify("b1", **quick)["passed"]

    def seen(answer):
        (one,) = server.get("/results", screening_id=answer["screening_id"])["items"]
        return one

    wait_until(lambda: seen(doubtful)["under_review"])
    (flag,) = seen(doubtful)["flags"]
    assert (flag["verification"], flag["reason"]) == (failed["scan_id"], "verification_failed")
    assert seen(doubtful)["verdict"] == doubtful["identification"]["verdict"]
    assert not seen(after)["under_review"], "made after the failure, and says so by itself"
    assert under_review() - before == {"DRIFTED"}
    assert client.status()["outbox"]["refused"] == refused
