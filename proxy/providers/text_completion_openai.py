"""``text-completion-openai/MODEL``: OpenAI's models of the old kind, by the reference's name for them."""

import msgspec

from proxy.providers.openai.provider import OpenAI
from proxy.providers.vendor import OPENAI

provider = OpenAI(msgspec.structs.replace(OPENAI, name="text-completion-openai", label="", chat_models=()))
