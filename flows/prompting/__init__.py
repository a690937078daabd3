"""Prompts as files, and replies as validated values."""
