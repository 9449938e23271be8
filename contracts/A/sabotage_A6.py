"""Ways to break realtime sessions that its contracts must notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage
from proxy.upstream.websocket import Closed


def _without_query(original: Callable[..., Any], self: Any, *args: Any, **options: Any) -> Any:
    return original(self, *args, **{**options, "query": {}})


def _without_version(original: Callable[..., Any], *args: Any) -> Any:
    target = original(*args)
    return msgspec.structs.replace(target, url=target.url.replace("api-version=2025-04-01-preview&", ""))


def _as_bytes(original: Callable[..., Any], self: Any, message: Any) -> Any:
    return original(self, message.encode() if isinstance(message, str) else message)


SABOTAGES = [
    Sabotage(
        name="drops-the-intent",
        patches=[("proxy.realtime.session.RealtimeSession.__init__", _without_query)],
        trips=["test_the_intent_goes_on_and_other_parameters_do_not"],
    ),
    Sabotage(
        name="looks-for-no-key-among-the-subprotocols",
        patches=[("proxy.api.realtime.with_key", lambda _, headers, *__: headers)],
        trips=["test_browsers_send_the_key_as_a_subprotocol"],
    ),
    Sabotage(
        name="agrees-to-no-subprotocol",
        patches=[("proxy.realtime.client.ClientSocket.accept", lambda original, self, _: original(self, None))],
        trips=["test_browsers_send_the_key_as_a_subprotocol", "test_a_subprotocol_that_is_offered_is_agreed_to"],
    ),
    Sabotage(
        name="lets-everybody-in",
        patches=[("proxy.auth.selection.same_key", lambda *_: True)],
        trips=[
            "test_refused_at_the_door[wrong-key]",
            "test_refused_at_the_door[wrong-api-key]",
            "test_a_wrong_key_as_a_subprotocol_is_refused",
        ],
    ),
    Sabotage(
        name="asks-azure-for-no-version",
        patches=[("proxy.realtime.session.session_target", _without_version)],
        trips=["test_azure"],
    ),
    Sabotage(
        name="keeps-the-clients-code-to-itself",
        patches=[("proxy.realtime.relay.Relay._hang_up", lambda original, self, _: original(self, Closed(1000)))],
        trips=["test_the_clients_code_reaches_the_upstream", "test_a_live_clients_code_reaches_the_upstream"],
    ),
    Sabotage(
        name="says-that-all-is-well",
        patches=[("proxy.realtime.relay.told_to_client", lambda *_: Closed(1000))],
        trips=[
            "test_the_upstream_closes[1000-done]",
            "test_the_upstream_closes[1001-]",
            "test_the_upstream_closes[1013-try later]",
            "test_the_upstream_closes[4005-unknown session]",
            "test_the_upstream_vanishes",
            "test_a_session_that_has_begun_does_not_fall_back",
            "test_a_live_upstream_ends_with_an_error",
        ],
    ),
    Sabotage(
        name="gives-up-before-the-first-message",
        patches=[("proxy.realtime.relay.Relay.can_change", lambda *_: False)],
        trips=["test_a_session_that_ends_before_its_first_message_falls_back"],
    ),
    Sabotage(
        name="says-everything-in-binary",
        patches=[
            ("proxy.realtime.client.ClientSocket.send", _as_bytes),
            ("proxy.sockets.SocketProtocol.push", lambda original, self, data, _: original(self, data, False)),
        ],
        trips=[
            "test_messages_keep_their_kind",
            "test_an_upstream_may_say_something_else_than_json",
            "test_live_messages_keep_their_kind",
            "test_a_live_session",
        ],
    ),
    Sabotage(
        name="calls-google-in-one-location-alone",
        patches=[("proxy.realtime.live.vertex_host", lambda original, _: original("us-central1"))],
        trips=[
            "test_a_live_session",
            "test_the_global_location",
            "test_a_model_that_is_served_everywhere_alone",
            "test_a_live_upstream_closes",
            "test_a_live_upstream_refuses_the_handshake",
            "test_a_live_client_vanishes",
        ],
    ),
]
