"""Everything that answers a chat request: HTTP endpoints, recordings, engines."""
