"""D1: the addresses that may call are changed at run time."""

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/allowed_ips.yaml")


def test_addresses_are_added_and_deleted(case: Case) -> None:
    """This machine's own stays: else nobody could call any more."""
    steps = [
        case.post("/add/allowed_ip", {"ip": "127.0.0.1"}),
        case.post("/add/allowed_ip", {"ip": "10.1.2.3"}),
        case.post("/add/allowed_ip", {"ip": "10.1.2.3"}),
        case.get("/get/allowed_ips"),
        case.post("/delete/allowed_ip", {"ip": "10.1.2.3"}),
        case.post("/delete/allowed_ip", {"ip": "10.1.2.3"}),
        case.get("/get/allowed_ips"),
    ]
    case.assert_same_as_recorded()
    assert [step.status for step in steps] == [200, 200, 400, 200, 200, 404, 200]
    assert steps[0].json["message"] == "IP 127.0.0.1 address added successfully"
    assert steps[3].json["data"] == ["127.0.0.1", "10.1.2.3"]
    assert steps[6].json["data"] == ["127.0.0.1"]
