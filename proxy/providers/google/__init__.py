"""Google's generative API, which `gemini` and `vertex_ai` speak."""
