"""``azure_text/DEPLOYMENT``: Azure OpenAI's deployments of models that complete texts."""

import msgspec

from proxy.providers.azure.provider import AZURE, Azure

provider = Azure(msgspec.structs.replace(AZURE, name="azure_text", completions=True))
