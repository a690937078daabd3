"""vLLM run by triplesmith itself: as a server process (`serve:MODEL`) or inside this one (`vllm:MODEL`)."""
