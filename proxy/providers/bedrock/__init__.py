"""Amazon Bedrock: its Converse API, and what older models take."""
