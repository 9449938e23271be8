"""What Gemini receives for a chat completion: its contents and system prompts."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="google/gemini.yaml")

HI = {"role": "user", "content": "hi"}
PIXEL = "iVBORw0KGgo="
DATA = f"data:image/png;base64,{PIXEL}"
BLANK = {"text": " "}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(**fields: Any) -> dict[str, Any]:
    return {"type": "file", "file": fields}


def asking(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def answering(content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def asked(index: int, city: str, **more: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": f'{{"city": "{city}"}}'}
    return {"id": f"call_{index}", "type": "function", "function": function, **more}


def told(index: int, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{index}", "content": content}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def inline(data: str, kind: str) -> dict[str, Any]:
    return {"inline_data": {"data": data, "mime_type": kind}}


def stored(uri: str, kind: str) -> dict[str, Any]:
    return {"file_data": {"mime_type": kind, "file_uri": uri}}


def call(city: str, **more: Any) -> dict[str, Any]:
    return {"function_call": {"name": "weather", "args": {"city": city}}, **more}


def response(value: Any) -> dict[str, Any]:
    return {"function_response": {"name": "weather", "response": value}}


SAID_HI = user({"text": "hi"})
SYSTEM: dict[str, tuple[list[Any], list[Any]]] = {
    "none": ([HI], []),
    "one": ([{"role": "system", "content": "be brief"}, HI], [{"text": "be brief"}]),
    "several": (
        [{"role": "system", "content": "be brief"}, HI, {"role": "system", "content": [text("be "), text("kind")]}],
        [{"text": "be brief"}, {"text": "be kind"}],
    ),
    "developer": ([{"role": "developer", "content": "be brief"}, HI], [{"text": "be brief"}]),
    "empty": ([{"role": "system", "content": ""}, HI], [{"text": ""}]),
}


@pytest.mark.parametrize("system", SYSTEM)
def test_system_prompts(case: Case, system: str) -> None:
    messages, expected = SYSTEM[system]
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", messages=messages)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [received] = case.journal()
    assert received.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert received.headers["x-goog-api-key"] == "gm-up"
    assert received.body.get("system_instruction", {"parts": []})["parts"] == expected
    assert received.body["contents"] == [SAID_HI]


def test_a_model_that_nobody_knows_has_no_system_prompts(case: Case) -> None:
    case.script({"upstream-unheard": []})
    case.chat("gem-unknown", messages=[{"role": "system", "content": "be brief"}, HI])
    case.assert_same_as_recorded()
    [body] = case.journal().bodies
    assert body == {"contents": [user({"text": "be brief"}, {"text": "hi"})]}


CONVERSATIONS: dict[str, tuple[list[Any], list[Any]]] = {
    "only-system": ([{"role": "system", "content": "x"}], [user({"text": "."})]),
    "nothing": ([], [user(BLANK)]),
    "users-merged": ([HI, {"role": "user", "content": "there"}], [user({"text": "hi"}, {"text": "there"})]),
    "models-merged": (
        [HI, answering("a"), answering("b"), HI],
        [SAID_HI, model({"text": "a"}, {"text": "b"}), SAID_HI],
    ),
    "prefill": ([HI, answering("I am ")], [SAID_HI, model({"text": "I am "})]),
    "empty-user": ([{"role": "user", "content": ""}], [user({"text": ""})]),
    "empty-model": ([HI, answering(""), HI], [SAID_HI, model({"text": ""}), SAID_HI]),
    "silent-model": ([HI, answering(), HI], [SAID_HI, SAID_HI]),
    "starts-with-the-model": ([answering("a"), HI], [model({"text": "a"}), SAID_HI]),
    "blocks": ([asking(text("hi"), text(""), text("there"))], [user({"text": "hi"}, {"text": "there"})]),
    "blocks-of-the-model": ([HI, answering([text("a")]), HI], [SAID_HI, model({"text": "a"}), SAID_HI]),
    "data-image": ([asking(image(DATA, detail="low"))], [user(inline(PIXEL, "image/png"), BLANK)]),
    "data-image-and-text": (
        [asking({"type": "image_url", "image_url": DATA}, text("x"))],
        [user(inline(PIXEL, "image/png"), {"text": "x"})],
    ),
    "data-image-of-a-format": (
        [asking(image(DATA, format="image/webp"))],
        [user(inline(PIXEL, "image/webp"), BLANK)],
    ),
    "image-of-the-cloud": ([asking(image("gs://b/a.png"))], [user(stored("gs://b/a.png", "image/png"), BLANK)]),
    "sound": (
        [asking({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}})],
        [user(inline("UklGRg==", "audio/wav"), BLANK)],
    ),
    "file-data": (
        [asking(file(file_data="data:application/pdf;base64,JVBERi0="))],
        [user(inline("JVBERi0=", "application/pdf"), BLANK)],
    ),
    "file-of-the-cloud": (
        [asking(file(file_id="gs://b/a.pdf"))],
        [user(stored("gs://b/a.pdf", "application/pdf"), BLANK)],
    ),
    "video-that-nobody-knows": (
        [asking(text("x"), {"type": "video_url", "video_url": {"url": "x"}})],
        [user({"text": "x"})],
    ),
    "tools": (
        [HI, answering(tool_calls=[asked(1, "Bonn")]), told(1, "rain")],
        [SAID_HI, model(call("Bonn")), {"parts": [response({"content": "rain"})]}],
    ),
    "parallel-tools": (
        [
            HI,
            answering("let me see", tool_calls=[asked(1, "Bonn"), asked(2, "Kiel")]),
            told(1, '{"degrees": 3}'),
            told(2, "[1]"),
            {"role": "user", "content": "well?"},
        ],
        [
            SAID_HI,
            model({"text": "let me see"}, call("Bonn"), call("Kiel")),
            {"parts": [response({"degrees": 3}), response({"content": "[1]"})]},
            user({"text": "well?"}),
        ],
    ),
    "tool-result-of-blocks": (
        [HI, answering(tool_calls=[asked(1, "Bonn")]), told(1, [text("rain"), image(DATA)])],
        [SAID_HI, model(call("Bonn")), {"parts": [response({"content": "rain"}), inline(PIXEL, "image/png")]}],
    ),
    "repeated-tool-call": (
        [HI, answering(tool_calls=[asked(1, "Bonn")]), answering(tool_calls=[asked(1, "Bonn")]), told(1, "rain")],
        [SAID_HI, model(call("Bonn")), {"parts": [response({"content": "rain"})]}],
    ),
    "result-that-names-its-tool": (
        [HI, {**told(9, "rain"), "name": "weather"}],
        [SAID_HI, {"parts": [response({"content": "rain"})]}],
    ),
    "function-call-of-the-old-kind": (
        [
            HI,
            answering(function_call={"name": "weather", "arguments": '{"city": "Bonn"}'}),
            {"role": "function", "name": "weather", "content": "rain"},
        ],
        [SAID_HI, model(call("Bonn")), {"parts": [response({"content": "rain"})]}],
    ),
    "thinking": (
        [
            HI,
            answering(
                "a",
                reasoning_content="hm",
                thinking_blocks=[{"type": "thinking", "thinking": "hm", "signature": "c2ln"}],
            ),
            HI,
        ],
        [
            SAID_HI,
            model({"thought": True, "text": "hm"}, {"thoughtSignature": "c2ln", "text": "hm"}, {"text": "a"}),
            SAID_HI,
        ],
    ),
    "thinking-that-is-a-part": (
        [
            HI,
            answering(
                "a",
                thinking_blocks=[
                    {"type": "thinking", "thinking": '{"text": "x"}', "signature": "c2ln"},
                    {"type": "thinking", "thinking": "unsigned"},
                    {"type": "redacted_thinking", "data": "x"},
                ],
            ),
            HI,
        ],
        [SAID_HI, model({"thoughtSignature": "c2ln", "text": "x"}, {"text": "a"}), SAID_HI],
    ),
    "signed-text": (
        [HI, answering("a", provider_specific_fields={"thought_signatures": ["c2ln"]}), HI],
        [SAID_HI, model({"text": "a", "thoughtSignature": "c2ln"}), SAID_HI],
    ),
    "signed-call": (
        [
            HI,
            answering(tool_calls=[asked(1, "Bonn", provider_specific_fields={"thought_signature": "c2ln"})]),
            told(1, "rain"),
        ],
        [SAID_HI, model(call("Bonn", thoughtSignature="c2ln")), {"parts": [response({"content": "rain"})]}],
    ),
    "images-of-the-model": (
        [HI, answering("a", images=[{"image_url": {"url": DATA}}]), HI],
        [SAID_HI, model({"text": "a"}, inline(PIXEL, "image/png")), SAID_HI],
    ),
}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_a_conversation(case: Case, conversation: str) -> None:
    messages, expected = CONVERSATIONS[conversation]
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", messages=messages)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["contents"] == expected


def test_a_model_of_the_third_generation_insists_on_signatures(case: Case) -> None:
    case.script({"gemini-3-pro-preview": []})
    case.chat("gem-three", messages=[HI, answering(tool_calls=[asked(1, "Bonn")]), told(1, "rain")])
    case.assert_same_as_recorded()
    [body] = case.journal().bodies
    assert body["contents"][1]["parts"][0]["thoughtSignature"]


def test_a_model_of_the_third_generation_is_told_more_of_media(case: Case) -> None:
    film = file(file_data="data:video/mp4;base64,AA==", video_metadata={"fps": 1, "start_offset": "1s"})
    case.script({"gemini-3-pro-preview": []})
    case.chat("gem-three", messages=[asking(image(DATA, detail="low"), film)])
    case.assert_same_as_recorded()
    picture, video, _ = case.journal().bodies[0]["contents"][0]["parts"]
    assert picture["media_resolution"] == {"level": "MEDIA_RESOLUTION_LOW"}
    assert video["video_metadata"] == {"fps": 1, "startOffset": "1s"}


def test_a_call_without_arguments(case: Case) -> None:
    bare = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", messages=[HI, answering(tool_calls=[bare]), told(1, "rain")])

    def arguments(answer: Exchange) -> Any:
        assert answer.status == 200
        return case.journal().bodies[0]["contents"][1]["parts"][0]["function_call"]["args"]

    def as_recorded(answer: Exchange) -> None:
        assert arguments(answer) == {"type": "object"}

    def required(answer: Exchange) -> None:
        assert arguments(answer) == {}

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_signature_in_the_id_of_a_call(case: Case) -> None:
    signed = asked(1, "Bonn") | {"id": "call_1__thought__c2ln"}
    result = {"role": "tool", "tool_call_id": "call_1__thought__c2ln", "content": "rain"}
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", messages=[HI, answering(tool_calls=[signed]), result])

    def part(answer: Exchange) -> Any:
        assert answer.status == 200
        return case.journal().bodies[0]["contents"][1]["parts"][0]

    def as_recorded(answer: Exchange) -> None:
        assert part(answer) == call("Bonn")

    def required(answer: Exchange) -> None:
        assert part(answer) == call("Bonn", thoughtSignature="c2ln")

    case.deviates(answer, as_recorded=as_recorded, required=required)


REFUSED: dict[str, list[Any]] = {
    "unknown-role": [{"role": "chorus", "content": "la"}],
    "image-that-is-none": [asking(image("cat.png"))],
    "arguments-that-are-no-json": [
        HI,
        answering(tool_calls=[{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{"}}]),
        told(1, "rain"),
    ],
    "result-of-no-call": [HI, told(9, "rain")],
    "file-without-data": [asking(file())],
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_cannot_be_said_to_google(case: Case, mistake: str) -> None:
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", messages=REFUSED[mistake])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "Traceback" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert len(case.journal()) == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


def test_the_cache_control_of_other_vendors(case: Case) -> None:
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", messages=[asking(text("hi") | {"cache_control": {"type": "ephemeral"}})])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().bodies[0]["contents"] == [SAID_HI]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


def test_an_image_at_an_address_is_fetched_by_google_alone(case: Case) -> None:
    url = "https://upstream.test/u/private/cat.png"
    case.script({"gemini-2.5-flash": []})
    answer = case.chat("gem-chat", messages=[asking(image(url))])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400
        assert "Unable to fetch image" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        [received] = case.journal()
        assert received.body["contents"] == [user(stored(url, "image/png"), BLANK)]

    case.deviates(answer, as_recorded=as_recorded, required=required)
