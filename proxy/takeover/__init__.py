"""Takes over the database of the reference (LiteLLM 1.81.14 and older): ``tianji db import``."""
