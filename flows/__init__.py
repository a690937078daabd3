"""triplesmith: make training data for text-embedding models with an LLM, as Prefect flows."""

__version__ = "0.1.0"
