"""The API against its own OpenAPI document, asked by schemathesis over a socket."""
